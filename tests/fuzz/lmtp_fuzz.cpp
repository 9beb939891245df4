// Properties: reading data or command lines in one piece and in pieces of any size gives the same;
// data that is stuffed and ended comes out as it was; a line that parses holds no line end, and the
// paths in it can be written and read again.

#include "protocol/lmtp.hpp"

#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol::lmtp;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

// Everything that came out, as text that can be compared.
std::string read_data(std::string_view input, std::size_t piece, std::uint64_t bytes_max) {
    DataReader reader(bytes_max);
    std::string out;
    while (!input.empty()) {
        auto part = input.substr(0, piece);
        const auto before = part.size();
        while (true) {
            const auto event = reader.next(part);
            if (const auto* bytes = std::get_if<DataReader::Bytes>(&event)) {
                require(!bytes->bytes.empty());
                out += bytes->bytes;
            } else if (const auto* end = std::get_if<DataReader::End>(&event)) {
                input.remove_prefix(before - part.size());
                return (end->is_too_large ? std::string() : out) + "|" +
                       std::to_string(end->bytes) + (end->is_too_large ? "L" : "") +
                       (end->has_nul ? "N|" : "|") + std::string(input);
            } else {
                require(part.empty());
                break;
            }
        }
        input.remove_prefix(before);
    }
    return (out.size() > bytes_max ? std::string() : out) + "|open";
}

std::string read_lines(std::string_view input, std::size_t piece) {
    LineReader reader;
    std::string out;
    while (!input.empty()) {
        auto part = input.substr(0, piece);
        input.remove_prefix(part.size());
        while (true) {
            const auto event = reader.next(part);
            if (const auto* line = std::get_if<LineReader::Line>(&event)) {
                require(line->text.find("\r\n") == std::string_view::npos);
                out.append("<").append(line->text).append(">");
            } else if (std::holds_alternative<LineReader::BadLine>(event)) {
                out += "<!>";
            } else {
                require(part.empty());
                break;
            }
        }
    }
    return out;
}

std::string stuffed(std::string_view message) {
    std::string out;
    bool at_start = true;
    for (std::size_t i = 0; i < message.size(); ++i) {
        if (at_start && message[i] == '.') {
            out += '.';
        }
        out += message[i];
        at_start = message[i] == '\n' && i > 0 && message[i - 1] == '\r';
    }
    return out + (at_start ? ".\r\n" : "\r\n.\r\n");
}

void check_path(const Path& path, bool is_utf8) {
    if (path.is_null()) {
        return;
    }
    const auto again = parse_command("RCPT TO:<" + path.to_string() + ">", is_utf8);
    require(again && std::get<RcptTo>(*again).path == path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 9;
    constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();

    require(read_data(input, input.size(), kNoLimit) == read_data(input, piece, kNoLimit));
    require(read_lines(input, input.size()) == read_lines(input, piece));
    // With a limit the pieces may end elsewhere, but not what is said at the end.
    const auto whole = read_data(input, input.size(), 20);
    require(whole == read_data(input, piece, 20) || whole.ends_with("|open"));

    std::string message(input);
    const auto wire = stuffed(message);
    if (!message.empty() && !message.ends_with("\r\n")) {
        message += "\r\n";
    }
    const auto expected = message + "|" + std::to_string(message.size()) +
                          (message.find('\0') == std::string::npos ? "|" : "N|");
    require(read_data(wire, piece, kNoLimit) == expected);

    for (const bool is_utf8 : {false, true}) {
        const auto command = parse_command(input, is_utf8);
        if (!command) {
            require(command.error().code >= 500 && !command.error().enhanced.empty());
            continue;
        }
        require(input.find_first_of("\r\n") == std::string_view::npos);
        if (const auto* mail = std::get_if<MailFrom>(&*command)) {
            check_path(mail->path, mail->is_utf8);
        } else if (const auto* rcpt = std::get_if<RcptTo>(&*command)) {
            check_path(rcpt->path, is_utf8);
        }
    }
    return 0;
}
