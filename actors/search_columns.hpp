// The SEARCH keys that a mailbox's columns answer (RFC 9051 §6.4.4), a page of messages at a time.
#pragma once

#include "protocol/search_key.hpp"
#include "protocol/sequence_set.hpp"
#include "storage/mailbox_view.hpp"
#include "storage/page_bits.hpp"

#include <cstdint>
#include <functional>
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

// Which messages of a page match; `first_seq` is the sequence number of its first.
using PageTest =
    std::function<storage::PageBits(const storage::Page& page, std::uint32_t first_seq)>;

// Flags that a message must have and others that it must not have: any number of keys in one
// comparison.
struct FlagTest {
    storage::FlagBits mask = 0;
    storage::FlagBits wanted = 0;
    bool is_impossible = false;

    // Both at once.
    void add(const FlagTest& other);
    storage::PageBits operator()(const storage::Page& page, std::uint32_t first_seq) const;
};

// Nothing for keys that are no flag (\Recent is none: it is the session's).
std::optional<FlagTest> flag_test(const protocol::SearchKey& key,
                                  const std::vector<std::string>& keywords);

// Empty for keys that need more than columns, and for those made of others. Sequence numbers must
// have been checked against the view.
PageTest column_test(const protocol::SearchKey& key, const SearchEnvironment& environment);

// Days since 1970 against the criterion of a date key.
bool date_matches(const protocol::SearchDate& key, std::int32_t day);

}  // namespace tidemark::actors
