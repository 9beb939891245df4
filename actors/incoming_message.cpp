#include "actors/incoming_message.hpp"

#include "actors/limits.hpp"
#include "protocol/message/summary.hpp"

#include <utility>

namespace tidemark::actors {

namespace {

using Summary = std::shared_ptr<const std::string>;

Summary summarise(std::string_view message) {
    return std::make_shared<const std::string>(
        protocol::message::encode_summary(protocol::message::make_summary(message)));
}

AccountError too_busy() {
    return {AccountErrorKind::kUnavailable, "the server is too busy to take it now"};
}

}  // namespace

IncomingMessage::IncomingMessage(storage::Store& store, WorkerPool& workers,
                                 std::uint64_t expected_bytes)
    : store_(store), workers_(workers), expected_bytes_(expected_bytes), id_(store.next_body_id()) {
    // Known to be small: one allocation. Nothing is reserved for what is only announced beyond
    // that.
    if (expected_bytes > 0 && expected_bytes < kStagedBytesMin) piece_.reserve(expected_bytes);
}

Awaitable<std::optional<AccountError>> IncomingMessage::flush() {
    if (!staged_ && expected_bytes_ < kStagedBytesMin && piece_.size() < kStagedBytesMin)
        co_return std::nullopt;
    if (piece_.empty()) co_return std::nullopt;
    auto work = [this, piece = std::exchange(piece_, {})]() -> storage::Result<void> {
        if (!staged_) {
            auto staged = store_.stage_body(id_, expected_bytes_);
            if (!staged) return tl::unexpected(std::move(staged.error()));
            staged_ = std::move(*staged);
        }
        bytes_ += piece.size();
        return staged_->append(piece);
    };
    auto written = co_await workers_.run(WorkPriority::interactive, std::move(work));
    if (!written) co_return too_busy();
    if (!*written) co_return to_account_error(written->error());
    co_return std::nullopt;
}

Awaitable<Outcome<AppendMessage>> IncomingMessage::finish(FlagNames flags,
                                                          storage::Date internal_date) {
    AppendMessage message;
    message.flags = std::move(flags);
    message.internal_date = internal_date;
    message.body = id_;
    if (!staged_) {
        message.size = static_cast<std::uint32_t>(piece_.size());
        auto bytes = std::make_shared<const std::string>(std::move(piece_));
        message.bytes = bytes;
        if (bytes->size() <= kInlineParseBytesMax) {
            message.summary = summarise(*bytes);
        } else {
            auto summary = co_await workers_.run(WorkPriority::interactive,
                                                 [bytes] { return summarise(*bytes); });
            if (!summary) co_return tl::unexpected(too_busy());
            message.summary = std::move(*summary);
        }
        co_return message;
    }
    if (auto error = co_await flush()) co_return tl::unexpected(std::move(*error));
    if (bytes_ > UINT32_MAX)
        co_return tl::unexpected(
            AccountError{AccountErrorKind::kLimit, "the message is too large"});
    message.size = static_cast<std::uint32_t>(bytes_);
    message.staged = staged_;
    auto summary = co_await workers_.run(WorkPriority::interactive,
                                         [staged = staged_]() -> storage::Result<Summary> {
                                             if (auto done = staged->finish(); !done) {
                                                 return tl::unexpected(std::move(done.error()));
                                             }
                                             auto bytes = staged->read_all();
                                             if (!bytes)
                                                 return tl::unexpected(std::move(bytes.error()));
                                             return summarise(*bytes);
                                         });
    if (!summary) co_return tl::unexpected(too_busy());
    if (!*summary) co_return tl::unexpected(to_account_error(summary->error()));
    message.summary = std::move(**summary);
    co_return message;
}

Outcome<AppendMessage> make_append_message(storage::Store& store, std::string bytes) {
    if (bytes.size() > UINT32_MAX)
        return tl::unexpected(AccountError{AccountErrorKind::kLimit, "the message is too large"});
    AppendMessage message;
    message.body = store.next_body_id();
    message.size = static_cast<std::uint32_t>(bytes.size());
    message.summary = summarise(bytes);
    if (bytes.size() < kStagedBytesMin) {
        message.bytes = std::make_shared<const std::string>(std::move(bytes));
        return message;
    }
    auto staged = store.stage_body(message.body, bytes.size());
    if (!staged) return tl::unexpected(to_account_error(staged.error()));
    message.staged = std::move(*staged);
    const auto written =
        message.staged->append(bytes).and_then([&] { return message.staged->finish(); });
    if (!written) return tl::unexpected(to_account_error(written.error()));
    return message;
}

}  // namespace tidemark::actors
