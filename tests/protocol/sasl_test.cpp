#include "protocol/sasl.hpp"

#include "protocol/base64.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::protocol;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string bytes_of(std::string_view base64) {
    return base64_decode(base64).value();
}

// RFC 7677 §3
constexpr std::string_view kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

}  // namespace

TEST_CASE("mechanism names are matched in any case and written in upper case") {
    for (const auto mechanism : {SaslMechanism::plain, SaslMechanism::login,
                                 SaslMechanism::scram_sha_256, SaslMechanism::scram_sha_256_plus}) {
        CHECK(parse_sasl_mechanism(sasl_mechanism_name(mechanism)) == mechanism);
    }
    CHECK(parse_sasl_mechanism("scram-sha-256-Plus") == SaslMechanism::scram_sha_256_plus);
    CHECK(sasl_mechanism_name(SaslMechanism::plain) == "PLAIN");
    for (const auto name : {""sv, "PLAI"sv, "PLAINX"sv, "SCRAM-SHA-1"sv, "[LAIN"sv, "PLAIN\0"sv}) {
        CHECK_FALSE(parse_sasl_mechanism(name).has_value());
    }
}

TEST_CASE("a response line is base64 or the cancelling asterisk") {
    CHECK(decode_sasl_response("AGJvYgBwdw==").value() == "\0bob\0pw"sv);
    CHECK(decode_sasl_response("").value().empty());
    CHECK(decode_sasl_response("*").error().kind == SaslErrorKind::cancelled);
    CHECK(decode_sasl_response("AGJvYgBwdw=").error().kind == SaslErrorKind::bad_base64);
    CHECK(decode_sasl_response("=").error().kind == SaslErrorKind::bad_base64);
    CHECK(decode_sasl_response(std::string(kSaslLineBytesMax + 4, 'A')).error().kind ==
          SaslErrorKind::too_long);
    CHECK(decode_sasl_response(std::string(kSaslLineBytesMax - 4, 'A')).has_value());
}

TEST_CASE("an empty initial response is written as an equals sign") {
    CHECK(decode_sasl_initial_response("=").value().empty());
    CHECK(decode_sasl_initial_response("biws").value() == "n,,");
    CHECK_FALSE(decode_sasl_initial_response("").has_value());
    CHECK_FALSE(decode_sasl_initial_response("*").has_value());
    CHECK(encode_sasl_initial_response("") == "=");
    CHECK(encode_sasl_initial_response("n,,") == "biws");
}

TEST_CASE("PLAIN takes the examples of RFC 4616") {
    const auto tim = parse_sasl_plain("\0tim\0tanstaaftanstaaf"sv);
    REQUIRE(tim);
    CHECK(tim->authzid.empty());
    CHECK(tim->authcid == "tim");
    CHECK(tim->password.view() == "tanstaaftanstaaf");
    const auto ursel = parse_sasl_plain("Ursel\0Kurt\0xipj3plmq"sv);
    REQUIRE(ursel);
    CHECK(ursel->authzid == "Ursel");
    CHECK(ursel->authcid == "Kurt");
    CHECK(write_sasl_plain(*ursel).view() == "Ursel\0Kurt\0xipj3plmq"sv);
}

TEST_CASE("PLAIN refuses what its grammar does not allow") {
    for (const auto message :
         {""sv, "tim"sv, "\0tim"sv, "\0\0pw"sv, "\0tim\0"sv, "\0tim\0pw\0"sv, "a\0b\0c\0d"sv}) {
        const auto parsed = parse_sasl_plain(message);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == SaslErrorKind::malformed);
    }
    CHECK(parse_sasl_plain("\0t\xFFm\0pw"sv).error().kind == SaslErrorKind::bad_utf8);
    CHECK(parse_sasl_plain("\0tim\0\xC0\x80"sv).error().kind == SaslErrorKind::bad_utf8);
    CHECK(parse_sasl_plain("\0tim\0\xED\xA0\x80"sv).error().kind == SaslErrorKind::bad_utf8);
    CHECK(parse_sasl_plain("\0tim\0p\xC3\xA4ss\xF0\x9F\x90\x9F"sv).has_value());
    const std::string long_name(kSaslNameBytesMax + 1, 'x');
    const std::string long_password(kSaslPasswordBytesMax + 1, 'x');
    CHECK(parse_sasl_plain("\0"s + long_name + "\0pw"s).error().kind == SaslErrorKind::too_long);
    CHECK(parse_sasl_plain(long_name + "\0tim\0pw"s).error().kind == SaslErrorKind::too_long);
    CHECK(parse_sasl_plain("\0tim\0"s + long_password).error().kind == SaslErrorKind::too_long);
    CHECK(parse_sasl_plain(std::string(kSaslMessageBytesMax + 1, '\0')).error().kind ==
          SaslErrorKind::too_long);
}

TEST_CASE("LOGIN takes bare values") {
    CHECK(parse_login_username("tim").value() == "tim");
    CHECK(parse_login_password("p\xE4ss").value().view() == "p\xE4ss");
    CHECK_FALSE(parse_login_username("").has_value());
    CHECK_FALSE(parse_login_username("a\0b"sv).has_value());
    CHECK_FALSE(parse_login_password("").has_value());
    CHECK_FALSE(parse_login_password("a\0b"sv).has_value());
    CHECK(parse_login_username(std::string(kSaslNameBytesMax + 1, 'x')).error().kind ==
          SaslErrorKind::too_long);
    CHECK(parse_login_password(std::string(kSaslPasswordBytesMax + 1, 'x')).error().kind ==
          SaslErrorKind::too_long);
}

TEST_CASE("SCRAM messages of RFC 7677 are read and written back") {
    const auto client_first = parse_scram_client_first(kClientFirst);
    REQUIRE(client_first);
    CHECK(client_first->gs2 == Gs2Header{});
    CHECK(client_first->username == "user");
    CHECK(client_first->nonce == "rOprNGfwEbeRWgbNEkqO");
    CHECK(client_first->bare_text() == "n=user,r=rOprNGfwEbeRWgbNEkqO");
    CHECK(write_scram_client_first(*client_first) == kClientFirst);

    const auto server_first = parse_scram_server_first(kServerFirst);
    REQUIRE(server_first);
    CHECK(server_first->iterations == 4096);
    CHECK(server_first->salt == bytes_of("W22ZaJ0SNY7soEsUEjb6gQ=="));
    CHECK(write_scram_server_first(*server_first) == kServerFirst);

    const auto client_final = parse_scram_client_final(kClientFinal);
    REQUIRE(client_final);
    CHECK(client_final->channel_binding == "n,,");
    CHECK(client_final->nonce == server_first->nonce);
    CHECK(write_scram_client_final(*client_final) == kClientFinal);

    const auto server_final = parse_scram_server_final(kServerFinal);
    REQUIRE(server_final);
    CHECK(std::get<ScramVerifier>(*server_final).signature.size() == kScramDigestBytes);
    CHECK(write_scram_server_final(*server_final) == kServerFinal);
}

TEST_CASE("gs2 headers of all kinds are read and written back") {
    struct Row {
        std::string_view text;
        Gs2Header header;
    };
    const Row rows[] = {
        {"n,,", {}},
        {"y,,", {ChannelBindingFlag::server_lacks_it, "", ""}},
        {"p=tls-exporter,,", {ChannelBindingFlag::used, "tls-exporter", ""}},
        {"n,a=other,", {ChannelBindingFlag::unsupported, "", "other"}},
        {"p=tls-exporter,a=a=2Cb=3Dc,", {ChannelBindingFlag::used, "tls-exporter", "a,b=c"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto parsed = parse_scram_client_first(std::string(row.text) + "n=user,r=abc");
        REQUIRE(parsed);
        CHECK(parsed->gs2 == row.header);
        CHECK(parsed->gs2_text() == row.text);
    }
}

TEST_CASE("names with comma and equals sign are escaped") {
    const auto parsed = parse_scram_client_first("n,,n==2C=3D=2C,r=abc");
    REQUIRE(parsed);
    CHECK(parsed->username == ",=,");
    CHECK(parsed->bare_text() == "n==2C=3D=2C,r=abc");
}

TEST_CASE("optional extensions are kept for the signature, mandatory ones refused") {
    const auto parsed = parse_scram_client_first("n,,n=user,r=abc,x=1,y=z=2");
    REQUIRE(parsed);
    CHECK(parsed->bare_text() == "n=user,r=abc,x=1,y=z=2");
    for (const auto text :
         {"n,,m=1,n=user,r=abc"sv, "n,,n=user,m=1,r=abc"sv, "n,,n=user,r=abc,m=1"sv}) {
        CAPTURE(text);
        CHECK(parse_scram_client_first(text).error().kind == SaslErrorKind::unsupported_extension);
    }
    CHECK(parse_scram_server_first("m=1,r=abc,s=YQ==,i=4096").error().kind ==
          SaslErrorKind::unsupported_extension);
    const std::string proof = ",p=" + base64_encode(std::string(32, 'p'));
    CHECK(parse_scram_client_final("c=biws,r=abc,m=1" + proof).error().kind ==
          SaslErrorKind::unsupported_extension);
    const auto final = parse_scram_client_final("c=biws,r=abc,x=1" + proof);
    REQUIRE(final);
    CHECK(final->text_without_proof() == "c=biws,r=abc,x=1");
}

TEST_CASE("malformed client-first messages are refused") {
    for (const auto text : {""sv,
                            "n"sv,
                            "n,"sv,
                            "n,,"sv,
                            "n,,n=user"sv,
                            "n,,n=user,"sv,
                            "n,,n=user,r="sv,
                            "n,,r=abc,n=user"sv,
                            "n,,n=,r=abc"sv,
                            "x,,n=user,r=abc"sv,
                            "p=,,n=user,r=abc"sv,
                            "p=a_b,,n=user,r=abc"sv,
                            "p,,n=user,r=abc"sv,
                            "n,b=x,n=user,r=abc"sv,
                            "n,a=,n=user,r=abc"sv,
                            "n,,n=us=er,r=abc"sv,
                            "n,,n=user=,r=abc"sv,
                            "n,,n=user=2,r=abc"sv,
                            "n,,n=user=2c,r=abc"sv,
                            "n,,n=user=41,r=abc"sv,
                            "n,,n=user,r=a c"sv,
                            "n,,n=user,r=a\x7F"sv,
                            "n,,n=user,r=a\xC3\xA4"sv,
                            "n,,n=user,r=abc,"sv,
                            "n,,n=user,r=abc,x"sv,
                            "n,,n=user,r=abc,x="sv,
                            "n,,n=user,r=abc,1=x"sv,
                            "N,,n=user,r=abc"sv,
                            "n,,n=us\0er,r=abc"sv,
                            "n,,N=user,r=abc"sv}) {
        CAPTURE(text);
        const auto parsed = parse_scram_client_first(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == SaslErrorKind::malformed);
    }
    CHECK(parse_scram_client_first("n,,n=\xFF,r=abc").error().kind == SaslErrorKind::bad_utf8);
    CHECK(parse_scram_client_first("n,,n=" + std::string(kSaslNameBytesMax + 1, 'x') + ",r=abc")
              .error()
              .kind == SaslErrorKind::too_long);
    CHECK(parse_scram_client_first("n,,n=x,r=" + std::string(kScramNonceBytesMax + 1, 'x'))
              .error()
              .kind == SaslErrorKind::too_long);
}

TEST_CASE("malformed server-first messages are refused") {
    for (const auto text :
         {""sv, "r=abc"sv, "r=abc,s=YQ=="sv, "r=abc,s=YQ==,i="sv, "r=abc,s=YQ==,i=0"sv,
          "r=abc,s=YQ==,i=04096"sv, "r=abc,s=YQ==,i=+1"sv, "r=abc,s=YQ==,i=4096x"sv,
          "r=abc,s=,i=4096"sv, "s=YQ==,r=abc,i=4096"sv, "r=abc,s=YQ==,i=4096,"sv}) {
        CAPTURE(text);
        CHECK_FALSE(parse_scram_server_first(text).has_value());
    }
    CHECK(parse_scram_server_first("r=abc,s=YQ,i=4096").error().kind == SaslErrorKind::bad_base64);
    CHECK(parse_scram_server_first("r=abc,s=YQ==,i=1000001").error().kind ==
          SaslErrorKind::too_long);
    CHECK(parse_scram_server_first("r=abc,s=YQ==,i=99999999999999999999999").error().kind ==
          SaslErrorKind::too_long);
    CHECK(parse_scram_server_first("r=abc,s=YQ==,i=1000000,x=y").has_value());
    const std::string long_nonce(2 * kScramNonceBytesMax, 'x');
    CHECK(parse_scram_server_first("r=" + long_nonce + ",s=YQ==,i=4096").has_value());
    CHECK_FALSE(parse_scram_server_first("r=x" + long_nonce + ",s=YQ==,i=4096").has_value());
}

TEST_CASE("malformed client-final messages are refused") {
    const std::string proof = base64_encode(std::string(32, 'p'));
    CHECK(parse_scram_client_final("c=biws,r=abc,p=" + proof).has_value());
    const std::string bad[] = {
        "",
        "c=biws",
        "c=biws,r=abc",
        "c=biws,p=" + proof,
        "r=abc,p=" + proof,
        "r=abc,c=biws,p=" + proof,
        "c=,r=abc,p=" + proof,
        "c=biw,r=abc,p=" + proof,
        "c=biws,r=,p=" + proof,
        "c=biws,r=abc,p=",
        "c=biws,r=abc,p=" + base64_encode(std::string(31, 'p')),
        "c=biws,r=abc,p=" + base64_encode(std::string(33, 'p')),
        "c=biws,r=abc,p=" + proof + ",x=y",
        "c=biws,r=abc,x,p=" + proof,
        "c=biws,r=abc,p=" + proof + ",p=" + proof + "=",
    };
    for (const std::string& text : bad) {
        CAPTURE(text);
        CHECK_FALSE(parse_scram_client_final(text).has_value());
    }
}

TEST_CASE("server-final messages carry a verifier or an error") {
    CHECK(std::get<ScramServerError>(*parse_scram_server_final("e=invalid-proof")).value ==
          "invalid-proof");
    CHECK(std::get<ScramServerError>(*parse_scram_server_final("e=something-new")).value ==
          "other-error");
    CHECK(write_scram_server_final(ScramServerError{"invalid-proof"}) == "e=invalid-proof");
    CHECK(parse_scram_server_final(std::string(kServerFinal) + ",x=y").has_value());
    for (const auto text : {""sv, "v="sv, "v=YQ=="sv, "e="sv, "x=1"sv, "e=a,"sv}) {
        CAPTURE(text);
        CHECK_FALSE(parse_scram_server_final(text).has_value());
    }
}

TEST_CASE("no SASL message cut short is taken for another") {
    // Every proper prefix of these messages is incomplete, but for those that end inside a
    // free-length last part.
    for (std::size_t length = 0; length < kClientFinal.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(parse_scram_client_final(kClientFinal.substr(0, length)).has_value());
    }
    for (std::size_t length = 0; length < kServerFinal.size(); ++length) {
        CHECK_FALSE(parse_scram_server_final(kServerFinal.substr(0, length)).has_value());
    }
    const std::size_t nonce_begins = kClientFirst.find("r=") + 2;
    for (std::size_t length = 0; length < kClientFirst.size(); ++length) {
        CHECK(parse_scram_client_first(kClientFirst.substr(0, length)).has_value() ==
              (length > nonce_begins));
    }
    const std::size_t count_begins = kServerFirst.find("i=") + 2;
    for (std::size_t length = 0; length < kServerFirst.size(); ++length) {
        CHECK(parse_scram_server_first(kServerFirst.substr(0, length)).has_value() ==
              (length > count_begins));
    }
    const auto plain = "a\0tim\0pw"sv;
    for (std::size_t length = 0; length < plain.size(); ++length) {
        CHECK(parse_sasl_plain(plain.substr(0, length)).has_value() == (length > 6));
    }
}

TEST_CASE("a secret is moved without a copy and wiped at the end") {
    std::string source = "correct horse";
    SecretString secret = SecretString::take(source);
    CHECK(source.empty());
    CHECK(secret.view() == "correct horse");
    const char* const bytes = secret.view().data();
    SecretString moved = std::move(secret);
    CHECK(moved.view().data() == bytes);
    CHECK(secret.empty());  // NOLINT(bugprone-use-after-move)
    moved.clear();
    CHECK(moved.empty());
    CHECK(moved.view().empty());
}
