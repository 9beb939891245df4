// Mail clients that keep a copy of an account and make it equal again when they come back, each in
// one of the ways that are in use. What they hold afterwards is compared with a full fetch; what
// they downloaded for it is counted.
#pragma once

#include "tests/support/test_server.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tidemark::test {

enum class SyncStyle {
    kFull,           // forgets everything and downloads it again
    kFlags,          // all flags, whatever has a UID that it does not know (RFC 4549 §4.3)
    kCondstore,      // CHANGEDSINCE, and a search for what is gone (RFC 7162 §3.1)
    kQresync,        // without known UIDs (RFC 7162 §3.2.5)
    kQresyncRange,   // known UIDs as one range
    kQresyncListed,  // each known UID; what came back below the last shows only in EXISTS
    kQresyncMatch,   // message sequence match data too (RFC 7162 §3.2.5.2)
};
inline constexpr SyncStyle kSyncStyles[] = {
    SyncStyle::kFull,         SyncStyle::kFlags,        SyncStyle::kCondstore,
    SyncStyle::kQresync,      SyncStyle::kQresyncRange, SyncStyle::kQresyncListed,
    SyncStyle::kQresyncMatch,
};
const char* name_of(SyncStyle style);

struct CopiedMessage {
    std::set<std::string> flags;  // without \Recent
    std::string text;
    friend bool operator==(const CopiedMessage&, const CopiedMessage&) = default;
};
struct CopiedMailbox {
    std::uint64_t uidvalidity = 0;
    std::map<std::uint32_t, CopiedMessage> messages;
    friend bool operator==(const CopiedMailbox&, const CopiedMailbox&) = default;
};
using AccountCopy = std::map<std::string, CopiedMailbox>;

// One line a difference; empty when they are equal.
std::string difference(const AccountCopy& copy, const AccountCopy& truth);
// Messages of `truth` that `copy` has not got under their mailbox, UIDVALIDITY and UID.
std::size_t lacking(const AccountCopy& copy, const AccountCopy& truth);

class SyncClient {
  public:
    SyncClient(std::string account, SyncStyle style)
        : account_(std::move(account)), style_(style) {}

    // Connects, makes the copy what the server has, and goes away.
    void synchronize(TestServer& server);

    SyncStyle style() const { return style_; }
    const AccountCopy& copy() const { return copy_; }
    // By the last synchronize(): messages whose text was fetched, flags that were told.
    std::size_t downloaded() const { return downloaded_; }
    std::size_t flags_told() const { return flags_told_; }
    // What the server must not have told in it; empty when that is nothing.
    const std::string& complaints() const { return complaints_; }

  private:
    void synchronize_mailbox(ImapClient& imap, const std::string& name);
    std::vector<std::string> select(ImapClient& imap, const std::string& name);
    void forget_other_validity(const std::string& name, const std::vector<std::string>& selected);
    // Flags of known messages; gives back the UIDs that are told of and not known.
    std::set<std::uint32_t> learn(CopiedMailbox& box, const std::vector<std::string>& lines);
    void keep_only(CopiedMailbox& box, const std::set<std::uint32_t>& uids);
    void remove_vanished(CopiedMailbox& box, const std::vector<std::string>& lines);
    void download(ImapClient& imap, CopiedMailbox& box, const std::string& uids);

    std::string account_;
    SyncStyle style_;
    AccountCopy copy_;
    std::map<std::string, std::uint64_t> modseqs_;  // HIGHESTMODSEQ, by mailbox
    std::size_t downloaded_ = 0;
    std::size_t flags_told_ = 0;
    std::string complaints_;
};

// What a client that knows nothing downloads.
AccountCopy full_fetch(TestServer& server, const std::string& account);

}  // namespace tidemark::test
