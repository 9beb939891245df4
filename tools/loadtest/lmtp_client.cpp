#include "tools/loadtest/lmtp_client.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace tidemark::loadtest {

namespace {

ErrorKind kind_of(unsigned code) {
    if (code == 0) return ErrorKind::closed;
    if (code < 400) return ErrorKind::none;
    return code < 500 ? ErrorKind::temporary : ErrorKind::permanent;
}

}  // namespace

std::string dot_stuffed(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    bool at_start = true;
    for (const char c : text) {
        if (at_start && c == '.') result += '.';
        result += c;
        at_start = c == '\n';
    }
    return result;
}

LmtpClient::LmtpClient(ThreadState& thread)
    : thread_(thread), deadline_(actors::Timer::calling<&LmtpClient::on_deadline>(this)) {}

LmtpClient::~LmtpClient() {
    close();
}

void LmtpClient::on_deadline() {
    if (!stream_) return;
    timed_out_ = true;
    stream_->cancel(make_error_code(actors::StreamErrc::timed_out));
}

void LmtpClient::close() {
    deadline_.disarm();
    if (!stream_) return;
    stream_->close();
    stream_.reset();
    --thread_.recorder->connections;
}

ErrorKind LmtpClient::lose(ErrorKind why) {
    close();
    return timed_out_ ? ErrorKind::timeout : why;
}

actors::Awaitable<unsigned> LmtpClient::reply() {
    for (;;) {
        // RFC 5321 §4.2.1: "250-" goes on, "250 " ends.
        std::size_t at = 0;
        for (auto end = input_.find("\r\n", at); end != std::string::npos;
             at = end + 2, end = input_.find("\r\n", at)) {
            const auto line = std::string_view(input_).substr(at, end - at);
            if (line.ends_with("PIPELINING")) has_pipelining_ = true;
            unsigned code = 0;
            const std::string digits(line.substr(0, 3));
            const char* stop = digits.data() + digits.size();
            const bool is_reply =
                digits.size() == 3 && std::from_chars(digits.data(), stop, code).ptr == stop;
            if (is_reply && line.size() > 3 && line[3] == '-') continue;
            if (!is_reply) thread_.recorder->wrong(fmt::format("LMTP, no reply: {}", line));
            ++thread_.recorder->answers;
            input_.erase(0, end + 2);
            co_return is_reply ? code : 0;
        }
        if (!stream_) co_return 0;
        const auto result = stream_->read_some(thread_.read_buffer);
        if (result.status == actors::IoStatus::ok) {
            input_.append(thread_.read_buffer.data(), result.bytes);
            continue;
        }
        if (result.status != actors::IoStatus::would_block || co_await stream_->wait_readable()) {
            close();
            co_return 0;
        }
    }
}

actors::Awaitable<ErrorKind> LmtpClient::write(std::string text) {
    const std::error_code error = co_await stream_->write(text);
    if (error) co_return lose(ErrorKind::closed);
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> LmtpClient::open() {
    close();
    input_.clear();
    has_pipelining_ = timed_out_ = false;
    auto connected = co_await thread_.connector->connect_lmtp(thread_.core);
    if (!connected.stream) co_return connected.error;
    stream_ = std::move(connected.stream);
    ++thread_.recorder->connections;
    thread_.core->arm(deadline_, thread_.patience);
    ErrorKind error = kind_of(co_await reply());
    if (error == ErrorKind::none) error = co_await write("LHLO loadtest.example.org\r\n");
    if (error == ErrorKind::none) error = kind_of(co_await reply());
    deadline_.disarm();
    if (error != ErrorKind::none) co_return lose(error);
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> LmtpClient::deliver(const std::vector<std::string>* recipients,
                                                 std::string_view marker, std::string_view rest,
                                                 const std::vector<PushSlot*>* pushes) {
    outcomes_.assign(recipients->size(), ErrorKind::closed);
    if (!stream_) co_return ErrorKind::closed;
    thread_.core->arm(deadline_, thread_.patience);
    std::vector<std::string> commands{"MAIL FROM:<load@example.org>\r\n"};
    for (const std::string& recipient : *recipients)
        commands.push_back(fmt::format("RCPT TO:<{}>\r\n", recipient));
    commands.emplace_back("DATA\r\n");
    if (has_pipelining_) {
        std::string all;
        for (const std::string& command : commands) all += command;
        const ErrorKind error = co_await write(std::move(all));
        if (error != ErrorKind::none) co_return error;
    }
    ErrorKind failure = ErrorKind::none;
    unsigned last = 0;
    std::vector<std::size_t> accepted;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        if (!has_pipelining_) {
            const ErrorKind error = co_await write(commands[i]);
            if (error != ErrorKind::none) co_return error;
        }
        last = co_await reply();
        const ErrorKind error = kind_of(last);
        if (error == ErrorKind::closed) co_return lose(error);
        if (failure == ErrorKind::none) failure = error;
        if (i == 0 || i + 1 == commands.size()) continue;
        outcomes_[i - 1] = error;
        if (error == ErrorKind::none) accepted.push_back(i - 1);
    }
    if (last != 354) {
        deadline_.disarm();
        co_return failure == ErrorKind::none ? lose(ErrorKind::closed) : failure;
    }
    if (pushes != nullptr) {
        for (PushSlot* slot : *pushes) slot->note_sent(now_us());
    }
    const std::array<std::string_view, 3> chunks{marker, rest, ".\r\n"};
    const std::error_code error = co_await stream_->write(chunks);
    if (error) co_return lose(ErrorKind::closed);
    // RFC 2033 §4.2: one reply for each recipient that was accepted.
    for (const std::size_t index : accepted) {
        outcomes_[index] = kind_of(co_await reply());
        if (outcomes_[index] == ErrorKind::closed) co_return lose(ErrorKind::closed);
        if (failure == ErrorKind::none) failure = outcomes_[index];
    }
    deadline_.disarm();
    co_return failure;
}

}  // namespace tidemark::loadtest
