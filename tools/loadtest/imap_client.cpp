#include "tools/loadtest/imap_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

namespace tidemark::loadtest {

namespace {

// What is told of a wrong line.
constexpr std::size_t kShownBytes = 200;

std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    if (text.size() > word.size() && text[word.size()] != ' ') return false;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    return true;
}

// "[UIDNEXT 17]" at the start of `text`.
std::optional<std::uint64_t> code_number(std::string_view text, std::string_view name) {
    if (!text.starts_with('[') || !text.substr(1).starts_with(name)) return std::nullopt;
    text.remove_prefix(1 + name.size());
    if (!text.starts_with(' ')) return std::nullopt;
    text.remove_prefix(1);
    return take_number(text);
}

}  // namespace

ImapClient::ImapClient(ThreadState& thread)
    : thread_(thread), deadline_(actors::Timer::calling<&ImapClient::on_deadline>(this)) {}

ImapClient::~ImapClient() {
    close();
}

void ImapClient::on_deadline() {
    if (!stream_) return;
    if (is_listening_) {
        interrupt();
    } else {
        timed_out_ = true;
        stream_->cancel(make_error_code(actors::StreamErrc::timed_out));
    }
}

void ImapClient::interrupt() {
    if (!is_listening_ || !stream_) return;
    is_interrupted_ = true;
    stream_->interrupt();
}

void ImapClient::close() {
    deadline_.disarm();
    if (!stream_) return;
    stream_->close();
    stream_.reset();
    --thread_.recorder->connections;
}

ErrorKind ImapClient::lose(ErrorKind why) {
    close();
    if (timed_out_) return ErrorKind::timeout;
    return said_bye_ && why == ErrorKind::closed ? ErrorKind::bye : why;
}

void ImapClient::wrong(std::string_view what, std::string_view text) {
    thread_.recorder->wrong(fmt::format("{}: {}", what, text.substr(0, kShownBytes)));
}

actors::Awaitable<ErrorKind> ImapClient::open() {
    close();
    scanner_.reset();
    is_greeted_ = said_bye_ = timed_out_ = is_interrupted_ = false;
    exists = 0;
    auto connected = co_await thread_.connector->connect_imap(thread_.core);
    if (!connected.stream) co_return connected.error;
    stream_ = std::move(connected.stream);
    ++thread_.recorder->connections;
    tally_ = {};
    thread_.core->arm(deadline_, thread_.patience);
    while (!is_greeted_) {
        const ErrorKind error = co_await read_until(0, 0);
        if (error != ErrorKind::none) co_return error;
    }
    deadline_.disarm();
    if (said_bye_) co_return lose(ErrorKind::bye);
    if (thread_.connector->transport() == Transport::starttls) co_return co_await start_tls();
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> ImapClient::start_tls() {
    const std::uint64_t tag = begin();
    thread_.out = fmt::format("T{} STARTTLS\r\n", tag);
    ErrorKind error = co_await send();
    if (error == ErrorKind::none) error = co_await finish();
    if (error != ErrorKind::none) co_return error;
    // RFC 9051 §6.2.1: what the server said so far is forgotten.
    scanner_.reset();
    auto secured = co_await thread_.connector->start_tls(std::move(stream_));
    stream_ = std::move(secured.stream);
    if (!stream_) --thread_.recorder->connections;
    co_return secured.error;
}

std::uint64_t ImapClient::begin(unsigned tags) {
    tally_ = {};
    tally_.exists_before = exists;
    counts_answers_ = false;
    awaited_tag_ = next_tag_;
    next_tag_ += tags;
    return awaited_tag_;
}

void ImapClient::counts_answers(std::string_view item) {
    counts_answers_ = true;
    answer_item_ = item;
    seen_.assign(exists + 1, false);
}

actors::Awaitable<ErrorKind> ImapClient::write_rest(std::string rest) {
    const std::error_code error = co_await stream_->write(rest);
    if (error) co_return lose(ErrorKind::closed);
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> ImapClient::send() {
    if (!stream_) co_return ErrorKind::closed;
    thread_.core->arm(deadline_, thread_.patience);
    const std::array<std::string_view, 1> chunks{thread_.out};
    const auto result = stream_->try_write(chunks);
    if (result.status == actors::IoStatus::ok && result.bytes == thread_.out.size() &&
        !stream_->is_tls())
        co_return ErrorKind::none;
    if (result.status == actors::IoStatus::error) co_return lose(ErrorKind::closed);
    co_return co_await write_rest(thread_.out.substr(result.bytes));
}

actors::Awaitable<ErrorKind> ImapClient::send(std::string_view first, std::string_view second) {
    if (!stream_) co_return ErrorKind::closed;
    thread_.core->arm(deadline_, thread_.patience);
    const std::array<std::string_view, 2> chunks{first, second};
    const std::error_code error = co_await stream_->write(chunks);
    if (error) co_return lose(ErrorKind::closed);
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> ImapClient::finish() {
    const auto wanted = static_cast<unsigned>(next_tag_ - awaited_tag_) + tally_.tagged;
    const ErrorKind error = co_await read_until(wanted, ~0U);
    deadline_.disarm();
    co_return error != ErrorKind::none ? error : tally_.error;
}

actors::Awaitable<ErrorKind> ImapClient::await_continuation() {
    const unsigned wanted = tally_.continuations + 1;
    const ErrorKind error = co_await read_until(tally_.tagged + 1, wanted);
    deadline_.disarm();
    if (error != ErrorKind::none) co_return error;
    if (tally_.continuations >= wanted) co_return ErrorKind::none;
    co_return tally_.error == ErrorKind::none ? ErrorKind::bad : tally_.error;
}

actors::Awaitable<ErrorKind> ImapClient::listen(std::chrono::microseconds duration) {
    is_listening_ = true;
    is_interrupted_ = false;
    thread_.core->arm(deadline_, duration);
    const ErrorKind error = co_await read_until(~0U, ~0U);
    is_listening_ = false;
    deadline_.disarm();
    co_return error;
}

// Reads until there are so many tagged lines or so many continuations, or the greeting.
actors::Awaitable<ErrorKind> ImapClient::read_until(unsigned tagged, unsigned continuations) {
    const bool was_greeted = is_greeted_;
    while (was_greeted ? tally_.tagged < tagged && tally_.continuations < continuations
                       : !is_greeted_) {
        if (!stream_) co_return ErrorKind::closed;
        const auto result = stream_->read_some(thread_.read_buffer);
        if (result.status == actors::IoStatus::ok) {
            take({thread_.read_buffer.data(), result.bytes});
            continue;
        }
        if (result.status != actors::IoStatus::would_block) co_return lose(ErrorKind::closed);
        if (is_listening_ && is_interrupted_) co_return ErrorKind::none;
        const std::error_code error = co_await stream_->wait_readable();
        if (!error) continue;
        if (error == actors::StreamErrc::interrupted) {
            if (is_listening_) co_return ErrorKind::none;
            continue;
        }
        co_return lose(ErrorKind::closed);
    }
    co_return ErrorKind::none;
}

void ImapClient::take(std::string_view bytes) {
    scanner_.give(bytes);
    for (Piece piece = scanner_.take(); piece.kind != Piece::Kind::none; piece = scanner_.take()) {
        if (piece.kind == Piece::Kind::data) {
            take_data(piece);
        } else if (piece.kind == Piece::Kind::text) {
            take_text(piece);
        } else {
            wrong("a line beyond all limits", "");
            return;
        }
    }
}

void ImapClient::take_text(const Piece& piece) {
    if (!piece.is_last && (checks_bodies || markers != nullptr)) {
        if (!body_) body_ = std::make_unique<BodyCheck>();
        body_->begin(piece.literal_bytes);
    }
    const std::string_view text = piece.text;
    if (piece.is_first) {
        fetched_ = 0;
        take_line(text);
    }
    // The item may come after a literal of another one.
    if (fetched_ != 0 && text.find(answer_item_) != std::string_view::npos) note_answer();
}

void ImapClient::take_line(std::string_view text) {
    ++thread_.recorder->answers;
    if (!is_greeted_) {
        is_greeted_ = true;
        greeting_ = text;
        if (text.starts_with("* BYE")) {
            said_bye_ = true;
        } else if (!text.starts_with("* OK") && !text.starts_with("* PREAUTH")) {
            wrong("no greeting", text);
        }
    } else if (text.starts_with("* ")) {
        take_untagged(text.substr(2));
    } else if (text == "+" || text.starts_with("+ ")) {
        ++tally_.continuations;
    } else {
        take_tagged(text);
    }
}

void ImapClient::take_data(const Piece& piece) {
    if (!body_ || (!checks_bodies && markers == nullptr)) return;
    if (markers != nullptr) {
        if (piece.is_first) last_text_.clear();
        last_text_ += piece.text;
        if (!piece.is_last) return;
        if (const auto marker = parse_marker(last_text_)) markers->push_back(*marker);
        return;
    }
    body_->add(piece.text);
    if (!piece.is_last) return;
    const auto outcome = body_->end();
    if (outcome == BodyCheck::Outcome::unmarked) return;
    ++thread_.recorder->bodies;
    ++tally_.bodies;
    if (outcome == BodyCheck::Outcome::wrong)
        wrong("the body of a message is not what was stored", piece.text.substr(0, 80));
}

void ImapClient::take_untagged(std::string_view text) {
    if (on_untagged) on_untagged(text);
    std::string_view rest = text;
    if (const auto number = take_number(rest)) {
        if (!rest.starts_with(' ')) return wrong("no response", text);
        rest.remove_prefix(1);
        return take_numbered(*number, rest);
    }
    if (take_word(rest, "SEARCH") || take_word(rest, "ESEARCH")) {
        ++tally_.searches;
    } else if (take_word(rest, "VANISHED")) {
        take_vanished(rest);
    } else if (take_word(rest, "OK") || take_word(rest, "NO") || take_word(rest, "BAD")) {
        take_code(rest);
    } else if (take_word(rest, "BYE")) {
        said_bye_ = true;
    } else if (text.empty() || text[0] < 'A' || text[0] > 'z') {
        wrong("no response", text);
    }
}

void ImapClient::take_numbered(std::uint64_t number, std::string_view rest) {
    if (take_word(rest, "FETCH")) {
        ++tally_.fetches;
        if (counts_answers_) fetched_ = number;
        // RFC 9051 §2.3.1.2: sequence numbers are 1 to the number of messages.
        if (number == 0 || number > exists)
            wrong(fmt::format("FETCH of message {} where there are {}", number, exists), rest);
    } else if (take_word(rest, "EXISTS")) {
        ++tally_.exists_lines;
        set_exists(number);
    } else if (take_word(rest, "EXPUNGE")) {
        if (number == 0 || number > exists)
            wrong(fmt::format("EXPUNGE of message {} where there are {}", number, exists), rest);
        if (exists > 0) --exists;
    } else if (!take_word(rest, "RECENT")) {
        wrong("no response", rest);
    }
}

void ImapClient::note_answer() {
    const std::uint64_t number = std::exchange(fetched_, 0);
    ++tally_.answers;
    if (number > exists) return;
    if (number >= seen_.size()) seen_.resize(exists + 1, false);
    if (seen_[number]) return;
    seen_[number] = true;
    ++tally_.messages;
}

void ImapClient::set_exists(std::uint64_t count) {
    if (pushes != nullptr && count > exists) {
        const std::int64_t now = now_us();
        for (std::uint64_t i = exists; i < count; ++i) {
            if (pushes_seen >= pushes->sent()) {
                wrong("a message was announced that was not sent", "");
                continue;
            }
            const auto told = pushes->note_seen(pushes_seen++);
            thread_.recorder->took(thread_.push_command, now - told.sent_us);
            if (told.is_last) thread_.recorder->took(thread_.push_last_command, now - told.sent_us);
        }
    }
    exists = count;
}

// RFC 7162 §3.2.10: without EARLIER these are messages of the mailbox as the client knows it.
void ImapClient::take_vanished(std::string_view rest) {
    if (rest.starts_with("(EARLIER)")) return;
    while (!rest.empty()) {
        const auto first = take_number(rest);
        if (!first) return wrong("no VANISHED", rest);
        std::uint64_t last = *first;
        if (rest.starts_with(':')) {
            rest.remove_prefix(1);
            last = take_number(rest).value_or(last);
        }
        const std::uint64_t count = (last > *first ? last - *first : *first - last) + 1;
        if (count > exists) wrong("more messages vanished than there were", rest);
        exists -= std::min(count, exists);
        if (rest.starts_with(',')) rest.remove_prefix(1);
    }
}

void ImapClient::take_code(std::string_view text) {
    if (!text.starts_with('[')) return;
    if (const auto number = code_number(text, "UIDVALIDITY")) uidvalidity = *number;
    if (const auto number = code_number(text, "UIDNEXT")) uidnext = *number;
    if (const auto number = code_number(text, "HIGHESTMODSEQ")) modseq = *number;
}

void ImapClient::take_tagged(std::string_view text) {
    std::string_view rest = text;
    std::optional<std::uint64_t> tag;
    if (rest.starts_with('T')) {
        rest.remove_prefix(1);
        tag = take_number(rest);
    }
    if (!tag || !rest.starts_with(' ')) return wrong("neither tag nor response", text);
    if (*tag != awaited_tag_ || awaited_tag_ >= next_tag_)
        return wrong(fmt::format("the tag T{} was awaited", awaited_tag_), text);
    ++awaited_tag_;
    ++tally_.tagged;
    rest.remove_prefix(1);
    ErrorKind error = ErrorKind::none;
    if (take_word(rest, "NO")) {
        error = ErrorKind::no;
    } else if (take_word(rest, "BAD")) {
        error = ErrorKind::bad;
    } else if (take_word(rest, "OK")) {
        if (rest.starts_with("[HIGHESTMODSEQ")) take_code(rest);
        if (!rest.starts_with("[CAPABILITY")) return;
    } else {
        wrong("neither OK nor NO nor BAD", text);
    }
    last_text_ = text;
    if (tally_.error == ErrorKind::none) tally_.error = error;
}

}  // namespace tidemark::loadtest
