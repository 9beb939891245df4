#include "actors/page_texts.hpp"

#include "actors/limits.hpp"
#include "protocol/message/header_fields.hpp"

#include <algorithm>

namespace tidemark::actors {

namespace message = protocol::message;

namespace {

constexpr std::array kFromSummary = {TextKind::kEnvelope, TextKind::kBodyStructure, TextKind::kBody,
                                     TextKind::kPreview};
static_assert(kFromSummary.size() == kSummaryTextKinds);

// The header of a message into `buffer`, which only grows. Nothing when it can not be read or is
// longer than kPageTextBytesMax.
std::optional<std::string_view> read_header(const storage::BodyReader& body, std::string& buffer) {
    std::size_t have = 0;
    std::size_t wanted = kSearchHeaderBytes;
    while (have < kPageTextBytesMax) {
        wanted = std::min<std::size_t>({wanted, body.length(), kPageTextBytesMax});
        if (buffer.size() < wanted) buffer.resize(wanted);
        const std::span<char> room(buffer.data() + have, wanted - have);
        if (!body.read_into(static_cast<std::uint32_t>(have), room)) return std::nullopt;
        have = wanted;
        const std::string_view start(buffer.data(), have);
        const std::size_t header = message::header_block_size(start);
        // A header that ends with the bytes that are there may go on behind them.
        if (header < have || have == body.length()) return start.substr(0, header);
        wanted = 2 * have;
    }
    return std::nullopt;
}

}  // namespace

std::string_view text_of(const message::SummaryView& summary, TextKind kind) {
    switch (kind) {
        case TextKind::kEnvelope:
            return summary.envelope();
        case TextKind::kBodyStructure:
            return summary.body_structure();
        case TextKind::kBody:
            return summary.body();
        case TextKind::kPreview:
            return summary.preview();
        case TextKind::kHeader:
            break;
    }
    return {};
}

std::size_t PageTexts::memory_bytes() const {
    return sizeof *this + bodies_.capacity() * sizeof(storage::BodyId) +
           places_.capacity() * sizeof(Place) + text_.capacity();
}

PageTexts::Builder::Builder(std::span<const storage::BodyId> bodies) : texts_(new PageTexts()) {
    texts_->bodies_.assign(bodies.begin(), bodies.end());
    texts_->places_.resize(bodies.size());
}

void PageTexts::Builder::set(std::size_t index, std::string_view text) {
    std::string& all = texts_->text_;
    if (text.size() > kPageTextBytesMax || all.size() + text.size() > kPageTextsBytesMax) return;
    texts_->places_[index] = {static_cast<std::uint32_t>(all.size()),
                              static_cast<std::uint32_t>(text.size())};
    all.append(text);
    ++count_;
}

std::shared_ptr<const PageTexts> PageTexts::Builder::finish() && {
    texts_->is_complete_ = count_ == texts_->places_.size();
    texts_->text_.shrink_to_fit();
    return std::move(texts_);
}

std::size_t PageTextCache::KeyHash::operator()(const Key& key) const {
    std::uint64_t hash = storage::raw(key.account);
    for (const std::uint64_t part :
         {std::uint64_t{storage::raw(key.first)},
          std::uint64_t{key.count} << 8 | static_cast<std::uint64_t>(key.kind)}) {
        hash = (hash ^ part) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 32;
    }
    return hash;
}

std::shared_ptr<const PageTexts> PageTextCache::find(storage::AccountId account, TextKind kind,
                                                     std::span<const storage::BodyId> bodies) {
    if (bodies.empty()) return nullptr;
    const Key key{account, bodies.front(), static_cast<std::uint32_t>(bodies.size()), kind};
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    const auto& texts = found->second->second;
    if (!std::equal(bodies.begin(), bodies.end(), texts->bodies().begin())) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return texts;
}

void PageTextCache::insert(storage::AccountId account, TextKind kind,
                           std::shared_ptr<const PageTexts> texts) {
    if (texts->bodies().empty()) return;
    const Key key{account, texts->bodies().front(),
                  static_cast<std::uint32_t>(texts->bodies().size()), kind};
    const std::lock_guard lock(mutex_);
    if (const auto before = by_key_.find(key); before != by_key_.end()) erase(before->second);
    bytes_ += texts->memory_bytes();
    entries_.emplace_front(key, std::move(texts));
    by_key_.emplace(key, entries_.begin());
    while (bytes_ > bytes_max_) erase(std::prev(entries_.end()));
}

void PageTextCache::erase(Entries::iterator entry) {
    bytes_ -= entry->second->memory_bytes();
    by_key_.erase(entry->first);
    entries_.erase(entry);
}

std::size_t PageTextCache::memory_bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::optional<storage::Result<SummaryTexts>> read_summary_texts(
    const storage::Store& store, storage::AccountId account,
    std::span<const storage::BodyId> bodies, TextKinds kinds, bool cached_only) {
    std::array<std::optional<PageTexts::Builder>, kSummaryTextKinds> builders;
    for (const TextKind kind : kFromSummary) {
        if (kinds.contains(kind)) builders[static_cast<std::size_t>(kind)].emplace(bodies);
    }
    const auto read = store.visit_summaries(
        account, bodies, cached_only, [&](std::size_t index, std::string_view value) {
            const auto summary = message::SummaryView::read(value);
            if (!summary) return;
            for (const TextKind kind : kFromSummary) {
                auto& builder = builders[static_cast<std::size_t>(kind)];
                if (builder) builder->set(index, text_of(*summary, kind));
            }
        });
    if (!read) return std::nullopt;
    if (!*read) return tl::unexpected(read->error());
    SummaryTexts texts;
    for (std::size_t i = 0; i < kSummaryTextKinds; ++i) {
        if (builders[i]) texts[i] = std::move(*builders[i]).finish();
    }
    return texts;
}

std::shared_ptr<const PageTexts> read_headers(const storage::Store& store,
                                              std::span<const storage::BodyId> bodies) {
    PageTexts::Builder builder(bodies);
    const auto readers = store.open_bodies(bodies);
    std::string buffer;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        if (!readers[i]) continue;
        if (const auto header = read_header(*readers[i], buffer)) builder.set(i, *header);
    }
    return std::move(builder).finish();
}

}  // namespace tidemark::actors
