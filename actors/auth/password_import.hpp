#pragma once

#include "actors/auth/auth_error.hpp"
#include "actors/auth/password.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::actors {

struct ImportedAccount {
    std::string name;  // normalised
    StoredPassword password;
};

// One line of `account import FILE`, without its line end: NAME ":" PASSWORD or NAME ":" "{" SCHEME
// "}" HASH. For crypt hashes the further fields of a passwd-file (":uid:gid:…") are cut off.
// Nothing for an empty line and one that starts with "#". A clear password, bare or after {PLAIN}
// or {CLEARTEXT}, is hashed here, which takes milliseconds. A password that begins with "{" has to
// be written with {PLAIN}.
[[nodiscard]] AuthExpected<std::optional<ImportedAccount>> parse_import_line(std::string_view line);

}  // namespace tidemark::actors
