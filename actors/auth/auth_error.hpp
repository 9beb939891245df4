#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string_view>

namespace tidemark::actors {

enum class AuthErrorKind : std::uint8_t {
    bad_name,            // not a legal account name
    bad_password,        // characters that no client could send the same way twice
    unknown_scheme,      // {SCHEME} that we cannot verify
    malformed_hash,      // not what its scheme prescribes
    too_expensive_hash,  // parameters above the bounds in limits.hpp
    malformed_line,      // an import line without a colon, or too long
};
// `detail` is a fixed text to show to an administrator; it never contains a part of the input.
struct AuthError {
    AuthErrorKind kind;
    std::string_view detail;
    friend bool operator==(const AuthError&, const AuthError&) = default;
};
template <class T>
using AuthExpected = tl::expected<T, AuthError>;
inline tl::unexpected<AuthError> malformed_hash(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::malformed_hash, detail});
}

}  // namespace tidemark::actors
