// The secret behind the salts of unknown users, and what of SCRAM is announced.
#include "actors/server_secret.hpp"

#include "protocol/base64.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;
using namespace tidemark::actors;
using tidemark::testing::FaultyFileSystem;

namespace {

// The salt that somebody is shown.
std::string salt_of(TestServer& server, const std::string& user) {
    auto client = server.connect();
    client.send("x AUTHENTICATE SCRAM-SHA-256 " +
                tidemark::protocol::base64_encode("n,,n=" + user + ",r=nonce") + "\r\n");
    const std::string line = client.line();
    REQUIRE(line.substr(0, 2) == "+ ");
    const auto challenge = tidemark::protocol::base64_decode(line.substr(2));
    REQUIRE(challenge.has_value());
    const auto begin = challenge->find(",s=");
    REQUIRE(begin != std::string::npos);
    return challenge->substr(begin, challenge->find(",i=") - begin);
}

}  // namespace

TEST_CASE("an unknown user is shown the same salt after a restart and after a power cut") {
    TestServer server;
    const std::string salt = salt_of(server, "nobody");
    CHECK(salt_of(server, "somebody") != salt);
    CHECK(server.files.contents("/data/auth-secret").size() == kServerSecretBytes);
    SUBCASE("restart") {
        server.restart();
    }
    SUBCASE("power cut") {
        server.crash(0);
    }
    CHECK(salt_of(server, "nobody") == salt);
}

TEST_CASE("a secret of a wrong length is refused, a full disk keeps nobody from starting") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/d").has_value());
    SUBCASE("damaged") {
        files.replace_contents("/d/auth-secret", "short");
        const auto secret = load_server_secret(files, "/d");
        REQUIRE(!secret.has_value());
        CHECK(secret.error().find("/d/auth-secret") != std::string::npos);
    }
    SUBCASE("full disk") {
        files.set_capacity(0);
        const auto first = load_server_secret(files, "/d");
        REQUIRE(first.has_value());
        CHECK(first->size() == kServerSecretBytes);
        files.set_capacity(UINT64_MAX);
        const auto second = load_server_secret(files, "/d");
        CHECK(second != first);
        CHECK(load_server_secret(files, "/d") == second);
    }
}

TEST_CASE("SCRAM is announced only while no account has an imported hash") {
    constexpr std::string_view kLegacy =
        "{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscBAv7/c2FsdA==";  // secret
    TestServer server;
    server.add_account("ann");
    const auto announces_scram = [&server] {
        auto client = server.connect();
        return client.ok("CAPABILITY").front().find("AUTH=SCRAM-SHA-256") != std::string::npos;
    };
    CHECK(announces_scram());
    server.add_account("old", 0, kLegacy);
    CHECK(!announces_scram());
    server.restart();
    CHECK(!announces_scram());
    // The login stores credentials of today.
    server.connect("old");
    CHECK(announces_scram());
    server.restart();
    CHECK(announces_scram());
}
