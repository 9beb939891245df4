#include "protocol/output_buffer.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace tidemark::protocol {
namespace {

// The rest of a chunk is used after an external piece when it has this much room for bytes.
constexpr std::size_t kCarveBytesMin = 512;

}  // namespace

void* ChunkPool::take() {
    if (free_ == nullptr) {
        return ::operator new(kOutputChunkBytes);
    }
    Free* chunk = free_;
    free_ = chunk->next;
    --kept_chunks_;
    return chunk;
}

void ChunkPool::give_back(void* chunk) noexcept {
    if (kept_chunks_ >= kept_chunks_max_) {
        ::operator delete(chunk);
        return;
    }
    free_ = new (chunk) Free{free_};
    ++kept_chunks_;
}

void ChunkPool::trim() noexcept {
    while (free_ != nullptr) {
        Free* next = free_->next;
        ::operator delete(free_);
        free_ = next;
    }
    kept_chunks_ = 0;
}

OutputBuffer::OutputBuffer(OutputBuffer&& other) noexcept
    : pool_(other.pool_),
      head_(std::exchange(other.head_, nullptr)),
      tail_(std::exchange(other.tail_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      write_(std::exchange(other.write_, nullptr)),
      write_end_(std::exchange(other.write_end_, nullptr)) {}

OutputBuffer& OutputBuffer::operator=(OutputBuffer&& other) noexcept {
    if (this != &other) {
        clear();
        pool_ = other.pool_;
        head_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        size_ = std::exchange(other.size_, 0);
        write_ = std::exchange(other.write_, nullptr);
        write_end_ = std::exchange(other.write_end_, nullptr);
    }
    return *this;
}

// After this the tail's `end` is true and nothing more is written into it.
void OutputBuffer::close_tail() {
    if (write_ != nullptr) {
        tail_->end = write_;
        write_ = write_end_ = nullptr;
    }
}

void OutputBuffer::link(Node* node) {
    close_tail();
    (tail_ == nullptr ? head_ : tail_->next) = node;
    tail_ = node;
}

// Starts a piece at `place` and makes it the tail.
void OutputBuffer::open_in(char* place, char* memory_end, void* block, Kind kind) {
    Node* node = new (place) Node;
    node->kind = kind;
    node->begin = node->end = place + sizeof(Node);
    node->memory_end = memory_end;
    node->block = block;
    link(node);
    write_ = place + sizeof(Node);
    write_end_ = memory_end;
}

void OutputBuffer::grow(std::size_t bytes) {
    static_assert(kOutputChunkBytes - sizeof(Node) >= kReserveBytesMax);
    const bool pooled = bytes <= kReserveBytesMax;
    const std::size_t block_bytes = pooled ? kOutputChunkBytes : sizeof(Node) + bytes;
    auto* block = static_cast<char*>(pooled ? pool_->take() : ::operator new(block_bytes));
    open_in(block, block + block_bytes, block, pooled ? Kind::pooled : Kind::large);
}

void OutputBuffer::append_split(std::string_view bytes) {
    while (!bytes.empty()) {
        if (write_ == write_end_) {
            grow(1);
        }
        const auto part = std::min(bytes.size(), static_cast<std::size_t>(write_end_ - write_));
        std::memcpy(write_, bytes.data(), part);
        commit(part);
        bytes.remove_prefix(part);
    }
}

void OutputBuffer::append_external(std::shared_ptr<const void> owner, std::string_view bytes) {
    if (bytes.size() < kExternalBytesMin) {
        append(bytes);
        return;
    }
    Node* before = write_ == nullptr ? nullptr : tail_;
    char* place = write_;
    auto* node = new ExternalNode;
    node->kind = Kind::external;
    node->begin = bytes.data();
    node->end = bytes.data() + bytes.size();
    node->owner = std::move(owner);
    link(node);
    size_ += bytes.size();
    if (before == nullptr) {
        return;
    }
    // What is left of the chunk serves what follows, so that many small answers with a body each
    // share one.
    const auto misaligned = reinterpret_cast<std::uintptr_t>(place) % alignof(Node);
    place += misaligned == 0 ? 0 : alignof(Node) - misaligned;
    if (before->memory_end - place >= static_cast<std::ptrdiff_t>(sizeof(Node) + kCarveBytesMin)) {
        open_in(place, before->memory_end, std::exchange(before->block, nullptr), before->kind);
    }
}

void OutputBuffer::splice(OutputBuffer& other) {
    if (this == &other || other.head_ == nullptr) {
        return;
    }
    close_tail();
    (tail_ == nullptr ? head_ : tail_->next) = other.head_;
    tail_ = std::exchange(other.tail_, nullptr);
    other.head_ = nullptr;
    size_ += std::exchange(other.size_, 0);
    write_ = std::exchange(other.write_, nullptr);
    write_end_ = std::exchange(other.write_end_, nullptr);
}

std::size_t OutputBuffer::gather(std::span<std::string_view> pieces) const {
    std::size_t count = 0;
    for (const Node* node = head_; node != nullptr && count < pieces.size(); node = node->next) {
        const char* end = end_of(node);
        if (end != node->begin) {
            pieces[count++] = {node->begin, static_cast<std::size_t>(end - node->begin)};
        }
    }
    return count;
}

void OutputBuffer::consume(std::size_t bytes) {
    if (bytes >= size_) {
        clear();
        return;
    }
    size_ -= bytes;
    while (bytes > 0) {
        const auto held = static_cast<std::size_t>(end_of(head_) - head_->begin);
        if (bytes < held) {
            head_->begin += bytes;
            return;
        }
        // Not the tail: size_ > 0 means that something follows.
        bytes -= held;
        release(std::exchange(head_, head_->next));
    }
}

void OutputBuffer::truncate(std::size_t bytes) {
    if (bytes >= size_) {
        return;
    }
    if (bytes == 0) {
        clear();
        return;
    }
    close_tail();
    size_ = bytes;
    Node* last_in_chunk = nullptr;
    Node* node = head_;
    for (;;) {
        last_in_chunk = node->kind == Kind::external ? last_in_chunk : node;
        const auto held = static_cast<std::size_t>(node->end - node->begin);
        if (bytes <= held) {
            break;
        }
        bytes -= held;
        node = node->next;
    }
    node->end = node->begin + bytes;
    Node* rest = std::exchange(node->next, nullptr);
    tail_ = node;
    while (rest != nullptr) {
        Node* dropped = std::exchange(rest, rest->next);
        if (last_in_chunk != nullptr && last_in_chunk->block == nullptr &&
            dropped->block != nullptr) {
            // The dropped piece was the last of the chunk in which the kept one stands.
            last_in_chunk->block = std::exchange(dropped->block, nullptr);
        }
        release(dropped);
    }
    if (node->kind != Kind::external) {
        write_end_ = node->memory_end;
        write_ = write_end_ - (node->memory_end - node->end);
    }
}

void OutputBuffer::clear() noexcept {
    while (head_ != nullptr) {
        release(std::exchange(head_, head_->next));
    }
    tail_ = nullptr;
    write_ = write_end_ = nullptr;
    size_ = 0;
}

void OutputBuffer::release(Node* node) noexcept {
    if (node->kind == Kind::external) {
        delete static_cast<ExternalNode*>(node);
    } else if (node->block != nullptr) {
        if (node->kind == Kind::pooled) {
            pool_->give_back(node->block);
        } else {
            ::operator delete(node->block);
        }
    }
}

std::string OutputBuffer::to_string() const {
    std::string out;
    out.reserve(size_);
    for (const Node* node = head_; node != nullptr; node = node->next) {
        out.append(node->begin, end_of(node));
    }
    return out;
}

}  // namespace tidemark::protocol
