#include "tests/protocol/message/corpus.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/body_structure.hpp"
#include "protocol/message/envelope.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/section.hpp"
#include "tests/protocol/message/imap_value.hpp"

#include <sodium.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace tidemark::protocol::message::testing {
namespace {

using nlohmann::json;

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string with_crlf(const std::string& bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) {
            out.push_back('\r');
        }
        out.push_back(bytes[i]);
    }
    return out;
}

std::string lower(std::string text) {
    for (char& c : text) {
        c = to_lower(c);
    }
    return text;
}

json string_value(const std::string& text) {
    const json plain = text;
    try {
        static_cast<void>(plain.dump());
        return plain;
    } catch (const json::exception&) {
        std::string encoded(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL),
                            '\0');
        sodium_bin2base64(encoded.data(), encoded.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                          sodium_base64_VARIANT_ORIGINAL);
        encoded.resize(encoded.find('\0'));
        return {{"base64", encoded}};
    }
}

json nstring_value(const ImapValue& value) {
    return value.is_nil() ? json() : string_value(value.text);
}

json addresses_value(const ImapValue& value) {
    if (value.is_nil()) {
        return {};
    }
    json list = json::array();
    for (const ImapValue& address : value.items) {
        json item = json::array();
        for (const ImapValue& field : address.items) {
            item.push_back(nstring_value(field));
        }
        list.push_back(item);
    }
    return list;
}

void add_envelope(const ImapValue& envelope, const std::string& prefix, json& items) {
    const char* names[] = {"date", "subject", "from", "sender",      "reply-to",
                           "to",   "cc",      "bcc",  "in-reply-to", "message-id"};
    for (std::size_t i = 0; i < 10; ++i) {
        const ImapValue& value = envelope.items.at(i);
        items[prefix + names[i]] = i >= 2 && i <= 7 ? addresses_value(value) : nstring_value(value);
    }
}

json parameters_value(const ImapValue& value) {
    if (value.is_nil()) {
        return {};
    }
    json object = json::object();
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
        std::string name = lower(value.items[i].text);
        while (object.contains(name)) {
            name += " (again)";
        }
        const bool is_charset = name == "charset";
        object[name] =
            string_value(is_charset ? lower(value.items[i + 1].text) : value.items[i + 1].text);
    }
    return object;
}

json disposition_value(const ImapValue& value) {
    if (value.is_nil()) {
        return {};
    }
    return {{"type", lower(value.items.at(0).text)},
            {"params", parameters_value(value.items.at(1))}};
}

json language_value(const ImapValue& value) {
    if (value.is_nil()) {
        return {};
    }
    json list = json::array();
    for (const ImapValue& tag : value.items) {
        list.push_back(lower(tag.text));
    }
    return list;
}

/// Adds the items of a BODYSTRUCTURE and gives its shape. `path` is the part's own; "TOP" or
/// "3.TEXT" of a multipart that is a message's body; `children` what its parts' numbers are put
/// after.
std::string add_structure(const ImapValue& body, const std::string& path,
                          const std::string& children, json& items) {
    const std::string prefix = "BODYSTRUCTURE/" + path + "/";
    if (body.items.at(0).is_list()) {
        std::string shape;
        std::size_t i = 0;
        for (; i < body.items.size() && body.items[i].is_list(); ++i) {
            const std::string number = children + std::to_string(i + 1);
            shape += (i > 0 ? " " : "") + add_structure(body.items[i], number, number + ".", items);
        }
        const std::string subtype = lower(body.items.at(i).text);
        items[prefix + "type"] = "multipart";
        items[prefix + "subtype"] = subtype;
        items[prefix + "params"] = parameters_value(body.items.at(i + 1));
        items[prefix + "disposition"] = disposition_value(body.items.at(i + 2));
        items[prefix + "language"] = language_value(body.items.at(i + 3));
        items[prefix + "location"] = nstring_value(body.items.at(i + 4));
        return "multipart/" + subtype + "(" + shape + ")";
    }
    const std::string type = lower(body.items.at(0).text);
    const std::string subtype = lower(body.items.at(1).text);
    std::string shape = type + "/" + subtype;
    items[prefix + "type"] = type;
    items[prefix + "subtype"] = subtype;
    items[prefix + "params"] = parameters_value(body.items.at(2));
    items[prefix + "id"] = nstring_value(body.items.at(3));
    items[prefix + "description"] = nstring_value(body.items.at(4));
    items[prefix + "encoding"] = lower(body.items.at(5).text);
    items[prefix + "size"] = std::stoull(body.items.at(6).text);
    std::size_t next = 7;
    if (shape == "message/rfc822" || shape == "message/global") {
        add_envelope(body.items.at(7), prefix + "envelope/", items);
        const ImapValue& inner = body.items.at(8);
        const bool is_multipart = inner.items.at(0).is_list();
        const std::string single = children + "1";
        shape += "[" +
                 (is_multipart ? add_structure(inner, path + ".TEXT", children, items)
                               : add_structure(inner, single, single + ".", items)) +
                 "]";
        items[prefix + "lines"] = std::stoull(body.items.at(9).text);
        next = 10;
    } else if (type == "text") {
        items[prefix + "lines"] = std::stoull(body.items.at(7).text);
        next = 8;
    }
    items[prefix + "md5"] = nstring_value(body.items.at(next));
    items[prefix + "disposition"] = disposition_value(body.items.at(next + 1));
    items[prefix + "language"] = language_value(body.items.at(next + 2));
    items[prefix + "location"] = nstring_value(body.items.at(next + 3));
    return shape;
}

/// BODY is what is left of BODYSTRUCTURE without its extension data.
ImapValue without_extension(const ImapValue& body) {
    ImapValue out;
    out.kind = ImapValue::Kind::kList;
    std::size_t i = 0;
    for (; body.items.at(i).is_list(); ++i) {
        out.items.push_back(without_extension(body.items[i]));
    }
    if (i > 0) {
        out.items.push_back(body.items.at(i));
        return out;
    }
    const std::string type = lower(body.items.at(0).text) + "/" + lower(body.items.at(1).text);
    const bool is_message = type == "message/rfc822" || type == "message/global";
    const std::size_t count = is_message ? 10 : type.starts_with("text/") ? 8 : 7;
    out.items.assign(body.items.begin(), body.items.begin() + static_cast<std::ptrdiff_t>(count));
    if (is_message) {
        out.items[8] = without_extension(out.items[8]);
    }
    return out;
}

json digest(std::string_view text) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    char hex[sizeof(hash) * 2 + 1];
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    return {{"bytes", text.size()}, {"sha256", hex}};
}

/// The inside of the brackets: "1.2.MIME", "HEADER.FIELDS (DATE FROM)".
SectionSpec parse_section(std::string text) {
    SectionSpec spec;
    while (!text.empty() && is_digit(text.front())) {
        std::size_t used = 0;
        spec.path.push_back(static_cast<std::uint32_t>(std::stoul(text, &used)));
        text.erase(0, used < text.size() ? used + 1 : used);
    }
    if (text.starts_with("HEADER.FIELDS")) {
        spec.kind = text.starts_with("HEADER.FIELDS.NOT") ? SectionKind::kHeaderFieldsNot
                                                          : SectionKind::kHeaderFields;
        std::istringstream names(
            text.substr(text.find('(') + 1, text.find(')') - text.find('(') - 1));
        for (std::string name; names >> name;) {
            spec.fields.push_back(name);
        }
    } else if (text == "HEADER") {
        spec.kind = SectionKind::kHeader;
    } else if (text == "TEXT") {
        spec.kind = SectionKind::kText;
    } else if (text == "MIME") {
        spec.kind = SectionKind::kMime;
    }
    return spec;
}

json section_value(const ParsedMessage& message, const std::string& item) {
    const std::string inside =
        item.substr(item.find('[') + 1, item.rfind(']') - item.find('[') - 1);
    const SectionSpec spec = parse_section(inside);
    if (!item.starts_with("BINARY")) {
        const auto text = fetch_section(message, spec);
        const auto quick = fetch_section(message.bytes, spec);
        if (text.has_value() != quick.has_value() || (text && text->text() != quick->text())) {
            return "the two ways to fetch a section differ";
        }
        return text ? digest(text->text()) : json();
    }
    const BinaryResult result = fetch_binary(message, spec.path);
    if (!result.text) {
        if (result.error == BinaryError::kUnknownCte) {
            return {{"error", "NO"}};
        }
        return item.starts_with("BINARY.SIZE") ? json(0) : json();
    }
    return item.starts_with("BINARY.SIZE") ? json(result.text->text().size())
                                           : digest(result.text->text());
}

}  // namespace

std::optional<std::string> corpus_directory(const std::string& test_name) {
    const char* configured = std::getenv("TIDEMARK_CORPUS");
    std::string directory =
        configured != nullptr ? configured : std::string(TIDEMARK_SOURCE_ROOT "/../shared/corpus");
    if (std::filesystem::exists(directory + "/expected.jsonl")) {
        return directory;
    }
    std::printf("SKIPPED: %s: no mail corpus at %s\n", test_name.c_str(), directory.c_str());
    return std::nullopt;
}

std::vector<CorpusMessage> load_corpus(const std::string& directory) {
    std::vector<CorpusMessage> messages;
    std::ifstream lines(directory + "/expected.jsonl");
    for (std::string line; std::getline(lines, line);) {
        CorpusMessage message;
        message.expected = json::parse(line);
        message.file = message.expected.at("file");
        message.bytes = with_crlf(read_file(directory + "/" + message.file));
        messages.push_back(std::move(message));
    }
    return messages;
}

json corpus_items(const std::string& bytes, const json& wanted) {
    json items = json::object();
    const ParsedMessage message = parse_message(bytes);
    items["RFC822.SIZE"] = bytes.size();

    std::string text;
    write_envelope(make_envelope(message.header(message.parts[0])), text);
    if (const auto envelope = parse_imap_value(text)) {
        add_envelope(*envelope, "ENVELOPE/", items);
    }
    text.clear();
    write_body_structure(message, StructureForm::kBodyStructure, text);
    const auto structure = parse_imap_value(text);
    text.clear();
    write_body_structure(message, StructureForm::kBody, text);
    const auto body = parse_imap_value(text);
    if (structure && body) {
        const bool is_multipart = structure->items.at(0).is_list();
        items["BODYSTRUCTURE/shape"] =
            add_structure(*structure, is_multipart ? "TOP" : "1", is_multipart ? "" : "1.", items);
        items["BODY/like-BODYSTRUCTURE"] = without_extension(*structure) == *body;
    }
    for (const auto& [item, value] : wanted.items()) {
        if (item.find('[') != std::string::npos) {
            items[item] = section_value(message, item);
        }
    }
    return items;
}

}  // namespace tidemark::protocol::message::testing
