// Properties: modified UTF-7 that decodes is written back byte for byte; valid UTF-8 survives
// encode and decode; a MailboxName is a fixed point of both wire forms, its parts put together give
// it again, and the pattern made of it matches it. A pattern matches exactly what a plain recursive
// matcher matches.

#include "protocol/mailbox_name.hpp"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tidemark::protocol;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

char upper(char c) {
    return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
}

// The specification in its plainest form: may[i] says whether the first i bytes of the pattern
// match.
bool plain_match(std::string_view pattern, std::string_view name) {
    std::string_view first = name.substr(0, name.find('/'));
    const bool in_inbox = first.size() == 5 && upper(first[0]) == 'I' && upper(first[1]) == 'N' &&
                          upper(first[2]) == 'B' && upper(first[3]) == 'O' &&
                          upper(first[4]) == 'X';
    std::vector<bool> may(pattern.size() + 1, false);
    may[0] = true;
    const auto skip = [&] {
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            if (may[i] && (pattern[i] == '*' || pattern[i] == '%')) {
                may[i + 1] = true;
            }
        }
    };
    skip();
    for (std::size_t n = 0; n < name.size(); ++n) {
        std::vector<bool> next(pattern.size() + 1, false);
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            if (!may[i]) {
                continue;
            }
            const char p = pattern[i];
            if (p == '*' || (p == '%' && name[n] != '/')) {
                next[i] = true;
            } else if (p != '%' &&
                       (p == name[n] || (in_inbox && n < 5 && upper(p) == upper(name[n])))) {
                next[i + 1] = true;
            }
        }
        may = next;
        skip();
    }
    return may[pattern.size()];
}

void check_name(const MailboxName& name) {
    for (const auto encoding : {NameEncoding::utf7, NameEncoding::utf8}) {
        const auto again = MailboxName::from_wire(name.to_wire(encoding), encoding);
        require(again && *again == name);
    }
    require(name.components().size() == name.depth());
    if (const auto parent = name.parent()) {
        require(name.is_under(*parent) && !parent->is_under(name));
        require(parent->utf8() + "/" + std::string(name.leaf()) == name.utf8());
    }
    const auto pattern = ListPattern::from_utf8(name.utf8());
    require(pattern && pattern->matches(name.utf8()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto decoded = decode_modified_utf7(text)) {
        require(is_valid_utf8(*decoded));
        require(encode_modified_utf7(*decoded) == text);
    }
    if (is_valid_utf8(text)) {
        const auto decoded = decode_modified_utf7(encode_modified_utf7(text));
        require(decoded && *decoded == text);
        const auto normalised = normalise_nfc(text);
        require(normalised && normalise_nfc(*normalised) == normalised);
    } else {
        require(!normalise_nfc(text));
    }
    for (const auto encoding : {NameEncoding::utf7, NameEncoding::utf8}) {
        if (const auto name = MailboxName::from_wire(text, encoding)) {
            check_name(*name);
        }
    }
    // The input up to the first NUL is the pattern, the rest the name.
    const auto end = text.find('\0');
    if (end != std::string_view::npos && end <= 200 && size <= 600) {
        const auto name = text.substr(end + 1);
        if (const auto pattern = ListPattern::from_utf8(text.substr(0, end))) {
            const auto normalised = normalise_nfc(text.substr(0, end));
            require(pattern->matches(name) == plain_match(*normalised, name));
        }
    }
    return 0;
}
