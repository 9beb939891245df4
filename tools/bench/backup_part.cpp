#include "tools/bench/backup_part.hpp"

#include "actors/snapshot.hpp"
#include "tools/bench/bench_clients.hpp"
#include "tools/bench/measure.hpp"
#include "tools/bench/ready_set.hpp"
#include "tools/bench/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark::bench {

namespace {

constexpr unsigned kAccounts = 16;
constexpr unsigned kAppending = 16;  // connections with one APPEND under way each: what is measured
constexpr unsigned kChanging = 8;    // connections that move, expunge, make and delete mailboxes
constexpr std::size_t kFilledBytes = 600;
constexpr unsigned kPairs = 5;
constexpr unsigned kIdleBackups = 9;
constexpr double kSeconds = 4;
constexpr std::chrono::milliseconds kBetweenBackups{100};

struct Span {
    double begin = 0;
    double end = 0;
    double seconds() const { return end - begin; }
};

struct Made {
    Span span;
    actors::BackupReport report;
};

// Backups beside the load, one after another, each removed when it is made.
class Backups {
  public:
    Backups(BenchServer& server, std::string directory)
        : server_(server), directory_(std::move(directory)) {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
    }
    ~Backups() { std::filesystem::remove_all(directory_); }
    Backups(const Backups&) = delete;
    Backups& operator=(const Backups&) = delete;

    Made make(const Stopwatch& watch) {
        actors::BackupRequest request;
        request.destination =
            std::filesystem::absolute(fmt::format("{}/{}", directory_, number_++));
        Made made;
        made.span.begin = watch.seconds();
        server_.run_on(server_.server().cores()[0], [&] { return run(&server_, request, &made); });
        made.span.end = watch.seconds();
        std::filesystem::remove_all(request.destination);
        return made;
    }

  private:
    static actors::Awaitable<void> run(BenchServer* server, actors::BackupRequest request,
                                       Made* made) {
        auto report = co_await server->server().snapshots().back_up(std::move(request));
        if (!report) fail("backup", report.error().detail);
        made->report = *report;
    }

    BenchServer& server_;
    std::string directory_;
    unsigned number_ = 0;
};

// What each of the changing connections does, over and over. NO is an answer as well: there may be
// nothing to move.
std::vector<std::string> changes(unsigned client) {
    const std::string text = make_message(client, kMessageBytes);
    const std::string append = fmt::format("APPEND Trash {{{}+}}\r\n{}", text.size(), text);
    return {"CREATE Passing",
            append,
            append,
            append,
            append,
            "SELECT Trash",
            "COPY 1:2 Passing",
            "MOVE 3 Passing",
            "STORE 1:* +FLAGS.SILENT (\\Deleted)",
            "EXPUNGE",
            "UNSELECT",
            "DELETE Passing"};
}

class Load {
  public:
    explicit Load(BenchServer& server) {
        clients_.reserve(kAppending + kChanging);
        for (unsigned i = 0; i < kAppending + kChanging; ++i) {
            SocketClient& client = clients_.emplace_back(server.port());
            client.login(user_name(i % kAccounts));
            ready_.add(client, i);
        }
        const std::string text = make_message(1, kMessageBytes);
        append_ = fmt::format("a APPEND INBOX {{{}+}}\r\n{}\r\n", text.size(), text);
        for (unsigned i = 0; i < kChanging; ++i) changes_.push_back(changes(i));
    }

    // When each APPEND began and ended.
    std::vector<Span> run(const Stopwatch& watch, double seconds) {
        std::vector<Span> appends;
        std::vector<double> sent(clients_.size());
        const double end = watch.seconds() + seconds;
        const auto next = [&](std::uint32_t i) {
            clients_[i].tail().clear();
            sent[i] = watch.seconds();
            if (i < kAppending) {
                clients_[i].send(append_);
            } else {
                const auto& list = changes_[i - kAppending];
                clients_[i].send("a " + list[done_[i - kAppending]++ % list.size()] + "\r\n");
            }
        };
        std::size_t under_way = clients_.size();
        for (std::uint32_t i = 0; i < clients_.size(); ++i) next(i);
        while (under_way > 0) {
            ready_.wait([&](std::uint32_t i) {
                SocketClient& client = clients_[i];
                if (!client.take()) fail("backup: the connection ended");
                if (!client.tail().ends_with_line("a ")) return;
                if (i < kAppending) {
                    if (!client.tail().ends_with_line("a OK")) fail("APPEND", client.tail().text());
                    appends.push_back({sent[i], watch.seconds()});
                }
                if (watch.seconds() < end) {
                    next(i);
                } else {
                    --under_way;
                }
            });
        }
        return appends;
    }

  private:
    ReadySet ready_;
    std::vector<SocketClient> clients_;
    std::string append_;
    std::vector<std::vector<std::string>> changes_;
    std::array<std::size_t, kChanging> done_{};
};

std::vector<double> seconds_of(const std::vector<Span>& spans) {
    std::vector<double> seconds;
    seconds.reserve(spans.size());
    for (const Span& span : spans) seconds.push_back(span.seconds());
    return seconds;
}

// Those that a backup was being made beside, for a part of their time at least.
std::vector<double> beside(const std::vector<Span>& appends, const std::vector<Made>& made) {
    std::vector<double> seconds;
    for (const Span& append : appends) {
        if (std::any_of(made.begin(), made.end(), [&append](const Made& one) {
                return append.begin < one.span.end && one.span.begin < append.end;
            }))
            seconds.push_back(append.seconds());
    }
    return seconds;
}

struct Figures {
    double idle_seconds = 0;    // of a backup, nothing else being done
    double loaded_seconds = 0;  // of a backup under load, median
};

Figures measure(unsigned messages) {
    BenchServer server({.forget_expunged = true});
    server.add_accounts(kAccounts);
    server.start();
    for (unsigned i = 0; i < kAccounts; ++i) {
        server.fill(user_name(i), messages / kAccounts, 500,
                    [](unsigned n) { return make_message(n, kFilledBytes); });
    }
    Backups backups(server, "build/bench-data-backups");
    const Stopwatch watch;
    Figures figures;
    std::vector<double> idle;
    idle.reserve(kIdleBackups);
    for (unsigned i = 0; i < kIdleBackups; ++i) idle.push_back(backups.make(watch).span.seconds());
    figures.idle_seconds = median(idle);

    Load load(server);
    load.run(watch, 1);  // warm
    std::vector<Made> made;
    std::vector<double> ratios;
    std::vector<double> beside_ratios;
    std::vector<double> without_p99;
    std::vector<double> with_p99;
    std::vector<double> rates;
    for (unsigned pair = 0; pair < kPairs; ++pair) {
        const auto without = seconds_of(load.run(watch, kSeconds));
        std::atomic<bool> ended{false};
        std::vector<Made> of_pair;
        std::thread maker([&] {
            while (!ended) {
                of_pair.push_back(backups.make(watch));
                std::this_thread::sleep_for(kBetweenBackups);
            }
        });
        const std::vector<Span> with = load.run(watch, kSeconds);
        ended = true;
        maker.join();
        without_p99.push_back(percentile(without, 0.99));
        with_p99.push_back(percentile(seconds_of(with), 0.99));
        ratios.push_back(with_p99.back() / without_p99.back());
        beside_ratios.push_back(percentile(beside(with, of_pair), 0.99) / without_p99.back());
        rates.push_back(static_cast<double>(without.size()) / kSeconds);
        std::move(of_pair.begin(), of_pair.end(), std::back_inserter(made));
    }
    std::vector<double> took;
    std::vector<double> pauses;
    std::uint64_t copied = 0;
    for (const Made& one : made) {
        took.push_back(one.span.seconds());
        pauses.push_back(static_cast<double>(one.report.pause.count()) / 1e3);
        copied = std::max(copied, one.report.made.counts.copied_bytes);
    }
    figures.loaded_seconds = median(took);
    print_row(fmt::format("backup of {} messages, nothing else to do", messages),
              figures.idle_seconds * 1e3, "ms");
    print_row(fmt::format("  under load ({} backups): time, median", made.size()),
              figures.loaded_seconds * 1e3, "ms");
    print_row("  99th percentile", percentile(took, 0.99) * 1e3, "ms");
    print_row("  most that was copied", static_cast<double>(copied) / 1e6, "MB");
    print_row("  pause of writers, median", median(pauses), "ms");
    print_row("  pause of writers, worst", percentile(pauses, 0.9999999), "ms", at_most(10));
    print_row("  APPEND without backups", median(rates), "messages/s");
    print_row("  99th percentile of its time", median(without_p99) * 1e3, "ms");
    print_row("  with backups one after another", median(with_p99) * 1e3, "ms");
    print_row("  with / without, median of 5 pairs", median(ratios), "times", at_most(2));
    print_row("  of those only that had a backup beside them", median(beside_ratios), "times",
              at_most(2));
    return figures;
}

}  // namespace

void bench_backup() {
    const Figures small = measure(10'000);
    std::filesystem::remove_all(BenchServerOptions{}.directory);
    const Figures large = measure(1'000'000);
    print_row("backup of 1,000,000 messages over one of 10,000, idle",
              large.idle_seconds / small.idle_seconds, "times");
    print_row("  under load", large.loaded_seconds / small.loaded_seconds, "times");
}

}  // namespace tidemark::bench
