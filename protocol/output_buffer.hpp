#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::protocol {

// The memory of one chunk of output, its header included. One TLS record's worth: a full chunk is
// one record and one element of a writev.
inline constexpr std::size_t kOutputChunkBytes = 16 * 1024;

// Free chunks that a pool keeps (1 MiB): enough for the bursts of one thread, too few to matter
// when it is idle.
inline constexpr std::size_t kOutputPoolKeptChunksMax = 64;

// Chunks of memory for the output buffers of one thread. Not thread safe. It may die before the
// buffers that took chunks from it only if those were rebound to another pool.
class ChunkPool {
  public:
    explicit ChunkPool(std::size_t kept_chunks_max = kOutputPoolKeptChunksMax)
        : kept_chunks_max_(kept_chunks_max) {}
    ~ChunkPool() { trim(); }
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;

    // kOutputChunkBytes of memory, aligned for any fundamental type.
    [[nodiscard]] void* take();
    void give_back(void* chunk) noexcept;

    // Gives the kept chunks back to the system.
    void trim() noexcept;
    std::size_t kept_chunks() const { return kept_chunks_; }

  private:
    struct Free {
        Free* next;
    };
    Free* free_ = nullptr;
    std::size_t kept_chunks_ = 0;
    std::size_t kept_chunks_max_;
};

// Bytes waiting to be sent: a chain of chunks and of references to memory owned by somebody else.
//
// An empty buffer holds no chunk at all, so that an idle connection costs only this object. Bytes
// never move once they are appended: what gather() returned stays valid until those bytes are
// consumed, cleared or truncated, also while more is appended. One thread at a time; a connection
// that changes its thread calls rebind().
class OutputBuffer {
  public:
    // What reserve() can give in one piece without a memory block of its own.
    static constexpr std::size_t kReserveBytesMax = kOutputChunkBytes - 64;

    // From here on append_external() references instead of copying: below it the copy is cheaper
    // than the element of the writev and the reference count.
    static constexpr std::size_t kExternalBytesMin = 1024;

    explicit OutputBuffer(ChunkPool& pool) : pool_(&pool) {}
    ~OutputBuffer() { clear(); }
    OutputBuffer(OutputBuffer&& other) noexcept;
    OutputBuffer& operator=(OutputBuffer&& other) noexcept;
    OutputBuffer(const OutputBuffer&) = delete;
    OutputBuffer& operator=(const OutputBuffer&) = delete;

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

    // At least `bytes` writable bytes in one piece. Nothing counts until commit(); a second
    // reserve() without a commit() gives the same place again.
    [[nodiscard]] char* reserve(std::size_t bytes) {
        if (static_cast<std::size_t>(write_end_ - write_) < bytes) [[unlikely]] {
            grow(bytes);
        }
        return write_;
    }

    // The first `bytes` of the last reserve() are now part of the output.
    void commit(std::size_t bytes) {
        write_ += bytes;
        size_ += bytes;
    }

    // The same for code that wrote through a moving pointer: `end` is one past the last byte
    // written.
    void commit_to(const char* end) { commit(static_cast<std::size_t>(end - write_)); }

    void append(std::string_view bytes) {
        if (static_cast<std::size_t>(write_end_ - write_) >= bytes.size()) [[likely]] {
            if (!bytes.empty()) {
                std::memcpy(write_, bytes.data(), bytes.size());
                commit(bytes.size());
            }
            return;
        }
        append_split(bytes);
    }

    void append_char(char c) {
        *reserve(1) = c;
        commit(1);
    }

    // Decimal, no sign, no leading zeros.
    void append_number(std::uint64_t number) {
        char* start = reserve(20);
        commit_to(std::to_chars(start, start + 20, number).ptr);
    }

    // Sends `bytes` without copying them. `owner` keeps them alive and unchanged until they are
    // consumed.
    void append_external(std::shared_ptr<const void> owner, std::string_view bytes);

    // Moves all of `other` behind what is here, without copying. `other` is empty afterwards and
    // keeps its pool.
    void splice(OutputBuffer& other);

    // Fills `pieces` with the first unsent pieces in order and returns how many there are; fewer
    // than pieces.size() means that these are all.
    std::size_t gather(std::span<std::string_view> pieces) const;

    // Removes the first `bytes` (at most size()), returning memory as soon as a chunk is done.
    void consume(std::size_t bytes);

    // Keeps only the first `bytes`: takes back what was appended and not yet sent. Larger than
    // size(): nothing.
    void truncate(std::size_t bytes);

    void clear() noexcept;

    // From now on chunks come from and go to `pool`, those already held too.
    void rebind(ChunkPool& pool) { pool_ = &pool; }

    // A copy of everything, for tests and small answers.
    std::string to_string() const;

  private:
    enum class Kind : std::uint8_t { pooled, large, external };
    // A piece of the output. The header of a piece in a chunk stands in the chunk, in front of its
    // bytes. A chunk that goes on after an external piece holds several pieces; the last of them
    // owns it, so that it is free when all are sent.
    struct Node {
        Node* next = nullptr;
        const char* begin = nullptr;  // first unsent byte
        const char* end = nullptr;    // stale in the tail while write_ is set: see end_of()
        char* memory_end = nullptr;   // end of the chunk; null for external
        void* block = nullptr;        // the chunk, when this piece owns it
        Kind kind = Kind::pooled;
    };
    struct ExternalNode : Node {
        std::shared_ptr<const void> owner;
    };

    const char* end_of(const Node* node) const {
        return node == tail_ && write_ != nullptr ? write_ : node->end;
    }
    void grow(std::size_t bytes);
    void append_split(std::string_view bytes);
    void close_tail();
    void link(Node* node);
    void open_in(char* place, char* memory_end, void* block, Kind kind);
    void release(Node* node) noexcept;

    ChunkPool* pool_;
    Node* head_ = nullptr;
    Node* tail_ = nullptr;
    std::size_t size_ = 0;
    char* write_ = nullptr;  // null, or inside the tail's memory
    char* write_end_ = nullptr;
};

static_assert(sizeof(OutputBuffer) <= 64);

}  // namespace tidemark::protocol
