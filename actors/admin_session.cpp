#include "actors/admin_session.hpp"

#include "actors/limits.hpp"
#include "actors/server.hpp"
#include "protocol/secret_string.hpp"

#include <spdlog/spdlog.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <utility>

namespace tidemark::actors {

namespace json_rpc = protocol::json_rpc;
using json_rpc::ErrorCode;
using json_rpc::Json;

namespace {

bool is_allowed(const std::optional<PeerCredentials>& peer) {
    return peer && (peer->uid == 0 || peer->uid == ::geteuid());
}

// std::string's own erase would leave the moved bytes behind the new end.
void drop_front(std::string& text, std::size_t bytes) {
    const std::size_t left = text.size() - bytes;
    ::memmove(text.data(), text.data() + bytes, left);
    ::explicit_bzero(text.data() + left, bytes);
    text.resize(left);
}

// Growing moves the bytes; what they leave may be (part of) a password.
void append_wiping(std::string& text, std::string_view bytes) {
    if (text.size() + bytes.size() > text.capacity()) {
        std::string larger;
        larger.reserve((text.size() + bytes.size()) * 2);
        larger = text;
        protocol::wipe(text);
        text.swap(larger);
    }
    text.append(bytes);
}

}  // namespace

AdminSession::AdminSession(Server& server, Core& core, std::unique_ptr<Stream> stream,
                           std::uint64_t id, std::optional<PeerCredentials> peer)
    : server_(server),
      core_(core),
      stream_(std::move(stream)),
      id_(id),
      peer_(peer),
      deadline_(Timer::calling<&AdminSession::on_deadline>(this)),
      progress_(Timer::calling<&AdminSession::on_progress>(this)) {}

AdminSession::~AdminSession() {
    protocol::wipe(received_);
}

void AdminSession::stop() {
    stopping_ = true;
    stream_->cancel(make_error_code(StreamErrc::closed));
}

void AdminSession::on_deadline() {
    stream_->cancel(make_error_code(StreamErrc::timed_out));
}

Awaitable<void> AdminSession::run() {
    if (is_allowed(peer_)) {
        while (!stopping_ && !gone_) {
            auto line = co_await read_line();
            if (!line) break;
            if (!line->empty()) co_await answer(std::move(*line));
        }
    } else {
        spdlog::warn("admin: a process of user {} was refused",
                     peer_ ? static_cast<std::int64_t>(peer_->uid) : -1);
        co_await send(json_rpc::write_error(
            nullptr,
            {ErrorCode::refused, "only root and the user that runs the server may ask", {}}));
    }
    stream_->shutdown_send();
    stream_->close();
}

std::optional<std::string> AdminSession::take_line() {
    const auto end = received_.find('\n', searched_);
    searched_ = end == std::string::npos ? received_.size() : 0;
    if (end == std::string::npos) return std::nullopt;
    std::string line = received_.substr(0, end);
    drop_front(received_, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

Awaitable<std::optional<std::string>> AdminSession::read_line() {
    std::array<char, kAdminReadBytes> piece;
    for (;;) {
        if (auto line = take_line()) co_return line;
        if (received_.size() > json_rpc::kLineBytesMax) {
            co_await send(json_rpc::write_error(
                nullptr, {ErrorCode::limit, "the line is longer than 1 MiB", {}}));
            co_return std::nullopt;
        }
        const auto result = stream_->read_some(piece);
        if (result.status == IoStatus::ok) {
            append_wiping(received_, {piece.data(), result.bytes});
            ::explicit_bzero(piece.data(), result.bytes);
            continue;
        }
        if (result.status != IoStatus::would_block) break;
        core_.arm(deadline_, kIdleTimeout);
        const auto error = co_await stream_->wait_readable();
        deadline_.disarm();
        if (error && error != StreamErrc::interrupted) break;
    }
    gone_ = true;
    co_return std::nullopt;
}

Awaitable<void> AdminSession::answer(std::string line) {
    auto request = json_rpc::parse_request(line);
    protocol::wipe(line);
    if (!request) {
        co_await send(json_rpc::write_error(request.error().id, request.error().error));
        co_return;
    }
    auto result = co_await call(&*request);
    admin::wipe_strings(request->params);
    if (!request->is_notification()) {
        co_await send(result ? json_rpc::write_result(*request->id, *result)
                             : json_rpc::write_error(*request->id, result.error()));
    }
    if (auto action = std::exchange(after_answer_, {})) action();
}

Awaitable<AdminResult> AdminSession::call(json_rpc::Request* request) {
    const AdminHandler handler = find_admin_method(request->method);
    if (handler == nullptr)
        co_return admin::fail(ErrorCode::method_not_found, "there is no such method");
    if (request->params.is_null()) request->params = Json::object();
    if (!request->params.is_object())
        co_return admin::fail(ErrorCode::invalid_params, "parameters are given by name");
    spdlog::debug("admin: {}", request->method);
    AdminCall call{*this, server_, request->params};
    method_ = request->method;
    call_began_ = core_.clock().steady();
    progress_interval_ = kAdminProgressInterval;
    core_.arm(progress_, progress_interval_);
    AdminResult result = admin::fail(ErrorCode::internal_error, "the call failed");
    try {
        result = co_await handler(&call);
    } catch (const std::exception&) {
        // Its text may hold a part of the parameters.
        spdlog::error("admin: {} failed with an exception", request->method);
    }
    progress_.disarm();
    watch_ = {};
    co_return result;
}

void AdminSession::watch_call(std::chrono::microseconds interval, Watch watch) {
    watch_ = std::move(watch);
    progress_interval_ = interval;
    core_.arm(progress_, progress_interval_);
}

void AdminSession::on_progress() {
    core_.arm(progress_, progress_interval_);
    if (!writing_ && !gone_) tell_progress();
    if (!gone_) return;
    if (const auto gone = std::exchange(watch_.gone, {})) gone();
}

// What was not taken of the last one goes first; a client that is slow to read misses some.
void AdminSession::tell_progress() {
    if (unsent_.empty()) {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(core_.clock().steady() - call_began_);
        Json params{{"method", method_}, {"seconds", seconds.count()}};
        if (watch_.tell) watch_.tell(params);
        unsent_ = json_rpc::write_notification("progress", params);
    }
    const std::array<std::string_view, 1> chunks{unsent_};
    const auto result = stream_->try_write(chunks);
    if (result.status == IoStatus::ok) unsent_.erase(0, result.bytes);
    if (result.status == IoStatus::error) gone_ = true;
}

Awaitable<void> AdminSession::notify(std::string method, Json params) {
    co_await send(json_rpc::write_notification(method, params));
}

// After stop() the stream no longer waits: what goes at once is sent.
Awaitable<void> AdminSession::send(std::string text) {
    if (gone_) co_return;
    writing_ = true;
    const std::string rest = std::exchange(unsent_, {});
    const std::array<std::string_view, 2> chunks{rest, text};
    core_.arm(deadline_, kWriteTimeout);
    if (co_await stream_->write(chunks)) gone_ = true;
    deadline_.disarm();
    writing_ = false;
}

}  // namespace tidemark::actors
