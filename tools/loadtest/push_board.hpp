// When messages were sent to an account, for the clients that idle in its mailbox: how long a
// message takes from the hands of the sender to the eyes of the idling client.
//
// The n-th message sent to an account is the n-th that each of its idling clients sees; so nobody
// else may deliver to these accounts, and all clients idle before the first message is sent. Any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace tidemark::loadtest {

class PushSlot {
  public:
    // As many may be on the way at once.
    static constexpr std::size_t kRing = 64;

    void add_idler() { idlers_.fetch_add(1); }
    std::uint64_t sent() const { return sent_.load(); }

    // Call before the last byte goes out.
    void note_sent(std::int64_t now) {
        const std::uint64_t number = sent_.fetch_add(1);
        times_[number % kRing].store(now);
        left_[number % kRing].store(idlers_.load());
    }
    // All who idled when the last message was sent have seen it.
    bool is_all_told() const {
        const std::uint64_t sent = sent_.load();
        return sent == 0 || left_[(sent - 1) % kRing].load() == 0;
    }
    struct Told {
        std::int64_t sent_us = 0;
        bool is_last = false;  // nobody else waits for this message
    };
    // One client has seen message `number`.
    Told note_seen(std::uint64_t number) {
        return {times_[number % kRing].load(), left_[number % kRing].fetch_sub(1) == 1};
    }

  private:
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint32_t> idlers_{0};
    std::array<std::atomic<std::int64_t>, kRing> times_{};
    std::array<std::atomic<std::uint32_t>, kRing> left_{};
};

}  // namespace tidemark::loadtest
