// Properties: a stored password that is read is written back as text that reads to the same value
// and stays the same from then on; a password's prepared form is a fixed point; an account name
// that is accepted is its own normal form and holds none of the characters that something else
// splits at.

#include "actors/auth/account_name.hpp"
#include "actors/auth/password.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace tidemark::actors;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto stored = parse_stored_password(text)) {
        const std::string written = stored_password_text(*stored);
        require(parse_stored_password(written) == *stored);
    }
    if (const auto prepared = normalize_password(text)) {
        require(!prepared->empty());
        const auto again = normalize_password(prepared->view());
        require(again && again->view() == prepared->view());
    }
    if (const auto name = normalize_account_name(text)) {
        require(!name->empty() && name->size() <= kAccountNameBytesMax);
        require(name->find_first_of("/+*%:\"\\ \r\n") == std::string::npos);
        require(normalize_account_name(*name) == *name);
    }
    return 0;
}
