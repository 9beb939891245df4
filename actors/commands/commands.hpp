// The handlers of IMAP commands, one file for each or for a small family. A handler answers its
// command completely: the untagged data, then the tagged response. It runs on the session's home
// core; after every suspension the mailbox may have been deleted and the connection may be gone
// (session->is_gone()).
#pragma once

#include "actors/imap_session.hpp"
#include "protocol/command.hpp"

namespace tidemark::actors::commands {

using protocol::Tag;
namespace command = protocol::command;

// fetch.cpp: RFC 9051 §6.4.5, RFC 7162 §3.1.4, §3.2.6
Awaitable<void> fetch(ImapSession* session, Tag tag, command::Fetch fetch);
// search.cpp: RFC 9051 §6.4.4, RFC 7162 §3.1.5, RFC 5032, RFC 8514; sort.cpp, thread.cpp: RFC 5256,
// RFC 5957
Awaitable<void> search(ImapSession* session, Tag tag, command::Search search);
Awaitable<void> sort(ImapSession* session, Tag tag, command::Sort sort);
Awaitable<void> thread(ImapSession* session, Tag tag, command::Thread thread);
// store.cpp: RFC 9051 §6.4.6, RFC 7162 §3.1.3
Awaitable<void> store(ImapSession* session, Tag tag, command::Store store);
// copy.cpp: RFC 9051 §6.4.7, §6.4.8 (RFC 6851)
Awaitable<void> copy(ImapSession* session, Tag tag, command::Copy copy);
Awaitable<void> move(ImapSession* session, Tag tag, command::Move move);
// expunge.cpp: RFC 9051 §6.4.1 – §6.4.3, RFC 4315 §2.1
Awaitable<void> expunge(ImapSession* session, Tag tag, command::Expunge expunge);
Awaitable<void> close(ImapSession* session, Tag tag, command::Close close);
Awaitable<void> unselect(ImapSession* session, Tag tag, command::Unselect unselect);
// select.cpp: RFC 9051 §6.3.2, §6.3.3, RFC 7162 §3.1.8, §3.2.5
Awaitable<void> select(ImapSession* session, Tag tag, command::Select select);
// idle.cpp: RFC 9051 §6.3.13
Awaitable<void> idle(ImapSession* session, Tag tag, command::Idle idle);
// list.cpp: RFC 9051 §6.3.9, RFC 5819, RFC 6154, RFC 3501 §6.3.9
Awaitable<void> list(ImapSession* session, Tag tag, command::List list);
Awaitable<void> lsub(ImapSession* session, Tag tag, command::Lsub lsub);
// status.cpp: RFC 9051 §6.3.11
Awaitable<void> status(ImapSession* session, Tag tag, command::Status status);
// Fills what STATUS asks for; also LIST-STATUS. False: the mailbox is gone.
Awaitable<bool> status_of(ImapSession* session, std::string name, protocol::StatusItems items,
                          protocol::StatusData* data);
// The STATUS response; for the selected mailbox after what it covers was told.
void write_status_of(ImapSession* session, const std::string& name,
                     const protocol::StatusData& data);
// mailboxes.cpp: RFC 9051 §6.3.4 – §6.3.8
Awaitable<void> create(ImapSession* session, Tag tag, command::Create create);
Awaitable<void> delete_mailbox(ImapSession* session, Tag tag, command::Delete remove);
Awaitable<void> rename(ImapSession* session, Tag tag, command::Rename rename);
Awaitable<void> subscribe(ImapSession* session, Tag tag, command::Subscribe subscribe);
Awaitable<void> unsubscribe(ImapSession* session, Tag tag, command::Unsubscribe unsubscribe);
// authenticate.cpp: RFC 9051 §6.2
Awaitable<void> authenticate(ImapSession* session, Tag tag, command::Authenticate authenticate);
Awaitable<void> login(ImapSession* session, Tag tag, command::Login login);
// basic.cpp: CAPABILITY, NOOP, LOGOUT, ID, ENABLE, NAMESPACE, CHECK, STARTTLS, UNAUTHENTICATE,
// GETQUOTA, GETQUOTAROOT
Awaitable<void> capability(ImapSession* session, Tag tag, command::Capability capability);
Awaitable<void> noop(ImapSession* session, Tag tag, command::Noop noop);
Awaitable<void> logout(ImapSession* session, Tag tag, command::Logout logout);
Awaitable<void> id(ImapSession* session, Tag tag, command::Id id);
Awaitable<void> enable(ImapSession* session, Tag tag, command::Enable enable);
Awaitable<void> name_space(ImapSession* session, Tag tag, command::Namespace name_space);
Awaitable<void> check(ImapSession* session, Tag tag, command::Check check);
Awaitable<void> start_tls(ImapSession* session, Tag tag, command::StartTls start_tls);
Awaitable<void> unauthenticate(ImapSession* session, Tag tag,
                               command::Unauthenticate unauthenticate);
Awaitable<void> get_quota(ImapSession* session, Tag tag, command::GetQuota get_quota);
Awaitable<void> get_quota_root(ImapSession* session, Tag tag, command::GetQuotaRoot get_quota_root);

// COMPRESS is not announced: NO. An APPEND comes here only when it was not streamed, which does not
// happen after login.
Awaitable<void> compress(ImapSession* session, Tag tag, command::Compress compress);
Awaitable<void> append_whole(ImapSession* session, Tag tag, command::Append append);

// vanished.cpp. The uids of `asked` that were expunged since `since` (RFC 7162 §3.2.5, §3.2.6):
// exact from the log above its horizon, and below it whatever of `asked` is not there. Never one
// that is alive in the session's told view.
Awaitable<Outcome<protocol::RangeSet>> vanished_since(ImapSession* session,
                                                      protocol::RangeSet asked,
                                                      storage::ModSeq since);

// Reads the body of a message: from the page cache on this thread when it is there, else on a
// worker. Damaged bytes are an error, logged and counted, and never sent.
Awaitable<Outcome<std::shared_ptr<const std::string>>> read_body(ImapSession* session,
                                                                 storage::BodyId body);

// What the client is told when a body can not be read; logged and counted here.
AccountError unreadable_body(ImapSession* session, storage::BodyId body,
                             const storage::StoreError& error);

inline protocol::RangeSet to_range_set(const storage::UidRanges& ranges) {
    protocol::RangeSet set;
    for (const auto& range : ranges) set.add(range.first, range.last);
    return set;
}
inline storage::UidRanges to_uid_ranges(const protocol::RangeSet& set) {
    storage::UidRanges ranges;
    ranges.reserve(set.ranges().size());
    for (const auto& range : set.ranges()) ranges.push_back({range.first, range.last});
    return ranges;
}

}  // namespace tidemark::actors::commands
