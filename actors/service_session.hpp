// What LMTP and admin connections have in common: a stream that stays on the core that accepted it,
// input in a buffer of its own, output in chunks, one deadline.
//
// Lifecycle: made on its core, run() speaks with the client until it leaves, breaks or is stopped;
// then the owner destroys it. Home core only. Memory: input is taken out in pieces of at most
// kReadBufferBytes when the session asks for more; output is flushed before more input is waited
// for.
#pragma once

#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "actors/stream.hpp"
#include "actors/timing_wheel.hpp"
#include "protocol/output_buffer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::actors {

class ServiceSession {
  public:
    ServiceSession(std::unique_ptr<Stream> stream, protocol::ChunkPool& chunks, std::uint64_t id,
                   std::chrono::microseconds idle_timeout);
    virtual ~ServiceSession();
    ServiceSession(const ServiceSession&) = delete;
    ServiceSession& operator=(const ServiceSession&) = delete;

    // Until the connection has ended. Whoever awaits it keeps the session alive.
    virtual Awaitable<void> run() = 0;
    // Home core. What was received in whole is still answered, then the session ends.
    void stop(std::string reason);

    virtual std::string_view kind() const = 0;
    virtual std::string describe_state() const = 0;
    std::uint64_t id() const { return id_; }
    std::string describe_peer() const { return peer_; }

  protected:
    Core& core() { return core_; }
    Stream& stream() { return *stream_; }
    protocol::OutputBuffer& out() { return out_; }
    bool is_gone() const { return gone_; }
    bool is_stopped() const { return !stop_reason_.empty(); }
    const std::string& stop_reason() const { return stop_reason_; }

    // What was read and not taken yet; take(n) moves on. Valid until read_more().
    std::string_view input() const { return std::string_view(pending_).substr(taken_); }
    void take(std::size_t bytes) { taken_ += bytes; }
    // Waits for more input. False: the connection has ended, in whatever way.
    Awaitable<bool> read_more();
    // Sends what is queued. False: the connection is gone.
    Awaitable<bool> flush();
    // Sends what goes without waiting, and closes.
    void close();

  private:
    void on_deadline();

    Core& core_;
    std::unique_ptr<Stream> stream_;
    std::uint64_t id_;
    std::string peer_;
    std::chrono::microseconds idle_timeout_;
    protocol::OutputBuffer out_;
    std::string pending_;
    std::size_t taken_ = 0;
    Timer deadline_;
    bool gone_ = false;
    std::string stop_reason_;
};

}  // namespace tidemark::actors
