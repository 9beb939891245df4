#include "actors/auth/password_import.hpp"

#include "actors/auth/account_name.hpp"
#include "actors/auth/limits.hpp"

#include <utility>

namespace tidemark::actors {
namespace {

tl::unexpected<AuthError> malformed(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::malformed_line, detail});
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        if (lower(left[i]) != lower(right[i])) return false;
    }
    return true;
}

AuthExpected<StoredPassword> hash_clear(std::string_view password) {
    AuthExpected<Credentials> credentials = make_credentials(password);
    if (!credentials) return tl::unexpected(credentials.error());
    return StoredPassword(std::move(*credentials));
}

AuthExpected<StoredPassword> parse_password(std::string_view text) {
    if (!text.starts_with('{')) {
        // A line out of /etc/shadow would otherwise make the hash itself the password.
        if (parse_legacy_hash("CRYPT", text).has_value() && text.starts_with('$')) {
            return malformed("this looks like a crypt hash: put {CRYPT} or {PLAIN} before it");
        }
        return hash_clear(text);
    }
    const std::size_t brace = text.find('}');
    if (brace == std::string_view::npos) {
        return malformed("a password that begins with a brace needs {PLAIN} before it");
    }
    const std::string_view scheme = text.substr(1, brace - 1);
    if (equal_ignoring_case(scheme, "PLAIN") || equal_ignoring_case(scheme, "CLEARTEXT")) {
        return hash_clear(text.substr(brace + 1));
    }
    // No hash contains a colon: what follows one are other fields of a passwd-file.
    return parse_stored_password(text.substr(0, text.find(':')));
}

}  // namespace

AuthExpected<std::optional<ImportedAccount>> parse_import_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) return std::optional<ImportedAccount>();
    if (line.size() > kImportLineBytesMax) return malformed("the line is too long");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("the line has no colon");
    AuthExpected<std::string> name = normalize_account_name(line.substr(0, colon));
    if (!name) return tl::unexpected(name.error());
    AuthExpected<StoredPassword> password = parse_password(line.substr(colon + 1));
    if (!password) return tl::unexpected(password.error());
    return ImportedAccount{std::move(*name), std::move(*password)};
}

}  // namespace tidemark::actors
