#include "tools/check_sync/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tidemark::check_sync {

namespace {

// Few, so that sessions meet on them.
constexpr std::array<std::string_view, 6> kFlags = {"\\Seen", "\\Flagged", "\\Answered",
                                                    "cs-red", "cs-blue",   "cs-green"};
// Those that conditional STOREs fight for.
constexpr std::array<std::string_view, 2> kContended = {"cs-lock", "\\Flagged"};
// Every so many operations a mailbox is deleted while others use it.
constexpr std::uint64_t kRecreateEvery = 3000;

}  // namespace

OperationGenerator::OperationGenerator(std::uint64_t seed, std::uint32_t session,
                                       std::vector<std::string> mailboxes,
                                       std::size_t messages_wanted)
    : random_(seed * 1'000'003 + session),
      session_(session),
      mailboxes_(std::move(mailboxes)),
      messages_wanted_(messages_wanted) {}

std::uint64_t OperationGenerator::below(std::uint64_t bound) {
    return random_() % bound;
}

std::string OperationGenerator::pick_mailbox() {
    return mailboxes_[below(mailboxes_.size())];
}

protocol::RangeSet OperationGenerator::pick_uids(const Selection& box, std::size_t count_max) {
    protocol::RangeSet uids;
    if (box.messages.empty()) return uids;
    const auto first = below(box.messages.size());
    const auto count = 1 + below(count_max);
    for (auto i = first; i < std::min<std::size_t>(first + count, box.messages.size()); ++i) {
        if (box.messages[i].uid != 0) uids.add(box.messages[i].uid);
    }
    return uids;
}

std::string OperationGenerator::pick_flags(std::size_t count_max) {
    std::string text;
    for (auto left = 1 + below(count_max); left > 0; --left) {
        if (!text.empty()) text += ' ';
        text += kFlags[below(kFlags.size())];
    }
    return text;
}

Operation OperationGenerator::next(const ClientView& view, const ServerAbilities& server) {
    const Selection* box = view.selection();
    if (box == nullptr || one_in(40))
        return {OperationKind::switch_mailbox, {}, {}, pick_mailbox()};
    if (one_in(kRecreateEvery) && mailboxes_.size() > 1)
        return {OperationKind::recreate, {}, {}, pick_mailbox()};
    if (one_in(50)) return {OperationKind::come_back, {}, {}, {}};
    if (one_in(60)) return {OperationKind::count_all, {}, {}, {}};
    const bool is_full = box->messages.size() > messages_wanted_;
    const auto dice = below(100);
    Operation operation;
    if (box->messages.empty() || dice < (is_full ? 6 : 18)) {
        operation = append(view);
    } else if (dice < 40) {
        operation = store(view, view.has_condstore());
    } else if (dice < 64 && view.has_condstore() && box->has_modseqs) {
        operation = compare_and_swap(view);
    } else if (dice < 72) {
        operation = copy(view, server);
    } else if (dice < (is_full ? 90 : 80)) {
        operation = expunge(view, server);
    } else {
        operation = look(view, server);
    }
    if (one_in(80)) operation.kind = OperationKind::drop;
    if (operation.kind == OperationKind::drop && !operation.literal.empty())
        operation.kind = OperationKind::command;
    return operation;
}

Operation OperationGenerator::append(const ClientView& view) {
    const Selection& box = *view.selection();
    const std::string mailbox = one_in(4) ? pick_mailbox() : box.mailbox;
    const std::string flags = one_in(2) ? "(" + pick_flags(2) + ") " : "";
    std::string message = fmt::format(
        "From: checker <checker@example.org>\r\nSubject: {0} of session {1}\r\n"
        "Message-ID: <{0}.{1}@check-sync>\r\n\r\n",
        ++appended_, session_);
    message.append(below(300), 'x');
    message += "\r\n";
    return {OperationKind::command,
            fmt::format("APPEND {} {}", mailbox, flags),
            std::move(message),
            {}};
}

Operation OperationGenerator::store(const ClientView& view, bool may_be_silent) {
    const Selection& box = *view.selection();
    static constexpr std::array<std::string_view, 6> kModes = {"+FLAGS", "-FLAGS", "+FLAGS",
                                                               "-FLAGS", "+FLAGS", "FLAGS"};
    std::string mode(kModes[below(kModes.size())]);
    if (may_be_silent && one_in(3)) mode += ".SILENT";
    std::string flags = pick_flags(2);
    if (one_in(box.messages.size() > messages_wanted_ ? 2 : 5)) flags += " \\Deleted";
    if (one_in(6)) {
        const auto first = 1 + below(box.messages.size());
        const auto last = std::min<std::uint64_t>(first + below(2), box.messages.size());
        return {OperationKind::command,
                fmt::format("STORE {}:{} {} ({})", first, last, mode, flags),
                {},
                {}};
    }
    const auto uids = pick_uids(box, one_in(8) ? 20 : 2);
    if (uids.empty()) return {OperationKind::command, "NOOP", {}, {}};
    return {OperationKind::command,
            fmt::format("UID STORE {} {} ({})", uids.to_string(), mode, flags),
            {},
            {}};
}

// One message, from the state that the client knows, most often for a flag that others want too.
Operation OperationGenerator::compare_and_swap(const ClientView& view) {
    const Selection& box = *view.selection();
    // The same few messages for everybody.
    const auto index = one_in(3) ? below(box.messages.size())
                                 : below(std::min<std::size_t>(box.messages.size(), 3));
    const CachedMessage& message = box.messages[index];
    if (message.uid == 0 || !message.has_flags || message.modseq == 0)
        return {OperationKind::command, "NOOP", {}, {}};
    const std::string silent = one_in(2) ? ".SILENT" : "";
    std::string flag(kContended[below(kContended.size())]);
    std::string change;
    if (one_in(6)) {
        change = "FLAGS" + silent + " (" + flag + " " + pick_flags(1) + ")";
    } else {
        std::string canonical = flag == "\\Flagged" ? "\\flagged" : flag;
        change =
            (has_flag(message.flags, canonical) ? "-FLAGS" : "+FLAGS") + silent + " (" + flag + ")";
    }
    // Now and then with the modseq of the mailbox, as clients do that store no other.
    const auto since = one_in(8) && box.is_synchronised ? box.modseq : message.modseq;
    if (one_in(10)) {
        return {OperationKind::command,
                fmt::format("STORE {} (UNCHANGEDSINCE {}) {}", index + 1, since, change),
                {},
                {}};
    }
    return {OperationKind::command,
            fmt::format("UID STORE {} (UNCHANGEDSINCE {}) {}", message.uid, since, change),
            {},
            {}};
}

Operation OperationGenerator::copy(const ClientView& view, const ServerAbilities& server) {
    const Selection& box = *view.selection();
    const auto uids = pick_uids(box, 2);
    if (uids.empty()) return {OperationKind::command, "NOOP", {}, {}};
    const bool is_move = server.has_move && (one_in(2) || box.messages.size() > messages_wanted_);
    return {
        OperationKind::command,
        fmt::format("UID {} {} {}", is_move ? "MOVE" : "COPY", uids.to_string(), pick_mailbox()),
        {},
        {}};
}

Operation OperationGenerator::expunge(const ClientView& view, const ServerAbilities& server) {
    const Selection& box = *view.selection();
    if (one_in(3) || !server.has_uidplus) return {OperationKind::command, "EXPUNGE", {}, {}};
    const auto uids = pick_uids(box, 10);
    if (uids.empty()) return {OperationKind::command, "NOOP", {}, {}};
    return {OperationKind::command, "UID EXPUNGE " + uids.to_string(), {}, {}};
}

// Commands that change nothing.
Operation OperationGenerator::look(const ClientView& view, const ServerAbilities& server) {
    const Selection& box = *view.selection();
    const bool has_modseqs = view.has_condstore() && box.has_modseqs;
    switch (below(7)) {
        case 0: {
            const auto mailbox = pick_mailbox();
            if (mailbox == box.mailbox) break;
            return {OperationKind::command,
                    fmt::format("STATUS {} (MESSAGES UIDNEXT UIDVALIDITY{})", mailbox,
                                has_modseqs ? " HIGHESTMODSEQ" : ""),
                    {},
                    {}};
        }
        case 1:
            if (!has_modseqs || box.modseq == 0) break;
            return {OperationKind::command,
                    fmt::format("UID SEARCH MODSEQ {}", 1 + box.modseq - below(box.modseq / 2 + 1)),
                    {},
                    {}};
        case 2:
            if (!has_modseqs || box.modseq == 0 || box.has_unknown()) break;
            return {OperationKind::command,
                    fmt::format("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {}{})", box.modseq,
                                view.has_qresync() ? " VANISHED" : ""),
                    {},
                    {}};
        case 3:
            return {OperationKind::command,
                    fmt::format("FETCH {} (UID FLAGS{})", 1 + below(box.messages.size()),
                                has_modseqs ? " MODSEQ" : ""),
                    {},
                    {}};
        case 4:
            if (server.has_idle) return {OperationKind::idle, {}, {}, {}};
            break;
        case 5:
            return {OperationKind::command, "SEARCH UNDELETED", {}, {}};
        default:
            break;
    }
    return {OperationKind::command, "NOOP", {}, {}};
}

}  // namespace tidemark::check_sync
