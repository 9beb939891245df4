#include "tools/loadtest/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <thread>
#include <utility>

namespace tidemark::loadtest {

namespace {

constexpr unsigned kTries = 3;  // of a client's setup
constexpr std::int64_t kRetryUs = 100'000;
constexpr std::int64_t kShellPollUs = 2'000;
// RFC 7888 §5.
constexpr std::size_t kLiteralMinusBytes = 4096;

bool idles(const IndexedGroup& group) {
    const auto test = [](const IndexedStep& one) { return one.step.kind == StepKind::idle; };
    return std::any_of(group.steps.begin(), group.steps.end(), test);
}

bool is_timed(StepKind kind) {
    return kind != StepKind::pause && kind != StepKind::remember && kind != StepKind::close &&
           kind != StepKind::idle && kind != StepKind::dribble;
}

}  // namespace

std::int64_t Arrivals::next() {
    const double at = next_us_;
    const double chance = static_cast<double>((random_() >> 11) + 1) * 0x1.0p-53;
    next_us_ += is_poisson_ ? -std::log(chance) * interval_us_ : interval_us_;
    return static_cast<std::int64_t>(at);
}

Worker::Worker(ThreadState& thread, RunState& run, const IndexedGroup& group, std::uint64_t client)
    : thread_(thread),
      run_(run),
      group_(group),
      client_(client),
      account_(group.group.accounts == Accounts::first ? 0 : client % run.users->size()),
      user_(run.users->name(account_)),
      random_(run.seed * 1'000'003 + client),
      imap_(thread),
      timer_(thread.core->executor()),
      is_idler_(idles(group)) {}

Worker::~Worker() = default;

void Worker::wake() {
    timer_.cancel();
    imap_.interrupt();
}

void Worker::close() {
    imap_.close();
    if (lmtp_) lmtp_->close();
}

TextValues Worker::values() const {
    return {user_,         run_.password, client_,     iteration_,  imap_.exists, imap_.uidvalidity,
            imap_.uidnext, imap_.modseq,  old_modseq_, old_uidnext_};
}

PushSlot* Worker::push_slot(std::uint64_t account) const {
    return account < run_.pushes.size() ? run_.pushes[account].get() : nullptr;
}

std::uint64_t Worker::pick_recipient() {
    if (group_.group.accounts == Accounts::first) return 0;
    // Where clients idle, mail goes to them.
    const std::uint64_t accounts =
        run_.pushes.empty() ? run_.users->size()
                            : std::min<std::uint64_t>(run_.pushes.size(), run_.users->size());
    return run_.next_recipient.fetch_add(1) % accounts;
}

bool Worker::takes_iteration() {
    if (run_.is_stopping) return false;
    return !run_.is_limited || run_.iterations_left.fetch_sub(1) > 0;
}

actors::Awaitable<void> Worker::sleep_until(std::int64_t at_us) {
    const std::int64_t delay = at_us - now_us();
    if (delay <= 0 || run_.is_stopping) co_return;
    timer_.expires_after(std::chrono::microseconds(delay));
    static_cast<void>(co_await timer_.async_wait(actors::as_result));
}

actors::Awaitable<bool> Worker::prepare() {
    for (unsigned tries = 0; tries < kTries && !run_.is_stopping; ++tries) {
        const bool went_well = co_await perform_all(&group_.setup, 0);
        if (went_well) {
            if (is_idler_) {
                if (PushSlot* slot = push_slot(account_)) {
                    imap_.pushes = slot;
                    slot->add_idler();
                }
            }
            co_return true;
        }
        close();
        co_await sleep_until(now_us() + kRetryUs);
    }
    co_return false;
}

actors::Awaitable<void> Worker::work(Arrivals* arrivals) {
    while (takes_iteration()) {
        std::int64_t intended = 0;
        if (arrivals != nullptr) {
            intended = arrivals->next();
            if (intended >= run_.end_us) break;
            co_await sleep_until(intended);
            if (run_.is_stopping) break;
        } else if (now_us() >= run_.end_us) {
            break;
        }
        bool went_well = true;
        if (!group_.setup.empty() && !imap_.is_open() && !lmtp_) {
            imap_.pushes = nullptr;
            went_well = co_await perform_all(&group_.setup, 0);
        }
        if (went_well) went_well = co_await perform_all(&group_.steps, intended);
        ++iteration_;
        if (went_well) continue;
        close();
        lmtp_.reset();
        co_await sleep_until(now_us() + kRetryUs);
    }
}

actors::Awaitable<bool> Worker::perform_all(const std::vector<IndexedStep>* steps,
                                            std::int64_t intended_us) {
    for (const IndexedStep& one : *steps) {
        for (std::uint64_t i = 0; i < one.step.repeat; ++i) {
            // Also an iteration that was begun ends early when the run does.
            if (run_.is_stopping && i > 0) break;
            const bool is_first = intended_us != 0 && is_timed(one.step.kind);
            const std::int64_t start = is_first ? intended_us : now_us();
            if (is_first) intended_us = 0;
            const ErrorKind error = co_await perform(&one, start);
            if (error == ErrorKind::none || (error == ErrorKind::no && one.step.may_be_refused)) {
                if (is_timed(one.step.kind))
                    thread_.recorder->took(one.command, now_us() - start, one.step.pipeline);
                continue;
            }
            thread_.recorder->failed(one.command, error);
            // NO is an answer; the connection is as good as before.
            if (error != ErrorKind::no && error != ErrorKind::temporary) co_return false;
            if (one.step.kind == StepKind::login || one.step.selects) co_return false;
        }
    }
    co_return true;
}

actors::Awaitable<ErrorKind> Worker::perform(const IndexedStep* step, std::int64_t start_us) {
    switch (step->step.kind) {
        case StepKind::connect:
            co_return co_await connect();
        case StepKind::login:
            co_return co_await log_in();
        case StepKind::command:
            co_return co_await command(step);
        case StepKind::idle:
            co_return co_await idle(step, start_us);
        case StepKind::append:
            co_return co_await append(&step->step);
        case StepKind::deliver:
            co_return co_await deliver(&step->step);
        case StepKind::remember:
            old_modseq_ = imap_.modseq;
            old_uidnext_ = imap_.uidnext;
            co_return ErrorKind::none;
        case StepKind::pause:
            co_await sleep_until(now_us() + step->step.duration.count());
            co_return ErrorKind::none;
        case StepKind::dribble:
            co_return co_await dribble(&step->step);
        case StepKind::close:
            close();
            co_return ErrorKind::none;
        case StepKind::shell:
            co_return co_await shell();
    }
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> Worker::connect() {
    imap_.pushes = nullptr;
    co_return co_await imap_.open();
}

actors::Awaitable<ErrorKind> Worker::log_in() {
    std::string& out = thread_.out;
    out.clear();
    fmt::format_to(std::back_inserter(out), "T{} LOGIN ", imap_.begin());
    write_quoted(user_, out);
    out += ' ';
    write_quoted(run_.password, out);
    out += "\r\n";
    const ErrorKind error = co_await imap_.send();
    if (error != ErrorKind::none) co_return error;
    co_return co_await imap_.finish();
}

actors::Awaitable<ErrorKind> Worker::command(const IndexedStep* indexed) {
    const Step& step = indexed->step;
    std::string& out = thread_.out;
    out.clear();
    std::uint64_t tag = imap_.begin(step.pipeline);
    std::uint64_t named = 0;
    for (unsigned i = 0; i < step.pipeline; ++i) {
        fmt::format_to(std::back_inserter(out), "T{} ", tag++);
        named += write_text(step.text, values(), random_, out);
        out += "\r\n";
    }
    if (step.selects) imap_.exists = 0;
    imap_.checks_bodies = step.fetches_bodies;
    const bool counts = step.expect != Expect::any && !step.expected;
    if (counts) imap_.counts_answers(step.answer_item);
    ErrorKind error = co_await imap_.send();
    if (error == ErrorKind::none) error = co_await imap_.finish();
    imap_.checks_bodies = false;
    if (error == ErrorKind::none) check(step, named);
    if (step.logs_out) imap_.close();
    co_return error;
}

void Worker::check(const Step& step, std::uint64_t named) {
    const Tally& tally = imap_.tally();
    const auto wrong = [&](std::string text) {
        thread_.recorder->wrong(fmt::format("{}, {}: {}", step.as, user_, text));
    };
    if (step.selects && tally.exists_lines == 0) wrong("SELECT without EXISTS");
    if (step.searches && tally.searches != step.pipeline)
        wrong(fmt::format("{} answers to {} SEARCH", tally.searches, step.pipeline));
    if (step.expect == Expect::any) return;
    if (step.expected) {
        const std::uint64_t wanted = *step.expected * step.pipeline;
        if (tally.fetches < wanted || (step.expect == Expect::exactly && tally.fetches > wanted))
            wrong(fmt::format("{} FETCH responses instead of {}", tally.fetches, wanted));
        return;
    }
    // The mailbox may have grown or shrunk while the answer was made.
    const std::uint64_t gone = tally.exists_before - std::min(tally.exists_before, imap_.exists);
    const std::uint64_t come = imap_.exists - std::min(tally.exists_before, imap_.exists);
    const std::uint64_t least = named - std::min(named, gone);
    // Without an item of their own, answers can not be told from announcements, of any message.
    const bool is_told_apart = !step.answer_item.empty();
    const std::uint64_t most =
        is_told_apart && step.expect == Expect::exactly ? named + come : ~std::uint64_t{0};
    // Of several FETCHes in one pipeline the same messages may be told again and again.
    if (tally.messages * step.pipeline < least || tally.messages > most)
        return wrong(fmt::format("FETCH of {} messages instead of {}", tally.messages, named));
    if (tally.answers < least || tally.answers > most)
        wrong(fmt::format("{} answers to a FETCH of {} messages", tally.answers, named));
}

actors::Awaitable<ErrorKind> Worker::append(const Step* step) {
    const unsigned at_once = run_.has_multiappend ? step->batch : 1;
    for (unsigned done = 0; done < step->batch; done += at_once) {
        const ErrorKind error = co_await append_some(step, std::min(at_once, step->batch - done));
        if (error != ErrorKind::none) co_return error;
    }
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> Worker::append_some(const Step* step, unsigned count) {
    PushSlot* slot = step->mailbox == "INBOX" ? push_slot(account_) : nullptr;
    std::string text = fmt::format("T{} APPEND \"{}\"", imap_.begin(), step->mailbox);
    std::vector<std::uint64_t> ids;
    for (unsigned i = 0; i < count; ++i) {
        const std::uint64_t id = run_.next_message.fetch_add(1);
        ids.push_back(id);
        const PooledMessage& message = run_.pool->get(step->size, id);
        const std::size_t bytes = kMarkerBytes + message.text.size();
        const bool waits =
            !run_.has_literal_plus && !(run_.has_literal_minus && bytes <= kLiteralMinusBytes);
        if (!step->flags.empty()) text += fmt::format(" ({})", step->flags);
        text += fmt::format(" {{{}{}}}\r\n", bytes, waits ? "" : "+");
        if (waits) {
            ErrorKind error = co_await imap_.send(text, {});
            if (error == ErrorKind::none) error = co_await imap_.await_continuation();
            if (error != ErrorKind::none) co_return error;
            text.clear();
        }
        append_marker(text, {run_.run_id, id, message.text.size(), message.hash});
        if (slot != nullptr) slot->note_sent(now_us());
        const ErrorKind error = co_await imap_.send(text, message.text);
        if (error != ErrorKind::none) co_return error;
        text.clear();
    }
    ErrorKind error = co_await imap_.send("\r\n", {});
    if (error == ErrorKind::none) error = co_await imap_.finish();
    if (error == ErrorKind::none) {
        auto& known = thread_.recorder->delivered[step->mailbox][account_];
        known.insert(known.end(), ids.begin(), ids.end());
    }
    co_return error;
}

actors::Awaitable<ErrorKind> Worker::deliver(const Step* step) {
    if (!lmtp_) lmtp_ = std::make_unique<LmtpClient>(thread_);
    if (!lmtp_->is_open()) {
        const ErrorKind error = co_await lmtp_->open();
        if (error != ErrorKind::none) co_return error;
    }
    std::vector<std::uint64_t> accounts;
    std::vector<std::string> recipients;
    std::vector<PushSlot*> pushes;
    for (unsigned i = 0; i < step->recipients; ++i) {
        const std::uint64_t account = pick_recipient();
        if (std::find(accounts.begin(), accounts.end(), account) != accounts.end()) continue;
        accounts.push_back(account);
        recipients.push_back(run_.users->name(account));
        if (PushSlot* slot = push_slot(account)) pushes.push_back(slot);
    }
    const std::uint64_t id = run_.next_message.fetch_add(1);
    const PooledMessage& message = run_.pool->get(step->size, id);
    std::string marker;
    append_marker(marker, {run_.run_id, id, message.text.size(), message.hash});
    const ErrorKind error =
        co_await lmtp_->deliver(&recipients, marker, message.for_lmtp(), &pushes);
    for (std::size_t i = 0; i < accounts.size(); ++i) {
        if (lmtp_->outcomes()[i] == ErrorKind::none)
            thread_.recorder->delivered["INBOX"][accounts[i]].push_back(id);
    }
    co_return error;
}

actors::Awaitable<ErrorKind> Worker::idle(const IndexedStep* step, std::int64_t start_us) {
    thread_.out = fmt::format("T{} IDLE\r\n", imap_.begin());
    ErrorKind error = co_await imap_.send();
    if (error == ErrorKind::none) error = co_await imap_.await_continuation();
    if (error != ErrorKind::none) co_return error;
    thread_.recorder->took(step->command, now_us() - start_us);
    if (!run_.is_stopping) error = co_await imap_.listen(step->step.duration);
    if (error != ErrorKind::none) co_return error;
    thread_.out = "DONE\r\n";
    error = co_await imap_.send();
    if (error != ErrorKind::none) co_return error;
    co_return co_await imap_.finish();
}

// A client that never ends its line; that the server ends the connection is its right.
actors::Awaitable<ErrorKind> Worker::dribble(const Step* step) {
    std::string text = fmt::format("T{} ", imap_.begin());
    static_cast<void>(write_text(step->text, values(), random_, text));
    for (std::size_t i = 0; i < text.size() && !run_.is_stopping; ++i) {
        const ErrorKind error = co_await imap_.send(std::string_view(text).substr(i, 1), {});
        if (error != ErrorKind::none) co_return error;
        co_await sleep_until(now_us() + step->duration.count());
    }
    imap_.close();
    co_return ErrorKind::none;
}

actors::Awaitable<ErrorKind> Worker::shell() {
    if (run_.shell_command.empty()) {
        // Nothing to run beside the load: this client has nothing to do.
        co_await sleep_until(run_.end_us);
        co_return ErrorKind::none;
    }
    struct Outcome {
        std::atomic<bool> is_done{false};
        std::atomic<int> code{0};
    };
    Outcome outcome;
    std::thread runner([&outcome, this] {
        outcome.code =
            std::system(run_.shell_command.c_str());  // NOLINT(bugprone-command-processor)
        outcome.is_done = true;
    });
    while (!outcome.is_done) {
        timer_.expires_after(std::chrono::microseconds(kShellPollUs));
        static_cast<void>(co_await timer_.async_wait(actors::as_result));
    }
    runner.join();
    co_return outcome.code == 0 ? ErrorKind::none : ErrorKind::failed;
}

actors::Awaitable<void> Worker::check_pushes() {
    PushSlot* slot = imap_.pushes;
    if (slot == nullptr || !imap_.is_open()) co_return;
    if (imap_.pushes_seen < slot->sent()) {
        // The last one may still be on its way.
        thread_.out = fmt::format("T{} NOOP\r\n", imap_.begin());
        ErrorKind error = co_await imap_.send();
        if (error == ErrorKind::none) error = co_await imap_.finish();
        if (error != ErrorKind::none) co_return;
    }
    if (imap_.pushes_seen != slot->sent())
        thread_.recorder->wrong(fmt::format("{} was told of {} messages while {} were sent", user_,
                                            imap_.pushes_seen, slot->sent()));
}

}  // namespace tidemark::loadtest
