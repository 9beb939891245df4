// Bodies and those who name them: messages by account on one side, records on the other.
#include "storage/keys.hpp"
#include "storage/verify/account_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace tidemark::storage {
namespace {

constexpr std::size_t kKeysPerRead = 1024;

std::uint32_t references_of(const BodyRecord& record, AccountId account) {
    for (const BodyRecord::Reference& reference : record.references) {
        if (reference.account == account) return reference.count;
    }
    return 0;
}

// Of all messages of an account.
Result<std::vector<BodyId>> read_bodies_of(const Database& database, AccountId account) {
    std::vector<BodyId> bodies;
    const Result<void> scanned = database.scan_prefix(
        Family::kMailboxes, keys::mailboxes(account),
        [&](std::string_view, std::string_view value) -> Result<bool> {
            const Result<MailboxRecord> record = decode_mailbox(value);
            if (!record) return tl::unexpected(record.error());
            const Result<ViewPtr> view = read_mailbox(database, account, *record);
            if (!view) return tl::unexpected(view.error());
            for (const PagePtr& page : (*view)->pages())
                bodies.insert(bodies.end(), page->fixed->body.begin(), page->fixed->body.end());
            return true;
        });
    if (!scanned) return tl::unexpected(scanned.error());
    return bodies;
}

}  // namespace

// One direction: each body that a message names has a record, which counts these messages. The
// other is check_reference_totals().
void VerifyRun::check_references(AccountWork& work) {
    std::vector<NamedBody>& named = work.bodies;
    std::sort(named.begin(), named.end(), [](const NamedBody& a, const NamedBody& b) {
        return std::tie(a.body, a.mailbox, a.uid) < std::tie(b.body, b.mailbox, b.uid);
    });
    bool is_right = work.is_complete;
    for (std::size_t at = 0; at < named.size() && !cancelled();) {
        std::vector<std::size_t> starts;  // of runs of one body
        std::vector<std::string> wanted;
        while (at < named.size() && starts.size() < kKeysPerRead) {
            starts.push_back(at);
            wanted.push_back(keys::body(named[at].body));
            const BodyId body = named[at].body;
            while (at < named.size() && named[at].body == body) ++at;
        }
        const std::vector<Result<std::string>> values = db_->get_many(Family::kBodies, wanted);
        for (std::size_t i = 0; i < starts.size(); ++i) {
            const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : at;
            const NamedBody& first = named[starts[i]];
            const Place place{work.id, first.mailbox, first.uid};
            if (!values[i]) {
                is_right = false;
                if (values[i].error().kind != StoreErrorKind::kNotFound) {
                    find_unread(values[i].error(), "a body's record", place);
                    continue;
                }
                for (std::size_t k = starts[i]; k < end; ++k) {
                    find(FindingCode::kBodyMissing, {work.id, named[k].mailbox, named[k].uid},
                         fmt::format("its body {} has no record", raw(named[k].body)));
                }
                continue;
            }
            const Result<BodyRecord> record = decode_body(*values[i]);
            if (!record) {  // told by check_bodies()
                is_right = false;
                continue;
            }
            if (references_of(*record, work.id) != end - starts[i]) {
                is_right = false;
                find(
                    FindingCode::kReferences, place,
                    fmt::format("body {} counts {} messages of the account, it is named by {}",
                                raw(first.body), references_of(*record, work.id), end - starts[i]));
            }
            for (std::size_t k = starts[i]; k < end; ++k) {
                if (named[k].size == record->length) continue;
                find(FindingCode::kBodyLength, {work.id, named[k].mailbox, named[k].uid},
                     fmt::format("its size is {}, its body has {} bytes", named[k].size,
                                 record->length));
            }
        }
    }
    if (!is_right) return;
    const std::lock_guard lock(mutex_);
    held_references_[work.id] = named.size();
}

void VerifyRun::check_summary_rows(const AccountWork& work) {
    const std::vector<NamedBody>& named = work.bodies;
    std::uint64_t count = 0;
    auto at = named.begin();
    const Result<void> scanned = db_->scan_prefix(
        Family::kSummaries, keys::summaries(work.id),
        [&](std::string_view key, std::string_view) -> Result<bool> {
            const std::optional<BodyId> body = keys::body_of_summary(key);
            if (!body) {
                find(FindingCode::kKey, {work.id, {}, 0}, "a summary's key has a wrong shape");
                return true;
            }
            ++count;
            while (at != named.end() && at->body < *body) ++at;
            if (work.is_complete && (at == named.end() || at->body != *body)) {
                find(FindingCode::kSummary, {work.id, {}, 0},
                     fmt::format("a summary of body {}, which no message of the account has",
                                 raw(*body)));
            }
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the summaries", {work.id, {}, 0});
    const std::lock_guard lock(mutex_);
    counts_.summaries += count;
}

// The other direction. Each account's messages were found in the records, so if the records give
// it as many references in all as it has messages they give no others. Only if they do is it worth
// looking which.
void VerifyRun::check_reference_totals() {
    std::vector<AccountId> wrong;
    for (const auto& [account, held] : held_references_) {
        const auto given = given_references_.find(account);
        if (given != given_references_.end() ? given->second != held : held != 0)
            wrong.push_back(account);
    }
    std::sort(wrong.begin(), wrong.end());
    for (const AccountId account : wrong) {
        Result<std::vector<BodyId>> read = read_bodies_of(*db_, account);
        if (!read) return find_unread(read.error(), "the messages", {account, {}, 0});
        std::vector<BodyId> named = std::move(*read);
        std::sort(named.begin(), named.end());
        const Result<void> scanned = db_->scan(
            Family::kBodies, {}, {},
            [&](std::string_view key, std::string_view value) -> Result<bool> {
                const Result<BodyRecord> record = decode_body(value);
                const std::optional<BodyId> body = keys::body_of(key);
                if (record && body && references_of(*record, account) != 0 &&
                    !std::binary_search(named.begin(), named.end(), *body)) {
                    find(FindingCode::kReferences, {account, {}, 0},
                         fmt::format("body {} counts {} messages of the account, which has none "
                                     "with it",
                                     raw(*body), references_of(*record, account)));
                }
                return !cancelled();
            });
        if (!scanned) return find_unread(scanned.error(), "the bodies' records");
    }
}

}  // namespace tidemark::storage
