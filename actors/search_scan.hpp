// One page of a mailbox while a search looks at it: what the keys of search_program.hpp ask for.
//
// Columns are there; what needs the disk is fetched for all messages of the page that are still
// candidates when a key first asks for it, so that the store reads neighbours together. Of bodies
// and headers only the message under examination is held.
//
// The headers of a page that a search looks through stay in the cache of texts for the next one.
//
// Thread: any one; blocks on the disk.
#pragma once

#include "actors/page_texts.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/substring_matcher.hpp"
#include "protocol/message/summary.hpp"
#include "storage/page_bits.hpp"
#include "storage/store.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors {

class SearchScan {
  public:
    SearchScan(const storage::MailboxView& view, const storage::Store& store, PageTextCache& texts,
               storage::AccountId account)
        : view_(view), store_(store), texts_(texts), account_(account) {}

    void begin_page(std::uint32_t page);
    // The messages that may match still, all of those that begin_message() will name.
    void set_candidates(const storage::PageBits& candidates);
    void begin_message(std::size_t index);

    const storage::Page& page() const { return *page_; }
    std::uint32_t first_seq() const { return first_seq_; }
    std::size_t index() const { return index_; }

    // Of the message under examination. A message that can not be read has nothing, and matches
    // nothing; the search goes on for the others.
    std::optional<protocol::message::SummaryView> summary();
    const protocol::message::ParsedMessage* structure();
    // Reads no more than the header, and does not check the bytes against the body's CRC: what is
    // sent is checked when it is sent.
    bool header_matches(std::string_view name, const protocol::message::SubstringMatcher& matcher);

  private:
    const storage::BodyReader* reader();
    // Of the whole page, if they are kept or so many are wanted that all may be read; or null.
    const PageTexts* headers();
    bool load_body();
    // Where the message under examination is among the candidates.
    std::size_t rank() const { return rank_[index_]; }

    const storage::MailboxView& view_;
    const storage::Store& store_;
    PageTextCache& texts_;
    storage::AccountId account_;

    const storage::Page* page_ = nullptr;
    std::uint32_t first_seq_ = 0;
    std::vector<storage::BodyId> bodies_;  // of the candidates
    std::array<std::uint16_t, storage::kPageCapacity> rank_{};
    std::vector<storage::Result<storage::BodyReader>> readers_;
    std::vector<std::string> summaries_;
    std::shared_ptr<const PageTexts> headers_;
    bool asked_for_headers_ = false;

    std::size_t index_ = 0;
    std::string header_;            // a buffer that is used again
    std::size_t header_bytes_ = 0;  // of the message under examination, in the buffer
    std::optional<std::string> body_;
    std::optional<protocol::message::ParsedMessage> parsed_;
};

}  // namespace tidemark::actors
