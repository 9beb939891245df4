#pragma once

// A connected pair of streams inside the process, with faults on demand: how tests run the whole
// server without a socket. Either end may live on any core, or be used without one from any thread
// (read_some and try_write only).

#include "actors/core.hpp"
#include "actors/stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

namespace tidemark::actors {

struct MemoryFaults {
    std::size_t read_bytes_max = SIZE_MAX;   // read_some() returns at most this much at a time
    std::size_t write_bytes_max = SIZE_MAX;  // try_write() takes at most this much at a time
};

class MemoryStream final : public Stream {
  public:
    // What one direction holds before its writer has to wait; the size of a small socket buffer.
    static constexpr std::size_t kDefaultCapacityBytes = 64 * 1024;

    using Pair = std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>>;
    [[nodiscard]] static Pair make_pair(Core& first, Core& second,
                                        std::size_t capacity_bytes = kDefaultCapacityBytes);

    ~MemoryStream() override;

    Awaitable<std::error_code> wait_readable() override;
    IoResult read_some(std::span<char> buffer) override;
    Awaitable<std::error_code> wait_writable() override;
    IoResult try_write(std::span<const std::string_view> chunks) override;
    void interrupt() override;
    using Stream::cancel;
    void cancel(std::error_code reason) override;
    void shutdown_send() override;
    void close() override;
    bool is_open() const override;
    std::error_code detach() override;
    std::error_code attach(Core& core) override;
    std::string peer_address() const override { return "memory"; }
    std::string local_address() const override { return "memory"; }

    // Any thread.
    void set_faults(MemoryFaults faults);
    // Both ends fail from now on as after a TCP reset; what was not read yet is lost.
    void reset();
    // What the peer has written and this end has not read.
    [[nodiscard]] std::size_t readable_bytes() const;
    // Blocks a thread that is not a core's until read_some() would make progress. False after
    // `patience`.
    [[nodiscard]] bool block_until_readable(std::chrono::milliseconds patience) const;

  private:
    struct Pipe;
    struct End;
    MemoryStream(std::shared_ptr<Pipe> pipe, unsigned side, Core& core);

    std::optional<std::error_code> read_wait_result();
    std::optional<std::error_code> write_wait_result();

    std::shared_ptr<Pipe> pipe_;
    unsigned side_;
};

}  // namespace tidemark::actors
