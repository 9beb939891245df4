#include "tools/dump_lines.hpp"

#include <fmt/format.h>

#include <array>

namespace tidemark::tools::dump_lines {

namespace {

using nlohmann::ordered_json;
using storage::raw;

constexpr std::array<const char*, storage::kKeywordShift> kSystemFlags = {
    "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

// By name, so that the numbers of bits do not matter. A bit without a name can not be; if it is
// there it is shown.
ordered_json flag_names(const storage::MailboxRecord& mailbox, storage::FlagBits bits) {
    ordered_json names = ordered_json::array();
    for (unsigned bit = 0; bit < 64; ++bit) {
        if ((bits >> bit & 1) == 0) continue;
        if (bit < storage::kKeywordShift) {
            names.push_back(kSystemFlags[bit]);
        } else if (bit - storage::kKeywordShift < mailbox.keywords.size()) {
            names.push_back(mailbox.keywords[bit - storage::kKeywordShift]);
        } else {
            names.push_back(fmt::format("bit {}", bit));
        }
    }
    return names;
}

std::string range_text(const storage::UidRanges& ranges) {
    std::string text;
    for (const storage::UidRange& range : ranges) {
        if (!text.empty()) text += ',';
        text += range.first == range.last ? fmt::format("{}", range.first)
                                          : fmt::format("{}:{}", range.first, range.last);
    }
    return text;
}

const char* kind_name(storage::ChangeKind kind) {
    switch (kind) {
        case storage::ChangeKind::kAppend:
            return "append";
        case storage::ChangeKind::kStore:
            return "store";
        case storage::ChangeKind::kExpunge:
            return "expunge";
        case storage::ChangeKind::kCopyIn:
            return "copy-in";
        case storage::ChangeKind::kMoveIn:
            return "move-in";
        case storage::ChangeKind::kMoveOut:
            return "move-out";
        case storage::ChangeKind::kMailboxCreated:
            return "mailbox-created";
        case storage::ChangeKind::kMailboxRenamed:
            return "mailbox-renamed";
        case storage::ChangeKind::kMailboxDeleted:
            return "mailbox-deleted";
        case storage::ChangeKind::kMailboxChanged:
            return "mailbox-changed";
        case storage::ChangeKind::kDelivery:
            return "delivery";
        case storage::ChangeKind::kRestore:
            return "restore";
    }
    return "unknown";
}

const char* use_name(storage::SpecialUse use) {
    switch (use) {
        case storage::SpecialUse::kNone:
            return "";
        case storage::SpecialUse::kAll:
            return "\\All";
        case storage::SpecialUse::kArchive:
            return "\\Archive";
        case storage::SpecialUse::kDrafts:
            return "\\Drafts";
        case storage::SpecialUse::kFlagged:
            return "\\Flagged";
        case storage::SpecialUse::kJunk:
            return "\\Junk";
        case storage::SpecialUse::kSent:
            return "\\Sent";
        case storage::SpecialUse::kTrash:
            return "\\Trash";
        case storage::SpecialUse::kImportant:
            return "\\Important";
    }
    return "unknown";
}

// What the record of a message in a mailbox and one in the log have in common.
void add_message(ordered_json& line, const storage::MailboxRecord& mailbox,
                 const storage::Message& message) {
    line["uid"] = message.uid;
    line["flags"] = flag_names(mailbox, message.flags);
    line["modseq"] = message.modseq;
    line["createseq"] = message.createseq;
    line["size"] = message.size;
    line["date"] = message.internal_date.unix_seconds;
    line["zone"] = message.internal_date.zone_minutes;
    line["saved"] = message.save_date;
    line["body"] = raw(message.body);
}

ordered_json message_list(const storage::MailboxRecord& mailbox,
                          const std::vector<storage::Message>& messages) {
    ordered_json list = ordered_json::array();
    for (const storage::Message& message : messages) {
        ordered_json item;
        add_message(item, mailbox, message);
        list.push_back(std::move(item));
    }
    return list;
}

}  // namespace

std::string digest_text(XXH128_hash_t hash) {
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string digest(std::string_view bytes) {
    return digest_text(XXH3_128bits(bytes.data(), bytes.size()));
}

ordered_json head() {
    return {{"line", "dump"}, {"version", kDumpVersion}};
}

ordered_json account(const storage::LoadedAccount& account) {
    return {{"line", "account"},
            {"id", raw(account.record.id)},
            {"name", account.record.name},
            {"enabled", account.record.enabled},
            {"quota_bytes", account.record.quota_bytes},
            {"created", account.record.created_seconds},
            // Not for reading: whoever gets a dump should not get what passwords are checked with.
            {"credentials", digest(account.record.credentials)},
            {"modseq", account.counters.modseq},
            {"mailbox_id", account.counters.mailbox_id},
            {"uidvalidity", account.counters.uidvalidity},
            {"used_bytes", account.counters.used_bytes},
            {"used_messages", account.counters.used_messages}};
}

ordered_json subscription(storage::AccountId account, std::string_view name) {
    return {{"line", "subscription"}, {"account", raw(account)}, {"name", name}};
}

ordered_json mailbox(storage::AccountId account, const storage::MailboxRecord& record) {
    return {{"line", "mailbox"},
            {"account", raw(account)},
            {"id", raw(record.id)},
            {"name", record.name},
            {"uidvalidity", record.uidvalidity},
            {"uidnext", record.uidnext},
            {"highestmodseq", record.highestmodseq},
            {"horizon", record.horizon_modseq},
            {"created_modseq", record.created_modseq},
            {"created", record.created_seconds},
            {"recent_uid", record.recent_uid},
            {"messages", record.counts.messages},
            {"unseen", record.counts.unseen},
            {"deleted", record.counts.deleted},
            {"bytes", record.counts.bytes},
            {"deleted_bytes", record.counts.deleted_bytes},
            {"keywords", record.keywords},
            {"special_use", use_name(record.special_use)},
            {"subscribed", record.subscribed},
            {"object_id", record.object_id}};
}

ordered_json message(storage::AccountId account, const storage::MailboxRecord& mailbox,
                     const storage::Message& message, std::string_view summary,
                     const std::optional<std::string>& body_digest) {
    ordered_json line = {
        {"line", "message"}, {"account", raw(account)}, {"mailbox", raw(mailbox.id)}};
    add_message(line, mailbox, message);
    if (body_digest) line["digest"] = *body_digest;
    line["summary"] = summary.empty() ? "" : digest(summary);
    return line;
}

ordered_json change(storage::AccountId account, const storage::MailboxRecord& mailbox,
                    storage::ModSeq modseq, const storage::ChangeRecord& change) {
    ordered_json line = {
        {"line", "change"}, {"account", raw(account)},        {"mailbox", raw(mailbox.id)},
        {"modseq", modseq}, {"kind", kind_name(change.kind)}, {"time", change.time_micros}};
    if (!change.appended.empty()) line["appended"] = message_list(mailbox, change.appended);
    if (!change.flags.empty()) {
        ordered_json list = ordered_json::array();
        for (const storage::FlagChange& one : change.flags) {
            list.push_back(ordered_json{{"before", flag_names(mailbox, one.before)},
                                        {"after", flag_names(mailbox, one.after)},
                                        {"uids", range_text(one.uids)}});
        }
        line["flags"] = std::move(list);
    }
    if (!change.expunged.empty()) line["expunged"] = message_list(mailbox, change.expunged);
    if (!change.old_name.empty()) line["old_name"] = change.old_name;
    if (!change.new_name.empty()) line["new_name"] = change.new_name;
    return line;
}

ordered_json body(storage::BodyId id, const storage::BodyRecord& record) {
    ordered_json references = ordered_json::array();
    for (const storage::BodyRecord::Reference& reference : record.references) {
        references.push_back(
            ordered_json{{"account", raw(reference.account)}, {"count", reference.count}});
    }
    return {{"line", "body"},
            {"id", raw(id)},
            {"length", record.length},
            {"crc32c", record.crc32c},
            {"references", std::move(references)}};
}

ordered_json end(const DumpCounts& counts) {
    return {{"line", "end"},
            {"accounts", counts.accounts},
            {"mailboxes", counts.mailboxes},
            {"messages", counts.messages},
            {"changes", counts.changes},
            {"bodies", counts.bodies}};
}

}  // namespace tidemark::tools::dump_lines
