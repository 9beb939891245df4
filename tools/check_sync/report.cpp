#include "tools/check_sync/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace tidemark::check_sync {

namespace {

// A line is cut here: the bytes of appended messages say nothing.
constexpr std::size_t kLineBytesMax = 300;
// How far a command is looked for before a line, and its answer behind it.
constexpr std::size_t kLinesAround = 20'000;

std::string shown(std::string_view text) {
    std::string line;
    for (const char c : text.substr(0, kLineBytesMax)) {
        if (c == '\r') continue;
        line += c == '\n' ? ' ' : c;
    }
    return text.size() > kLineBytesMax ? line + " …" : line;
}

bool is_tagged(const Event& event) {
    return event.kind == EventKind::server && !event.text.starts_with("* ") &&
           !event.text.starts_with("+");
}

// The command under way at a server line of its session; 0: none.
EventId command_of(const History& history, EventId at) {
    const Event* line = history.find(at);
    for (EventId id = at - 1; id >= history.first() && at - id < kLinesAround; --id) {
        const Event* event = history.find(id);
        if (event->session != line->session) continue;
        if (event->kind == EventKind::client && event->text != "DONE") return id;
        if (event->kind == EventKind::connected || is_tagged(*event)) return 0;
    }
    return 0;
}

EventId answer_of(const History& history, EventId command) {
    const Event* line = history.find(command);
    for (EventId id = command + 1; id < history.end() && id - command < kLinesAround; ++id) {
        const Event* event = history.find(id);
        if (event->session != line->session) continue;
        if (is_tagged(*event) || event->kind == EventKind::closed) return id;
    }
    return 0;
}

std::string shown(const History& history, EventId id) {
    const Event& event = *history.find(id);
    const auto& label = history.label(event.session);
    switch (event.kind) {
        case EventKind::client:
            return fmt::format("{:>8}  {:<12} C: {}\n", id, label, shown(event.text));
        case EventKind::server:
            return fmt::format("{:>8}  {:<12} S: {}\n", id, label, shown(event.text));
        case EventKind::connected:
            return fmt::format("{:>8}  {:<12} (connects)\n", id, label);
        case EventKind::closed:
            return fmt::format("{:>8}  {:<12} (the connection ends)\n", id, label);
        case EventKind::settled:
            return fmt::format("{:>8}  {:<12} (has been told everything)\n", id, label);
        case EventKind::census:
            return fmt::format("{:>8}  {:<12} (has fetched everything)\n", id, label);
        case EventKind::restarted:
            return fmt::format("{:>8}  (the server was restarted)\n", id);
        case EventKind::quiet:
            return fmt::format("{:>8}  (nothing happens)\n", id);
    }
    return {};
}

}  // namespace

std::string transcript(const History& history, const std::vector<EventId>& evidence) {
    std::set<EventId> lines;
    bool is_old = false;
    for (const EventId id : evidence) {
        if (id == 0) continue;
        const Event* event = history.find(id);
        if (event == nullptr) {
            is_old = true;
            continue;
        }
        lines.insert(id);
        const EventId command = event->kind == EventKind::client   ? id
                                : event->kind == EventKind::server ? command_of(history, id)
                                                                   : 0;
        if (command == 0) continue;
        lines.insert(command);
        lines.insert(answer_of(history, command));
    }
    lines.erase(0);
    // A restart between two lines is part of what happened.
    if (!lines.empty()) {
        for (EventId id = *lines.begin(); id < *lines.rbegin(); ++id) {
            if (history.find(id)->kind == EventKind::restarted) lines.insert(id);
        }
    }
    std::string text;
    if (is_old) text += "          (lines before these are no longer kept)\n";
    for (const EventId id : lines) text += shown(history, id);
    return text;
}

void write_all(const History& history, std::ostream& out) {
    for (EventId id = history.first(); id < history.end(); ++id) out << shown(history, id);
}

std::string report(const History& history, const std::vector<Violation>& violations) {
    struct Shortest {
        const Violation* violation = nullptr;
        std::size_t count = 0;
        std::string text;
    };
    constexpr std::size_t kTriedMax = 200;
    std::map<Rule, Shortest> rules;
    for (const Violation& violation : violations) {
        Shortest& shortest = rules[violation.rule];
        if (++shortest.count > kTriedMax) continue;
        auto text = transcript(history, violation.evidence);
        const auto lines = [](const std::string& one) {
            return std::count(one.begin(), one.end(), '\n');
        };
        if (shortest.violation != nullptr && lines(text) >= lines(shortest.text)) continue;
        shortest.violation = &violation;
        shortest.text = std::move(text);
    }
    std::string result;
    for (const auto& [rule, shortest] : rules) {
        const RuleText& text = rule_text(rule);
        result += fmt::format("VIOLATION {} ({}), {} {}\n  rule: {}\n  here: {}\n{}\n", text.name,
                              text.section, shortest.count, shortest.count == 1 ? "time" : "times",
                              text.says, shortest.violation->what, shortest.text);
    }
    return result;
}

}  // namespace tidemark::check_sync
