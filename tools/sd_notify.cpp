#include "tools/sd_notify.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace tidemark::tools {

namespace {

std::optional<std::uint64_t> number(const char* text) {
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end || value == 0) return std::nullopt;
    return value;
}

// A status is one line of the datagram: what would end the line becomes a space.
std::string one_line(std::string_view text) {
    std::string line(text);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return line;
}

}  // namespace

SdNotify::SdNotify(const char* notify_socket, const char* watchdog_usec, const char* watchdog_pid) {
    if (notify_socket != nullptr && (notify_socket[0] == '/' || notify_socket[0] == '@') &&
        notify_socket[1] != '\0' && std::strlen(notify_socket) < sizeof(sockaddr_un::sun_path)) {
        address_ = notify_socket;
    }
    const auto limit = number(watchdog_usec);
    const bool for_us = watchdog_pid == nullptr || *watchdog_pid == '\0' ||
                        number(watchdog_pid) == static_cast<std::uint64_t>(getpid());
    if (limit && for_us && !address_.empty()) {
        interval_ = std::chrono::microseconds(static_cast<std::int64_t>(*limit / 2));
    }
}

SdNotify SdNotify::from_environment() {
    SdNotify result(std::getenv("NOTIFY_SOCKET"), std::getenv("WATCHDOG_USEC"),
                    std::getenv("WATCHDOG_PID"));
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    return result;
}

bool SdNotify::ready(std::string_view status) const {
    return send(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", getpid(), one_line(status)));
}

bool SdNotify::status(std::string_view text) const {
    return send("STATUS=" + one_line(text));
}

bool SdNotify::reloading() const {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto micros = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                        static_cast<std::uint64_t>(now.tv_nsec) / 1000;
    return send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", micros));
}

bool SdNotify::stopping() const {
    return send("STOPPING=1");
}

bool SdNotify::watchdog() const {
    return send("WATCHDOG=1");
}

bool SdNotify::send(std::string_view message) const {
    if (address_.empty()) return false;
    sockaddr_un target{};
    target.sun_family = AF_UNIX;
    std::memcpy(target.sun_path, address_.data(), address_.size());
    // An abstract address begins with a zero byte and is exactly as long as its name (unix(7)).
    if (address_[0] == '@') target.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());

    const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return false;
    const ssize_t sent = sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&target), length);
    close(descriptor);
    return sent == static_cast<ssize_t>(message.size());
}

}  // namespace tidemark::tools
