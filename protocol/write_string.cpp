#include "protocol/write_string.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>

namespace tidemark::protocol {
namespace {

// quoted          = DQUOTE *QUOTED-CHAR DQUOTE
// RFC 9051 §9 "QUOTED-CHAR": TEXT-CHAR, or UTF-8 where the client has enabled it
bool may_be_quoted(std::string_view bytes, NameEncoding encoding) {
    if (bytes.size() > kQuotedBytesMax) {
        return false;
    }
    bool is_ascii = true;
    for (const char c : bytes) {
        if (c == '\r' || c == '\n' || c == '\0') {
            return false;
        }
        is_ascii = is_ascii && static_cast<unsigned char>(c) < 0x80;
    }
    return is_ascii || (encoding == NameEncoding::utf8 && is_valid_utf8(bytes));
}

void write_quoted(OutputBuffer& out, std::string_view bytes) {
    char* at = out.reserve(2 * bytes.size() + 2);
    *at++ = '"';
    for (const char c : bytes) {
        if (c == '"' || c == '\\') {
            *at++ = '\\';
        }
        *at++ = c;
    }
    *at++ = '"';
    out.commit_to(at);
}

}  // namespace

void write_string(OutputBuffer& out, std::string_view bytes, NameEncoding encoding) {
    if (may_be_quoted(bytes, encoding)) {
        write_quoted(out, bytes);
    } else {
        write_literal(out, bytes);
    }
}

void write_nstring(OutputBuffer& out, std::optional<std::string_view> bytes,
                   NameEncoding encoding) {
    if (bytes) {
        write_string(out, *bytes, encoding);
    } else {
        out.append("NIL");
    }
}

void write_astring(OutputBuffer& out, std::string_view bytes, NameEncoding encoding) {
    if (bytes.size() <= kQuotedBytesMax && all_of_class(bytes, is_astring_char) &&
        !ascii_iequals(bytes, "NIL")) {
        out.append(bytes);
    } else {
        write_string(out, bytes, encoding);
    }
}

void write_mailbox(OutputBuffer& out, const MailboxName& name, NameEncoding encoding) {
    if (encoding == NameEncoding::utf8) {
        write_astring(out, name.utf8(), encoding);
    } else {
        write_astring(out, name.to_wire(encoding), encoding);
    }
}

void write_literal_header(OutputBuffer& out, std::uint64_t bytes) {
    out.append_char('{');
    out.append_number(bytes);
    out.append("}\r\n");
}

void write_literal8_header(OutputBuffer& out, std::uint64_t bytes) {
    out.append_char('~');
    write_literal_header(out, bytes);
}

void write_literal(OutputBuffer& out, std::string_view bytes) {
    write_literal_header(out, bytes.size());
    out.append(bytes);
}

}  // namespace tidemark::protocol
