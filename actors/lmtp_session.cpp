#include "actors/lmtp_session.hpp"

#include "actors/limits.hpp"
#include "protocol/date.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace tidemark::actors {

namespace lmtp = protocol::lmtp;

namespace {

// RFC 5322 §3.3 "date-time", in UTC.
std::string format_mail_date(std::int64_t unix_seconds) {
    constexpr std::array<const char*, 7> kDays = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::int64_t days = unix_seconds / 86'400;
    const std::int64_t second = unix_seconds % 86'400;
    const protocol::CivilDate date = protocol::civil_from_days(days);
    return fmt::format(
        "{}, {} {} {} {:02}:{:02}:{:02} +0000", kDays[static_cast<std::size_t>(days % 7)], date.day,
        kMonths[date.month - 1U], date.year, second / 3600, second / 60 % 60, second % 60);
}

// RFC 5321 §4.4 "TCP-info" of "192.0.2.1:4242" or "[2001:db8::1]:4242"; empty for a Unix socket.
std::string tcp_info(std::string_view peer) {
    const auto colon = peer.rfind(':');
    if (peer.starts_with("unix") || colon == std::string_view::npos) return {};
    const std::string_view host = peer.substr(0, colon);
    if (host.starts_with('[')) return fmt::format(" ([IPv6:{}])", host.substr(1, host.size() - 2));
    return fmt::format(" ([{}])", host);
}

// RFC 5321 §4.2.3, RFC 3463: what the sending mail system makes of it. What may go away by itself
// or by somebody's work here is temporary, so that no mail is returned for it.
lmtp::Reply reply_to(const AccountError& error) {
    switch (error.kind) {
        case AccountErrorKind::kNonexistent:
            return {550, "5.1.1", "no such account here"};
        case AccountErrorKind::kOverQuota:
            return {452, "4.2.2", "no room for the message"};
        case AccountErrorKind::kNoSpace:
            return {452, "4.3.1", "no room on the server's disk"};
        case AccountErrorKind::kLimit:
            return {452, "4.2.2", "the mailbox can take no more"};
        case AccountErrorKind::kBusy:
            return {451, "4.3.2", "too many deliveries at once"};
        case AccountErrorKind::kCannot:
        case AccountErrorKind::kAlreadyExists:
        case AccountErrorKind::kUnavailable:
        case AccountErrorKind::kExpungeIssued:
        case AccountErrorKind::kServerBug:
            break;
    }
    return {451, "4.3.0", "the message can not be stored now"};
}

}  // namespace

LmtpSession::LmtpSession(ServerContext& server, std::unique_ptr<Stream> stream, std::uint64_t id)
    : ServiceSession(std::move(stream), server.on(*Core::current()).chunks, id, kLmtpTimeout),
      server_(server) {
    ++server_.counters.lmtp_connections;
}

LmtpSession::~LmtpSession() {
    --server_.counters.lmtp_connections;
}

std::string LmtpSession::describe_state() const {
    if (!mail_) return "waiting";
    return fmt::format("{} recipients", recipients_.size());
}

void LmtpSession::say(const lmtp::Reply& reply) {
    lmtp::write_reply(out(), reply);
}
void LmtpSession::say(std::uint16_t code, std::string_view enhanced, std::string_view text) {
    say(lmtp::Reply{code, enhanced, text});
}

Awaitable<void> LmtpSession::run() {
    const std::string greeting = server_.options.hostname + " Tidemark LMTP ready";
    say(220, "", greeting);
    while (!is_stopped()) {
        if (!(co_await run_lines())) break;
        if (!(co_await flush())) break;
        if (!(co_await read_more())) break;
    }
    // RFC 5321 §3.8: the client learns that its transaction is not taken.
    if (is_stopped()) say(421, "4.3.2", stop_reason());
    close();
}

Awaitable<bool> LmtpSession::run_lines() {
    while (!is_stopped() && !is_gone()) {
        const std::string_view before = input();
        std::string_view rest = before;
        auto event = lines_.next(rest);
        if (std::holds_alternative<lmtp::LineReader::NeedMore>(event)) {
            take(before.size() - rest.size());
            co_return true;
        }
        tl::expected<lmtp::Command, lmtp::Reply> command = [&event, this] {
            if (const auto* bad = std::get_if<lmtp::LineReader::BadLine>(&event))
                return tl::expected<lmtp::Command, lmtp::Reply>(tl::unexpect, bad->reply);
            return lmtp::parse_command(std::get<lmtp::LineReader::Line>(event).text,
                                       mail_ && mail_->is_utf8);
        }();
        take(before.size() - rest.size());
        if (!command) {
            say(command.error());
            if (++bad_commands_ >= kBadCommandsMax) {
                say(421, "4.7.0", "too many commands that are none");
                co_return false;
            }
        } else if (!(co_await handle(std::move(*command)))) {
            co_return false;
        }
        if (out().size() >= kFlushBytes && !(co_await flush())) co_return false;
    }
    co_return !is_gone();
}

Awaitable<bool> LmtpSession::handle(lmtp::Command command) {
    if (auto* lhlo = std::get_if<lmtp::Lhlo>(&command)) {
        greet_client(std::move(*lhlo));
    } else if (auto* mail = std::get_if<lmtp::MailFrom>(&command)) {
        begin(std::move(*mail));
    } else if (const auto* rcpt = std::get_if<lmtp::RcptTo>(&command)) {
        add_recipient(*rcpt);
    } else if (std::holds_alternative<lmtp::Data>(command)) {
        co_return co_await receive();
    } else if (std::holds_alternative<lmtp::Rset>(command)) {
        reset();
        say(250, "2.0.0", "forgotten");
    } else if (std::holds_alternative<lmtp::Noop>(command)) {
        say(250, "2.0.0", "here");
    } else if (std::holds_alternative<lmtp::Vrfy>(command)) {
        // RFC 5321 §7.3: who has an account is told to those who have mail for them only.
        say(252, "2.5.0", "send it and see");
    } else if (std::holds_alternative<lmtp::Help>(command)) {
        say(214, "2.0.0", "LMTP as in RFC 2033");
    } else if (std::holds_alternative<lmtp::Quit>(command)) {
        say(221, "2.0.0", "bye");
        co_return false;
    }
    co_return true;
}

void LmtpSession::reset() {
    mail_.reset();
    recipients_.clear();
}

void LmtpSession::greet_client(lmtp::Lhlo lhlo) {
    reset();
    client_name_ = std::move(lhlo.domain);
    const std::string size = fmt::format("SIZE {}", server_.options.append_bytes_max);
    const std::array<std::string_view, 5> extensions = {"PIPELINING", "8BITMIME", size, "SMTPUTF8",
                                                        "ENHANCEDSTATUSCODES"};
    lmtp::write_lhlo_reply(out(), server_.options.hostname, extensions);
}

void LmtpSession::begin(lmtp::MailFrom mail) {
    if (client_name_.empty()) return say(503, "5.5.1", "LHLO comes first");
    if (mail_) return say(503, "5.5.1", "there is a transaction already");
    if (mail.size_bytes && *mail.size_bytes > server_.options.append_bytes_max)
        return say(552, "5.3.4", "the message is larger than this server takes");
    mail_ = std::move(mail);
    say(250, "2.1.0", "sender taken");
}

void LmtpSession::add_recipient(const lmtp::RcptTo& rcpt) {
    if (!mail_) return say(503, "5.5.1", "MAIL comes first");
    // RFC 5321 §4.5.3.1.10: 452 tells the client to send what it has and come back with the rest.
    if (recipients_.size() >= kLmtpRecipientsMax)
        return say(452, "4.5.3", "too many recipients at once");
    auto target = find_recipient(server_.store.store(), rcpt.path);
    if (target) {
        recipients_.push_back({std::move(*target), rcpt.path.to_string()});
        return say(250, "2.1.5", "recipient taken");
    }
    switch (target.error()) {
        case AddressError::kUnknown:
            return say(550, "5.1.1", "no such account here");
        case AddressError::kDisabled:
            return say(550, "5.2.1", "the account is switched off");
        case AddressError::kUnavailable:
            return say(451, "4.3.0", "the account can not be looked up now");
    }
}

// RFC 5321 §4.4: Return-Path by the final delivery, and this hop's Received line.
std::string LmtpSession::trace_header() {
    const std::int64_t now = core().clock().wall_microseconds();
    std::string header =
        fmt::format("Return-Path: <{}>\r\nReceived: from {}{}\r\n\tby {}", mail_->path.to_string(),
                    client_name_, tcp_info(describe_peer()), server_.options.hostname);
    // RFC 6531 §4.3 and the registry of RFC 3848 name the protocol by what was used of it.
    header += fmt::format(" with {} id {:x}.{:x}", mail_->is_utf8 ? "UTF8LMTP" : "LMTP", id(), now);
    // RFC 5321 §7.2: with several recipients one would learn of the others.
    if (recipients_.size() == 1)
        header += fmt::format("\r\n\tfor <{}>", recipients_.front().address);
    header += fmt::format(";\r\n\t{}\r\n", format_mail_date(now / 1'000'000));
    return header;
}

Awaitable<bool> LmtpSession::receive() {
    // RFC 2033 §4.2: without a valid recipient DATA fails, it does not take a message for nobody.
    if (recipients_.empty()) {
        say(503, "5.5.1", "there is no recipient");
        co_return true;
    }
    IncomingMessage message(server_.store.store(), server_.workers, mail_->size_bytes.value_or(0));
    message.take(trace_header());
    say(354, "", "send it, end with <CRLF>.<CRLF>");
    if (!(co_await flush())) co_return false;
    std::optional<AccountError> failed;
    const auto end = co_await read_message(&message, &failed);
    if (!end) co_return false;
    if (end->is_too_large) {
        for (std::size_t i = 0; i < recipients_.size(); ++i)
            say(552, "5.3.4", "the message is larger than this server takes");
    } else if (end->has_nul) {
        for (std::size_t i = 0; i < recipients_.size(); ++i)
            say(554, "5.6.0", "a message must not contain NUL");
    } else if (failed) {
        for (std::size_t i = 0; i < recipients_.size(); ++i) say(reply_to(*failed));
    } else {
        co_await answer_recipients(&message);
    }
    reset();
    co_return true;
}

Awaitable<std::optional<lmtp::DataReader::End>> LmtpSession::read_message(
    IncomingMessage* message, std::optional<AccountError>* failed) {
    lmtp::DataReader reader(server_.options.append_bytes_max);
    for (;;) {
        const std::string_view before = input();
        std::string_view rest = before;
        auto event = reader.next(rest);
        if (const auto* data = std::get_if<lmtp::DataReader::Bytes>(&event)) {
            if (!*failed) message->take(data->bytes);
        }
        take(before.size() - rest.size());
        if (const auto* end = std::get_if<lmtp::DataReader::End>(&event)) co_return *end;
        if (std::holds_alternative<lmtp::DataReader::NeedMore>(event)) {
            if (!*failed) *failed = co_await message->flush();
            if (!(co_await read_more())) co_return std::nullopt;
        }
    }
}

// RFC 2033 §4.2: one answer for each recipient, in their order, when it is known what became of it.
Awaitable<void> LmtpSession::answer_recipients(IncomingMessage* message) {
    auto ready = co_await message->finish(
        FlagNames{}, storage::Date{core().clock().wall_microseconds() / 1'000'000, 0});
    if (!ready) {
        for (std::size_t i = 0; i < recipients_.size(); ++i) say(reply_to(ready.error()));
        co_return;
    }
    std::vector<DeliveryTarget> targets;
    targets.reserve(recipients_.size());
    for (const Recipient& recipient : recipients_) targets.push_back(recipient.target);
    const auto outcomes = co_await deliver(&server_, std::move(targets), std::move(*ready));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const std::string to = fmt::format("<{}> has it", recipients_[i].address);
        if (outcomes[i]) {
            ++server_.counters.deliveries;
            say(250, "2.0.0", mail_->is_utf8 ? std::string_view("delivered") : to);
        } else {
            spdlog::warn("lmtp {}: not delivered to account {}: {}", id(),
                         storage::raw(recipients_[i].target.account), outcomes[i].error().text);
            say(reply_to(outcomes[i].error()));
        }
    }
}

}  // namespace tidemark::actors
