#include "actors/auth/password_import.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace std::string_view_literals;

namespace {

ImportedAccount imported(std::string_view line) {
    CAPTURE(line);
    auto result = parse_import_line(line);
    REQUIRE(result);
    REQUIRE(result->has_value());
    return std::move(**result);
}

AuthErrorKind refused(std::string_view line) {
    CAPTURE(line);
    const auto result = parse_import_line(line);
    REQUIRE_FALSE(result);
    return result.error().kind;
}

bool logs_in(const ImportedAccount& account, std::string_view password) {
    return check_password(account.password, SecretString(password)).matches;
}

}  // namespace

TEST_CASE("an import line with a clear password becomes SCRAM credentials") {
    for (const auto line : {"Bob@Example.org:sesame"sv, "bob@example.org:{PLAIN}sesame"sv,
                            "bob@example.org:{cleartext}sesame\r"sv}) {
        const ImportedAccount account = imported(line);
        CHECK(account.name == "bob@example.org");
        CHECK(std::holds_alternative<Credentials>(account.password));
        CHECK(logs_in(account, "sesame"));
    }
    CHECK(logs_in(imported("bob:a:b:c"), "a:b:c"));
    CHECK(logs_in(imported("bob:{PLAIN}{x}:y"), "{x}:y"));
    CHECK(logs_in(imported("bob: spaced "), " spaced "));
    CHECK(logs_in(imported("bob:$6$not-a-hash"), "$6$not-a-hash"));
}

TEST_CASE("an import line with a hash keeps it until the first login") {
    const ImportedAccount account =
        imported("bob:{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscBAv7/c2FsdA==:1000:1000::/home/bob");
    CHECK(std::holds_alternative<LegacyHash>(account.password));
    CHECK(logs_in(account, "secret"));
    const ImportedAccount scram = imported(
        "bob:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    CHECK(std::holds_alternative<Credentials>(scram.password));
    CHECK(logs_in(scram, "pencil"));
}

TEST_CASE("empty lines and comments of an import file are skipped") {
    for (const auto line : {""sv, "\r"sv, "# bob:secret"sv}) {
        const auto result = parse_import_line(line);
        REQUIRE(result);
        CHECK_FALSE(result->has_value());
    }
}

TEST_CASE("import lines that could mean something else are refused with the reason") {
    CHECK(refused("bob") == AuthErrorKind::malformed_line);
    CHECK(refused("bob:{oops") == AuthErrorKind::malformed_line);
    CHECK(refused(std::string("bob:") + std::string(kImportLineBytesMax, 'x')) ==
          AuthErrorKind::malformed_line);
    // A hash without its scheme must not become the password.
    CHECK(refused("bob:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a") ==
          AuthErrorKind::malformed_line);
    CHECK(refused("bob:{MD5}abc") == AuthErrorKind::unknown_scheme);
    CHECK(refused("bob:{SSHA}abc") == AuthErrorKind::malformed_hash);
    CHECK(refused("bob:{BLF-CRYPT}$2y$31$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a") ==
          AuthErrorKind::too_expensive_hash);
    CHECK(refused("bob:") == AuthErrorKind::bad_password);
    CHECK(refused("bob:{PLAIN}") == AuthErrorKind::bad_password);
    CHECK(refused("bob:\xFF\xFE") == AuthErrorKind::bad_password);
    CHECK(refused(":secret") == AuthErrorKind::bad_name);
    CHECK(refused("bob smith:secret") == AuthErrorKind::bad_name);
}
