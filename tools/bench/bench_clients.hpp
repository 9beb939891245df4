// Clients that cost next to nothing: they look for the tagged line and for nothing else.
#pragma once

#include "actors/memory_stream.hpp"
#include "tools/bench/bench_server.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace tidemark::bench {

// Of the messages that are appended while something is measured.
constexpr std::size_t kMessageBytes = 4096;

// The end of what a server has sent, enough to see its last line.
class Tail {
  public:
    void add(std::string_view bytes);
    // The last complete line begins with `start`.
    bool ends_with_line(std::string_view start) const;
    const std::string& text() const { return text_; }
    void clear() { text_.clear(); }

  private:
    static constexpr std::size_t kKeptBytes = 1024;
    std::string text_;
};

// Over loopback, blocking.
class SocketClient {
  public:
    explicit SocketClient(std::uint16_t port);
    ~SocketClient();
    SocketClient(SocketClient&& other) noexcept;
    SocketClient& operator=(SocketClient&&) = delete;

    void login(std::string_view user);
    void send(std::string_view text);
    // Reads until the last line begins with `start`; how many bytes came.
    std::uint64_t until(std::string_view start);
    // "a COMMAND"; the tagged line must say OK.
    std::uint64_t run(std::string_view command);
    // One read of what is there; false: nothing.
    bool take();
    Tail& tail() { return tail_; }
    int descriptor() const { return descriptor_; }

  private:
    int descriptor_ = -1;
    Tail tail_;
};

struct StreamCalls {
    std::uint64_t reads = 0;        // that gave something
    std::uint64_t empty_reads = 0;  // that found nothing
    std::uint64_t writes = 0;
};

// A session without a socket: what the server writes is looked at and dropped on the server's own
// thread, so that its processor time is that of the server's code alone.
class SinkClient {
  public:
    explicit SinkClient(BenchServer& server);
    ~SinkClient();
    void login(std::string_view user);
    void send(std::string_view text);
    std::uint64_t until(std::string_view start);
    std::uint64_t run(std::string_view command);
    StreamCalls calls() const;
    std::string tail() const;

    struct State;

  private:
    std::shared_ptr<State> state_;
    std::unique_ptr<actors::MemoryStream> input_;
};

}  // namespace tidemark::bench
