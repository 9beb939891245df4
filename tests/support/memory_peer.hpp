#pragma once

// The client side of a MemoryStream in the hands of a test: plain text in, plain text out, no
// coroutines.
//
// It waits by running the core that the test drives by hand (if given), otherwise by blocking until
// a server thread has written. `patience` only guards against a hanging test.

#include "actors/core.hpp"
#include "actors/memory_stream.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::test {

class MemoryPeer {
  public:
    explicit MemoryPeer(std::unique_ptr<actors::MemoryStream> stream,
                        actors::Core* driven = nullptr)
        : stream_(std::move(stream)), driven_(driven) {}

    // False if the server has closed or does not take the bytes in time.
    bool send(std::string_view text) {
        const auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!text.empty()) {
            const std::array<std::string_view, 1> chunks{text};
            const actors::IoResult result = stream_->try_write(chunks);
            if (result.status == actors::IoStatus::error) return false;
            text.remove_prefix(result.bytes);
            if (std::chrono::steady_clock::now() >= give_up) return false;
            settle();
        }
        settle();
        return true;
    }

    // Everything that has arrived, up to and including the first `end`; nothing is lost, the rest
    // comes with the next call. If `end` does not come (closed, or patience is over), what there
    // is.
    std::string receive_until(std::string_view end) {
        const auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (true) {
            const std::size_t at = received_.find(end);
            if (at != std::string::npos) return take(at + end.size());
            if (!read() && (closed_ || std::chrono::steady_clock::now() >= give_up)) {
                return take(received_.size());
            }
        }
    }
    std::string receive_line() { return receive_until("\r\n"); }

    // What has arrived without waiting for another thread.
    std::string receive_available() {
        settle();
        while (read_now()) {
        }
        return take(received_.size());
    }

    // True once the server has closed and everything was read into the next receive.
    bool wait_closed() {
        const auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!closed_ && std::chrono::steady_clock::now() < give_up) read();
        return closed_;
    }

    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] actors::MemoryStream& stream() { return *stream_; }

  private:
    static constexpr std::chrono::seconds kPatience{120};

    void settle() {
        if (driven_ != nullptr) driven_->run_until_idle();
    }
    bool read_now() {
        std::array<char, 16384> buffer;
        const actors::IoResult result = stream_->read_some(buffer);
        if (result.status == actors::IoStatus::eof || result.status == actors::IoStatus::error) {
            closed_ = true;
        }
        received_.append(buffer.data(), result.bytes);
        return result.bytes > 0;
    }
    bool read() {
        settle();
        if (read_now()) return true;
        if (closed_) return false;
        if (driven_ != nullptr) {
            // Work on other threads (store, pool) may still be under way.
            driven_->run_until([this] { return stream_->readable_bytes() > 0; },
                               std::chrono::seconds(1));
        } else {
            static_cast<void>(stream_->block_until_readable(std::chrono::milliseconds(100)));
        }
        return read_now();
    }
    std::string take(std::size_t bytes) {
        std::string text = received_.substr(0, bytes);
        received_.erase(0, bytes);
        return text;
    }

    std::unique_ptr<actors::MemoryStream> stream_;
    actors::Core* driven_;
    std::string received_;
    bool closed_ = false;
};

}  // namespace tidemark::test
