#include "tools/loadtest/run.hpp"

#include "tests/tools/loadtest/memory_server.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace tidemark;
using namespace tidemark::loadtest;
using namespace tidemark::loadtest::testing;

TEST_CASE("scenarios run against a right server without a wrong answer") {
    tidemark::test::TestServer server;
    const UserPattern users = accounts(server, 2);
    MemoryConnector connector(server);
    fill(users, connector);
    for (const char* name :
         {"webmail", "first-sync", "desktop-sync", "search", "flag-churn", "delivery",
          "login-storm", "phone-sync", "ops/noop-pipelined", "ops/append-1", "ops/copy-10k"}) {
        CAPTURE(name);
        RunOptions options = some(users, 12);
        if (std::string_view(name).starts_with("ops/")) options.connections = 1;
        const auto result = run_scenario(scenario(name), options, connector, nullptr);
        REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error()));
        for (const auto& example : result->checks.examples) MESSAGE(example);
        for (const auto& reason : result->verdict.reasons) MESSAGE(reason);
        CHECK(result->verdict.ok);
        CHECK(result->checks.answers > 12);
        CHECK_FALSE(result->commands.empty());
        if (std::string_view(name) == "delivery") CHECK(result->checks.messages >= 12);
        if (std::string_view(name) == "first-sync") CHECK(result->checks.bodies >= 12 * 12);
    }
}

TEST_CASE("a wrong answer fails the run") {
    tidemark::test::TestServer server;
    const UserPattern users = accounts(server, 1);
    MemoryConnector right(server);
    fill(users, right);
    const auto replace = [](const std::string& from, const std::string& to) {
        return [from, to](std::string text) {
            if (const auto at = text.find(from); at != std::string::npos)
                text.replace(at, from.size(), to);
            return text;
        };
    };
    struct Wrong {
        const char* what;
        Spoil spoil;
    };
    const std::vector<Wrong> cases = {
        {"a changed body",
         replace("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: 8bit")},
        {"a FETCH of a message that is not there", replace("* 3 FETCH", "* 9 FETCH")},
        {"a FETCH too many", replace("* 2 FETCH", "* 1 FETCH (INTERNALDATE \"x\")\r\n* 2 FETCH")},
        {"no line of IMAP", replace("* 2 FETCH", "? 2 FETCH")},
        {"another tag", replace("T2 OK", "T7 OK [X]\r\nT2 OK")},
    };
    for (const Wrong& one : cases) {
        CAPTURE(one.what);
        // Only message 9 and above do not exist if the mailbox says so.
        auto spoil = [&one](std::string text) {
            const auto at = text.find("* 12 EXISTS");
            if (std::string_view(one.what).starts_with("a FETCH of") && at != std::string::npos)
                text.replace(at, 11, "* 8 EXISTS ");
            return one.spoil(std::move(text));
        };
        MemoryConnector wrong(server, spoil);
        const auto result = run_scenario(scenario("first-sync"), some(users, 2), wrong, nullptr);
        REQUIRE(result.has_value());
        CHECK(result->checks.wrong > 0);
        CHECK_FALSE(result->verdict.ok);
        CHECK_FALSE(result->checks.examples.empty());
    }
}

namespace {

// Mail goes to one server and is looked for on another.
class ForgetfulConnector final : public Connector {
  public:
    ForgetfulConnector(Connector& read, Connector& delivered)
        : read_(read), delivered_(delivered) {}
    actors::Awaitable<Connected> connect_imap(actors::Core* core) override {
        return read_.connect_imap(core);
    }
    actors::Awaitable<Connected> connect_lmtp(actors::Core* core) override {
        return delivered_.connect_lmtp(core);
    }
    bool has_lmtp() const override { return true; }
    actors::Awaitable<Connected> start_tls(std::unique_ptr<actors::Stream> stream) override {
        return read_.start_tls(std::move(stream));
    }

  private:
    Connector& read_;
    Connector& delivered_;
};

}  // namespace

TEST_CASE("a message that was taken and is not there at the end fails the run") {
    tidemark::test::TestServer empty;
    tidemark::test::TestServer taking;
    const UserPattern users = accounts(empty, 1);
    static_cast<void>(accounts(taking, 1));
    MemoryConnector read(empty);
    MemoryConnector delivered(taking);
    ForgetfulConnector forgetful(read, delivered);
    const auto result = run_scenario(scenario("ops/lmtp-64"), some(users, 5), forgetful, nullptr);
    REQUIRE(result.has_value());
    CHECK(result->command("DELIVER")->count == 5);
    CHECK(result->checks.wrong >= 1);
    CHECK_FALSE(result->verdict.ok);
}

TEST_CASE("a run says when the harness was the limit") {
    tidemark::test::TestServer server;
    const UserPattern users = accounts(server, 1);
    // Every answer costs the harness's own thread more than any server takes to give it.
    MemoryConnector slow(server, [](std::string text) {
        const std::int64_t end = now_us() + 15'000;
        while (now_us() < end) {
        }
        return text;
    });
    RunOptions options = some(users, 40);
    const auto result = run_scenario(scenario("ops/noop"), options, slow, nullptr);
    REQUIRE(result.has_value());
    CHECK(result->verdict.harness_was_bottleneck);
    CHECK_FALSE(result->verdict.reasons.empty());
    // It spoils the figures, but no answer was wrong.
    CHECK(result->verdict.ok);
    CHECK(result->harness.lag_max_us > 10'000);
    CHECK(result->harness.cpu_seconds > 0);
}

TEST_CASE("in open loop a stall counts for all that should have begun meanwhile") {
    tidemark::test::TestServer server;
    const UserPattern users = accounts(server, 1);
    // One answer of many takes half a second.
    bool has_stalled = false;
    MemoryConnector stalling(server, [&has_stalled](std::string text) {
        if (text.find("T9 OK") == std::string::npos || has_stalled) return text;
        has_stalled = true;
        const std::int64_t end = now_us() + 500'000;
        while (now_us() < end) {
        }
        return text;
    });
    RunOptions options = some(users, 400);
    options.connections = 1;
    options.is_closed = false;
    options.rate = 1000;
    const auto result = run_scenario(scenario("ops/noop"), options, stalling, nullptr);
    REQUIRE(result.has_value());
    REQUIRE(has_stalled);
    const CommandFigures* noop = result->command("NOOP");
    REQUIRE(noop != nullptr);
    CHECK(noop->count == 400);
    CHECK(noop->latency.max_us >= 450'000);
    // 400 begin within about 400 ms, nearly all of them in the stall: half of them wait 200 ms or
    // more. Counted from when they were sent, all but one would have taken no time.
    CHECK(noop->latency.p50_us >= 100'000);
}
