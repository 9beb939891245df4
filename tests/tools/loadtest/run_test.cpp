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
    test::TestServer server;
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
    test::TestServer server;
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
        {"a FETCH too many", replace("* 2 FETCH", "* 1 FETCH (UID 1)\r\n* 2 FETCH")},
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
