#include "tools/loadtest/scenario.hpp"

#include "tools/loadtest/step_text.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace tidemark::loadtest {

namespace {

// Scenarios that use scenarios that use scenarios: more is a circle.
constexpr unsigned kDepthMax = 4;
constexpr double kMicrosecondsMax = 1e13;  // 115 days

// Caught in parse_scenario(): a mistake ends the reading from wherever it is found.
struct Mistake {
    toml::source_position at;
    std::string text;
};

[[noreturn]] void fail(const toml::node& node, std::string text) {
    throw Mistake{node.source().begin, std::move(text)};
}

template <class T>
T value_of(const toml::node& node, std::string_view key, std::string_view kind) {
    const auto value = node.value<T>();
    if (!value) fail(node, fmt::format("\"{}\" must be {}", key, kind));
    return *value;
}

std::string text_of(const toml::node& node, std::string_view key) {
    return value_of<std::string>(node, key, "a string");
}

std::uint64_t count_of(const toml::node& node, std::string_view key) {
    const auto value = value_of<std::int64_t>(node, key, "a whole number");
    if (value < 0) fail(node, fmt::format("\"{}\" must not be negative", key));
    return static_cast<std::uint64_t>(value);
}

std::uint64_t positive_of(const toml::node& node, std::string_view key) {
    const std::uint64_t value = count_of(node, key);
    if (value == 0) fail(node, fmt::format("\"{}\" must be at least 1", key));
    return value;
}

double number_of(const toml::node& node, std::string_view key) {
    const auto value = value_of<double>(node, key, "a number");
    if (!(value >= 0)) fail(node, fmt::format("\"{}\" must not be negative", key));
    return value;
}

std::chrono::microseconds time_of(const toml::node& node, std::string_view key) {
    const auto time = parse_time(text_of(node, key));
    if (!time) fail(node, fmt::format("\"{}\": {}", key, time.error()));
    return *time;
}

Text template_of(const toml::node& node, std::string_view text) {
    auto parsed = parse_text(text);
    if (!parsed) fail(node, parsed.error());
    return std::move(*parsed);
}

void allow_only(const toml::table& table, std::initializer_list<std::string_view> keys) {
    for (const auto& [key, node] : table) {
        if (std::find(keys.begin(), keys.end(), key.str()) == keys.end())
            fail(node, fmt::format("\"{}\" is not known here", key.str()));
    }
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

bool has(std::string_view text, std::string_view word) {
    return text.find(word) != std::string_view::npos;
}

// The first item of a FETCH, as it is written in answers, that no announcement of flags has.
std::string answer_item_of(std::string_view words) {
    std::string item;
    const auto is_told_anyway = [](std::string_view name) {
        return name == "FLAGS" || name == "UID" || name == "MODSEQ";
    };
    for (const char c : words.substr(words.find(' ', words.find(' ') + 1) + 1)) {
        if (c != ' ' && c != '(' && c != ')' && c != '[') {
            item += c;
            continue;
        }
        if (c == '[') return item == "BODY.PEEK" ? "BODY[" : item + '[';
        if (!item.empty() && !is_told_anyway(item)) break;
        item.clear();
    }
    if (item == "ALL" || item == "FAST" || item == "FULL") return "INTERNALDATE";
    return is_told_anyway(item) ? std::string() : item;
}

// What the text of a command tells about its answer.
void look_at(Step& step, std::string_view text) {
    std::string words = upper(text);
    if (words.starts_with("UID ")) words.erase(0, 4);
    const auto starts = [&words](std::string_view verb) { return words.starts_with(verb); };
    step.selects = starts("SELECT ") || starts("EXAMINE ");
    step.searches = starts("SEARCH ");
    step.logs_out = starts("LOGOUT");
    step.removes_messages = starts("EXPUNGE") || starts("MOVE ") || starts("CLOSE");
    if (starts("FETCH ")) {
        step.fetches_bodies = has(words, "BODY[]") || has(words, "BODY.PEEK[]");
        const bool is_partial = has(words, "CHANGEDSINCE") || has(words, "]<");
        step.expect = is_partial ? Expect::any : Expect::exactly;
        step.answer_item = answer_item_of(words);
    }
}

void read_expectation(const toml::table& table, Step& step) {
    for (const auto& [key, expect] :
         {std::pair("expect", Expect::exactly), std::pair("expect_at_least", Expect::at_least)}) {
        const toml::node* node = table.get(key);
        if (node == nullptr) continue;
        step.expect = expect;
        if (const auto word = node->value<std::string>(); word && *word == "any") {
            step.expect = Expect::any;
        } else if (!word || *word != "named") {
            step.expected = count_of(*node, key);
        }
    }
}

void read_command(const toml::table& table, const toml::node& node, const std::string& word,
                  Step& step) {
    const auto part = [&table, &node](std::string_view key) {
        const toml::node* value = table.get(key);
        if (value == nullptr) fail(node, fmt::format("\"{}\" is missing", key));
        return text_of(*value, key);
    };
    const std::string uid = table["uid"].value_or(false) ? "UID " : "";
    std::string text;
    if (word == "select") {
        text = fmt::format("SELECT \"{}\"", table["mailbox"].value_or(std::string("INBOX")));
        if (table.contains("with")) text += ' ' + part("with");
    } else if (word == "fetch") {
        text = fmt::format("{}FETCH {} {}", uid, part("range"), part("items"));
    } else if (word == "search") {
        text = fmt::format("{}SEARCH {}", uid, part("keys"));
    } else if (word == "store") {
        text = fmt::format("{}STORE {} {}", uid, part("range"), part("change"));
    } else if (word == "command") {
        text = part("send");
    } else {  // noop, logout, expunge, ...
        text = upper(word);
    }
    step.text = template_of(node, text);
    look_at(step, text);
    if (step.as.empty()) {
        step.as = upper(text.substr(0, text.find(' ')));
        if (step.as == "UID") step.as = upper(text.substr(0, text.find(' ', 4)));
    }
}

constexpr std::array<std::pair<std::string_view, StepKind>, 10> kKinds = {{
    {"connect", StepKind::connect},
    {"login", StepKind::login},
    {"idle", StepKind::idle},
    {"append", StepKind::append},
    {"deliver", StepKind::deliver},
    {"remember", StepKind::remember},
    {"pause", StepKind::pause},
    {"dribble", StepKind::dribble},
    {"close", StepKind::close},
    {"shell", StepKind::shell},
}};
constexpr std::array<std::string_view, 10> kCommands = {"select",  "fetch",   "search", "store",
                                                        "command", "noop",    "logout", "expunge",
                                                        "check",   "unselect"};

Step read_step(const toml::node& node) {
    // Not copied: a copy has forgotten its lines.
    static const toml::table kNone;
    const toml::table* given = node.as_table();
    const toml::table& table = given != nullptr ? *given : kNone;
    std::string word;
    if (node.is_string()) {
        word = *node.value<std::string>();
    } else if (given != nullptr) {
        if (!table.contains("do")) fail(node, "a step needs \"do\"");
        word = text_of(*table.get("do"), "do");
    } else {
        fail(node, "a step is a word or { do = \"word\", ... }");
    }
    allow_only(table,
               {"do",   "as",     "send", "mailbox",  "with",       "range",  "items",
                "keys", "change", "uid",  "pipeline", "repeat",     "expect", "expect_at_least",
                "for",  "every",  "size", "batch",    "recipients", "flags",  "may_be_refused"});
    Step step;
    if (const auto* as = table.get("as")) step.as = text_of(*as, "as");
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                   [&word](const auto& one) { return one.first == word; });
    if (kind != kKinds.end()) {
        step.kind = kind->second;
    } else if (std::find(kCommands.begin(), kCommands.end(), word) != kCommands.end()) {
        read_command(table, node, word, step);
    } else {
        fail(node, fmt::format("there is no step \"{}\"", word));
    }
    if (step.as.empty()) step.as = upper(word);
    if (const auto* one = table.get("pipeline"))
        step.pipeline =
            static_cast<unsigned>(std::min<std::uint64_t>(positive_of(*one, "pipeline"), 100'000));
    if (const auto* one = table.get("repeat")) step.repeat = positive_of(*one, "repeat");
    if (const auto* one = table.get("may_be_refused"))
        step.may_be_refused = value_of<bool>(*one, "may_be_refused", "true or false");
    if (const auto* one = table.get("for")) step.duration = time_of(*one, "for");
    if (const auto* one = table.get("every")) step.duration = time_of(*one, "every");
    if (const auto* one = table.get("size")) step.size = count_of(*one, "size");
    if (const auto* one = table.get("batch"))
        step.batch =
            static_cast<unsigned>(std::min<std::uint64_t>(positive_of(*one, "batch"), 10'000));
    if (const auto* one = table.get("recipients"))
        step.recipients =
            static_cast<unsigned>(std::min<std::uint64_t>(positive_of(*one, "recipients"), 10'000));
    if (const auto* one = table.get("flags")) step.flags = text_of(*one, "flags");
    if (step.kind == StepKind::append && table.contains("mailbox"))
        step.mailbox = text_of(*table.get("mailbox"), "mailbox");
    if (step.kind == StepKind::dribble) {
        step.text = template_of(node, table["send"].value_or(std::string("LOGIN x y")));
        if (step.duration.count() == 0) step.duration = std::chrono::seconds(1);
    }
    if ((step.kind == StepKind::pause || step.kind == StepKind::idle) && step.duration.count() == 0)
        fail(node,
             fmt::format("\"{}\" needs \"for\": {{ do = \"{}\", for = \"5s\" }}", word, word));
    read_expectation(table, step);
    return step;
}

std::vector<Step> read_steps(const toml::table& table, std::string_view key) {
    std::vector<Step> steps;
    const toml::node* node = table.get(key);
    if (node == nullptr) return steps;
    const toml::array* list = node->as_array();
    if (list == nullptr) fail(*node, fmt::format("\"{}\" must be a list of steps", key));
    for (const toml::node& one : *list) steps.push_back(read_step(one));
    return steps;
}

class Reader {
  public:
    Reader(const ScenarioFinder& finder, unsigned depth) : finder_(finder), depth_(depth) {}

    tl::expected<Scenario, std::string> read(const std::string& path, std::string_view text) {
        // The TOML library throws for its syntax, fail() for ours; both end here.
        try {
            return read_scenario(path, toml::parse(text, path));
        } catch (const toml::parse_error& error) {
            return tl::unexpected(
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
        } catch (const Mistake& mistake) {
            return tl::unexpected(fmt::format("{}:{}: {}", path, mistake.at.line, mistake.text));
        }
    }

  private:
    Scenario read_scenario(const std::string& path, const toml::table& root) {
        allow_only(root, {"name", "description", "headline", "connections", "warmup", "duration",
                          "errors_allowed", "client"});
        Scenario scenario;
        scenario.name = root["name"].value_or(path);
        scenario.description = root["description"].value_or(std::string());
        scenario.headline = root["headline"].value_or(std::string());
        if (const auto* one = root.get("connections"))
            scenario.connections = positive_of(*one, "connections");
        if (const auto* one = root.get("warmup")) scenario.warmup = time_of(*one, "warmup");
        if (const auto* one = root.get("duration")) scenario.duration = time_of(*one, "duration");
        if (const auto* one = root.get("errors_allowed"))
            scenario.errors_allowed = count_of(*one, "errors_allowed");
        const toml::node* clients = root.get("client");
        if (clients == nullptr || !clients->is_array_of_tables())
            fail(clients == nullptr ? root : *clients,
                 "a scenario needs at least one [[client]] with its steps");
        for (const toml::node& one : *clients->as_array()) read_client(*one.as_table(), scenario);
        return scenario;
    }

    void read_client(const toml::table& table, Scenario& scenario) {
        allow_only(table, {"name", "clients", "share", "rate", "arrivals", "accounts", "bad",
                           "setup", "steps", "use"});
        std::vector<Group> groups;
        if (const auto* use = table.get("use")) {
            groups = read_used(*use);
        } else {
            Group group;
            group.name = table["name"].value_or(std::string("client"));
            group.setup = read_steps(table, "setup");
            group.steps = read_steps(table, "steps");
            groups.push_back(std::move(group));
        }
        const double share = table.contains("share") ? number_of(*table.get("share"), "share") : 1;
        double shares = 0;
        for (const Group& group : groups) shares += group.clients ? 0 : group.share;
        for (Group& group : groups) {
            group.share = shares > 0 ? group.share / shares * share : 0;
            if (const auto* one = table.get("clients"))
                group.clients = positive_of(*one, "clients");
            if (const auto* one = table.get("rate")) group.rate = number_of(*one, "rate");
            if (const auto* one = table.get("bad"))
                group.is_bad = value_of<bool>(*one, "bad", "true or false");
            read_choices(table, group);
            scenario.groups.push_back(std::move(group));
        }
    }

    static void read_choices(const toml::table& table, Group& group) {
        if (const auto* one = table.get("arrivals")) {
            const std::string word = text_of(*one, "arrivals");
            if (word != "even" && word != "poisson")
                fail(*one, "\"arrivals\" must be \"even\" or \"poisson\"");
            group.is_poisson = word == "poisson";
        }
        if (const auto* one = table.get("accounts")) {
            const std::string word = text_of(*one, "accounts");
            if (word != "each" && word != "first")
                fail(*one, "\"accounts\" must be \"each\" or \"first\"");
            group.accounts = word == "first" ? Accounts::first : Accounts::each;
        }
    }

    std::vector<Group> read_used(const toml::node& use) {
        const std::string name = text_of(use, "use");
        if (depth_ >= kDepthMax) fail(use, "scenarios use each other in a circle");
        const auto file = finder_.find(name);
        if (!file) fail(use, fmt::format("there is no scenario \"{}\"", name));
        auto used = Reader(finder_, depth_ + 1).read(file->path, file->text);
        if (!used) fail(use, used.error());
        for (Group& group : used->groups) {
            group.name = fmt::format("{} {}", name, group.name);
            // Beside others nobody goes as fast as it can.
            for (Step& step : group.steps) {
                if (step.kind != StepKind::pause && step.kind != StepKind::idle)
                    step.as = fmt::format("{}: {}", name, step.as);
            }
        }
        return std::move(used->groups);
    }

    const ScenarioFinder& finder_;
    unsigned depth_;
};

template <class Test>
bool any_step(const Scenario& scenario, Test test) {
    return std::any_of(scenario.groups.begin(), scenario.groups.end(), [&test](const Group& group) {
        return std::any_of(group.setup.begin(), group.setup.end(), test) ||
               std::any_of(group.steps.begin(), group.steps.end(), test);
    });
}

}  // namespace

bool Scenario::needs_lmtp() const {
    return any_step(*this, [](const Step& step) { return step.kind == StepKind::deliver; });
}

bool Scenario::removes_messages() const {
    return any_step(*this, [](const Step& step) { return step.removes_messages; });
}

tl::expected<Scenario, std::string> parse_scenario(const std::string& path, std::string_view text,
                                                   const ScenarioFinder& finder) {
    return Reader(finder, 0).read(path, text);
}

tl::expected<std::chrono::microseconds, std::string> parse_time(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {
        {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}}};
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& [name, factor] : kUnits) {
        if (error == std::errc{} && unit == name && value >= 0 && value * factor < kMicrosecondsMax)
            return std::chrono::microseconds(static_cast<std::int64_t>(value * factor));
    }
    return tl::unexpected(
        fmt::format("\"{}\" is no time; write a number with us, ms, s, m or h: \"30s\"", text));
}

}  // namespace tidemark::loadtest
