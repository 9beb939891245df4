#include "actors/search_scan.hpp"

#include "actors/limits.hpp"
#include "protocol/message/limits.hpp"

#include <algorithm>

namespace tidemark::actors {

namespace message = protocol::message;

void SearchScan::begin_page(std::uint32_t page) {
    page_ = view_.pages()[page].get();
    first_seq_ = view_.first_seq(page);
    bodies_.clear();
    readers_.clear();
    summaries_.clear();
    headers_.reset();
    asked_for_headers_ = false;
}

void SearchScan::set_candidates(const storage::PageBits& candidates) {
    candidates.for_each([&](std::size_t index) {
        rank_[index] = static_cast<std::uint16_t>(bodies_.size());
        bodies_.push_back(page_->fixed->body[index]);
    });
}

void SearchScan::begin_message(std::size_t index) {
    index_ = index;
    header_bytes_ = 0;
    body_.reset();
    parsed_.reset();
}

const storage::BodyReader* SearchScan::reader() {
    if (readers_.empty()) readers_ = store_.open_bodies(bodies_);
    const auto& opened = readers_[rank()];
    return opened ? &*opened : nullptr;
}

bool SearchScan::load_body() {
    if (body_) return true;
    const storage::BodyReader* from = reader();
    if (from == nullptr) return false;
    auto bytes = from->read_all();
    if (!bytes) return false;
    body_ = std::move(*bytes);
    return true;
}

const message::ParsedMessage* SearchScan::structure() {
    if (!load_body()) return nullptr;
    if (!parsed_) parsed_ = message::parse_message(*body_);
    return &*parsed_;
}

std::optional<message::SummaryView> SearchScan::summary() {
    if (summaries_.empty()) {
        if (auto found = store_.summaries(account_, bodies_, false); found && *found)
            summaries_ = std::move(**found);
        summaries_.resize(bodies_.size());
    }
    std::string& bytes = summaries_[rank()];
    if (bytes.empty() && load_body()) {
        bytes = message::encode_summary(message::make_summary(*body_));
    }
    return message::SummaryView::read(bytes);
}

const PageTexts* SearchScan::headers() {
    if (asked_for_headers_) return headers_.get();
    asked_for_headers_ = true;
    const std::vector<storage::BodyId> all = page_->fixed->body.to_vector();
    headers_ = texts_.find(account_, TextKind::kHeader, all);
    if (headers_ == nullptr && 2 * bodies_.size() >= all.size()) {
        headers_ = read_headers(store_, all);
        texts_.insert(account_, TextKind::kHeader, headers_);
    }
    return headers_.get();
}

bool SearchScan::header_matches(std::string_view name, const message::SubstringMatcher& matcher) {
    if (body_) return message::match_header(*body_, name, matcher);
    if (const PageTexts* kept = headers()) {
        if (const auto header = kept->at(index_))
            return message::match_header(*header, name, matcher);
    }
    const storage::BodyReader* from = reader();
    if (from == nullptr) return false;
    const std::size_t all = std::min<std::size_t>(from->length(), message::kHeaderBytesMax);
    std::size_t wanted = std::min(std::max(header_bytes_, kSearchHeaderBytes), all);
    while (true) {
        if (header_.size() < wanted) header_.resize(wanted);
        if (header_bytes_ < wanted) {
            const std::span<char> room(header_.data() + header_bytes_, wanted - header_bytes_);
            if (!from->read_into(static_cast<std::uint32_t>(header_bytes_), room)) return false;
            header_bytes_ = wanted;
        }
        const auto matches = message::match_header_start({header_.data(), header_bytes_},
                                                         header_bytes_ == all, name, matcher);
        if (matches) return *matches;
        wanted = std::min(2 * header_bytes_, all);
    }
}

}  // namespace tidemark::actors
