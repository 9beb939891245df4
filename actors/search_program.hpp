// A SEARCH program (RFC 9051 §6.4.4) made ready to run over one snapshot of a mailbox.
//
// compile() turns what depends on the session (sequence numbers, "$", keywords, dates relative to
// now, charsets) into plain values on the session's thread; run() then needs nothing but the
// snapshot and the store, and may be on a worker. Keys that only need columns are tried before
// those that need the summary, and those before the ones that need the body; a body is read at most
// once for each message.
#pragma once

#include "actors/search_columns.hpp"
#include "actors/worker_pool.hpp"
#include "protocol/search_key.hpp"
#include "protocol/sequence_set.hpp"
#include "storage/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::actors {

enum class SearchErrorKind : std::uint8_t { kBadCharset, kBadNumber, kCancelled, kUnreadable };

class PageTextCache;
class SearchScan;

class CompiledSearch {
  public:
    static tl::expected<std::shared_ptr<const CompiledSearch>, SearchErrorKind> compile(
        const protocol::SearchProgram& program, const SearchEnvironment& environment);
    ~CompiledSearch();

    // Whether it asks for more than the view's columns.
    bool needs_messages() const;
    // The program has a MODSEQ key: the answer names the highest modseq found (RFC 7162 §3.1.5).
    bool has_modseq() const { return has_modseq_; }

    struct Match {
        storage::Uid uid;
        std::uint32_t seq;
        storage::Position position;
    };
    // Messages that match, ascending. Any thread; `cancelled` may be null.
    tl::expected<std::vector<Match>, SearchErrorKind> run(const storage::MailboxView& view,
                                                          const storage::Store& store,
                                                          PageTextCache& texts,
                                                          storage::AccountId account,
                                                          const WorkCancelled* cancelled) const;

  private:
    enum class Cost : std::uint8_t { kColumns, kSummary, kHeader, kBody };
    enum class NodeKind : std::uint8_t { kAnd, kOr, kNot, kTest };
    struct Node;
    CompiledSearch() = default;
    tl::expected<Node, SearchErrorKind> compile_key(const protocol::SearchKey& key,
                                                    const SearchEnvironment& environment,
                                                    const std::string& charset);
    tl::expected<Node, SearchErrorKind> compile_group(NodeKind kind,
                                                      const std::vector<protocol::SearchKey>& keys,
                                                      const SearchEnvironment& environment,
                                                      const std::string& charset);
    static tl::expected<Node, SearchErrorKind> compile_text(const protocol::SearchText& text,
                                                            const std::string& charset);
    void number_slots(Node& node);
    static storage::PageBits match_page(const Node& node, const SearchScan& scan);
    static void answer_columns(const Node& node, const SearchScan& scan,
                               std::vector<storage::PageBits>& answers);
    // The messages of a page that may match by what its columns say.
    storage::PageBits candidates(const SearchScan& scan,
                                 const std::vector<storage::PageBits>& answers) const;
    static bool matches(const Node& node, SearchScan& scan,
                        const std::vector<storage::PageBits>& answers);

    std::unique_ptr<Node> root_;
    std::size_t slots_ = 0;
    bool has_modseq_ = false;
};

// Whether sequence numbers are among the criteria; "$" is none.
bool names_sequence_numbers(const protocol::SearchKey& key);

}  // namespace tidemark::actors
