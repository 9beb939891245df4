// systemd's notify protocol (sd_notify(3)): datagrams to the Unix socket that NOTIFY_SOCKET names.
// Without that variable every call does nothing. Any thread; never blocks for long (a datagram to a
// full socket is dropped).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

class SdNotify {
  public:
    // The values of the variables of these names; nullptr or empty: not set. A path begins with
    // '/', an abstract socket with '@'. watchdog_pid, where set, must be this process, else there
    // is no watchdog for us.
    SdNotify(const char* notify_socket, const char* watchdog_usec, const char* watchdog_pid);
    // From the environment, which is cleared of the three, so that no child inherits them.
    static SdNotify from_environment();

    bool enabled() const { return !address_.empty(); }
    bool ready(std::string_view status) const;  // READY=1, MAINPID, STATUS
    bool status(std::string_view text) const;
    bool reloading() const;  // RELOADING=1 with MONOTONIC_USEC, as Type=notify-reload wants
    bool stopping() const;
    bool watchdog() const;
    // How often watchdog() should be called: half of the time after which systemd loses patience.
    std::optional<std::chrono::microseconds> watchdog_interval() const { return interval_; }

  private:
    bool send(std::string_view message) const;

    std::string address_;
    std::optional<std::chrono::microseconds> interval_;
};

}  // namespace tidemark::tools
