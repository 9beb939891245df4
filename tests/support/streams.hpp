#pragma once

// Small coroutines that tests of streams are built from. All by pointer: the test keeps what they
// point to.

#include "actors/awaitable.hpp"
#include "actors/stream.hpp"

#include <array>
#include <string>
#include <string_view>
#include <system_error>

namespace tidemark::test {

// Reads until `size` bytes have come, the peer has ended or there is an error.
inline actors::Awaitable<std::string> read_exactly(actors::Stream* stream, std::size_t size) {
    std::string text;
    std::array<char, 4096> buffer;
    while (text.size() < size) {
        if (co_await stream->wait_readable()) break;
        const auto part = std::span(buffer).first(std::min(buffer.size(), size - text.size()));
        const actors::IoResult result = stream->read_some(part);
        if (result.status == actors::IoStatus::eof || result.status == actors::IoStatus::error)
            break;
        text.append(buffer.data(), result.bytes);
    }
    co_return text;
}

inline actors::Awaitable<std::string> read_to_end(actors::Stream* stream) {
    return read_exactly(stream, std::string().max_size());
}

inline actors::Awaitable<void> write_all(actors::Stream* stream, std::string text,
                                         std::error_code* error = nullptr) {
    const std::error_code result = co_await stream->write(text);
    if (error != nullptr) *error = result;
}

inline actors::Awaitable<void> wait_readable(actors::Stream* stream, std::error_code* error,
                                             bool* done) {
    *error = co_await stream->wait_readable();
    *done = true;
}

}  // namespace tidemark::test
