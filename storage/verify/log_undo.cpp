#include "storage/verify/log_undo.hpp"

#include <fmt/format.h>

namespace tidemark::storage {
namespace {

// The columns that an append gives and nothing changes.
bool same_message(const Message& a, const Message& b) {
    return a.size == b.size && a.internal_date == b.internal_date && a.save_date == b.save_date &&
           a.body == b.body;
}

LogMisfit misfit(Uid uid, ModSeq modseq, std::string_view what) {
    return {uid, fmt::format("log entry {} {}", modseq, what)};
}

}  // namespace

LogUndo::LogUndo(const MailboxView& pages) : pages_(pages) {
    states_.reserve(pages.count());
    for (const PagePtr& page : pages.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i)
            states_.push_back({page->flags[i], page->modseq[i], true});
    }
}

LogUndo::Known LogUndo::find(Uid uid) {
    if (const auto found = revived_.find(uid); found != revived_.end())
        return {&found->second.second, found->second.first};
    const std::optional<Position> position = pages_.find_uid(uid);
    if (!position) return {};
    return {&states_[pages_.seq_of(*position) - 1], pages_.at(*position)};
}

std::optional<LogMisfit> LogUndo::undo(ModSeq modseq, const ChangeRecord& change) {
    if (change.kind == ChangeKind::kRestore) {
        if (auto found = undo_restore(modseq)) return found;
    }
    for (const Message& message : change.expunged) {
        const Known known = find(message.uid);
        if (known.state != nullptr && known.state->is_there)
            return misfit(message.uid, modseq, "has expunged it, and it is there after that");
        if (known.state != nullptr)
            return misfit(message.uid, modseq, "has expunged it, and a later one brought it in");
        revived_.try_emplace(message.uid, message, State{message.flags, message.modseq, true});
    }
    for (const FlagChange& flags : change.flags) {
        for (const UidRange& range : flags.uids) {
            for (std::uint64_t number = range.first; number <= range.last; ++number) {
                const auto uid = static_cast<Uid>(number);
                const Known known = find(uid);
                if (known.state == nullptr || !known.state->is_there)
                    return misfit(uid, modseq, "has changed its flags, and it is not there");
                if (known.state->flags != flags.after)
                    return misfit(uid, modseq, "has given it other flags than it has after that");
                if (known.state->modseq != 0 && known.state->modseq != modseq)
                    return misfit(uid, modseq, "is its last change, and it has another modseq");
                known.state->flags = flags.before;
                known.state->modseq = 0;
            }
        }
    }
    for (const Message& message : change.appended) {
        const Known known = find(message.uid);
        if (known.state == nullptr || !known.state->is_there)
            return misfit(message.uid, modseq, "has brought it in, and it is not there");
        if (!same_message(known.fixed, message))
            return misfit(message.uid, modseq, "has brought it in with other properties");
        if (known.state->flags != message.flags)
            return misfit(message.uid, modseq, "has brought it in with other flags");
        if (known.fixed.createseq != modseq ||
            (known.state->modseq != 0 && known.state->modseq != modseq)) {
            return misfit(message.uid, modseq, "has brought it in, and it has another modseq");
        }
        known.state->is_there = false;
    }
    return std::nullopt;
}

// A restore gave its own modseq to every message that was there.
std::optional<LogMisfit> LogUndo::undo_restore(ModSeq modseq) {
    const auto undo = [&](Uid uid, State& state) -> std::optional<LogMisfit> {
        if (!state.is_there) return std::nullopt;
        if (state.modseq != 0 && state.modseq != modseq)
            return misfit(uid, modseq, "is a restore, and it has another modseq");
        state.modseq = 0;
        return std::nullopt;
    };
    std::size_t next = 0;
    for (const PagePtr& page : pages_.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i, ++next) {
            if (auto found = undo(page->fixed->uid[i], states_[next])) return found;
        }
    }
    for (auto& [uid, revived] : revived_) {
        if (auto found = undo(uid, revived.second)) return found;
    }
    return std::nullopt;
}

std::optional<LogMisfit> LogUndo::check_rest(ModSeq horizon) const {
    const auto check = [&](const Message& message, const State& state) -> std::optional<LogMisfit> {
        if (!state.is_there) return std::nullopt;
        if (message.createseq > horizon) {
            return LogMisfit{message.uid,
                             fmt::format("no log entry {} brought it in", message.createseq)};
        }
        if (state.modseq > horizon) {
            return LogMisfit{message.uid, fmt::format("no log entry {} changed it", state.modseq)};
        }
        return std::nullopt;
    };
    for (const PagePtr& page : pages_.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) {
            const Message message = page->at(i);
            const Position position = *pages_.find_uid(message.uid);
            if (auto found = check(message, states_[pages_.seq_of(position) - 1])) return found;
        }
    }
    for (const auto& [uid, revived] : revived_) {
        if (auto found = check(revived.first, revived.second)) return found;
    }
    return std::nullopt;
}

}  // namespace tidemark::storage
