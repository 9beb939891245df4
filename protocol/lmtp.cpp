#include "protocol/lmtp.hpp"

#include "protocol/ascii.hpp"
#include "protocol/mailbox_name.hpp"

#include <algorithm>
#include <charconv>

namespace tidemark::protocol::lmtp {
namespace {

constexpr Reply kUnknownCommand{500, "5.5.2", "Command not recognised"};
constexpr Reply kUseLhlo{500, "5.5.1", "This is LMTP: use LHLO"};
constexpr Reply kBadArguments{501, "5.5.4", "Syntax error in arguments"};
constexpr Reply kNoArguments{501, "5.5.4", "No arguments allowed"};
constexpr Reply kBadSender{501, "5.1.7", "Bad sender address syntax"};
constexpr Reply kBadRecipient{501, "5.1.3", "Bad recipient address syntax"};
constexpr Reply kUnknownParameter{555, "5.5.4", "Parameter not recognised"};
constexpr Reply kNeedsUtf8{553, "5.6.7", "Address needs SMTPUTF8"};
constexpr Reply kLineTooLong{500, "5.5.2", "Line too long"};
constexpr Reply kBareLineEnd{500, "5.5.2", "Line ends must be CRLF"};

bool is_8bit(char c) {
    return static_cast<unsigned char>(c) >= 0x80;
}
bool is_alnum(char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}
bool has_8bit(std::string_view text) {
    return std::ranges::any_of(text, is_8bit);
}

// RFC 5321 §4.1.2 "Atom", extended by RFC 6531 §3.3 with UTF-8.
bool is_atext(char c) {
    return is_alnum(c) || is_8bit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Dot-string      = Atom *("."  Atom)
bool is_dot_string(std::string_view text) {
    bool after_dot = true;
    for (const char c : text) {
        if (c == '.' ? after_dot : !is_atext(c)) {
            return false;
        }
        after_dot = c == '.';
    }
    return !after_dot;
}

// Reads from the front of the line, one function per rule.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    std::string_view rest() const { return rest_; }
    bool at_end() const { return rest_.empty(); }
    bool take(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        if (!ascii_iequals(rest_.substr(0, word.size()), word)) {
            return false;
        }
        rest_.remove_prefix(word.size());
        return true;
    }
    void skip_spaces() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    }
    template <class Predicate>
    std::string_view take_while(Predicate is) {
        const auto* end = std::ranges::find_if_not(rest_, is);
        const auto taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(taken.size());
        return taken;
    }

  private:
    std::string_view rest_;
};

// Quoted-string   = DQUOTE *QcontentSMTP DQUOTE
bool take_quoted(Scanner& scanner, std::string& out) {
    if (!scanner.take('"')) {
        return false;
    }
    while (!scanner.at_end()) {
        const char c = scanner.rest().front();
        scanner.take(c);
        if (c == '"') {
            return true;
        }
        const char meant = c == '\\' && !scanner.at_end() ? scanner.rest().front() : c;
        if (c == '\\' && !scanner.take(meant)) {
            return false;
        }
        if (!is_8bit(meant) && (meant < 0x20 || meant == 0x7f)) {
            return false;
        }
        out += meant;
    }
    return false;
}

// Domain          = sub-domain *("." sub-domain)
// deviation: "_" is let through, as host names of private networks have it.
bool is_domain(std::string_view text) {
    bool at_label = true;
    for (const char c : text) {
        if (c == '.' ? at_label
                     : !(is_alnum(c) || is_8bit(c) || c == '_' || (c == '-' && !at_label))) {
            return false;
        }
        at_label = c == '.';
    }
    return !at_label;
}

// Domain / address-literal. What is inside of the brackets is not ours to judge.
bool take_domain(Scanner& scanner, std::string& out) {
    if (scanner.take('[')) {
        const auto literal = scanner.take_while(
            [](char c) { return c > 0x20 && c < 0x7f && c != '[' && c != ']' && c != '\\'; });
        out.append("[").append(literal).append("]");
        return !literal.empty() && scanner.take(']');
    }
    out = scanner.take_while([](char c) { return c != '>' && c != ' '; });
    return is_domain(out);
}

// A-d-l           = At-domain *( "," At-domain )       followed by ":"
bool skip_source_route(Scanner& scanner) {
    if (!scanner.rest().starts_with('@')) {
        return true;
    }
    scanner.take_while([](char c) {
        return is_alnum(c) || is_8bit(c) ||
               std::string_view("@,.-_[]").find(c) != std::string_view::npos;
    });
    return scanner.take(':');
}

// Path            = "<" [ A-d-l ":" ] Mailbox ">"
// Mailbox         = Local-part "@" ( Domain / address-literal )
std::optional<Path> take_path(Scanner& scanner) {
    const auto whole = scanner.rest().size();
    Path path;
    if (!scanner.take('<') || !skip_source_route(scanner)) {
        return std::nullopt;
    }
    if (scanner.take('>')) {
        return path;
    }
    if (scanner.rest().starts_with('"')) {
        if (!take_quoted(scanner, path.local_part) || path.local_part.empty()) {
            return std::nullopt;
        }
    } else {
        path.local_part = scanner.take_while([](char c) { return c == '.' || is_atext(c); });
        if (!is_dot_string(path.local_part)) {
            return std::nullopt;
        }
    }
    if (scanner.take('@') && !take_domain(scanner, path.domain)) {
        return std::nullopt;
    }
    if (!scanner.take('>') || whole - scanner.rest().size() > kPathBytesMax + 2) {
        return std::nullopt;
    }
    if (!is_valid_utf8(path.local_part) || !is_valid_utf8(path.domain)) {
        return std::nullopt;
    }
    return path;
}

struct Parameter {
    std::string_view keyword;
    std::string_view value;  // empty without "="
};

// esmtp-param     = esmtp-keyword ["=" esmtp-value]     each after a space
std::optional<Parameter> take_parameter(Scanner& scanner) {
    Parameter parameter;
    scanner.skip_spaces();
    parameter.keyword = scanner.take_while([](char c) { return is_alnum(c) || c == '-'; });
    if (parameter.keyword.empty() || parameter.keyword.front() == '-') {
        return std::nullopt;
    }
    if (scanner.take('=')) {
        parameter.value = scanner.take_while(
            [](char c) { return is_8bit(c) || (c > 0x20 && c < 0x7f && c != '='); });
        if (parameter.value.empty()) {
            return std::nullopt;
        }
    }
    if (!scanner.at_end() && !scanner.rest().starts_with(' ')) {
        return std::nullopt;
    }
    return parameter;
}

std::optional<Reply> apply_mail_parameter(const Parameter& parameter, MailFrom& mail) {
    const auto& [keyword, value] = parameter;
    if (ascii_iequals(keyword, "SIZE")) {
        // size-value      = 1*20DIGIT (RFC 1870 §5)
        std::uint64_t size = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
        if (value.empty() || value.size() > 20 || !std::ranges::all_of(value, is_digit)) {
            return kBadArguments;
        }
        mail.size_bytes = error == std::errc() ? size : UINT64_MAX;
        return std::nullopt;
    }
    if (ascii_iequals(keyword, "BODY")) {
        if (ascii_iequals(value, "8BITMIME")) {
            mail.body = BodyType::eight_bit_mime;
        } else if (ascii_iequals(value, "7BIT")) {
            mail.body = BodyType::seven_bit;
        } else {
            return kBadArguments;
        }
        return std::nullopt;
    }
    if (ascii_iequals(keyword, "SMTPUTF8")) {
        if (!value.empty()) {
            return kBadArguments;
        }
        mail.is_utf8 = true;
        return std::nullopt;
    }
    return kUnknownParameter;
}

// "MAIL FROM:" Reverse-path [SP Mail-parameters]
// deviation: spaces after the colon are let through, as several senders write them.
tl::expected<Command, Reply> parse_mail(Scanner scanner) {
    if (!scanner.take_word("FROM:")) {
        return tl::unexpected(kBadArguments);
    }
    scanner.skip_spaces();
    auto path = take_path(scanner);
    if (!path || (!path->is_null() && path->domain.empty() && path->local_part.empty())) {
        return tl::unexpected(kBadSender);
    }
    if (!scanner.at_end() && !scanner.rest().starts_with(' ')) {
        return tl::unexpected(kBadSender);
    }
    MailFrom mail;
    mail.path = std::move(*path);
    scanner.skip_spaces();
    while (!scanner.at_end()) {
        const auto parameter = take_parameter(scanner);
        if (!parameter) {
            return tl::unexpected(kBadArguments);
        }
        if (const auto reply = apply_mail_parameter(*parameter, mail)) {
            return tl::unexpected(*reply);
        }
        scanner.skip_spaces();
    }
    if (!mail.is_utf8 && (has_8bit(mail.path.local_part) || has_8bit(mail.path.domain))) {
        return tl::unexpected(kNeedsUtf8);
    }
    return mail;
}

// "RCPT TO:" Forward-path [SP Rcpt-parameters]; no parameter is announced.
tl::expected<Command, Reply> parse_rcpt(Scanner scanner, bool is_utf8_transaction) {
    if (!scanner.take_word("TO:")) {
        return tl::unexpected(kBadArguments);
    }
    scanner.skip_spaces();
    auto path = take_path(scanner);
    if (!path || path->is_null()) {
        return tl::unexpected(kBadRecipient);
    }
    if (!scanner.at_end()) {
        if (!scanner.rest().starts_with(' ')) {
            return tl::unexpected(kBadRecipient);
        }
        scanner.skip_spaces();
        if (!scanner.at_end()) {
            return tl::unexpected(take_parameter(scanner) ? kUnknownParameter : kBadArguments);
        }
    }
    if (!is_utf8_transaction && (has_8bit(path->local_part) || has_8bit(path->domain))) {
        return tl::unexpected(kNeedsUtf8);
    }
    return RcptTo{std::move(*path)};
}

// "LHLO" SP ( Domain / address-literal )
tl::expected<Command, Reply> parse_lhlo(std::string_view argument) {
    Scanner scanner(argument);
    Lhlo lhlo;
    if (!take_domain(scanner, lhlo.domain) || !scanner.at_end() || !is_valid_utf8(lhlo.domain)) {
        return tl::unexpected(kBadArguments);
    }
    return lhlo;
}

template <class Plain>
tl::expected<Command, Reply> parse_plain(std::string_view argument) {
    if (!argument.empty()) {
        return tl::unexpected(kNoArguments);
    }
    return Plain{};
}

std::string_view trim_right(std::string_view text) {
    while (text.ends_with(' ') || text.ends_with('\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// RFC 5321 §4.2 "textstring", US-ASCII; what may not stand there becomes '?'.
void write_text(OutputBuffer& out, std::string_view text) {
    for (const char c : text) {
        out.append_char(c < 0x20 || c == 0x7f || is_8bit(c) ? '?' : c);
    }
}

}  // namespace

std::string Path::to_string() const {
    std::string out;
    if (is_null()) {
        return out;
    }
    if (is_dot_string(local_part)) {
        out = local_part;
    } else {
        out += '"';
        for (const char c : local_part) {
            if (c == '"' || c == '\\') {
                out += '\\';
            }
            out += c;
        }
        out += '"';
    }
    if (!domain.empty()) {
        out += '@';
        out += domain;
    }
    return out;
}

Subaddress split_subaddress(std::string_view local_part, char separator) {
    const auto at = local_part.find(separator);
    if (at == std::string_view::npos || at == 0) {
        return {local_part, std::nullopt};
    }
    return {local_part.substr(0, at), local_part.substr(at + 1)};
}

tl::expected<Command, Reply> parse_command(std::string_view line, bool is_utf8_transaction) {
    if (line.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
        return tl::unexpected(kBareLineEnd);
    }
    line = trim_right(line);
    const auto verb_end = std::min(line.find(' '), line.size());
    const auto verb = line.substr(0, verb_end);
    Scanner rest(line.substr(verb_end));
    rest.skip_spaces();
    const auto is = [&](std::string_view name) { return ascii_iequals(verb, name); };
    if (is("MAIL")) return parse_mail(rest);
    if (is("RCPT")) return parse_rcpt(rest, is_utf8_transaction);
    if (is("LHLO")) return parse_lhlo(rest.rest());
    if (is("DATA")) return parse_plain<Data>(rest.rest());
    if (is("RSET")) return parse_plain<Rset>(rest.rest());
    if (is("QUIT")) return parse_plain<Quit>(rest.rest());
    // RFC 5321 §4.1.1.9: the argument of NOOP is ignored.
    if (is("NOOP")) return Noop{};
    if (is("HELP")) return Help{};
    if (is("VRFY")) {
        if (rest.at_end()) return tl::unexpected(kBadArguments);
        return Vrfy{std::string(rest.rest())};
    }
    // RFC 2033 §4.1: a server must not answer HELO and EHLO with success.
    if (is("HELO") || is("EHLO")) return tl::unexpected(kUseLhlo);
    return tl::unexpected(kUnknownCommand);
}

LineReader::Event LineReader::next(std::string_view& input) {
    if (is_held_stale_) {
        held_.clear();
        is_held_stale_ = false;
    }
    while (true) {
        const auto newline = input.find('\n');
        const auto piece =
            input.substr(0, newline == std::string_view::npos ? newline : newline + 1);
        const bool before_cr = held_.empty() ? ends_with_cr_ : held_.ends_with('\r');
        const bool is_end = newline != std::string_view::npos &&
                            (piece.size() > 1 ? piece[piece.size() - 2] == '\r' : before_cr);
        if (!is_too_long_ && held_.size() + piece.size() > kCommandLineBytesMax) {
            is_too_long_ = true;
            held_ = std::string();
        }
        if (is_end && !is_too_long_ && held_.empty()) {
            input.remove_prefix(piece.size());
            ends_with_cr_ = false;
            return Line{piece.substr(0, piece.size() - 2)};
        }
        if (is_too_long_) {
            ends_with_cr_ = piece.empty() ? ends_with_cr_ : piece.ends_with('\r');
        } else {
            held_ += piece;
        }
        input.remove_prefix(piece.size());
        if (is_end) {
            ends_with_cr_ = false;
            if (std::exchange(is_too_long_, false)) {
                return BadLine{kLineTooLong};
            }
            is_held_stale_ = true;
            return Line{std::string_view(held_).substr(0, held_.size() - 2)};
        }
        if (input.empty()) {
            return NeedMore{};
        }
    }
}

void LineReader::reset() {
    *this = LineReader();
}

// The longest part of the input that comes out as it is. Stops behind a line end that is followed
// by a dot.
std::string_view DataReader::take_run(std::string_view& input) {
    std::size_t at = 0;
    while (at < input.size()) {
        if (state_ == State::line_start && input[at] == '.') {
            break;
        }
        if (state_ == State::line_cr && input[at] == '\n') {
            state_ = State::line_start;
            ++at;
            continue;
        }
        const auto cr = input.find('\r', at);
        if (cr == std::string_view::npos) {
            state_ = State::line;
            at = input.size();
        } else {
            state_ = State::line_cr;
            at = cr + 1;
        }
    }
    const auto run = input.substr(0, at);
    input.remove_prefix(at);
    return run;
}

DataReader::Event DataReader::give(std::string_view bytes) {
    has_nul_ = has_nul_ || bytes.find('\0') != std::string_view::npos;
    bytes_ += bytes.size();
    return Bytes{bytes};
}

DataReader::Event DataReader::next(std::string_view& input) {
    while (!input.empty()) {
        std::string_view run;
        if (state_ == State::dot || state_ == State::dot_cr) {
            const char c = input.front();
            if (state_ == State::dot && c == '\r') {
                state_ = State::dot_cr;
                input.remove_prefix(1);
                continue;
            }
            if (state_ == State::dot_cr && c == '\n') {
                state_ = State::ended;
                input.remove_prefix(1);
                return End{bytes_, bytes_ > bytes_max_, has_nul_};
            }
            // The dot was only put in front of a line: it is dropped, and what was held comes out.
            run = state_ == State::dot_cr ? "\r" : "";
            state_ = state_ == State::dot_cr ? State::line_cr : State::line;
        }
        if (run.empty() && state_ == State::line_start && input.front() == '.') {
            state_ = State::dot;
            input.remove_prefix(1);
            continue;
        }
        if (state_ == State::ended) {
            return End{bytes_, bytes_ > bytes_max_, has_nul_};
        }
        if (run.empty()) {
            run = take_run(input);
        }
        const auto event = give(run);
        if (bytes_ <= bytes_max_) {
            return event;
        }
    }
    return NeedMore{};
}

void write_reply(OutputBuffer& out, const Reply& reply) {
    std::string_view rest = reply.text;
    while (true) {
        const auto end = rest.find('\n');
        const bool is_last = end == std::string_view::npos;
        auto line = rest.substr(0, end);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        out.append_number(reply.code);
        out.append_char(is_last ? ' ' : '-');
        if (!reply.enhanced.empty()) {
            out.append(reply.enhanced);
            out.append_char(' ');
        }
        write_text(out, line);
        out.append("\r\n");
        if (is_last) {
            return;
        }
        rest.remove_prefix(end + 1);
    }
}

void write_lhlo_reply(OutputBuffer& out, std::string_view host,
                      std::span<const std::string_view> extensions) {
    std::string text(host);
    for (const auto extension : extensions) {
        text += '\n';
        text += extension;
    }
    write_reply(out, {250, "", text});
}

}  // namespace tidemark::protocol::lmtp
