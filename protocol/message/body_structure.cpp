#include "protocol/message/body_structure.hpp"

#include "protocol/message/envelope.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/imap_text.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/structured_field.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tidemark::protocol::message {
namespace {

class StructureWriter {
  public:
    StructureWriter(const ParsedMessage& message, StructureForm form, std::string& out)
        : message_(message), is_extended_(form == StructureForm::kBodyStructure), out_(out) {}

    void run();

  private:
    void open(const Part& part);
    void close(const Part& part);
    void append_fields(const Part& part);
    void append_encoding(const Part& part);
    void append_parameters(const std::vector<Parameter>& parameters);
    void append_number(std::uint64_t number) {
        fmt::format_to(std::back_inserter(out_), " {}", number);
    }
    void append_field(std::string_view raw);
    void append_single_extension(const Part& part);
    void append_common_extension(const Part& part);

    const ParsedMessage& message_;
    bool is_extended_;
    std::size_t addresses_left_ = kAddressesMax;
    std::string& out_;
};

/// Walks the tree by its links: down to the first child, else to the next sibling, else up.
void StructureWriter::run() {
    std::uint32_t index = 0;
    while (true) {
        const Part* part = &message_.parts[index];
        open(*part);
        if (part->first_child != kNoPart) {
            index = part->first_child;
            continue;
        }
        close(*part);
        while (part->next_sibling == kNoPart) {
            if (part->parent == kNoPart) {
                return;
            }
            part = &message_.parts[part->parent];
            close(*part);
        }
        index = part->next_sibling;
    }
}

/// What comes before the children; all that a leaf has but its extension data.
void StructureWriter::open(const Part& part) {
    out_.push_back('(');
    if (part.kind == PartKind::kMultipart) {
        return;
    }
    append_string(part.type, out_);
    out_.push_back(' ');
    append_string(part.subtype, out_);
    append_fields(part);
    if (part.kind == PartKind::kMessage) {
        out_.push_back(' ');
        const Part& child = message_.parts[part.first_child];
        write_envelope(make_envelope(message_.header(child), addresses_left_), out_);
        out_.push_back(' ');
    } else if (equals_ignoring_case(part.type, "text")) {
        append_number(part.body_lines);
    }
}

/// What comes after the children, and the extension data.
void StructureWriter::close(const Part& part) {
    if (part.kind == PartKind::kMultipart) {
        out_.push_back(' ');
        append_string(part.subtype, out_);
        if (is_extended_) {
            // RFC 9051 §9: body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP
            // body-fld-loc ...
            out_.push_back(' ');
            append_parameters(part.parameters);
            append_common_extension(part);
        }
    } else {
        if (part.kind == PartKind::kMessage) {
            append_number(part.body_lines);
        }
        if (is_extended_) {
            append_single_extension(part);
        }
    }
    out_.push_back(')');
}

/// RFC 9051 §9: body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP
/// body-fld-octets
void StructureWriter::append_fields(const Part& part) {
    out_.push_back(' ');
    std::vector<Parameter> parameters = part.parameters;
    if (equals_ignoring_case(part.type, "text") &&
        find_parameter(parameters, "charset").data() == nullptr) {
        parameters.push_back({"charset", "us-ascii"});  // RFC 2045 §5.2, RFC 2046 §4.1.2
    }
    append_parameters(parameters);
    append_field(part.id_field);
    append_field(part.description_field);
    out_.push_back(' ');
    append_encoding(part);
    append_number(part.body_end - part.body_begin);
}

void StructureWriter::append_encoding(const Part& part) {
    append_string(transfer_encoding_name(part.encoding_field), out_);
}

/// RFC 9051 §9: body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
void StructureWriter::append_parameters(const std::vector<Parameter>& parameters) {
    if (parameters.empty()) {
        out_.append("NIL");
        return;
    }
    char separator = '(';
    for (const Parameter& parameter : parameters) {
        out_.push_back(separator);
        append_string(parameter.name, out_);
        out_.push_back(' ');
        append_string(parameter.value, out_);
        separator = ' ';
    }
    out_.push_back(')');
}

void StructureWriter::append_field(std::string_view raw) {
    out_.push_back(' ');
    if (raw.data() == nullptr) {
        out_.append("NIL");
    } else {
        append_string(unfold(raw), out_);
    }
}

/// RFC 9051 §9: body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc
/// ...
void StructureWriter::append_single_extension(const Part& part) {
    append_field(part.md5_field);
    append_common_extension(part);
}

void StructureWriter::append_common_extension(const Part& part) {
    const ParameterisedField disposition = parse_parameterised_field(part.disposition_field);
    if (disposition.type.empty()) {
        out_.append(" NIL");
    } else {
        out_.append(" (");
        append_string(disposition.type, out_);
        out_.push_back(' ');
        append_parameters(disposition.parameters);
        out_.push_back(')');
    }
    const std::vector<std::string> languages = parse_language_field(part.language_field);
    if (languages.empty()) {
        out_.append(" NIL");
    } else {
        char separator = '(';
        out_.push_back(' ');
        for (const std::string& language : languages) {
            out_.push_back(separator);
            append_string(language, out_);
            separator = ' ';
        }
        out_.push_back(')');
    }
    append_field(part.location_field);
}

}  // namespace

void write_body_structure(const ParsedMessage& message, StructureForm form, std::string& out) {
    StructureWriter(message, form, out).run();
}

}  // namespace tidemark::protocol::message
