#include "actors/stream.hpp"

#include "actors/limits.hpp"

#include <array>

namespace tidemark::actors {

namespace {

class StreamCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "stream"; }
    std::string message(int code) const override {
        switch (static_cast<StreamErrc>(code)) {
            case StreamErrc::interrupted:
                return "interrupted";
            case StreamErrc::timed_out:
                return "timed out";
            case StreamErrc::closed:
                return "closed";
            case StreamErrc::task_cancelled:
                return "task cancelled";
            case StreamErrc::handshake_failed:
                return "TLS handshake failed";
            case StreamErrc::tls_protocol:
                return "TLS protocol error";
            case StreamErrc::not_movable:
                return "stream is in use";
        }
        return "unknown stream error";
    }
};

struct WritePosition {
    std::size_t chunk = 0;
    std::size_t offset = 0;
};

// One non-blocking write from `position` on, which is moved past what was written. Kept out of the
// coroutine so that the chunk list is on the stack and not in its frame.
IoResult write_once(Stream& stream, std::span<const std::string_view> chunks,
                    WritePosition& position) {
    std::array<std::string_view, kWriteChunksMax> batch;
    std::size_t count = 0;
    for (std::size_t at = position.chunk; at < chunks.size() && count < batch.size(); ++at) {
        std::string_view chunk = chunks[at];
        if (at == position.chunk) chunk.remove_prefix(position.offset);
        if (!chunk.empty()) batch[count++] = chunk;
    }
    const IoResult result = stream.try_write(std::span(batch.data(), count));
    std::size_t left = result.bytes;
    while (position.chunk < chunks.size()) {
        const std::size_t rest = chunks[position.chunk].size() - position.offset;
        if (left < rest) {
            position.offset += left;
            break;
        }
        left -= rest;
        ++position.chunk;
        position.offset = 0;
    }
    return result;
}

}  // namespace

const std::error_category& stream_category() {
    static const StreamCategory category;
    return category;
}

std::error_code make_error_code(StreamErrc code) {
    return {static_cast<int>(code), stream_category()};
}

Awaitable<std::error_code> Stream::write(std::span<const std::string_view> chunks) {
    WritePosition position;
    while (true) {
        // After the last chunk one more call, with nothing, flushes what TLS holds encrypted.
        const bool flushing = position.chunk == chunks.size();
        const IoResult result = write_once(*this, chunks, position);
        if (result.status == IoStatus::error) co_return result.error;
        if (result.status == IoStatus::would_block) {
            if (auto error = co_await wait_writable()) co_return error;
        } else if (flushing) {
            co_return std::error_code();
        }
    }
}

Awaitable<std::error_code> Stream::write(std::string_view text) {
    const std::array<std::string_view, 1> chunks{text};
    co_return co_await write(std::span<const std::string_view>(chunks));
}

}  // namespace tidemark::actors
