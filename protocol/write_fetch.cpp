#include "protocol/write_fetch.hpp"

#include "protocol/message/section.hpp"

namespace tidemark::protocol {
namespace {

using message::SectionKind;

void write_path(OutputBuffer& out, const message::SectionSpec& section) {
    bool is_first = true;
    for (const auto part : section.path) {
        out.append(is_first ? "" : ".");
        is_first = false;
        out.append_number(part);
    }
}

std::string_view section_text(SectionKind kind) {
    switch (kind) {
        case SectionKind::kAll:
            return "";
        case SectionKind::kHeader:
            return "HEADER";
        case SectionKind::kHeaderFields:
            return "HEADER.FIELDS";
        case SectionKind::kHeaderFieldsNot:
            return "HEADER.FIELDS.NOT";
        case SectionKind::kText:
            return "TEXT";
        case SectionKind::kMime:
            return "MIME";
    }
    return "";
}

// section         = "[" [section-spec] "]"
void write_section(OutputBuffer& out, const message::SectionSpec& section) {
    out.append_char('[');
    write_path(out, section);
    if (section.kind != SectionKind::kAll) {
        out.append(section.path.empty() ? "" : ".");
        out.append(section_text(section.kind));
    }
    if (section.kind == SectionKind::kHeaderFields ||
        section.kind == SectionKind::kHeaderFieldsNot) {
        out.append(" (");
        bool is_first = true;
        for (const auto& field : section.fields) {
            out.append(is_first ? "" : " ");
            is_first = false;
            write_astring(out, field, NameEncoding::utf7);
        }
        out.append_char(')');
    }
    out.append_char(']');
}

std::string_view attribute_label(FetchAttribute attribute) {
    switch (attribute) {
        case FetchAttribute::envelope:
            return "ENVELOPE";
        case FetchAttribute::flags:
            return "FLAGS";
        case FetchAttribute::internal_date:
            return "INTERNALDATE";
        case FetchAttribute::rfc822:
            return "RFC822";
        case FetchAttribute::rfc822_header:
            return "RFC822.HEADER";
        case FetchAttribute::rfc822_text:
            return "RFC822.TEXT";
        case FetchAttribute::rfc822_size:
            return "RFC822.SIZE";
        case FetchAttribute::body:
        case FetchAttribute::body_section:
            return "BODY";
        case FetchAttribute::body_structure:
            return "BODYSTRUCTURE";
        case FetchAttribute::binary:
            return "BINARY";
        case FetchAttribute::binary_size:
            return "BINARY.SIZE";
        case FetchAttribute::uid:
            return "UID";
        case FetchAttribute::modseq:
            return "MODSEQ";
        case FetchAttribute::save_date:
            return "SAVEDATE";
        case FetchAttribute::email_id:
            return "EMAILID";
        case FetchAttribute::thread_id:
            return "THREADID";
        case FetchAttribute::preview:
            return "PREVIEW";
    }
    return "";
}

}  // namespace

// msg-att-static  = … / "BODY" section ["<" number ">"] SP nstring /
//                   "BINARY" section-binary SP (nstring / literal8) /
//                   "BINARY.SIZE" section-binary SP number
std::string fetch_label(const FetchItem& item) {
    ChunkPool pool(0);
    OutputBuffer out(pool);
    out.append(attribute_label(item.attribute));
    if (item.attribute == FetchAttribute::body_section) {
        write_section(out, item.section);
    } else if (item.attribute == FetchAttribute::binary ||
               item.attribute == FetchAttribute::binary_size) {
        out.append_char('[');
        write_path(out, item.section);
        out.append_char(']');
    }
    if (item.partial) {
        out.append_char('<');
        out.append_number(item.partial->offset);
        out.append_char('>');
    }
    return out.to_string();
}

FetchWriter::FetchWriter(OutputBuffer& out, SeqNum number) : out_(out) {
    out_.append("* ");
    out_.append_number(number);
    out_.append(" FETCH (");
}

void FetchWriter::label(std::string_view text) {
    if (has_item_) {
        out_.append_char(' ');
    }
    has_item_ = true;
    out_.append(text);
    out_.append_char(' ');
}

void FetchWriter::modseq(ModSeq modseq) {
    label("MODSEQ");
    out_.append_char('(');
    out_.append_number(modseq);
    out_.append_char(')');
}

void FetchWriter::internal_date(DateTime time) {
    label("INTERNALDATE");
    char* at = out_.reserve(kDateTimeBytes + 2);
    *at = '"';
    at = write_date_time(at + 1, time);
    *at++ = '"';
    out_.commit_to(at);
}

void FetchWriter::save_date(std::optional<DateTime> time) {
    if (!time) {
        nil("SAVEDATE");
        return;
    }
    label("SAVEDATE");
    char* at = out_.reserve(kDateTimeBytes + 2);
    *at = '"';
    at = write_date_time(at + 1, *time);
    *at++ = '"';
    out_.commit_to(at);
}

void FetchWriter::object_id(std::string_view name, std::optional<std::string_view> id) {
    if (!id) {
        nil(name);
        return;
    }
    label(name);
    out_.append_char('(');
    out_.append(*id);
    out_.append_char(')');
}

void FetchWriter::text(std::string_view name, std::string_view serialised) {
    label(name);
    out_.append(serialised);
}

void FetchWriter::number(std::string_view name, std::uint64_t number) {
    label(name);
    out_.append_number(number);
}

void FetchWriter::string(std::string_view name, std::optional<std::string_view> bytes,
                         NameEncoding encoding) {
    label(name);
    write_nstring(out_, bytes, encoding);
}

void FetchWriter::literal(std::string_view name, std::shared_ptr<const void> owner,
                          std::string_view bytes) {
    literal_header(name, bytes.size());
    out_.append_external(std::move(owner), bytes);
}

void FetchWriter::literal8(std::string_view name, std::shared_ptr<const void> owner,
                           std::string_view bytes) {
    literal_header(name, bytes.size(), true);
    out_.append_external(std::move(owner), bytes);
}

void FetchWriter::literal_header(std::string_view name, std::uint64_t bytes, bool is_literal8) {
    label(name);
    if (is_literal8) {
        write_literal8_header(out_, bytes);
    } else {
        write_literal_header(out_, bytes);
    }
}

}  // namespace tidemark::protocol
