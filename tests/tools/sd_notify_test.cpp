#include "tools/sd_notify.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

using tidemark::tools::SdNotify;

namespace {

// systemd's end: a bound datagram socket.
class Manager {
  public:
    explicit Manager(std::string name) : name_(std::move(name)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name_.data(), name_.size());
        if (name_[0] == '@') address.sun_path[0] = '\0';
        descriptor_ = socket(AF_UNIX, SOCK_DGRAM, 0);
        REQUIRE(bind(descriptor_, reinterpret_cast<sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size())) == 0);
    }
    ~Manager() {
        close(descriptor_);
        if (name_[0] == '/') unlink(name_.c_str());
    }
    std::string received() const {
        std::array<char, 1024> buffer{};
        const ssize_t length = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return length < 0 ? "nothing"
                          : std::string(buffer.data(), static_cast<std::size_t>(length));
    }

  private:
    std::string name_;
    int descriptor_ = -1;
};

std::string socket_name(char first) {
    return fmt::format("{}tidemark-notify-test-{}", first == '@' ? "@" : "/tmp/", getpid());
}

}  // namespace

TEST_CASE("systemd is told of readiness through a socket in the file system or an abstract one") {
    for (const char first : {'/', '@'}) {
        const std::string name = socket_name(first);
        CAPTURE(name);
        const Manager manager(name);
        const SdNotify notify(name.c_str(), nullptr, nullptr);
        CHECK(notify.enabled());
        CHECK(notify.ready("127.0.0.1:143\nREADY=0"));
        CHECK(manager.received() ==
              fmt::format("READY=1\nMAINPID={}\nSTATUS=127.0.0.1:143 READY=0", getpid()));
        CHECK(notify.stopping());
        CHECK(manager.received() == "STOPPING=1");
        CHECK(notify.reloading());
        CHECK(manager.received().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        CHECK(notify.watchdog());
        CHECK(manager.received() == "WATCHDOG=1");
    }
}

TEST_CASE("without a manager every notification does nothing and says so") {
    for (const char* name : {static_cast<const char*>(nullptr), "", "relative", "/", "vsock:1:2"}) {
        const SdNotify notify(name, "1000000", nullptr);
        CHECK_FALSE(notify.enabled());
        CHECK_FALSE(notify.ready("x"));
        CHECK_FALSE(notify.watchdog_interval().has_value());
    }
    const SdNotify gone("/tmp/tidemark-no-such-socket", nullptr, nullptr);
    CHECK_FALSE(gone.ready("x"));
    const std::string too_long = "/" + std::string(200, 'x');
    CHECK_FALSE(SdNotify(too_long.c_str(), nullptr, nullptr).enabled());
}

TEST_CASE("the watchdog is fed at half of its time, if it waits for this process") {
    const auto interval = [](const char* usec, const std::string& pid) {
        return SdNotify("@x", usec, pid.c_str()).watchdog_interval();
    };
    CHECK(interval("30000000", "") == std::chrono::seconds(15));
    CHECK(interval("30000000", std::to_string(getpid())) == std::chrono::seconds(15));
    CHECK_FALSE(interval("30000000", "1").has_value());
    CHECK_FALSE(interval("0", "").has_value());
    CHECK_FALSE(interval("3s", "").has_value());
}

TEST_CASE("children do not inherit the manager's variables") {
    setenv("NOTIFY_SOCKET", "@somewhere", 1);
    setenv("WATCHDOG_USEC", "10", 1);
    CHECK(SdNotify::from_environment().enabled());
    CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
    CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
    CHECK_FALSE(SdNotify::from_environment().enabled());
}
