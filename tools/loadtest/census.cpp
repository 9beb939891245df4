#include "tools/loadtest/census.hpp"

#include "tools/loadtest/step_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace tidemark::loadtest {

namespace {

// Messages asked for at once.
constexpr std::uint64_t kChunk = 2000;

actors::Awaitable<bool> say(ImapClient* client, ThreadState* thread, std::string command) {
    thread->out = fmt::format("T{} {}\r\n", client->begin(), command);
    ErrorKind error = co_await client->send();
    if (error == ErrorKind::none) error = co_await client->finish();
    co_return error == ErrorKind::none;
}

struct Mailbox {
    std::string user;
    std::string name;
    const std::vector<std::uint64_t>* ids = nullptr;
};

void judge(const Mailbox& mailbox, const std::unordered_map<std::uint64_t, unsigned>& seen,
           Recorder& recorder) {
    for (const std::uint64_t id : *mailbox.ids) {
        const auto found = seen.find(id);
        const unsigned times = found == seen.end() ? 0 : found->second;
        if (times == 1) continue;
        recorder.wrong(fmt::format("message {} of {} in {} is there {} times", id, mailbox.user,
                                   mailbox.name, times));
    }
}

actors::Awaitable<void> count_mailbox(ImapClient* client, ThreadState* thread, CensusPlan* plan,
                                      const Mailbox* mailbox) {
    client->exists = 0;
    std::string select = "SELECT ";
    write_quoted(mailbox->name, select);
    bool went_well = co_await say(client, thread, std::move(select));
    std::unordered_map<std::uint64_t, unsigned> seen;
    std::vector<Marker> markers;
    std::uint64_t found = 0;
    for (std::uint64_t last = client->exists; went_well && last > 0;) {
        const std::uint64_t first = last > kChunk ? last - kChunk + 1 : 1;
        markers.clear();
        client->markers = &markers;
        went_well = co_await say(
            client, thread,
            fmt::format("FETCH {}:{} (BODY.PEEK[HEADER.FIELDS ({})])", first, last, kMarkerName));
        client->markers = nullptr;
        std::uint64_t ours = 0;
        for (const Marker& marker : markers) {
            if (marker.run != plan->run_id) continue;
            ++ours;
            ++seen[marker.id];
        }
        found += ours;
        last = first - 1;
        // A chunk without any of ours after all were found: the rest is older than the run.
        if (ours == 0 && found >= mailbox->ids->size()) break;
    }
    plan->messages += mailbox->ids->size();
    if (!went_well) {
        thread->recorder->wrong(fmt::format("{} of {} could not be counted after the run: {}",
                                            mailbox->name, mailbox->user, client->last_text()));
        co_return;
    }
    judge(*mailbox, seen, *thread->recorder);
}

}  // namespace

actors::Awaitable<void> take_census(ThreadState* thread, CensusPlan* plan) {
    for (const auto& [name, accounts] : plan->delivered) {
        for (const auto& [account, ids] : accounts) {
            const Mailbox mailbox{plan->users->name(account), name, &ids};
            ImapClient client(*thread);
            std::string login = "LOGIN ";
            write_quoted(mailbox.user, login);
            login += ' ';
            write_quoted(plan->password, login);
            const ErrorKind error = co_await client.open();
            bool went_well = error == ErrorKind::none;
            if (went_well) went_well = co_await say(&client, thread, std::move(login));
            if (!went_well) {
                thread->recorder->wrong(
                    fmt::format("{} cannot log in to be counted", mailbox.user));
                continue;
            }
            co_await count_mailbox(&client, thread, plan, &mailbox);
        }
    }
}

}  // namespace tidemark::loadtest
