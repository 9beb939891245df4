#include "actors/memory_stream.hpp"

#include "actors/waiter.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <string>
#include <utility>

namespace tidemark::actors {

// One end and the bytes on their way to it. Everything but the waiters is under the pipe's mutex;
// the waiters belong to the home thread of the end.
struct MemoryStream::End {
    std::string incoming;
    std::size_t consumed = 0;    // of incoming
    bool peer_finished = false;  // no more will come
    bool closed = false;
    bool interrupted = false;
    bool reader_waits = false;
    bool writer_waits = false;
    std::error_code cancel_reason;
    MemoryFaults faults;
    Core* core = nullptr;
    Waiter reader;
    Waiter writer;

    [[nodiscard]] std::size_t readable() const { return incoming.size() - consumed; }
};

struct MemoryStream::Pipe : std::enable_shared_from_this<MemoryStream::Pipe> {
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    std::size_t capacity_bytes = 0;
    bool reset = false;
    End ends[2];

    [[nodiscard]] bool can_read(unsigned side) const {
        const End& end = ends[side];
        return end.readable() > 0 || end.peer_finished || end.closed || reset;
    }
    [[nodiscard]] bool can_write(unsigned side) const {
        const End& end = ends[side];
        const End& peer = ends[1 - side];
        return end.closed || reset || peer.closed ||
               (end.faults.write_bytes_max > 0 && peer.readable() < capacity_bytes);
    }

    // Wakes whoever can go on now. The coroutine is resumed on its own core; if the end has moved
    // to another one in the meantime, nobody was waiting.
    void notify_locked() {
        changed.notify_all();
        for (unsigned side = 0; side < 2; ++side) {
            End& end = ends[side];
            const bool wake_reader = end.reader_waits && can_read(side);
            const bool wake_writer = end.writer_waits && can_write(side);
            if (!wake_reader && !wake_writer) continue;
            if (wake_reader) end.reader_waits = false;
            if (wake_writer) end.writer_waits = false;
            end.core->post(
                [self = shared_from_this(), side, core = end.core, wake_reader, wake_writer] {
                    {
                        const std::lock_guard lock(self->mutex);
                        if (self->ends[side].core != core) return;
                    }
                    if (wake_reader) self->ends[side].reader.resume();
                    if (wake_writer) self->ends[side].writer.resume();
                });
        }
    }
};

MemoryStream::Pair MemoryStream::make_pair(Core& first, Core& second, std::size_t capacity_bytes) {
    auto pipe = std::make_shared<Pipe>();
    pipe->capacity_bytes = capacity_bytes;
    return {std::unique_ptr<MemoryStream>(new MemoryStream(pipe, 0, first)),
            std::unique_ptr<MemoryStream>(new MemoryStream(pipe, 1, second))};
}

MemoryStream::MemoryStream(std::shared_ptr<Pipe> pipe, unsigned side, Core& core)
    : pipe_(std::move(pipe)), side_(side) {
    pipe_->ends[side_].core = &core;
}

MemoryStream::~MemoryStream() {
    assert(!pipe_->ends[side_].reader.waiting() && !pipe_->ends[side_].writer.waiting());
    close();
}

// What a wait has to return before it suspends, or after.
std::optional<std::error_code> MemoryStream::read_wait_result() {
    const std::lock_guard lock(pipe_->mutex);
    End& end = pipe_->ends[side_];
    end.reader_waits = false;
    if (end.cancel_reason) return end.cancel_reason;
    if (end.closed) return StreamErrc::closed;
    if (std::exchange(end.interrupted, false)) return StreamErrc::interrupted;
    if (pipe_->can_read(side_)) return std::error_code();
    end.reader_waits = true;
    return std::nullopt;
}

std::optional<std::error_code> MemoryStream::write_wait_result() {
    const std::lock_guard lock(pipe_->mutex);
    End& end = pipe_->ends[side_];
    end.writer_waits = false;
    if (end.cancel_reason) return end.cancel_reason;
    if (end.closed) return StreamErrc::closed;
    if (pipe_->can_write(side_)) return std::error_code();
    end.writer_waits = true;
    return std::nullopt;
}

Awaitable<std::error_code> MemoryStream::wait_readable() {
    End& end = pipe_->ends[side_];
    while (true) {
        if (auto result = read_wait_result()) co_return *result;
        co_await end.reader.suspend();
        if (end.reader.was_cancelled()) co_return StreamErrc::task_cancelled;
    }
}

Awaitable<std::error_code> MemoryStream::wait_writable() {
    End& end = pipe_->ends[side_];
    while (true) {
        if (auto result = write_wait_result()) co_return *result;
        co_await end.writer.suspend();
        if (end.writer.was_cancelled()) co_return StreamErrc::task_cancelled;
    }
}

IoResult MemoryStream::read_some(std::span<char> buffer) {
    const std::lock_guard lock(pipe_->mutex);
    End& end = pipe_->ends[side_];
    if (end.closed) return {IoStatus::error, 0, StreamErrc::closed};
    if (pipe_->reset) {
        return {IoStatus::error, 0, std::error_code(ECONNRESET, std::system_category())};
    }
    const std::size_t bytes = std::min({buffer.size(), end.readable(), end.faults.read_bytes_max});
    if (bytes == 0) {
        const bool finished = end.readable() == 0 && end.peer_finished;
        return {finished ? IoStatus::eof : IoStatus::would_block, 0, {}};
    }
    std::copy_n(end.incoming.data() + end.consumed, bytes, buffer.data());
    end.consumed += bytes;
    if (end.readable() == 0) {
        end.incoming = std::string();
        end.consumed = 0;
    }
    pipe_->notify_locked();
    return {IoStatus::ok, bytes, {}};
}

IoResult MemoryStream::try_write(std::span<const std::string_view> chunks) {
    const std::lock_guard lock(pipe_->mutex);
    End& end = pipe_->ends[side_];
    End& peer = pipe_->ends[1 - side_];
    if (end.closed) return {IoStatus::error, 0, StreamErrc::closed};
    if (pipe_->reset || peer.closed || peer.peer_finished) {
        const int code = pipe_->reset ? ECONNRESET : EPIPE;
        return {IoStatus::error, 0, std::error_code(code, std::system_category())};
    }
    std::size_t room = pipe_->capacity_bytes - std::min(pipe_->capacity_bytes, peer.readable());
    room = std::min(room, end.faults.write_bytes_max);
    std::size_t written = 0;
    bool wanted = false;
    for (std::string_view chunk : chunks) {
        wanted = wanted || !chunk.empty();
        chunk = chunk.substr(0, room - written);
        peer.incoming.append(chunk);
        written += chunk.size();
    }
    if (wanted && written == 0) return {IoStatus::would_block, 0, {}};
    pipe_->notify_locked();
    return {IoStatus::ok, written, {}};
}

void MemoryStream::interrupt() {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->ends[side_].interrupted = true;
    pipe_->ends[side_].reader.resume();
}

void MemoryStream::cancel(std::error_code reason) {
    const std::lock_guard lock(pipe_->mutex);
    End& end = pipe_->ends[side_];
    if (!end.cancel_reason) end.cancel_reason = reason;
    end.reader.resume();
    end.writer.resume();
}

void MemoryStream::shutdown_send() {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->ends[1 - side_].peer_finished = true;
    pipe_->notify_locked();
}

void MemoryStream::close() {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->ends[side_].closed = true;
    pipe_->ends[1 - side_].peer_finished = true;
    pipe_->notify_locked();
}

bool MemoryStream::is_open() const {
    const std::lock_guard lock(pipe_->mutex);
    return !pipe_->ends[side_].closed;
}

std::error_code MemoryStream::detach() {
    End& end = pipe_->ends[side_];
    if (end.reader.waiting() || end.writer.waiting()) return StreamErrc::not_movable;
    const std::lock_guard lock(pipe_->mutex);
    if (end.closed) return StreamErrc::closed;
    end.core = nullptr;
    end.reader_waits = false;
    end.writer_waits = false;
    return {};
}

std::error_code MemoryStream::attach(Core& core) {
    const std::lock_guard lock(pipe_->mutex);
    if (pipe_->ends[side_].closed) return StreamErrc::closed;
    pipe_->ends[side_].core = &core;
    return {};
}

void MemoryStream::set_faults(MemoryFaults faults) {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->ends[side_].faults = faults;
    pipe_->notify_locked();
}

void MemoryStream::reset() {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->reset = true;
    pipe_->notify_locked();
}

std::size_t MemoryStream::readable_bytes() const {
    const std::lock_guard lock(pipe_->mutex);
    return pipe_->ends[side_].readable();
}

bool MemoryStream::block_until_readable(std::chrono::milliseconds patience) const {
    std::unique_lock lock(pipe_->mutex);
    return pipe_->changed.wait_for(lock, patience, [this] { return pipe_->can_read(side_); });
}

}  // namespace tidemark::actors
