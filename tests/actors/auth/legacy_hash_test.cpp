#include "actors/auth/legacy_hash.hpp"

#include "actors/auth/password.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace std::string_view_literals;

namespace {

struct Known {
    std::string_view text;
    std::string_view password;
};

// From the specifications of the methods where they give some (SHA-crypt, Argon2's reference
// tests), else made with other programs.
constexpr Known kKnown[] = {
    {"{CRYPT}$1$abcd0123$6ki7uMewzcVzQMOmoR2ev1", "secret"},
    {"{MD5-CRYPT}$1$abcd0123$6ki7uMewzcVzQMOmoR2ev1", "secret"},
    {"{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
    {"{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68"
     "u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"{SHA512-CRYPT}$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/"
     "UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
     "Hello world!"},
    {"{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "secret"},
    {"{blf-crypt}$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
    {"{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0", "secret"},
    {"{CRYPT}abqiKkVENApDk", "secretlong"},
    {"{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
     "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "password"},
    {"{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/"
     "5U52iv1cDc",
     "password"},
    {"{ARGON2I}$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+"
     "YFY4NeBbtA",
     "password"},
    {"{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscBAv7/c2FsdA==", "secret"},
    {"{SSHA.HEX}6bbca14d512ad6986bdeb0c227770c9a1ce79ec70102feff73616c74", "secret"},
    {"{SSHA256}K0ENmQDjVCDvNfTPg4DaEF3X1wwr2hRQXOXm3+gFHu0BAv7/c2FsdA==", "secret"},
    {"{ssha256.b64}K0ENmQDjVCDvNfTPg4DaEF3X1wwr2hRQXOXm3+gFHu0BAv7/c2FsdA==", "secret"},
    {"{SSHA512}6+s81spV4GRAxqBmuDlmypAhsvzV2F/m0Gukf5XltARgCUMNOSwD1NMcw9V2WpZc/"
     "6BvsecgPfK2e+hMQD+sWQEC/v9zYWx0",
     "secret"},
};

}  // namespace

TEST_CASE("each imported scheme verifies its password, refuses others and is upgraded") {
    for (const Known& known : kKnown) {
        CAPTURE(known.text);
        const auto stored = parse_stored_password(known.text);
        REQUIRE(stored);
        CHECK(std::holds_alternative<LegacyHash>(*stored));
        // The text form is a fixed point.
        const std::string text = stored_password_text(*stored);
        CHECK(parse_stored_password(text).value() == *stored);

        const PasswordCheck right = check_password(*stored, SecretString(known.password));
        CHECK(right.matches);
        const bool cut = known.text.starts_with("{CRYPT}ab");
        REQUIRE(right.upgrade.has_value() == !cut);
        if (!cut) CHECK(check_password(*right.upgrade, SecretString(known.password)).matches);

        const PasswordCheck wrong = check_password(*stored, SecretString("secreT"));
        CHECK_FALSE(wrong.matches);
        CHECK_FALSE(wrong.upgrade.has_value());
        CHECK_FALSE(check_password(*stored, SecretString("")).matches);
        const std::string with_nul = std::string(known.password) + std::string("\0x", 2);
        CHECK_FALSE(check_password(*stored, SecretString(with_nul)).matches);
    }
}

TEST_CASE("a hash that ignores the end of the password is not replaced by what was typed") {
    const auto des = parse_stored_password("{CRYPT}abqiKkVENApDk");
    REQUIRE(des);
    const PasswordCheck check = check_password(*des, SecretString("secretlonger"));
    CHECK(check.matches);
    CHECK_FALSE(check.upgrade.has_value());
    const LegacyHash bcrypt{LegacyScheme::crypt, "$2b$04$"};
    CHECK(legacy_hash_covers(bcrypt, SecretString(std::string(72, 'x'))));
    CHECK_FALSE(legacy_hash_covers(bcrypt, SecretString(std::string(73, 'x'))));
}

TEST_CASE("an imported hash that is cut short anywhere is refused or no longer matches") {
    for (const Known& known : kKnown) {
        CAPTURE(known.text);
        const std::size_t payload = known.text.find('}') + 1;
        for (std::size_t length = 0; length < known.text.size(); ++length) {
            CAPTURE(length);
            const auto stored = parse_stored_password(known.text.substr(0, length));
            if (!stored) continue;
            // Only the salt of a salted digest and the length of an argon2 hash can become shorter
            // legally.
            CHECK(length > payload + 20);
            CHECK_FALSE(check_password(*stored, SecretString(known.password)).matches);
        }
    }
}

TEST_CASE("hashes that would cost too much are refused by their parameters") {
    const std::string sha(86, 'a');
    const std::string bcrypt(53, 'a');
    for (const std::string& text : {
             "{SHA512-CRYPT}$6$rounds=1000001$salt$" + sha,
             "{BLF-CRYPT}$2y$15$" + bcrypt,
             "{CRYPT}$y$jDT$abcd$" + std::string(43, 'a'),
             "{CRYPT}$y$jzT$abcd$" + std::string(43, 'a'),
             std::string("{ARGON2ID}$argon2id$v=19$m=131073,t=2,p=1$c29tZXNhbHQ$aaaa"),
             std::string("{ARGON2ID}$argon2id$v=19$m=256,t=17,p=1$c29tZXNhbHQ$aaaa"),
             std::string("{ARGON2ID}$argon2id$v=19$m=256,t=1,p=17$c29tZXNhbHQ$aaaa"),
         }) {
        CAPTURE(text);
        const auto stored = parse_stored_password(text);
        REQUIRE_FALSE(stored);
        CHECK(stored.error().kind == AuthErrorKind::too_expensive_hash);
    }
    CHECK(parse_stored_password("{SHA512-CRYPT}$6$rounds=1000000$salt$" + sha).has_value());
    CHECK(parse_stored_password("{BLF-CRYPT}$2y$14$" + bcrypt).has_value());
}

TEST_CASE("malformed and unknown hashes are told apart") {
    const std::string sha(86, 'a');
    for (const std::string& text : {
             "{SHA256-CRYPT}$6$salt$" + sha,
             "{SHA512-CRYPT}$6$rounds=x$salt$" + sha,
             "{SHA512-CRYPT}$6$rounds=99999999999$salt$" + sha,
             "{SHA512-CRYPT}$6$" + sha,
             "{SHA512-CRYPT}$6$salt$" + sha + "!",
             "{CRYPT}$6$sa:lt$" + sha,
             std::string("{BLF-CRYPT}$2y$aa$") + std::string(53, 'a'),
             std::string("{BLF-CRYPT}$2y$03$") + std::string(53, 'a'),
             std::string("{BLF-CRYPT}$2z$05$") + std::string(53, 'a'),
             std::string("{ARGON2ID}$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$aaaa"),
             std::string("{ARGON2ID}$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$aaaa"),
             std::string("{ARGON2ID}$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$aaaa"),
             std::string("{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"),
             std::string("{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnsc="),
             std::string("{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscB"),
             std::string("{SSHA.HEX}6bbca14d512ad6986bdeb0c227770c9a1ce79ec7"),
             std::string("{SSHA.HEX}6bbca14d512ad6986bdeb0c227770c9a1ce79ec7x1"),
         }) {
        CAPTURE(text);
        const auto stored = parse_stored_password(text);
        const bool salted = text == "{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscB";
        REQUIRE(stored.has_value() == salted);
        if (!salted) CHECK(stored.error().kind == AuthErrorKind::malformed_hash);
    }
    for (const auto text :
         {"{MD5}abc"sv, "{SSHA.B32}abc"sv, "{SSHA1}abc"sv, "{}abc"sv, "{CRYPT}$7$abc"sv,
          "{CRYPT}short"sv, "{CRYPT}$y$k9T$abcd$x"sv, "{CRYPT}"sv}) {
        CAPTURE(text);
        CHECK(parse_stored_password(text).error().kind == AuthErrorKind::unknown_scheme);
    }
}
