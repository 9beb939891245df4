#include "tests/actors/restore/sync_client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sstream>

namespace tidemark::test {

namespace {

using Lines = std::vector<std::string>;
using Uids = std::set<std::uint32_t>;

std::uint64_t number_of(const Lines& lines, const std::string& code) {
    for (const std::string& line : lines) {
        const auto at = line.find("[" + code + " ");
        if (at != std::string::npos) return std::stoull(line.substr(at + code.size() + 2));
    }
    return 0;
}

std::size_t last_exists(const Lines& lines) {
    std::size_t count = 0;
    for (const std::string& line : lines) {
        if (line.ends_with(" EXISTS")) count = std::stoul(line.substr(2));
    }
    return count;
}

std::set<std::string> flags_of(const std::string& line) {
    const auto begin = line.find("FLAGS (");
    REQUIRE_MESSAGE(begin != std::string::npos, "no flags in: " << line);
    std::istringstream words(line.substr(begin + 7, line.find(')', begin) - begin - 7));
    std::set<std::string> flags;
    for (std::string word; words >> word;) {
        if (word != "\\Recent") flags.insert(word);
    }
    return flags;
}

std::uint32_t uid_of(const std::string& line) {
    const auto at = line.find("UID ");
    REQUIRE_MESSAGE(at != std::string::npos, "no UID in: " << line);
    return static_cast<std::uint32_t>(std::stoul(line.substr(at + 4)));
}

bool is_fetch(const std::string& line) {
    return line.starts_with("* ") && line.find(" FETCH (") != std::string::npos;
}

std::string set_of(const Uids& uids) {
    std::string set;
    for (const std::uint32_t uid : uids) set += (set.empty() ? "" : ",") + std::to_string(uid);
    return set;
}

Uids uids_of(const CopiedMailbox& box) {
    Uids uids;
    for (const auto& [uid, message] : box.messages) uids.insert(uid);
    return uids;
}

// Some pairs of sequence number and UID, from the ends and the middle, as RFC 7162 §3.2.5.2
// advises.
std::string match_data(const Uids& uids) {
    std::string sequence;
    std::string same;
    std::size_t number = 0;
    for (const std::uint32_t uid : uids) {
        ++number;
        if (number != 1 && number != uids.size() && number % 3 != 0) continue;
        sequence += (sequence.empty() ? "" : ",") + std::to_string(number);
        same += (same.empty() ? "" : ",") + std::to_string(uid);
    }
    return fmt::format("({} {})", sequence, same);
}

}  // namespace

const char* name_of(SyncStyle style) {
    switch (style) {
        case SyncStyle::kFull:
            return "full";
        case SyncStyle::kFlags:
            return "flags";
        case SyncStyle::kCondstore:
            return "CONDSTORE";
        case SyncStyle::kQresync:
            return "QRESYNC";
        case SyncStyle::kQresyncRange:
            return "QRESYNC, a range of known UIDs";
        case SyncStyle::kQresyncListed:
            return "QRESYNC, a list of known UIDs";
        case SyncStyle::kQresyncMatch:
            return "QRESYNC, sequence match data";
    }
    return "";
}

std::string difference(const AccountCopy& copy, const AccountCopy& truth) {
    std::string text;
    for (const auto& [name, box] : copy) {
        const auto real = truth.find(name);
        if (real == truth.end()) {
            text += fmt::format("{} is not there\n", name);
            continue;
        }
        if (box.uidvalidity != real->second.uidvalidity)
            text += fmt::format("{} has UIDVALIDITY {}, not {}\n", name, real->second.uidvalidity,
                                box.uidvalidity);
        for (const auto& [uid, message] : box.messages) {
            const auto other = real->second.messages.find(uid);
            if (other == real->second.messages.end()) {
                text += fmt::format("{} has no {}\n", name, uid);
            } else if (other->second.text != message.text) {
                text += fmt::format("{} has another {}\n", name, uid);
            } else if (other->second.flags != message.flags) {
                text += fmt::format("{} has {} with other flags\n", name, uid);
            }
        }
    }
    for (const auto& [name, box] : truth) {
        const auto known = copy.find(name);
        if (known == copy.end()) {
            text += fmt::format("{} is missing\n", name);
            continue;
        }
        for (const auto& [uid, message] : box.messages) {
            if (!known->second.messages.contains(uid))
                text += fmt::format("{} has {}, which is missing\n", name, uid);
        }
    }
    return text;
}

std::size_t lacking(const AccountCopy& copy, const AccountCopy& truth) {
    std::size_t count = 0;
    for (const auto& [name, box] : truth) {
        const auto known = copy.find(name);
        const bool is_same = known != copy.end() && known->second.uidvalidity == box.uidvalidity;
        for (const auto& [uid, message] : box.messages) {
            if (!is_same || !known->second.messages.contains(uid)) ++count;
        }
    }
    return count;
}

void SyncClient::synchronize(TestServer& server) {
    downloaded_ = 0;
    flags_told_ = 0;
    complaints_.clear();
    if (style_ == SyncStyle::kFull) copy_.clear();
    ImapClient imap = server.connect(account_);
    if (style_ >= SyncStyle::kQresync) imap.ok("ENABLE QRESYNC");
    std::set<std::string> names;
    for (const std::string& line : with_prefix(imap.ok("LIST \"\" *"), "* LIST ")) {
        std::string name = line.substr(line.rfind(' ') + 1);
        std::erase(name, '"');
        names.insert(name);
    }
    std::erase_if(copy_, [&names](const auto& one) { return !names.contains(one.first); });
    for (const std::string& name : names) synchronize_mailbox(imap, name);
    imap.ok("LOGOUT");
}

std::vector<std::string> SyncClient::select(ImapClient& imap, const std::string& name) {
    const CopiedMailbox& box = copy_[name];
    if (style_ <= SyncStyle::kFlags) return imap.ok("SELECT " + name);
    if (style_ == SyncStyle::kCondstore || box.uidvalidity == 0)
        return imap.ok("SELECT " + name + " (CONDSTORE)");
    std::string known;
    const Uids uids = uids_of(box);
    if (!uids.empty()) {
        if (style_ == SyncStyle::kQresyncRange) known = fmt::format(" 1:{}", *uids.rbegin());
        if (style_ == SyncStyle::kQresyncListed) known = " " + set_of(uids);
        if (style_ == SyncStyle::kQresyncMatch)
            known = fmt::format(" 1:{} {}", *uids.rbegin(), match_data(uids));
    }
    return imap.ok(
        fmt::format("SELECT {} (QRESYNC ({} {}{}))", name, box.uidvalidity, modseqs_[name], known));
}

void SyncClient::forget_other_validity(const std::string& name, const Lines& selected) {
    const std::uint64_t validity = number_of(selected, "UIDVALIDITY");
    REQUIRE(validity != 0);
    CopiedMailbox& box = copy_[name];
    if (box.uidvalidity != validity) box.messages.clear();
    box.uidvalidity = validity;
}

std::set<std::uint32_t> SyncClient::learn(CopiedMailbox& box, const Lines& lines) {
    Uids unknown;
    for (const std::string& line : lines) {
        if (!is_fetch(line)) continue;
        ++flags_told_;
        const auto known = box.messages.find(uid_of(line));
        if (known == box.messages.end()) {
            unknown.insert(uid_of(line));
        } else {
            known->second.flags = flags_of(line);
        }
    }
    return unknown;
}

void SyncClient::keep_only(CopiedMailbox& box, const Uids& uids) {
    std::erase_if(box.messages, [&uids](const auto& one) { return !uids.contains(one.first); });
}

void SyncClient::remove_vanished(CopiedMailbox& box, const Lines& lines) {
    static constexpr std::string_view kVanished = "* VANISHED (EARLIER) ";
    for (const std::string& line : with_prefix(lines, kVanished)) {
        std::istringstream ranges(line.substr(kVanished.size()));
        for (std::string range; std::getline(ranges, range, ',');) {
            const auto colon = range.find(':');
            const auto first = static_cast<std::uint32_t>(std::stoul(range));
            const auto last = colon == std::string::npos
                                  ? first
                                  : static_cast<std::uint32_t>(std::stoul(range.substr(colon + 1)));
            box.messages.erase(box.messages.lower_bound(first), box.messages.upper_bound(last));
        }
    }
}

void SyncClient::download(ImapClient& imap, CopiedMailbox& box, const std::string& uids) {
    if (uids.empty()) return;
    for (const std::string& line : imap.ok("UID FETCH " + uids + " (FLAGS BODY.PEEK[])")) {
        if (!is_fetch(line)) continue;
        const auto literal = line.find("}\r\n");
        REQUIRE_MESSAGE(literal != std::string::npos, "no text in: " << line);
        const auto length = line.rfind('{', literal);
        CopiedMessage message;
        message.flags = flags_of(line);
        message.text = line.substr(literal + 3, std::stoul(line.substr(length + 1)));
        // "n:*" names the last message, also where n is above it (RFC 9051 §9 "seq-range").
        if (!box.messages.contains(uid_of(line))) ++downloaded_;
        box.messages[uid_of(line)] = std::move(message);
    }
}

void SyncClient::synchronize_mailbox(ImapClient& imap, const std::string& name) {
    const bool is_new = copy_[name].uidvalidity == 0;
    const std::uint64_t known_validity = copy_[name].uidvalidity;
    const Lines selected = select(imap, name);
    forget_other_validity(name, selected);
    CopiedMailbox& box = copy_[name];
    const bool is_resync = !is_new && known_validity == box.uidvalidity;
    const std::uint64_t since = modseqs_[name];
    modseqs_[name] = number_of(selected, "HIGHESTMODSEQ");
    REQUIRE(modseqs_[name] != 0);
    if (!is_resync || style_ == SyncStyle::kFull) return download(imap, box, "1:*");
    if (modseqs_[name] < since)
        complaints_ += fmt::format("HIGHESTMODSEQ of {} went back from {} to {}\n", name, since,
                                   modseqs_[name]);
    Uids unknown;
    if (style_ == SyncStyle::kFlags) {
        const Lines lines = imap.ok("UID FETCH 1:* (FLAGS)");
        Uids there;
        for (const std::string& line : lines) {
            if (is_fetch(line)) there.insert(uid_of(line));
        }
        keep_only(box, there);
        unknown = learn(box, lines);
    } else if (style_ == SyncStyle::kCondstore) {
        unknown =
            learn(box, imap.ok(fmt::format("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {})", since)));
        Uids there;
        for (const std::string& line : with_prefix(imap.ok("UID SEARCH ALL"), "* SEARCH")) {
            std::istringstream words(line.substr(8));
            for (std::uint32_t uid = 0; words >> uid;) there.insert(uid);
        }
        keep_only(box, there);
    } else {
        const std::uint32_t last = box.messages.empty() ? 0 : box.messages.rbegin()->first;
        remove_vanished(box, selected);
        unknown = learn(box, selected);
        if (style_ != SyncStyle::kQresync && last != 0) {
            // Only of what it named it was told.
            const Lines later = imap.ok(fmt::format("UID FETCH {}:* (FLAGS)", last + 1));
            unknown.merge(learn(box, later));
        }
        if (style_ == SyncStyle::kQresyncListed &&
            box.messages.size() + unknown.size() != last_exists(selected))
            unknown.merge(learn(box, imap.ok("UID FETCH 1:* (FLAGS)")));
    }
    download(imap, box, set_of(unknown));
}

AccountCopy full_fetch(TestServer& server, const std::string& account) {
    SyncClient client(account, SyncStyle::kFull);
    client.synchronize(server);
    return client.copy();
}

}  // namespace tidemark::test
