// What the clients of a run do: a TOML file as values.
//
// The language is described in tools/loadtest/README.md. A scenario is a list of client groups,
// each with steps that prepare a client once (`setup`) and steps that it repeats (`steps`).
// Mistakes are sentences that begin with FILE:LINE.
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

// A piece of a command's text: as it stands, or a value known only when it is sent.
struct TextPart {
    enum class Kind : std::uint8_t {
        literal,
        user,
        password,
        client,  // number of the client, from 0
        n,       // number of the iteration of this client, from 0
        all,     // 1:*
        page,    // the last N messages: lo:hi
        one,     // one message by chance
        random,  // 1 ... N by chance
        exists,  // of the selected mailbox, as announced last
        uidvalidity,
        uidnext,
        modseq,      // HIGHESTMODSEQ of the last SELECT
        old_modseq,  // modseq when `remember` was done
        old_uidnext,
    };
    Kind kind = Kind::literal;
    std::string text;         // literal
    std::uint64_t count = 0;  // page, random
};
using Text = std::vector<TextPart>;

enum class StepKind : std::uint8_t {
    connect,  // TCP, TLS, greeting
    login,
    command,  // any IMAP command
    idle,
    append,
    deliver,   // over LMTP
    remember,  // old_modseq = modseq, old_uidnext = uidnext
    pause,
    dribble,  // a line, byte by byte, never ended
    close,    // the connection, without LOGOUT
    shell,    // the command given with --exec
};

// How many untagged FETCH responses a command must bring.
enum class Expect : std::uint8_t { any, exactly, at_least };

struct Step {
    StepKind kind = StepKind::command;
    std::string as;  // the name in the result
    Text text;       // command, dribble; append, deliver: none
    unsigned pipeline = 1;
    std::uint64_t repeat = 1;

    Expect expect = Expect::any;
    std::optional<std::uint64_t> expected;  // nothing: as many as the range in `text` names
    // What tells an answer to this FETCH from an announcement of changed flags, which may come at
    // any time (RFC 9051 §7.5.2): an item that only answers have. Empty: it asks for flags only.
    std::string answer_item;
    bool fetches_bodies = false;  // whole ones, compared by hash
    bool searches = false;        // one SEARCH or ESEARCH must come
    bool selects = false;
    bool logs_out = false;
    bool removes_messages = false;
    bool may_be_refused = false;  // NO is as good as OK

    std::chrono::microseconds duration{0};  // pause, idle; dribble: between two bytes
    std::string mailbox = "INBOX";          // append
    std::uint64_t size = 0;                 // append, deliver: 0: as the corpus has them
    unsigned batch = 1;                     // append: messages in one command
    unsigned recipients = 1;                // deliver
    std::string flags;                      // append
};

enum class Accounts : std::uint8_t {
    each,   // client i has account i, and so round
    first,  // all have the first
};

struct Group {
    std::string name;
    // A fixed number of clients, or a weight among those that share --connections.
    std::optional<std::uint64_t> clients;
    double share = 1;
    // Iterations a second of all of its clients together; 0: one after the other.
    double rate = 0;
    bool is_poisson = false;
    Accounts accounts = Accounts::each;
    // Its errors are what it is for, and its figures are not in the verdict.
    bool is_bad = false;
    std::vector<Step> setup;
    std::vector<Step> steps;
};

struct Scenario {
    std::string name;
    std::string description;
    std::string headline;  // the measure that a comparison puts first (comparison.hpp)
    std::uint64_t connections = 100;
    std::chrono::microseconds warmup{2'000'000};
    std::chrono::microseconds duration{30'000'000};
    std::uint64_t errors_allowed = 0;
    std::vector<Group> groups;

    bool needs_lmtp() const;
    bool removes_messages() const;
};

// Where a scenario that `use`s another finds it; nothing: there is none of this name.
class ScenarioFinder {
  public:
    virtual ~ScenarioFinder() = default;
    struct File {
        std::string path;
        std::string text;
    };
    virtual std::optional<File> find(std::string_view name) const = 0;
};

[[nodiscard]] tl::expected<Scenario, std::string> parse_scenario(const std::string& path,
                                                                 std::string_view text,
                                                                 const ScenarioFinder& finder);

// "250us", "20ms", "1.5s", "2m", "1h".
[[nodiscard]] tl::expected<std::chrono::microseconds, std::string> parse_time(
    std::string_view text);

// Scenarios built into the program by name ("webmail", "ops/noop"), and files by path: what has a
// '/' and is not built in, or ends in .toml.
class BundledScenarios final : public ScenarioFinder {
  public:
    std::optional<File> find(std::string_view name) const override;
    static std::vector<std::string_view> names();
};

}  // namespace tidemark::loadtest
