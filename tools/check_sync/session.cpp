#include "tools/check_sync/session.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace tidemark::check_sync {

namespace {

// A server under restart is waited for this long.
constexpr unsigned kConnectAttemptsMax = 300;
constexpr std::chrono::milliseconds kConnectPause{200};
// A mailbox may be deleted under a session as often as that.
constexpr unsigned kSelectAttemptsMax = 20;

}  // namespace

Session::Session(Shared& shared, OperationGenerator generator, Style style, bool is_observer,
                 SessionId id)
    : shared_(shared),
      generator_(std::move(generator)),
      style_(style),
      is_observer_(is_observer),
      connection_(*shared.core, *shared.history, id) {}

bool Session::uses_modseqs() const {
    const Selection* box = connection_.view().selection();
    return connection_.view().has_condstore() && box != nullptr && box->has_modseqs;
}

actors::Awaitable<bool> Session::connect() {
    for (unsigned attempt = 0; attempt < kConnectAttemptsMax && !shared_.is_lost; ++attempt) {
        const bool is_open = co_await connection_.open(shared_.connector, shared_.login);
        if (is_open) {
            ++shared_.connections;
            if (style_ == Style::full) co_return true;
            const bool wants_qresync = style_ != Style::condstore && shared_.server.has_qresync;
            if (!wants_qresync && !shared_.server.has_condstore) co_return true;
            // ENABLE CONDSTORE need not be supported (RFC 7162 §3.2.3); SELECT (CONDSTORE) is.
            if (!wants_qresync) co_return true;
            const Answer answer = co_await connection_.run("ENABLE QRESYNC");
            if (answer.is_ok()) co_return true;
        }
        const bool goes_on = co_await shared_.core->sleep(kConnectPause);
        if (!goes_on) co_return false;
    }
    shared_.is_lost = true;
    shared_.failure = connection_.failure();
    co_return false;
}

std::string Session::select_command(const std::string& mailbox) {
    const ClientView& view = connection_.view();
    if (style_ == Style::full || !shared_.server.has_condstore) return "SELECT " + mailbox;
    const auto cache = view.cache_of(mailbox);
    if (!view.has_qresync() || !cache) {
        if (view.has_condstore() && generator_.one_in(2)) return "SELECT " + mailbox;
        return "SELECT " + mailbox + " (CONDSTORE)";
    }
    ++shared_.resynchronisations;
    std::string parameter = fmt::format("{} {}", cache->uid_validity, cache->modseq);
    if (!cache->messages.empty() && !generator_.one_in(3)) {
        protocol::RangeSet known;
        for (const auto& [uid, message] : cache->messages) known.add(uid);
        parameter += ' ' + known.to_string();
        if (generator_.one_in(3)) {
            // RFC 7162 §3.2.5.2: some numbers with their UIDs.
            protocol::RangeSet numbers;
            protocol::RangeSet uids;
            std::uint32_t number = 0;
            for (const auto& [uid, message] : cache->messages) {
                ++number;
                if (number % 3 != 0) continue;
                numbers.add(number);
                uids.add(uid);
            }
            if (!numbers.empty())
                parameter += fmt::format(" ({} {})", numbers.to_string(), uids.to_string());
        }
    }
    return fmt::format("SELECT {} (QRESYNC ({}))", mailbox, parameter);
}

actors::Awaitable<bool> Session::select(std::string mailbox) {
    const Answer answer = co_await connection_.run(select_command(mailbox));
    if (!answer.is_ok()) co_return false;
    const Selection* box = connection_.view().selection();
    if (box != nullptr && box->base && !box->is_synchronised && uses_modseqs()) {
        const bool is_well = co_await resynchronise_condstore();
        if (!is_well) co_return false;
    }
    const bool is_filled = co_await fill();
    co_return is_filled;
}

actors::Awaitable<bool> Session::resynchronise_condstore() {
    ++shared_.resynchronisations;
    const auto since = connection_.view().selection()->base->modseq;
    const Answer changes =
        co_await connection_.run(fmt::format("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {})", since));
    if (!changes.is_ok()) co_return false;
    const Answer left = co_await connection_.run("UID SEARCH ALL");
    co_return left.is_ok();
}

actors::Awaitable<bool> Session::fill() {
    // What arrives meanwhile is for the next time.
    constexpr unsigned kRoundsMax = 3;
    for (unsigned round = 0; round < kRoundsMax; ++round) {
        const Selection* box = connection_.view().selection();
        if (box == nullptr) co_return false;
        if (!box->has_unknown() && box->is_synchronised) co_return true;
        const std::string items = uses_modseqs() ? "(UID FLAGS MODSEQ)" : "(UID FLAGS)";
        const std::string set =
            box->is_synchronised ? fmt::format("{}:*", box->first_unknown_uid()) : "1:*";
        const Answer answer = co_await connection_.run("UID FETCH " + set + ' ' + items);
        if (!answer.is_ok()) co_return false;
    }
    co_return connection_.view().selection() != nullptr;
}

actors::Awaitable<void> Session::fetch_all() {
    const Selection* box = connection_.view().selection();
    if (box == nullptr || box->messages.empty()) co_return;
    static_cast<void>(co_await connection_.run(uses_modseqs() ? "UID FETCH 1:* (UID FLAGS MODSEQ)"
                                                              : "UID FETCH 1:* (UID FLAGS)"));
}

actors::Awaitable<void> Session::work() {
    while (shared_.operations_left > 0 && !shared_.is_lost) {
        --shared_.operations_left;
        ++shared_.operations_done;
        if (!connection_.is_open()) {
            const bool is_connected = co_await connect();
            if (!is_connected) co_return;
        }
        co_await step();
        const Selection* box = connection_.view().selection();
        if (box != nullptr && (box->has_unknown() || !box->is_synchronised))
            static_cast<void>(co_await fill());
    }
}

actors::Awaitable<void> Session::step() {
    if (connection_.view().selection() == nullptr) {
        const std::string mailbox = generator_.pick_mailbox();
        const bool is_selected = co_await select(mailbox);
        if (is_selected) {
            if (generator_.one_in(3)) co_await fetch_all();
        } else if (connection_.is_open() && generator_.one_in(4)) {
            // Deleted by somebody who did not come back to make it again.
            static_cast<void>(co_await connection_.run("CREATE " + mailbox));
        }
        co_return;
    }
    if (is_observer_) {
        co_await observe();
    } else {
        co_await change();
    }
}

actors::Awaitable<void> Session::observe() {
    const auto dice = generator_.below(20);
    if (dice < 3) {
        connection_.close();
    } else if (dice < 5) {
        static_cast<void>(co_await select(generator_.pick_mailbox()));
    } else if (dice < 8) {
        co_await fetch_all();
    } else if (style_ == Style::idle && shared_.server.has_idle) {
        const auto before = connection_.pushed_lines();
        static_cast<void>(
            co_await connection_.idle(std::chrono::milliseconds(100 + generator_.below(300))));
        shared_.idle_lines += connection_.pushed_lines() - before;
    } else {
        static_cast<void>(co_await connection_.run("NOOP"));
    }
}

actors::Awaitable<void> Session::change() {
    Operation operation = generator_.next(connection_.view(), shared_.server);
    switch (operation.kind) {
        case OperationKind::command:
            static_cast<void>(co_await connection_.run(std::move(operation.command),
                                                       std::move(operation.literal)));
            break;
        case OperationKind::drop:
            co_await connection_.drop(std::move(operation.command));
            break;
        case OperationKind::switch_mailbox:
            static_cast<void>(co_await select(std::move(operation.mailbox)));
            break;
        case OperationKind::come_back:
            connection_.close();
            break;
        case OperationKind::recreate:
            co_await recreate(std::move(operation.mailbox));
            break;
        case OperationKind::idle:
            static_cast<void>(co_await connection_.idle(std::chrono::milliseconds(100)));
            break;
        case OperationKind::count_all:
            co_await fetch_all();
            break;
    }
}

actors::Awaitable<void> Session::recreate(std::string mailbox) {
    // Not while it has it selected itself: what then happens is each server's own.
    connection_.close();
    const bool is_connected = co_await connect();
    if (!is_connected) co_return;
    static_cast<void>(co_await connection_.run("DELETE " + mailbox));
    static_cast<void>(co_await connection_.run("CREATE " + mailbox));
}

actors::Awaitable<void> Session::settle() {
    for (unsigned attempt = 0; attempt < kSelectAttemptsMax; ++attempt) {
        if (!connection_.is_open()) {
            const bool is_connected = co_await connect();
            if (!is_connected) co_return;
        }
        if (connection_.view().selection() == nullptr) {
            const bool is_selected = co_await select(generator_.pick_mailbox());
            if (!is_selected) continue;
        }
        const Answer answer = co_await connection_.run("NOOP");
        if (!answer.is_ok()) continue;
        const bool is_filled = co_await fill();
        if (is_filled) break;
    }
}

actors::Awaitable<bool> Session::count(std::string mailbox) {
    for (unsigned attempt = 0; attempt < kSelectAttemptsMax; ++attempt) {
        if (!connection_.is_open()) {
            const bool is_connected = co_await connect();
            if (!is_connected) co_return false;
        }
        connection_.view().forget(mailbox);
        const Answer selected = co_await connection_.run(
            "SELECT " + mailbox + (shared_.server.has_condstore ? " (CONDSTORE)" : ""));
        if (!selected.is_ok()) {
            if (connection_.is_open())
                static_cast<void>(co_await connection_.run("CREATE " + mailbox));
            continue;
        }
        const Selection* box = connection_.view().selection();
        if (box->messages.empty()) co_return true;
        const Answer all = co_await connection_.run(
            fmt::format("UID FETCH 1:* (UID FLAGS{} BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
                        uses_modseqs() ? " MODSEQ" : ""));
        if (all.is_ok()) co_return true;
    }
    co_return false;
}

}  // namespace tidemark::check_sync
