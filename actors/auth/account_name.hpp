#pragma once

#include "actors/auth/auth_error.hpp"

#include <string>
#include <string_view>

namespace tidemark::actors {

// The one form under which an account is stored and looked up: RFC 8265 §3.3 UsernameCaseMapped
// (width mapping, lower case, NFC, IdentifierClass of RFC 8264, Bidi Rule of RFC 5893) over each
// side of an optional "@".
//
// A legal name has 1 to kAccountNameBytesMax bytes and is local-part ["@" domain], each side a
// dot-string (RFC 5321 §4.1.2): the name is also the address that LMTP delivers to, so it needs no
// quoting there. Narrower than that: no "/" (a mailbox hierarchy separator and a path), no "+" in
// the local part (it splits subaddresses), no "*" and
// "%" (LIST wildcards). Anything else is bad_name. Idempotent.
[[nodiscard]] AuthExpected<std::string> normalize_account_name(std::string_view name);

}  // namespace tidemark::actors
