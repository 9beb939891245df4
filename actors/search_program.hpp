// A SEARCH program (RFC 9051 §6.4.4) made ready to run over one snapshot of a mailbox.
//
// compile() turns what depends on the session (sequence numbers, "$", keywords, dates relative to
// now, charsets) into plain values on the session's thread; run() then needs nothing but the
// snapshot and the store, and may be on a worker. Keys that only need columns are tried before
// those that need the summary, and those before the ones that need the body; a body is read at most
// once for each message.
#pragma once

#include "actors/worker_pool.hpp"
#include "protocol/message/substring_matcher.hpp"
#include "protocol/search_key.hpp"
#include "protocol/sequence_set.hpp"
#include "storage/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::actors {

struct SearchEnvironment {
    storage::ViewPtr view;
    std::vector<std::string> keywords;  // of the mailbox
    protocol::RangeSet recent;          // uids
    protocol::RangeSet saved;           // uids: "$"
    std::int64_t now_seconds = 0;
};

enum class SearchErrorKind : std::uint8_t { kBadCharset, kBadNumber, kCancelled, kUnreadable };

class CompiledSearch {
  public:
    static tl::expected<std::shared_ptr<const CompiledSearch>, SearchErrorKind> compile(
        const protocol::SearchProgram& program, const SearchEnvironment& environment);
    ~CompiledSearch();

    // Whether it asks for more than the view's columns.
    bool needs_messages() const { return cost_ != Cost::kColumns; }
    // The program has a MODSEQ key: the answer names the highest modseq found (RFC 7162 §3.1.5).
    bool has_modseq() const { return has_modseq_; }

    struct Match {
        storage::Uid uid;
        std::uint32_t seq;
        storage::ModSeq modseq;
        storage::Position position;
    };
    // Messages that match, ascending. Any thread; `cancelled` may be null.
    tl::expected<std::vector<Match>, SearchErrorKind> run(const storage::MailboxView& view,
                                                          const storage::Store& store,
                                                          storage::AccountId account,
                                                          const WorkCancelled* cancelled) const;

  private:
    enum class Cost : std::uint8_t { kColumns, kSummary, kHeader, kBody };
    struct Node;
    struct Candidate;
    CompiledSearch() = default;
    static tl::expected<Node, SearchErrorKind> compile_key(const protocol::SearchKey& key,
                                                           const SearchEnvironment& environment,
                                                           const std::string& charset,
                                                           bool* has_modseq);
    static bool matches(const Node& node, Candidate& candidate);

    std::unique_ptr<Node> root_;
    Cost cost_ = Cost::kColumns;
    bool has_modseq_ = false;
};

// Whether sequence numbers are among the criteria; "$" is none.
bool names_sequence_numbers(const protocol::SearchKey& key);

}  // namespace tidemark::actors
