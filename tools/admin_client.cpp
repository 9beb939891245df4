#include "tools/admin_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

using nlohmann::json;

std::string reason(int error) {
    return std::generic_category().message(error);
}

tl::unexpected<AdminError> fail(AdminErrorKind kind, std::string text) {
    return tl::unexpected(AdminError{kind, std::move(text), 0, nullptr});
}

// connect(), also for paths that are longer than a socket address holds: then through the
// directory's descriptor.
int connect_to(int descriptor, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string name = path;
    int directory = -1;
    if (name.size() >= sizeof(address.sun_path)) {
        const std::filesystem::path whole(path);
        directory = open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) return errno;
        name = fmt::format("/proc/self/fd/{}/{}", directory, whole.filename().string());
    }
    int error = ENAMETOOLONG;
    if (name.size() < sizeof(address.sun_path)) {
        std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
        const int result =
            ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
        error = result == 0 ? 0 : errno;
    }
    if (directory >= 0) close(directory);
    return error;
}

// Waits until the descriptor is ready for `events`. False: the time is over.
bool wait_for(int descriptor, short events, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd entry{descriptor, events, 0};
        const int ready =
            poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

AdminError remote_error(const json& error) {
    AdminError result{AdminErrorKind::kRemote, "the server refused", 0, nullptr};
    if (!error.is_object()) return result;
    if (const auto message = error.find("message");
        message != error.end() && message->is_string()) {
        result.text = message->get<std::string>();
    }
    if (const auto code = error.find("code"); code != error.end() && code->is_number_integer()) {
        result.code = code->get<std::int64_t>();
    }
    if (const auto data = error.find("data"); data != error.end()) result.data = *data;
    return result;
}

}  // namespace

tl::expected<AdminClient, AdminError> AdminClient::connect(const std::string& socket_path,
                                                           AdminClientOptions options) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return fail(AdminErrorKind::kProtocol, fmt::format("no socket: {}", reason(errno)));
    AdminClient client(descriptor, options);
    const int error = connect_to(descriptor, socket_path);
    if (error == 0) return client;
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
        return fail(AdminErrorKind::kNoServer, fmt::format("no server listens on {}", socket_path));
    }
    const auto kind =
        error == EACCES || error == EPERM ? AdminErrorKind::kDenied : AdminErrorKind::kProtocol;
    return fail(kind, fmt::format("{}: {}", socket_path, reason(error)));
}

AdminClient::AdminClient(AdminClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      options_(other.options_),
      next_id_(other.next_id_),
      received_(std::move(other.received_)),
      searched_(other.searched_) {}

AdminClient& AdminClient::operator=(AdminClient&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(options_, other.options_);
    std::swap(next_id_, other.next_id_);
    std::swap(received_, other.received_);
    std::swap(searched_, other.searched_);
    return *this;
}

AdminClient::~AdminClient() {
    if (descriptor_ >= 0) close(descriptor_);
}

tl::expected<json, AdminError> AdminClient::call(const std::string& method, const json& params,
                                                 const OnNotification& on_notification) {
    const std::int64_t id = next_id_++;
    json request = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}};
    if (!params.is_null()) request["params"] = params;
    const std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    if (auto sent = send_line(line); !sent) return tl::unexpected(sent.error());

    for (;;) {
        auto answer_line = receive_line();
        if (!answer_line) return tl::unexpected(answer_line.error());
        const json answer = json::parse(*answer_line, nullptr, false);
        if (!answer.is_object())
            return fail(AdminErrorKind::kProtocol, "the server's answer is not JSON-RPC");
        const auto answer_id = answer.find("id");
        const auto answer_method = answer.find("method");
        if (answer_method != answer.end() && answer_id == answer.end()) {
            if (on_notification && answer_method->is_string()) {
                const auto its_params = answer.find("params");
                on_notification(answer_method->get<std::string>(),
                                its_params == answer.end() ? json() : *its_params);
            }
            continue;
        }
        const auto error = answer.find("error");
        // A request that could not be read at all is answered with the id null (JSON-RPC 2.0 §5).
        const bool for_us = answer_id != answer.end() &&
                            (*answer_id == id || (answer_id->is_null() && error != answer.end()));
        if (!for_us)
            return fail(AdminErrorKind::kProtocol,
                        "the server answered something that was not asked");
        if (error != answer.end()) return tl::unexpected(remote_error(*error));
        const auto result = answer.find("result");
        if (result == answer.end())
            return fail(AdminErrorKind::kProtocol, "the server's answer has no result");
        return *result;
    }
}

tl::expected<void, AdminError> AdminClient::send_line(std::string_view line) {
    while (!line.empty()) {
        if (!wait_for(descriptor_, POLLOUT, options_.answer_timeout)) {
            return fail(AdminErrorKind::kTimeout, "the server does not take the request");
        }
        const ssize_t sent =
            send(descriptor_, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent < 0)
            return fail(AdminErrorKind::kClosed,
                        fmt::format("the server hung up: {}", reason(errno)));
        line.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

tl::expected<std::string, AdminError> AdminClient::receive_line() {
    for (;;) {
        const std::size_t end = received_.find('\n', searched_);
        if (end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            searched_ = 0;
            return line;
        }
        searched_ = received_.size();
        if (received_.size() > options_.line_bytes_max) {
            return fail(AdminErrorKind::kProtocol, "the server's answer is too long");
        }
        if (!wait_for(descriptor_, POLLIN, options_.answer_timeout)) {
            return fail(AdminErrorKind::kTimeout, "the server does not answer");
        }
        std::array<char, 16 * 1024> buffer;
        const ssize_t got = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0)
            return fail(AdminErrorKind::kClosed,
                        fmt::format("the server hung up: {}", reason(errno)));
        if (got == 0)
            return fail(AdminErrorKind::kClosed,
                        "the server ended the connection before it answered");
        received_.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace tidemark::tools
