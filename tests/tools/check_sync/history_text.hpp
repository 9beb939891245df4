// Histories written by hand: what was said, one line each.
//
//   a (connect)
//   a C: 1 SELECT box (CONDSTORE)
//   a S: * 1 EXISTS
//   (quiet)
//
// The first word is the session; the others are (connect), (close), (settled), (census), C: and S:.
#pragma once

#include "tools/check_sync/report.hpp"
#include "tools/check_sync/run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace tidemark::test {

class WrittenHistory {
  public:
    explicit WrittenHistory(std::string_view text) {
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            std::string_view line = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            const auto first = line.find_first_not_of(' ');
            if (first != std::string_view::npos) add(line.substr(first));
        }
    }

    // The names of the rules that are broken, each once, with commas between.
    std::string broken() {
        check_sync::Judge judge(history_);
        judge.run();
        std::map<std::string, int> names;
        for (const auto& violation : judge.replay.violations()) {
            ++names[std::string(check_sync::rule_text(violation.rule).name)];
        }
        report_ = check_sync::report(history_, judge.replay.violations());
        std::string result;
        for (const auto& [name, count] : names) result += (result.empty() ? "" : ", ") + name;
        return result;
    }
    const std::string& report() const { return report_; }

  private:
    void add(std::string_view line) {
        using check_sync::EventKind;
        if (line == "(quiet)") {
            history_.add(0, EventKind::quiet);
            return;
        }
        if (line == "(restarted)") {
            history_.add(0, EventKind::restarted);
            return;
        }
        const auto space = line.find(' ');
        REQUIRE(space != std::string_view::npos);
        const std::string name(line.substr(0, space));
        line.remove_prefix(space + 1);
        if (!sessions_.contains(name)) sessions_[name] = history_.add_session(name);
        const auto session = sessions_[name];
        if (line == "(connect)") {
            history_.add(session, EventKind::connected);
        } else if (line == "(close)") {
            history_.add(session, EventKind::closed);
        } else if (line == "(settled)") {
            history_.add(session, EventKind::settled);
        } else if (line == "(census)") {
            history_.add(session, EventKind::census);
        } else {
            REQUIRE((line.starts_with("C: ") || line.starts_with("S: ")));
            history_.add(session, line[0] == 'C' ? EventKind::client : EventKind::server,
                         line.substr(3));
        }
    }

    check_sync::History history_;
    std::map<std::string, check_sync::SessionId> sessions_;
    std::string report_;
};

inline std::string broken_rules(std::string_view text) {
    WrittenHistory history(text);
    return history.broken();
}

}  // namespace tidemark::test
