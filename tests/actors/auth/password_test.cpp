#include "actors/auth/password.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace std::string_view_literals;

namespace {

// RFC 7677 §3: user "user", password "pencil".
constexpr std::string_view kPencil =
    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

std::string normalised(std::string_view password) {
    const auto result = normalize_password(password);
    return result ? std::string(result->view()) : "refused";
}

}  // namespace

TEST_CASE("stored SCRAM credentials verify their password and no other") {
    const auto stored = parse_stored_password(kPencil);
    REQUIRE(stored);
    CHECK(stored_password_text(*stored) == kPencil);
    const PasswordCheck right = check_password(*stored, SecretString("pencil"));
    CHECK(right.matches);
    CHECK_FALSE(right.upgrade.has_value());
    for (const auto wrong : {"Pencil"sv, "pencil "sv, "penci"sv, "pencil\0"sv, ""sv, "\xFF"sv}) {
        CAPTURE(wrong);
        CHECK_FALSE(check_password(*stored, SecretString(wrong)).matches);
    }
}

TEST_CASE("new credentials have their own salt and survive being stored as text") {
    const auto first = make_credentials("correct horse");
    const auto second = make_credentials("correct horse");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->salt.size() == kScramSaltBytes);
    CHECK(first->salt != second->salt);
    CHECK(first->stored_key != second->stored_key);
    CHECK(first->iterations == kScramIterationsDefault);
    const auto stored = parse_stored_password(stored_password_text(*first));
    REQUIRE(stored);
    CHECK(std::get<Credentials>(*stored) == *first);
    CHECK(check_password(*stored, SecretString("correct horse")).matches);
}

TEST_CASE("credentials with fewer iterations than today's are upgraded at a login") {
    const auto weak = make_credentials("pw", kScramIterationsMin);
    REQUIRE(weak);
    const PasswordCheck check = check_password(*weak, SecretString("pw"));
    REQUIRE(check.upgrade);
    CHECK(check.upgrade->iterations == kScramIterationsDefault);
    CHECK(check_password(*check.upgrade, SecretString("pw")).matches);
    CHECK_FALSE(check_password(*weak, SecretString("px")).upgrade.has_value());
}

TEST_CASE("passwords are prepared as SCRAM clients prepare them") {
    // RFC 4013 §3
    CHECK(normalised("I\xC2\xADX") == "IX");
    CHECK(normalised("user") == "user");
    CHECK(normalised("USER") == "USER");
    CHECK(normalised("\xC2\xAA") == "a");
    CHECK(normalised("\xE2\x85\xA8") == "IX");
    CHECK(normalised("\x07") == "refused");
    // Composed and decomposed umlauts are one password; so are the spaces.
    CHECK(normalised("pa\xCC\x88ss") == "p\xC3\xA4ss");
    CHECK(normalised("a\xC2\xA0"
                     "b") == "a b");
    // Newer than Unicode 3.2, unknown to SASLprep: as it is.
    CHECK(normalised("fish \xF0\x9F\x90\x9F") == "fish \xF0\x9F\x90\x9F");
    CHECK(normalised("\xE1\x9B\xB5") == "\xE1\x9B\xB5");
    CHECK(normalised("with space, and: {brace}") == "with space, and: {brace}");
    for (const auto bad : {""sv, "a\0b"sv, "a\x7F"sv, "\xFF"sv, "\xED\xA0\x80"sv,
                           "\xEF\xBF\xBF\xE2\x80\x8B\x01"sv}) {
        CAPTURE(bad);
        CHECK(normalised(bad) == "refused");
    }
    CHECK(normalised(std::string(1025, 'x')) == "refused");
    CHECK(make_credentials("\xFF").error().kind == AuthErrorKind::bad_password);
}

TEST_CASE("both spellings of a password log in") {
    const auto credentials = make_credentials("p\xC3\xA4ss");
    REQUIRE(credentials);
    CHECK(check_password(*credentials, SecretString("pa\xCC\x88ss")).matches);
    // Another server may have hashed the bytes as typed.
    const Credentials raw = derive_credentials("pa\xCC\x88ss", "saltsalt", kScramIterationsDefault);
    CHECK(check_password(raw, SecretString("pa\xCC\x88ss")).matches);
}

TEST_CASE("malformed stored passwords are refused") {
    const std::string key(43, 'A');
    const std::string keys = "," + key + "=," + key + "=";
    CHECK(parse_stored_password("{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==" + keys).has_value());
    CHECK(parse_stored_password("{scram-sha-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==" + keys).has_value());
    const std::string bad[] = {
        "",
        "pencil",
        "{SCRAM-SHA-256",
        "{SCRAM-SHA-256}",
        "{SCRAM-SHA-256}4096",
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,AAAA,AAAA",
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ=" + keys,
        "{SCRAM-SHA-256}4096," + keys,
        "{SCRAM-SHA-256}4096,YQ==" + keys,
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==" + keys + ",x",
        "{SCRAM-SHA-256}04096,W22ZaJ0SNY7soEsUEjb6gQ==" + keys,
        "{SCRAM-SHA-256}-4096,W22ZaJ0SNY7soEsUEjb6gQ==" + keys,
        "{SCRAM-SHA-256}4096x,W22ZaJ0SNY7soEsUEjb6gQ==" + keys,
        "{SCRAM-SHA-256}1,W22ZaJ0SNY7soEsUEjb6gQ==" + keys,
        "{SCRAM-SHA-256}99999999999,W22ZaJ0SNY7soEsUEjb6gQ==" + keys,
        std::string(kStoredPasswordBytesMax + 1, 'x'),
    };
    for (const std::string& text : bad) {
        CAPTURE(text);
        const auto stored = parse_stored_password(text);
        REQUIRE_FALSE(stored);
        CHECK(stored.error().kind == AuthErrorKind::malformed_hash);
    }
    CHECK(parse_stored_password("{SCRAM-SHA-256}500001,W22ZaJ0SNY7soEsUEjb6gQ==" + keys)
              .error()
              .kind == AuthErrorKind::too_expensive_hash);
    CHECK(parse_stored_password("{PLAIN}pw").error().kind == AuthErrorKind::unknown_scheme);
    CHECK(parse_stored_password("{SCRAM-SHA-1}x").error().kind == AuthErrorKind::unknown_scheme);
    for (std::size_t length = 0; length < kPencil.size(); ++length) {
        CHECK_FALSE(parse_stored_password(kPencil.substr(0, length)).has_value());
    }
}
