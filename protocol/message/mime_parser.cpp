#include "protocol/message/mime_parser.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/structured_field.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark::protocol::message {
namespace {

/// The boundary parameter, also in its extended form (RFC 2231 §4: charset'language'%XX), where the
/// charset cannot matter: a boundary is ASCII.
std::string find_boundary(const std::vector<Parameter>& parameters) {
    std::string boundary(find_parameter(parameters, "boundary"));
    if (boundary.empty()) {
        const std::string_view extended = find_parameter(parameters, "boundary*");
        const std::size_t first = extended.find('\'');
        const std::size_t second =
            first == std::string_view::npos ? first : extended.find('\'', first + 1);
        if (second != std::string_view::npos) {
            boundary = percent_decoded(extended.substr(second + 1));
        }
    }
    boundary.resize(std::min(boundary.size(), kBoundaryBytesMax));
    return boundary;
}

class MimeParser {
  public:
    explicit MimeParser(std::string_view bytes) { message_.bytes = bytes; }

    ParsedMessage run();

  private:
    enum class Mode : std::uint8_t {
        kHeader,  // in the header of the innermost open part
        kBody,    // in a body, or before, between or after the parts of a multipart
    };

    /// An open container or the open leaf, innermost last.
    struct Open {
        std::uint32_t part = 0;
        std::uint32_t last_child = kNoPart;
        std::uint64_t lines_before_body = 0;
        std::string boundary;  // empty unless the part is a multipart
    };

    struct Delimiter {
        std::size_t open_index = 0;
        bool is_close = false;
    };

    void begin_part(std::size_t offset);
    void end_header(std::size_t line_begin, std::size_t line_end);
    void interpret_header(Part& part);
    void apply_content_type(Part& part, std::string_view value, Open& open);
    void close_down_to(std::size_t open_count, std::size_t end, std::uint64_t lines);
    void add_empty_child(std::uint32_t index);
    bool find_delimiter(std::string_view line, Delimiter& found);
    void take_delimiter(const Delimiter& delimiter, std::size_t line_begin, std::size_t line_end);

    [[nodiscard]] bool may_add_part() const { return message_.parts.size() < kMimePartsMax; }

    ParsedMessage message_;
    std::vector<Open> open_;
    std::size_t boundaries_open_ = 0;
    std::size_t header_bytes_left_ = kHeaderBytesTotalMax;
    std::uint64_t lines_ = 0;  // line ends before the current line
    std::size_t last_delimiter_end_ = 0;
    Mode mode_ = Mode::kHeader;
};

ParsedMessage MimeParser::run() {
    const std::string_view bytes = message_.bytes;
    begin_part(0);
    std::size_t position = 0;
    while (position < bytes.size()) {
        const std::size_t newline = bytes.find('\n', position);
        const bool has_line_end = newline != std::string_view::npos;
        const std::size_t end = has_line_end ? newline + 1 : bytes.size();
        const std::string_view line = bytes.substr(position, end - position);
        message_.steps += line.size();

        Delimiter delimiter;
        if (boundaries_open_ > 0 && line.starts_with("--") && find_delimiter(line, delimiter)) {
            take_delimiter(delimiter, position, end);
        } else if (mode_ == Mode::kHeader && (line == "\n" || line == "\r\n")) {
            end_header(position, end);
        }
        lines_ += has_line_end ? 1 : 0;
        position = end;
    }
    while (mode_ == Mode::kHeader) {
        end_header(bytes.size(), bytes.size());
    }
    close_down_to(0, bytes.size(), lines_);
    return std::move(message_);
}

/// Opens a part as the next child of the innermost open one; its header starts at `offset`.
void MimeParser::begin_part(std::size_t offset) {
    const auto index = static_cast<std::uint32_t>(message_.parts.size());
    Part part;
    part.header_begin = part.header_end = part.body_begin = part.body_end = offset;
    if (!open_.empty()) {
        Open& parent = open_.back();
        part.parent = parent.part;
        part.depth = message_.parts[parent.part].depth + 1;
        if (parent.last_child == kNoPart) {
            message_.parts[parent.part].first_child = index;
        } else {
            message_.parts[parent.last_child].next_sibling = index;
        }
        parent.last_child = index;
    }
    message_.parts.push_back(std::move(part));
    open_.push_back({.part = index});
    mode_ = Mode::kHeader;
}

/// The blank line [line_begin, line_end) ends the header of the innermost part (both equal: it ends
/// without one).
void MimeParser::end_header(std::size_t line_begin, std::size_t line_end) {
    Open& open = open_.back();
    Part& part = message_.parts[open.part];
    part.header_end = part.body_begin = part.body_end = line_end;
    open.lines_before_body = lines_ + (line_end > line_begin ? 1 : 0);
    mode_ = Mode::kBody;
    interpret_header(part);
    if (!open.boundary.empty()) {
        ++boundaries_open_;
    }
    if (part.kind == PartKind::kMessage) {
        begin_part(line_end);
    }
}

void MimeParser::interpret_header(Part& part) {
    std::string_view header = message_.header(part);
    header = header.substr(0, std::min(kHeaderBytesMax, header_bytes_left_));
    header_bytes_left_ -= header.size();
    message_.steps += header.size();

    std::string_view type_field;
    const struct {
        std::string_view name;
        std::string_view* field;
    } wanted[] = {
        {"type", &type_field},
        {"transfer-encoding", &part.encoding_field},
        {"disposition", &part.disposition_field},
        {"id", &part.id_field},
        {"description", &part.description_field},
        {"md5", &part.md5_field},
        {"language", &part.language_field},
        {"location", &part.location_field},
    };
    constexpr std::string_view kPrefix = "content-";
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        if (!equals_ignoring_case(field->name.substr(0, kPrefix.size()), kPrefix)) {
            continue;
        }
        const std::string_view rest = field->name.substr(kPrefix.size());
        for (const auto& want : wanted) {
            // RFC 2045 allows these fields once. Where mail repeats one, the last counts, as with
            // other servers; but the first Content-Type, because the sender's is mostly the one
            // with the boundary.
            if (equals_ignoring_case(rest, want.name)) {
                if (want.field != &type_field || type_field.data() == nullptr) {
                    *want.field = field->value;
                }
                break;
            }
        }
    }
    if (part.encoding_field.data() != nullptr) {
        part.encoding = parse_transfer_encoding(part.encoding_field);
    }
    apply_content_type(part, type_field, open_.back());
}

/// RFC 2045 §5.2: text/plain where the field is missing or cannot be read, message/rfc822 in a
/// multipart/digest (RFC 2046 §5.1.5).
void MimeParser::apply_content_type(Part& part, std::string_view value, Open& open) {
    ParameterisedField field = parse_parameterised_field(value);
    if (field.type.empty() || field.subtype.empty()) {
        const Part* parent = part.parent == kNoPart ? nullptr : &message_.parts[part.parent];
        const bool in_digest = value.data() == nullptr && parent != nullptr &&
                               parent->kind == PartKind::kMultipart &&
                               equals_ignoring_case(parent->subtype, "digest");
        part.type = in_digest ? "message" : "text";
        part.subtype = in_digest ? "rfc822" : "plain";
    } else {
        part.type = std::move(field.type);
        part.subtype = std::move(field.subtype);
    }
    part.parameters = std::move(field.parameters);

    const bool may_nest = part.depth + 1 < kMimeDepthMax && may_add_part();
    if (equals_ignoring_case(part.type, "multipart")) {
        const std::string boundary = find_boundary(part.parameters);
        if (may_nest && !boundary.empty()) {
            part.kind = PartKind::kMultipart;
            open.boundary = boundary;
        } else if (boundary.empty()) {
            part.type = "text";
            part.subtype = "plain";
            part.parameters.clear();
        } else {
            part.type = "application";
            part.subtype = "octet-stream";
        }
    } else if (equals_ignoring_case(part.type, "message") &&
               (equals_ignoring_case(part.subtype, "rfc822") ||
                equals_ignoring_case(part.subtype, "global"))) {
        if (may_nest) {
            part.kind = PartKind::kMessage;
        } else {
            part.type = "application";
            part.subtype = "octet-stream";
        }
    }
}

/// Ends the innermost parts until `open_count` are left. `end` is where their bodies end, `lines`
/// the line ends before it.
void MimeParser::close_down_to(std::size_t open_count, std::size_t end, std::uint64_t lines) {
    while (open_.size() > open_count) {
        const Open& open = open_.back();
        Part& part = message_.parts[open.part];
        // The line end before a delimiter belongs to it (RFC 2046 §5.1.1), also where it was the
        // blank line of a header: what was thought to begin after it begins before it.
        part.header_begin = std::min(part.header_begin, end);
        part.header_end = std::min(part.header_end, end);
        part.body_begin = std::min(part.body_begin, end);
        part.body_end = end;
        part.body_lines = lines > open.lines_before_body ? lines - open.lines_before_body : 0;
        if (!open.boundary.empty()) {
            --boundaries_open_;
        }
        const std::uint32_t index = open.part;
        open_.pop_back();
        if (part.kind == PartKind::kMultipart && part.first_child == kNoPart) {
            add_empty_child(index);
        }
    }
}

/// The delimiter of a multipart never came: all its body is preamble, which is not shown (RFC 2046
/// §5.1.1). One empty text part stands for its parts, because BODYSTRUCTURE cannot say that there
/// are none.
void MimeParser::add_empty_child(std::uint32_t index) {
    Part& multipart = message_.parts[index];
    if (!may_add_part()) {
        multipart.kind = PartKind::kLeaf;
        multipart.type = "text";
        multipart.subtype = "plain";
        multipart.parameters.clear();
        return;
    }
    multipart.first_child = static_cast<std::uint32_t>(message_.parts.size());
    Part child;
    child.parent = index;
    child.depth = multipart.depth + 1;
    child.header_begin = child.header_end = child.body_begin = child.body_end =
        multipart.body_begin;
    child.type = "text";
    child.subtype = "plain";
    message_.parts.push_back(std::move(child));
}

/// RFC 2046 §5.1.1, §5.1.2: the comparison looks at the beginning of the line, inner boundaries
/// first. Where one boundary begins with another, the exact one wins, else the longest.
bool MimeParser::find_delimiter(std::string_view line, Delimiter& found) {
    std::string_view text = line.substr(2);
    while (!text.empty() && is_line_break(text.back())) {
        text.remove_suffix(1);
    }
    std::size_t best_size = 0;
    for (std::size_t i = open_.size(); i-- > 0;) {
        const std::string& boundary = open_[i].boundary;
        if (boundary.empty()) {
            continue;
        }
        ++message_.steps;
        if (boundary.size() <= best_size || !text.starts_with(boundary)) {
            continue;
        }
        best_size = boundary.size();
        found.open_index = i;
        const std::string_view rest = trim(text.substr(best_size));
        found.is_close = rest.starts_with("--");
        if (rest.empty() || rest == "--") {
            break;
        }
    }
    return best_size > 0;
}

void MimeParser::take_delimiter(const Delimiter& delimiter, std::size_t line_begin,
                                std::size_t line_end) {
    if (!delimiter.is_close && !may_add_part()) {
        return;  // the rest belongs to the last part
    }
    std::size_t end = line_begin;
    std::uint64_t lines = lines_;
    // Right after another delimiter the line end before this one is already that one's.
    if (end > last_delimiter_end_ && message_.bytes[end - 1] == '\n') {
        --end;
        --lines;
        if (end > 0 && message_.bytes[end - 1] == '\r') {
            --end;
        }
    }
    last_delimiter_end_ = line_end;
    // Twice for an empty message/rfc822 part: once more for the message in it, whose empty header
    // makes it a leaf.
    while (mode_ == Mode::kHeader) {
        end_header(end, end);
    }
    close_down_to(delimiter.open_index + 1, end, lines);
    if (delimiter.is_close) {
        open_[delimiter.open_index].boundary.clear();
        --boundaries_open_;
        mode_ = Mode::kBody;
    } else {
        begin_part(line_end);
    }
}

}  // namespace

ParsedMessage parse_message(std::string_view bytes) {
    return MimeParser(bytes).run();
}

std::string_view find_parameter(const std::vector<Parameter>& parameters, std::string_view name) {
    for (const Parameter& parameter : parameters) {
        if (equals_ignoring_case(parameter.name, name)) {
            return parameter.value;
        }
    }
    return {};
}

}  // namespace tidemark::protocol::message
