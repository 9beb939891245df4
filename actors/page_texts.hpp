// What is sent or searched again and again of messages that never change: their ENVELOPE,
// BODYSTRUCTURE, BODY and PREVIEW as the summaries have them, and their headers. A page of messages
// is kept as one text, so that a FETCH over a mailbox copies from memory to memory, and the whole
// cache has one bound.
//
// An entry belongs to an account and names the bodies that it is about; bodies and what is computed
// from them never change, so an entry is never wrong, only of no use any more. Nothing has to be
// told when messages come and go: a page with other messages is another entry.
#pragma once

#include "protocol/message/summary.hpp"
#include "protocol/types.hpp"
#include "storage/store.hpp"

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidemark::actors {

// kEnvelope to kPreview come from the summary.
enum class TextKind : std::uint8_t { kEnvelope, kBodyStructure, kBody, kPreview, kHeader };
inline constexpr std::size_t kSummaryTextKinds = 4;
using TextKinds = protocol::EnumSet<TextKind>;

std::string_view text_of(const protocol::message::SummaryView& summary, TextKind kind);

// One text for each of some bodies. Immutable once made; any thread.
class PageTexts {
  public:
    class Builder;

    const std::vector<storage::BodyId>& bodies() const { return bodies_; }
    // That of bodies()[index]; nothing where it is not known or too long to be kept.
    std::optional<std::string_view> at(std::size_t index) const {
        const Place place = places_[index];
        if (place.offset == kAbsent) return std::nullopt;
        return std::string_view(text_).substr(place.offset, place.bytes);
    }
    // No index is without a text.
    bool is_complete() const { return is_complete_; }
    std::size_t memory_bytes() const;

  private:
    static constexpr std::uint32_t kAbsent = UINT32_MAX;
    struct Place {
        std::uint32_t offset = kAbsent;
        std::uint32_t bytes = 0;
    };
    PageTexts() = default;

    std::vector<storage::BodyId> bodies_;
    std::vector<Place> places_;
    std::string text_;
    bool is_complete_ = false;
};

class PageTexts::Builder {
  public:
    explicit Builder(std::span<const storage::BodyId> bodies);
    // At most once for each index, in any order. Above kPageTextBytesMax, or when all would be
    // above kPageTextsBytesMax, it is left out.
    void set(std::size_t index, std::string_view text);
    std::shared_ptr<const PageTexts> finish() &&;

  private:
    std::shared_ptr<PageTexts> texts_;
    std::size_t count_ = 0;
};

// The least recently used go when there is more than `bytes_max`. Any thread.
class PageTextCache {
  public:
    explicit PageTextCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // Null when it is not there for exactly these bodies in this order.
    std::shared_ptr<const PageTexts> find(storage::AccountId account, TextKind kind,
                                          std::span<const storage::BodyId> bodies);
    void insert(storage::AccountId account, TextKind kind, std::shared_ptr<const PageTexts> texts);
    std::size_t memory_bytes() const;

  private:
    // A page is found by its first body and its length; if another page has them too, the last one
    // inserted is kept.
    struct Key {
        storage::AccountId account;
        storage::BodyId first;
        std::uint32_t count;
        TextKind kind;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };
    using Entries = std::list<std::pair<Key, std::shared_ptr<const PageTexts>>>;

    void erase(Entries::iterator entry);

    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    Entries entries_;  // last used first
    std::unordered_map<Key, Entries::iterator, KeyHash> by_key_;
    std::size_t bytes_ = 0;
};

// By TextKind; null where the kind was not asked for.
using SummaryTexts = std::array<std::shared_ptr<const PageTexts>, kSummaryTextKinds>;

// The texts of `kinds` (none of them kHeader) out of the summaries. A message whose summary is
// missing or of an unknown version has none. Never blocks when `cached_only`: then nullopt if some
// summary is not in memory.
std::optional<storage::Result<SummaryTexts>> read_summary_texts(
    const storage::Store& store, storage::AccountId account,
    std::span<const storage::BodyId> bodies, TextKinds kinds, bool cached_only);

// The headers, blank line included, as far as they can be read; their bytes are not checked against
// the bodies' CRCs. Blocking.
std::shared_ptr<const PageTexts> read_headers(const storage::Store& store,
                                              std::span<const storage::BodyId> bodies);

}  // namespace tidemark::actors
