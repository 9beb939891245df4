// Limits of connections and times, as the configuration sets them.
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

// Moves the clock on in steps until the server has something to say; how far at most.
std::string line_within(TestServer& server, ImapClient& client, std::chrono::seconds most,
                        std::chrono::seconds step) {
    for (std::chrono::seconds gone{0}; gone < most && !client.has_input(); gone += step)
        server.clock.advance(step);
    return client.has_input() ? client.line() : "nothing";
}

}  // namespace

TEST_CASE("an account has as many sessions as are allowed, others are not concerned") {
    TestServer::Options options;
    options.connections_per_account_max = 2;
    TestServer server(options);
    server.add_account("ann");
    server.add_account("bob");
    auto first = server.connect("ann");
    auto second = server.connect("ann");
    auto third = server.connect();
    CHECK(third.no("LOGIN ann secret").back().find("NO [LIMIT]") == 0);
    third.bad("SELECT INBOX");
    server.connect("bob").ok("NOOP");
    SUBCASE("one that leaves makes room") {
        first.ok("LOGOUT");
        CHECK(first.at_end());
    }
    SUBCASE("so does one that logs out of the account and stays") {
        first.ok("UNAUTHENTICATE");
    }
    third.login("ann");
    third.ok("SELECT INBOX");
    auto fourth = server.connect();
    fourth.no("LOGIN ann secret");
}

TEST_CASE("logging in has its time as a whole, whatever the client says meanwhile") {
    TestServer::Options options;
    options.login_timeout = 10s;
    TestServer server(options);
    auto client = server.connect();
    server.clock.advance(9s);
    client.ok("NOOP");
    CHECK(line_within(server, client, 20s, 1s).find("* BYE") == 0);
    CHECK(client.at_end());
}

TEST_CASE(
    "a client that is logged in may be silent for the time that is set, at least 30 minutes") {
    TestServer::Options options;
    std::chrono::seconds allowed = 30min;
    SUBCASE("more") {
        allowed = options.idle_timeout = 60min;
    }
    SUBCASE("less can not be set") {
        options.idle_timeout = 10s;
    }
    TestServer server(options);
    server.add_account("ann");
    auto client = server.connect("ann");
    for (int i = 0; i < 3; ++i) {
        client.ok("NOOP");
        server.clock.advance(allowed - 1min);
    }
    client.ok("NOOP");
    CHECK(line_within(server, client, 180min, 1min).find("* BYE") == 0);
}
