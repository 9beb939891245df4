#include "actors/auth/password_import.hpp"

#include "actors/auth/account_name.hpp"
#include "actors/auth/limits.hpp"
#include "protocol/ascii.hpp"

#include <utility>

namespace tidemark::actors {
namespace {

tl::unexpected<AuthError> malformed_line(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::malformed_line, detail});
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
            return malformed_line("this looks like a crypt hash: put {CRYPT} or {PLAIN} before it");
        }
        return hash_clear(text);
    }
    const std::size_t brace = text.find('}');
    if (brace == std::string_view::npos) {
        return malformed_line("a password that begins with a brace needs {PLAIN} before it");
    }
    const std::string_view scheme = text.substr(1, brace - 1);
    if (protocol::ascii_iequals(scheme, "PLAIN") || protocol::ascii_iequals(scheme, "CLEARTEXT")) {
        return hash_clear(text.substr(brace + 1));
    }
    // No hash contains a colon: what follows one are other fields of a passwd-file.
    return parse_stored_password(text.substr(0, text.find(':')));
}

}  // namespace

AuthExpected<std::optional<ImportedAccount>> parse_import_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) return std::optional<ImportedAccount>();
    if (line.size() > kImportLineBytesMax) return malformed_line("the line is too long");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed_line("the line has no colon");
    AuthExpected<std::string> name = normalize_account_name(line.substr(0, colon));
    if (!name) return tl::unexpected(name.error());
    AuthExpected<StoredPassword> password = parse_password(line.substr(colon + 1));
    if (!password) return tl::unexpected(password.error());
    return ImportedAccount{std::move(*name), std::move(*password)};
}

}  // namespace tidemark::actors
