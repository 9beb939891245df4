#include "tools/check_sync/run.hpp"

#include "actors/task_group.hpp"
#include "tools/check_sync/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <utility>

namespace tidemark::check_sync {

Judge::Judge(const History& history)
    : replay(history),
      versions(replay.add<VersionChecker>()),
      highest(replay.add<HighestModSeqChecker>()),
      swaps(replay.add<CompareAndSwapChecker>(versions, highest)),
      uids(replay.add<UidChecker>()),
      state(replay.add<StateChecker>()),
      order(replay.add<OrderChecker>()) {}

namespace {

constexpr std::chrono::hours kPatience{24 * 7};

class Run {
  public:
    Run(const Settings& settings, Connector& connector, const Login& login, std::ostream& progress,
        std::function<bool()> restart)
        : settings_(settings),
          progress_(progress),
          restart_(std::move(restart)),
          core_(0, clock_),
          judge_(history_) {
        shared_.core = &core_;
        shared_.history = &history_;
        shared_.connector = &connector;
        shared_.login = &login;
        for (std::uint32_t i = 1; i <= std::max(settings.mailboxes, 1u); ++i)
            mailboxes_.push_back(fmt::format("{}{}", settings.prefix, i));
    }

    Outcome run() {
        execute(prepare());
        if (!shared_.is_lost) {
            make_sessions();
            started_ = std::chrono::steady_clock::now();
            while (is_going_on()) phase();
            if (judge_.replay.violations().empty()) execute(clean_up());
        }
        Outcome outcome;
        outcome.could_run = !shared_.is_lost;
        outcome.failure = shared_.failure;
        outcome.violations = judge_.replay.violations();
        outcome.report = report(history_, outcome.violations);
        outcome.summary = summary();
        if (!settings_.transcript.empty()) {
            std::ofstream file(settings_.transcript);
            write_all(history_, file);
        }
        for (auto& session : sessions_) session->close();
        census_->close();
        return outcome;
    }

  private:
    bool is_going_on() const {
        return !shared_.is_lost && shared_.operations_done < settings_.operations &&
               (settings_.keeps_going || judge_.replay.violations().empty());
    }

    void execute(actors::Awaitable<void> task) {
        actors::TaskGroup group(core_,
                                [this](const std::exception_ptr& failure) { note(failure); });
        group.spawn(std::move(task));
        core_.run_until([&group] { return group.size() == 0; }, kPatience);
    }
    void note(const std::exception_ptr& failure) {
        shared_.is_lost = true;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            shared_.failure = error.what();
        }
    }

    std::unique_ptr<Session> make_session(const std::string& label, Style style, bool is_observer) {
        const SessionId id = history_.add_session(label);
        return std::make_unique<Session>(
            shared_, OperationGenerator(settings_.seed, id, mailboxes_, settings_.messages_wanted),
            style, is_observer, id);
    }

    void make_sessions() {
        static constexpr const char* kStyles[] = {"full", "condstore", "qresync", "idle"};
        for (std::uint32_t i = 0; i < settings_.sessions; ++i) {
            // One in four sessions knows no mod-sequences; the others fight with them.
            const Style style = i % 4 == 3   ? Style::full
                                : i % 4 == 1 ? Style::condstore
                                             : Style::qresync;
            sessions_.push_back(make_session(
                fmt::format("{}-{}", kStyles[static_cast<unsigned>(style)], i + 1), style, false));
        }
        for (std::uint32_t i = 0; i < settings_.observers; ++i) {
            const auto style = static_cast<Style>(i % kStyleCount);
            sessions_.push_back(make_session(
                fmt::format("watch-{}-{}", kStyles[static_cast<unsigned>(style)], i + 1), style,
                true));
        }
    }

    actors::Awaitable<void> prepare() {
        census_ = make_session("count", Style::condstore, true);
        Connection& connection = census_->connection();
        const bool is_open = co_await connection.open(shared_.connector, shared_.login);
        if (!is_open) {
            shared_.is_lost = true;
            shared_.failure = connection.failure();
            co_return;
        }
        ServerAbilities& server = shared_.server;
        server.has_qresync = connection.can("QRESYNC");
        server.has_condstore = connection.can("CONDSTORE") || server.has_qresync;
        server.has_uidplus = connection.can("UIDPLUS") || connection.can("IMAP4REV2");
        server.has_move = connection.can("MOVE") || connection.can("IMAP4REV2");
        server.has_idle = connection.can("IDLE") || connection.can("IMAP4REV2");
        for (const auto& mailbox : mailboxes_) {
            static_cast<void>(co_await connection.run("DELETE " + mailbox));
            const Answer made = co_await connection.run("CREATE " + mailbox);
            if (!made.is_ok()) {
                shared_.is_lost = true;
                shared_.failure = "CREATE " + mailbox + ": " + made.text;
                co_return;
            }
        }
    }

    actors::Awaitable<void> clean_up() {
        census_->close();
        const bool is_connected = co_await census_->connect();
        if (!is_connected) co_return;
        for (const auto& mailbox : mailboxes_)
            static_cast<void>(co_await census_->connection().run("DELETE " + mailbox));
    }

    actors::Awaitable<void> restart_meanwhile() {
        const auto half = shared_.operations_left / 2;
        while (shared_.operations_left > half && !shared_.is_lost) {
            const bool goes_on = co_await core_.sleep(std::chrono::milliseconds(100));
            if (!goes_on) co_return;
        }
        // Blocks this thread, with commands of the sessions under way: that is the point.
        const bool is_up = restart_();
        history_.add(0, EventKind::restarted);
        ++restarts_;
        if (is_up) co_return;
        shared_.is_lost = true;
        shared_.failure = "the restart command failed";
    }

    actors::Awaitable<void> count_mailboxes() {
        census_->close();
        for (const auto& mailbox : mailboxes_) {
            const bool is_counted = co_await census_->count(mailbox);
            if (is_counted) history_.add(census_id_, EventKind::census);
        }
    }

    actors::Awaitable<void> pause() { static_cast<void>(co_await core_.sleep(settings_.settling)); }

    // Everybody at once.
    template <class Task>
    void all(Task task, actors::Awaitable<void>* more = nullptr) {
        actors::TaskGroup group(core_,
                                [this](const std::exception_ptr& failure) { note(failure); });
        for (auto& session : sessions_) group.spawn(task(*session));
        if (more != nullptr) group.spawn(std::move(*more));
        core_.run_until([&group] { return group.size() == 0; }, kPatience);
    }

    void phase() {
        const EventId begin = history_.end();
        shared_.operations_left = std::min(settings_.operations_per_phase,
                                           settings_.operations - shared_.operations_done);
        if (restart_) {
            auto restarting = restart_meanwhile();
            all([](Session& session) { return session.work(); }, &restarting);
        } else {
            all([](Session& session) { return session.work(); });
        }
        execute(pause());
        all([](Session& session) { return session.settle(); });
        if (shared_.is_lost) return;
        for (std::size_t i = 0; i < sessions_.size(); ++i) {
            if (sessions_[i]->connection().view().selection() != nullptr)
                history_.add(static_cast<SessionId>(i + 1), EventKind::settled);
        }
        execute(count_mailboxes());
        if (shared_.is_lost) return;
        history_.add(0, EventKind::quiet);
        judge_.run();
        history_.drop_before(previous_phase_);
        previous_phase_ = begin;
        progress_ << fmt::format("{} operations, {} responses, {} violations\n",
                                 shared_.operations_done, judge_.replay.responses(),
                                 judge_.replay.violations().size())
                  << std::flush;
    }

    std::string summary() const {
        const ServerAbilities& server = shared_.server;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
        std::string text = fmt::format(
            "{} operations of {} sessions and {} observers on {} mailboxes, seed {}, in {:.1f} s\n"
            "{} commands, {} responses, {} connections, {} resynchronisations, {} lines pushed in "
            "IDLE\n"
            "{} conditional changes tried, {} won; {} caches with {} messages compared; an "
            "order of all changes sought for {} messages, not found out for {}; {} restarts\n",
            shared_.operations_done, settings_.sessions, settings_.observers, mailboxes_.size(),
            settings_.seed, took.count(), judge_.replay.commands(), judge_.replay.responses(),
            shared_.connections, shared_.resynchronisations, shared_.idle_lines,
            judge_.swaps.attempts(), judge_.swaps.won(), judge_.state.caches_compared(),
            judge_.state.messages_compared(), judge_.order.messages_sought(),
            judge_.order.messages_undecided(), restarts_);
        if (!server.has_condstore)
            text += "not checked: everything about mod-sequences (the server has no CONDSTORE)\n";
        if (!server.has_qresync) text += "not checked: VANISHED (the server has no QRESYNC)\n";
        if (!server.has_uidplus)
            text +=
                "not checked: UIDs as they are given, lost messages, UID EXPUNGE (the server "
                "has no UIDPLUS)\n";
        if (!server.has_move) text += "not checked: MOVE (the server has none)\n";
        if (!server.has_idle) text += "not checked: IDLE (the server has none)\n";
        if (!restart_) text += "not checked: what survives a restart (no --restart-command)\n";
        return text;
    }

    const Settings& settings_;
    std::ostream& progress_;
    std::function<bool()> restart_;
    actors::SystemClock clock_;
    actors::Core core_;
    History history_;
    Judge judge_;
    Shared shared_;
    std::vector<std::string> mailboxes_;
    std::unique_ptr<Session> census_;
    static constexpr SessionId census_id_ = 0;
    std::vector<std::unique_ptr<Session>> sessions_;
    EventId previous_phase_ = 0;
    std::uint64_t restarts_ = 0;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

Outcome run(const Settings& settings, Connector& connector, const Login& login,
            std::ostream& progress, std::function<bool()> restart) {
    Run run(settings, connector, login, progress, std::move(restart));
    return run.run();
}

}  // namespace tidemark::check_sync
