// Which of many sockets have something to read, at a cost that does not grow with those that have
// not: poll() over 1,000 sockets would take more time than the server.
#pragma once

#include "tools/bench/bench_clients.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace tidemark::bench {

class ReadySet {
  public:
    ReadySet() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (descriptor_ < 0) fail("epoll_create1");
    }
    ~ReadySet() { ::close(descriptor_); }
    ReadySet(const ReadySet&) = delete;
    ReadySet& operator=(const ReadySet&) = delete;

    void add(const SocketClient& client, std::uint32_t number) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = number;
        if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, client.descriptor(), &event) != 0)
            fail("epoll_ctl");
    }
    // Waits for some; `visit` gets their numbers.
    template <class Visit>
    void wait(Visit visit) {
        std::array<epoll_event, 256> events{};
        const int count =
            ::epoll_wait(descriptor_, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) visit(events[static_cast<std::size_t>(i)].data.u32);
    }

  private:
    int descriptor_;
};

}  // namespace tidemark::bench
