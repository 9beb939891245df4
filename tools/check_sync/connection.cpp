#include "tools/check_sync/connection.hpp"

#include "protocol/parse_command.hpp"
#include "protocol/write_string.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tidemark::check_sync {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// A response to what this program asks is far below this.
constexpr std::size_t kInputBytesMax = 64u << 20;
// RFC 7888 §5: what LITERAL- allows without waiting.
constexpr std::size_t kShortLiteralBytes = 4096;

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

// The size of the literal that a line ends with; nothing if it ends with none.
std::optional<std::size_t> announced(std::string_view line) {
    if (!line.ends_with('}')) return std::nullopt;
    const auto open = line.rfind('{');
    if (open == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    const char* end = line.data() + line.size() - 1;
    const auto [stop, error] = std::from_chars(line.data() + open + 1, end, size);
    return error == std::errc() && stop == end ? std::optional(size) : std::nullopt;
}

std::string quoted_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

}  // namespace

Connection::Connection(actors::Core& core, History& history, SessionId session)
    : core_(core),
      history_(history),
      session_(session),
      deadline_(actors::Timer::calling<&Connection::on_deadline>(this)) {}

Connection::~Connection() = default;

void Connection::on_deadline() {
    if (!stream_) return;
    if (is_idling_) {
        stream_->interrupt();
    } else {
        timed_out_ = true;
        stream_->cancel(make_error_code(actors::StreamErrc::timed_out));
    }
}

std::string Connection::next_tag() {
    return "c" + std::to_string(++tags_);
}

bool Connection::can(std::string_view capability) const {
    return capabilities_.contains(std::string(capability));
}

void Connection::close() {
    if (!stream_) return;
    stream_->close();
    stream_.reset();
    deadline_.disarm();
    input_.clear();
    scanned_ = 0;
    if (is_recorded_) history_.add(session_, EventKind::closed);
    is_recorded_ = false;
    view_.closed();
}

void Connection::lose(std::string why) {
    failure_ = std::move(why);
    close();
}

void Connection::record_client(std::string_view text) {
    if (!is_recorded_) return;
    const EventId event = history_.add(session_, EventKind::client, text);
    if (auto parsed = protocol::parse_command(text); parsed && view_.current() == nullptr)
        view_.command(std::move(*parsed), event);
}

void Connection::record_server() {
    if (!is_recorded_) return;
    const EventId event = history_.add(session_, EventKind::server, text_);
    view_.response(response_, event);
    view_.faults.clear();  // the checkers find them again
}

bool Connection::take_response() {
    std::size_t start = 0;  // of the current line
    for (;;) {
        const auto end = input_.find("\r\n", std::max(start, scanned_));
        if (end == std::string::npos) {
            if (start == 0 && !input_.empty()) scanned_ = input_.size() - 1;
            return false;
        }
        const auto line = std::string_view(input_).substr(start, end - start);
        const auto literal = announced(line);
        if (!literal) {
            text_.assign(input_, 0, end);
            input_.erase(0, end + 2);
            scanned_ = 0;
            return true;
        }
        start = end + 2 + *literal;
        if (start > input_.size()) return false;
    }
}

actors::Awaitable<bool> Connection::read_response() {
    for (;;) {
        if (!stream_) co_return false;
        if (take_response()) {
            if (protocol::parse_response(text_, response_)) {
                record_server();
                co_return true;
            }
            // The checkers will say so.
            if (is_recorded_) history_.add(session_, EventKind::server, text_);
            continue;
        }
        std::array<char, kReadBytes> buffer;
        const auto result = stream_->read_some(buffer);
        if (result.status == actors::IoStatus::ok) {
            input_.append(buffer.data(), result.bytes);
            if (input_.size() > kInputBytesMax) lose("a response beyond all limits");
            continue;
        }
        if (result.status != actors::IoStatus::would_block) {
            lose("the server closed the connection");
            co_return false;
        }
        if (const auto error = co_await stream_->wait_readable()) {
            if (is_idling_ && error == actors::StreamErrc::interrupted) co_return false;
            lose(error.message());
            co_return false;
        }
    }
}

actors::Awaitable<bool> Connection::send(std::string text) {
    if (!stream_) co_return false;
    if (const auto error = co_await stream_->write(text)) {
        lose(error.message());
        co_return false;
    }
    co_return true;
}

actors::Awaitable<Answer> Connection::read_answer(std::string tag) {
    core_.arm(deadline_, kPatience);
    Answer answer;
    while (co_await read_response()) {
        if (response_.kind == protocol::ResponseKind::capability) {
            capabilities_.clear();
            for (const auto word : response_.words) capabilities_.insert(upper(word));
        }
        if (response_.kind != protocol::ResponseKind::tagged || response_.tag != tag) continue;
        answer.is_alive = true;
        answer.condition = response_.condition;
        answer.code = response_.code;
        answer.text = response_.text;
        break;
    }
    deadline_.disarm();
    co_return answer;
}

// True: the server wants what comes next. False: it has answered, or is gone.
actors::Awaitable<bool> Connection::read_continuation(std::string tag, Answer* answer) {
    core_.arm(deadline_, kPatience);
    while (co_await read_response()) {
        if (response_.kind == protocol::ResponseKind::continuation) {
            deadline_.disarm();
            co_return true;
        }
        if (response_.kind == protocol::ResponseKind::tagged && response_.tag == tag) {
            answer->is_alive = true;
            answer->condition = response_.condition;
            answer->code = response_.code;
            break;
        }
    }
    deadline_.disarm();
    co_return false;
}

actors::Awaitable<Answer> Connection::log_in(const Login* login) {
    const std::string tag = next_tag();
    Answer answer;
    const bool is_sent = co_await send(fmt::format(
        "{} LOGIN {} {}\r\n", tag, quoted_string(login->user), quoted_string(login->password)));
    if (is_sent) answer = co_await read_answer(tag);
    co_return answer;
}

actors::Awaitable<bool> Connection::open(Connector* connector, const Login* login) {
    close();
    failure_.clear();
    stream_ = co_await connector->connect(&core_);
    if (!stream_) {
        failure_ = "no connection";
        co_return false;
    }
    core_.arm(deadline_, kPatience);
    const bool is_greeted = co_await read_response();
    if (!is_greeted) co_return false;
    if (response_.condition != protocol::Condition::ok) {
        lose("greeting: " + text_);
        co_return false;
    }
    const Answer answer = co_await log_in(login);
    if (!answer.is_ok()) {
        if (answer.is_alive) lose("login: " + answer.text);
        co_return false;
    }
    // Asked only now: what is announced before is less.
    const std::string tag = next_tag();
    const bool is_sent = co_await send(tag + " CAPABILITY\r\n");
    if (!is_sent) co_return false;
    const Answer capabilities = co_await read_answer(tag);
    if (!capabilities.is_ok()) co_return false;
    is_recorded_ = true;
    view_.connected(history_.add(session_, EventKind::connected));
    co_return true;
}

actors::Awaitable<Answer> Connection::run(std::string command, std::string literal) {
    const std::string tag = next_tag();
    Answer answer;
    std::string text = tag + ' ' + command;
    if (!literal.empty()) {
        const bool at_once =
            can("LITERAL+") || (can("LITERAL-") && literal.size() <= kShortLiteralBytes);
        text += fmt::format("{{{}{}}}\r\n", literal.size(), at_once ? "+" : "");
        record_client(text + literal);
        if (!at_once) {
            const bool is_sent = co_await send(text);
            if (!is_sent) co_return answer;
            const bool goes_on = co_await read_continuation(tag, &answer);
            if (!goes_on) co_return answer;
            text.clear();
        }
        text += literal;
    } else {
        record_client(text);
    }
    const bool is_sent = co_await send(text + "\r\n");
    if (!is_sent) co_return answer;
    answer = co_await read_answer(tag);
    co_return answer;
}

actors::Awaitable<void> Connection::drop(std::string command) {
    const std::string text = next_tag() + ' ' + command;
    record_client(text);
    static_cast<void>(co_await send(text + "\r\n"));
    close();
}

actors::Awaitable<Answer> Connection::idle(std::chrono::milliseconds duration) {
    const std::string tag = next_tag();
    Answer answer;
    record_client(tag + " IDLE");
    const bool is_sent = co_await send(tag + " IDLE\r\n");
    if (!is_sent) co_return answer;
    const bool goes_on = co_await read_continuation(tag, &answer);
    if (!goes_on) co_return answer;
    is_idling_ = true;
    core_.arm(deadline_, duration);
    while (co_await read_response()) {
        ++pushed_lines_;
        if (!deadline_.armed()) break;
    }
    is_idling_ = false;
    deadline_.disarm();
    if (!stream_) co_return answer;
    record_client("DONE");
    const bool is_done = co_await send("DONE\r\n");
    if (!is_done) co_return answer;
    answer = co_await read_answer(tag);
    co_return answer;
}

}  // namespace tidemark::check_sync
