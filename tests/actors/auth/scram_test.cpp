#include "actors/auth/scram.hpp"

#include "protocol/base64.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace tidemark::protocol;

namespace {

Credentials pencil() {
    return derive_credentials("pencil", base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").value(), 4096);
}

const std::string kBinding(kTlsExporterBytes, 'b');

ScramServerOptions server_options(bool plus, bool offered) {
    ScramServerOptions options;
    options.plus = plus;
    options.plus_offered = offered;
    if (offered) options.channel_binding = kBinding;
    options.server_nonce = "server";
    return options;
}

ScramClientOptions client_options(bool plus, bool supported) {
    ScramClientOptions options;
    options.username = "user";
    options.plus = plus;
    options.plus_supported = supported;
    if (plus) options.channel_binding = kBinding;
    options.client_nonce = "client";
    return options;
}

// Runs a whole exchange; gives the first failure on either side.
std::optional<ScramFailure> exchange(ScramServer& server, ScramClient& client,
                                     const Credentials& credentials, bool may_succeed = true) {
    const auto started = server.start(client.start());
    if (!started) return started.error();
    const auto response = client.respond(server.challenge(credentials, may_succeed));
    if (!response) return response.error();
    const auto final = server.finish(*response);
    if (!final) return final.error();
    const auto finished = client.finish(*final);
    if (!finished) return finished.error();
    return std::nullopt;
}

// A client-final that is right but for what the caller changed.
std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("the exchange of RFC 7677 is reproduced on both sides") {
    ScramServerOptions options;
    options.server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    ScramServer server(std::move(options));
    ScramClientOptions client_opts;
    client_opts.username = "user";
    client_opts.client_nonce = "rOprNGfwEbeRWgbNEkqO";
    ScramClient client(std::move(client_opts), SecretString("pencil"));

    const std::string client_first = client.start();
    CHECK(client_first == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    const auto started = server.start(client_first);
    REQUIRE(started);
    CHECK(started->username == "user");
    CHECK(started->authzid.empty());
    const std::string server_first = server.challenge(pencil(), true);
    CHECK(server_first ==
          "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    const auto client_final = client.respond(server_first);
    REQUIRE(client_final);
    CHECK(*client_final ==
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
          "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    const auto server_final = server.finish(*client_final);
    REQUIRE(server_final);
    CHECK(*server_final == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    CHECK(client.finish(*server_final).has_value());
}

TEST_CASE(
    "client and server agree over every combination of channel binding that is not an attack") {
    struct Row {
        bool plus;
        bool client_could;
        bool offered;
    };
    for (const Row row : {Row{false, false, false}, Row{false, false, true},
                          Row{false, true, false}, Row{true, true, true}}) {
        CAPTURE(row.plus);
        CAPTURE(row.client_could);
        CAPTURE(row.offered);
        ScramServer server(server_options(row.plus, row.offered));
        ScramClient client(client_options(row.plus, row.client_could), SecretString("pencil"));
        CHECK_FALSE(exchange(server, client, pencil()).has_value());
    }
}

TEST_CASE("a removed offer of channel binding is noticed") {
    ScramServer server(server_options(false, true));
    ScramClient client(client_options(false, true), SecretString("pencil"));
    CHECK(exchange(server, client, pencil()) == ScramFailure::channel_binding);
}

TEST_CASE("channel binding that does not fit the mechanism or the connection is refused") {
    SUBCASE("PLUS without binding") {
        ScramServer server(server_options(true, true));
        CHECK(server.start("n,,n=user,r=abc").error() == ScramFailure::channel_binding);
    }
    SUBCASE("PLUS with y") {
        ScramServer server(server_options(true, true));
        CHECK(server.start("y,,n=user,r=abc").error() == ScramFailure::channel_binding);
    }
    SUBCASE("binding without PLUS") {
        ScramServer server(server_options(false, true));
        CHECK(server.start("p=tls-exporter,,n=user,r=abc").error() ==
              ScramFailure::channel_binding);
    }
    SUBCASE("another type") {
        ScramServer server(server_options(true, true));
        CHECK(server.start("p=tls-unique,,n=user,r=abc").error() == ScramFailure::channel_binding);
    }
    SUBCASE("PLUS on a connection without TLS") {
        ScramServer server(server_options(true, false));
        CHECK(server.start("p=tls-exporter,,n=user,r=abc").error() ==
              ScramFailure::channel_binding);
    }
    SUBCASE("the data of another connection") {
        ScramServer server(server_options(true, true));
        ScramClientOptions options = client_options(true, true);
        options.channel_binding = std::string(kTlsExporterBytes, 'x');
        ScramClient client(std::move(options), SecretString("pencil"));
        CHECK(exchange(server, client, pencil()) == ScramFailure::channel_binding);
    }
    SUBCASE("a header in client-final that is not the one of client-first") {
        ScramServer server(server_options(false, false));
        ScramClient client(client_options(false, true), SecretString("pencil"));
        REQUIRE(server.start(client.start()));
        const std::string final = client.respond(server.challenge(pencil(), true)).value();
        CHECK(server.finish(replaced(final, "c=eSws", "c=biws")).error() ==
              ScramFailure::channel_binding);
    }
}

TEST_CASE("wrong passwords, nonces and proofs are refused") {
    SUBCASE("password") {
        ScramServer server(server_options(false, false));
        ScramClient client(client_options(false, false), SecretString("Pencil"));
        CHECK(exchange(server, client, pencil()) == ScramFailure::wrong_proof);
    }
    ScramServer server(server_options(false, false));
    ScramClient client(client_options(false, false), SecretString("pencil"));
    REQUIRE(server.start(client.start()));
    const std::string final = client.respond(server.challenge(pencil(), true)).value();
    SUBCASE("nonce") {
        CHECK(server.finish(replaced(final, "clientserver", "clientServer")).error() ==
              ScramFailure::bad_nonce);
    }
    SUBCASE("client's nonce only") {
        CHECK(server.finish(replaced(final, "clientserver", "client")).error() ==
              ScramFailure::bad_nonce);
    }
    SUBCASE("proof") {
        const std::size_t at = final.find("p=") + 2;
        std::string changed = final;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        CHECK(server.finish(changed).error() == ScramFailure::wrong_proof);
    }
    SUBCASE("an extension that was not signed") {
        CHECK(server.finish(replaced(final, ",p=", ",x=1,p=")).error() ==
              ScramFailure::wrong_proof);
    }
    SUBCASE("cut anywhere") {
        for (std::size_t length = 0; length < final.size(); ++length) {
            ScramServer other(server_options(false, false));
            REQUIRE(other.start("n,,n=user,r=client"));
            (void)other.challenge(pencil(), true);
            CHECK_FALSE(other.finish(final.substr(0, length)).has_value());
        }
    }
    SUBCASE("a second time") {
        CHECK(server.finish(final).has_value());
        CHECK(server.finish(final).error() == ScramFailure::malformed);
    }
}

TEST_CASE("a user who may not succeed fails with the right password too") {
    ScramServer server(server_options(false, false));
    ScramClient client(client_options(false, false), SecretString("pencil"));
    CHECK(exchange(server, client, pencil(), false) == ScramFailure::wrong_proof);
}

TEST_CASE("fake credentials look like real ones and stay the same for a name") {
    const Credentials fake = fake_credentials("secret", "nobody");
    const Credentials real = make_credentials("pencil").value();
    CHECK(fake.salt.size() == real.salt.size());
    CHECK(fake.iterations == real.iterations);
    CHECK(fake == fake_credentials("secret", "nobody"));
    CHECK(fake.salt != fake_credentials("secret", "nobodz").salt);
    CHECK(fake.salt != fake_credentials("Secret", "nobody").salt);

    ScramServer known(server_options(false, false));
    ScramServer unknown(server_options(false, false));
    REQUIRE(known.start("n,,n=user,r=client"));
    REQUIRE(unknown.start("n,,n=nobody,r=client"));
    CHECK(known.challenge(real, true).size() == unknown.challenge(fake, false).size());
}

TEST_CASE("steps out of order are refused") {
    ScramServer server(server_options(false, false));
    CHECK(server.finish("c=biws,r=x,p=x").error() == ScramFailure::malformed);
    REQUIRE(server.start("n,,n=user,r=client"));
    CHECK(server.start("n,,n=user,r=client").error() == ScramFailure::malformed);
    ScramClient client(client_options(false, false), SecretString("pencil"));
    CHECK(client.finish("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").error() ==
          ScramFailure::malformed);
}

TEST_CASE("the client notices a server that does not know the password") {
    ScramClient client(client_options(false, false), SecretString("pencil"));
    (void)client.start();
    CHECK(client.respond("r=clientx,s=c2FsdA==,i=4095").error() == ScramFailure::weak_parameters);
    CHECK(client.respond("r=other,s=c2FsdA==,i=4096").error() == ScramFailure::bad_nonce);
    CHECK(client.respond("r=client,s=c2FsdA==,i=4096").error() == ScramFailure::bad_nonce);
    CHECK(client.respond("x").error() == ScramFailure::malformed);
    REQUIRE(client.respond("r=clientx,s=c2FsdA==,i=4096"));
    CHECK(client.finish("v=" + base64_encode(std::string(32, 'x'))).error() ==
          ScramFailure::bad_server_signature);
    CHECK(client.finish("e=invalid-proof").error() == ScramFailure::refused_by_server);
}

TEST_CASE("names that need escaping and an authorisation identity pass through") {
    ScramServer server(server_options(false, false));
    ScramClientOptions options = client_options(false, false);
    options.username = "a=b,c";
    options.authzid = "x,y";
    ScramClient client(std::move(options), SecretString("p\xC3\xA4ss"));
    const auto started = server.start(client.start());
    REQUIRE(started);
    CHECK(started->username == "a=b,c");
    CHECK(started->authzid == "x,y");
    const auto response =
        client.respond(server.challenge(make_credentials("pa\xCC\x88ss").value(), true));
    REQUIRE(response);
    const auto final = server.finish(*response);
    REQUIRE(final);
    CHECK(client.finish(*final).has_value());
}

TEST_CASE("nonces are printable and different") {
    const std::string nonce = make_scram_nonce();
    CHECK(nonce.size() == 24);
    CHECK(nonce != make_scram_nonce());
    ScramServer server(server_options(false, false));
    CHECK(server.start("n,,n=user,r=" + nonce).has_value());
}
