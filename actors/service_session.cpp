#include "actors/service_session.hpp"

#include "actors/limits.hpp"

#include <array>
#include <span>
#include <utility>

namespace tidemark::actors {

namespace {

// What is read at once. One buffer for each thread: nothing stays in it across a suspension.
thread_local std::array<char, kReadBufferBytes> read_buffer;

}  // namespace

ServiceSession::ServiceSession(std::unique_ptr<Stream> stream, protocol::ChunkPool& chunks,
                               std::uint64_t id, std::chrono::microseconds idle_timeout)
    : core_(*Core::current()),
      stream_(std::move(stream)),
      id_(id),
      peer_(stream_->peer_address()),
      idle_timeout_(idle_timeout),
      out_(chunks),
      deadline_(Timer::calling<&ServiceSession::on_deadline>(this)) {}

ServiceSession::~ServiceSession() = default;

void ServiceSession::stop(std::string reason) {
    if (stop_reason_.empty()) stop_reason_ = std::move(reason);
    stream_->cancel(make_error_code(StreamErrc::closed));
}

void ServiceSession::on_deadline() {
    if (stop_reason_.empty()) stop_reason_ = "no answer from you for too long";
    stream_->cancel(make_error_code(StreamErrc::timed_out));
}

Awaitable<bool> ServiceSession::read_more() {
    pending_.erase(0, taken_);
    taken_ = 0;
    // An idle connection holds no buffer.
    if (pending_.empty()) pending_ = std::string();
    while (!is_stopped()) {
        const auto result = stream_->read_some(read_buffer);
        if (result.status == IoStatus::ok) {
            pending_.append(read_buffer.data(), result.bytes);
            co_return true;
        }
        if (result.status != IoStatus::would_block) break;
        core_.arm(deadline_, idle_timeout_);
        const auto error = co_await stream_->wait_readable();
        deadline_.disarm();
        if (error && error != StreamErrc::interrupted) break;
    }
    gone_ = true;
    co_return false;
}

Awaitable<bool> ServiceSession::flush() {
    std::array<std::string_view, kWriteChunksMax> pieces;
    while (!out_.empty()) {
        const auto count = out_.gather(pieces);
        const auto result = stream_->try_write(std::span(pieces.data(), count));
        if (result.status == IoStatus::ok) {
            out_.consume(result.bytes);
            continue;
        }
        if (result.status != IoStatus::would_block) {
            gone_ = true;
            break;
        }
        core_.arm(deadline_, kWriteTimeout);
        const auto error = co_await stream_->wait_writable();
        deadline_.disarm();
        if (error) {
            gone_ = true;
            break;
        }
    }
    if (gone_) out_.clear();
    co_return !gone_;
}

void ServiceSession::close() {
    std::array<std::string_view, kWriteChunksMax> pieces;
    while (!out_.empty()) {
        const auto count = out_.gather(pieces);
        const auto result = stream_->try_write(std::span(pieces.data(), count));
        if (result.status != IoStatus::ok) break;
        out_.consume(result.bytes);
    }
    out_.clear();
    stream_->shutdown_send();
    stream_->close();
}

}  // namespace tidemark::actors
