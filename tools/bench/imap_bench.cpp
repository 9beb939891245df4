// The whole server measured through IMAP sessions: what the design promises about speed and memory,
// as one table. Nothing here passes or fails but by itself.
//
//     imap_bench [--restart-messages N] [PART…]
//
// Parts: append, read, pipeline, resync, push, flags, backup, restart, idle; all of them when none
// is named. Each runs in a process of its own with a fresh directory build/bench-data (removed at
// the end), so that none sees another's memory.

#include "tools/bench/backup_part.hpp"
#include "tools/bench/bench_clients.hpp"
#include "tools/bench/bench_server.hpp"
#include "tools/bench/idle_clients.hpp"
#include "tools/bench/measure.hpp"
#include "tools/bench/sync_parts.hpp"
#include "tools/bench/table.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tidemark;
using namespace tidemark::bench;

constexpr unsigned kLargeMailbox = 100'000;
constexpr std::size_t kSmallMessageBytes = 600;

constexpr double kAppendSeconds = 4;

struct Rate {
    double messages_per_second = 0;
    double syncs_per_round = 0;
    double messages_per_round = 0;
};

// Every connection keeps one APPEND under way.
Rate measure_append(BenchServer& server, std::vector<SocketClient>& clients) {
    const std::string text = make_message(1, kMessageBytes);
    const std::string command = fmt::format("a APPEND INBOX {{{}+}}\r\n{}\r\n", text.size(), text);
    std::vector<pollfd> waiting;
    waiting.reserve(clients.size());
    for (SocketClient& client : clients) waiting.push_back({client.descriptor(), POLLIN, 0});
    const auto before = server.statistics();
    for (SocketClient& client : clients) {
        client.tail().clear();
        client.send(command);
    }
    std::uint64_t done = 0;
    std::size_t under_way = clients.size();
    const Stopwatch watch;
    double seconds = 0;
    while (under_way > 0) {
        ::poll(waiting.data(), waiting.size(), -1);
        for (std::size_t i = 0; i < clients.size(); ++i) {
            if (waiting[i].revents == 0) continue;
            if (!clients[i].take()) fail("append: the connection ended");
            if (!clients[i].tail().ends_with_line("a ")) continue;
            if (!clients[i].tail().ends_with_line("a OK")) fail("append", clients[i].tail().text());
            clients[i].tail().clear();
            ++done;
            if (watch.seconds() < kAppendSeconds) {
                clients[i].send(command);
            } else {
                --under_way;
            }
        }
        seconds = watch.seconds();
    }
    const auto after = server.statistics();
    const double rounds = static_cast<double>(after.rounds - before.rounds);
    const double syncs = static_cast<double>(after.segment_syncs + after.wal_syncs -
                                             before.segment_syncs - before.wal_syncs);
    return {static_cast<double>(done) / seconds, syncs / rounds,
            static_cast<double>(done) / rounds};
}

void bench_append() {
    constexpr unsigned kConnections = 64;
    BenchServer server({});
    server.add_accounts(kConnections);
    server.start();
    const auto connect = [&](unsigned count) {
        std::vector<SocketClient> clients;
        for (unsigned i = 0; i < count; ++i) {
            clients.emplace_back(server.port());
            clients.back().login(user_name(i));
        }
        return clients;
    };
    auto one = connect(1);
    const Rate single = measure_append(server, one);
    print_row("APPEND 4 KiB, durable, 1 connection", single.messages_per_second, "messages/s");
    print_row("  fdatasync calls for each round", single.syncs_per_round, "calls", at_most(2));
    auto many = connect(kConnections);
    const Rate group = measure_append(server, many);
    print_row("APPEND 4 KiB, durable, 64 connections, 64 accounts", group.messages_per_second,
              "messages/s");
    // A round that fills a segment syncs both, once in 64 MiB: a little more than 2 is right here.
    print_row("  fdatasync calls for each round", group.syncs_per_round, "calls");
    print_row("  messages for each round", group.messages_per_round, "messages");
    print_row("  times one connection", group.messages_per_second / single.messages_per_second,
              "times", at_least(10));
}

template <class Client>
void measure_fetch(BenchServer& server, Client& client, std::string_view how) {
    // "* n FETCH (FLAGS ())" is the shortest answer.
    if (client.run("FETCH 1:* (FLAGS)") < std::uint64_t{20} * kLargeMailbox)
        fail("FETCH told too little");
    print_row(fmt::format("FETCH 1:* (FLAGS) of 100k, {}", how),
              cpu_ns_each(server, client, "FETCH 1:* (FLAGS)", kLargeMailbox, 9), "ns/message",
              at_most(150));
    print_row(fmt::format("FETCH 1:* (UID FLAGS MODSEQ) of 100k, {}", how),
              cpu_ns_each(server, client, "FETCH 1:* (UID FLAGS MODSEQ)", kLargeMailbox, 9),
              "ns/message", at_most(200));
}

void measure_store(BenchServer& server, SinkClient& client, std::string_view user) {
    constexpr unsigned kMessages = 10'000;
    const std::string modseq = status_value(client, "HIGHESTMODSEQ");
    const auto before = server.statistics();
    const double seconds = run_seconds(client, "STORE 1:10000 +FLAGS.SILENT (\\Flagged)");
    const auto after = server.statistics();
    std::uint64_t records = 0;
    auto& store = server.server().store();
    const auto account = store.load_account(*store.find_account(user));
    for (const auto& mailbox : account->mailboxes) {
        const auto scanned = store.changes_since(
            account->record.id, mailbox.id, std::stoull(modseq), [&](auto, const auto& change) {
                records += change.flags.empty() ? 0 : 1;
                return true;
            });
        if (!scanned) fail("changes_since", scanned.error().detail);
    }
    print_row("STORE over 10,000 messages: log records", static_cast<double>(records), "records",
              at_most(1));
    print_row("  syncs",
              static_cast<double>(after.segment_syncs + after.wal_syncs - before.segment_syncs -
                                  before.wal_syncs),
              "calls", at_most(1));
    print_row("  time until OK", seconds * 1e3, "ms");
    print_row("  server time for each message",
              cpu_ns_each(server, client, "STORE 1:10000 -FLAGS (\\Flagged)", kMessages, 1),
              "ns/message");
}

void measure_qresync(BenchServer& server, SinkClient& client, const std::string& user) {
    // 50 FETCH responses with UID, FLAGS and MODSEQ.
    constexpr std::uint64_t kAnswerBytesMin = 50 * 40;
    const std::string validity = status_value(client, "UIDVALIDITY");
    const std::string modseq = status_value(client, "HIGHESTMODSEQ");
    for (unsigned i = 0; i < 50; ++i) {
        client.run(fmt::format("UID STORE {} +FLAGS.SILENT (\\Answered)", 1000 + i * 1500));
        client.run(fmt::format("UID STORE {} +FLAGS.SILENT (\\Deleted)", 700 + i * 1500));
    }
    client.run("EXPUNGE");
    std::vector<double> seconds;
    for (unsigned i = 0; i < 9; ++i) {
        SinkClient other(server);
        other.login(user);
        other.run("ENABLE QRESYNC");
        const Stopwatch watch;
        const std::uint64_t bytes =
            other.run(fmt::format("SELECT INBOX (QRESYNC ({} {}))", validity, modseq));
        seconds.push_back(watch.seconds());
        if (bytes < kAnswerBytesMin) fail("QRESYNC told too little", other.tail());
    }
    print_row("QRESYNC of 100k after 50 flag changes and 50 expunges", median(seconds) * 1e3, "ms");
}

void bench_read() {
    constexpr unsigned kEnvelopes = 20'000;
    BenchServer server({});
    server.add_accounts(2);
    server.start();
    const auto make = [](unsigned n) { return make_message(n, kSmallMessageBytes); };
    server.fill(user_name(0), kLargeMailbox, 1000, make);
    server.fill(user_name(1), kEnvelopes, 1000,
                [](unsigned n) { return make_message(n, kMessageBytes); });

    std::vector<double> cold;
    for (unsigned i = 0; i < 5; ++i) {
        server.restart();
        SinkClient client(server);
        client.login(user_name(0));
        cold.push_back(run_seconds(client, "SELECT INBOX"));
    }
    print_row("SELECT of 100k, cold (after a restart), until OK", median(cold) * 1e3, "ms",
              at_most(20));

    SinkClient client(server);
    client.login(user_name(0));
    client.run("SELECT INBOX");
    SinkClient second(server);
    second.login(user_name(0));
    second.run("SELECT INBOX");
    std::vector<double> warm;
    warm.reserve(51);
    for (unsigned i = 0; i < 51; ++i) warm.push_back(run_seconds(second, "SELECT INBOX"));
    print_row("SELECT of 100k, warm, until OK", median(warm) * 1e3, "ms", at_most(1));
    print_row("  server time", cpu_ns_each(server, second, "SELECT INBOX", 1, 51) / 1e3, "us",
              at_most(1000));

    measure_fetch(server, client, "no socket");
    {
        SocketClient socket(server.port());
        socket.login(user_name(0));
        socket.run("EXAMINE INBOX");
        measure_fetch(server, socket, "loopback");
    }
    SinkClient envelopes(server);
    envelopes.login(user_name(1));
    envelopes.run("EXAMINE INBOX");
    const Stopwatch first;
    envelopes.run("FETCH 1:* (ENVELOPE)");
    print_row("FETCH 1:* (ENVELOPE) of 20k, first time, until OK", first.seconds() * 1e3, "ms");
    print_row("FETCH 1:* (ENVELOPE) of 20k, no socket",
              cpu_ns_each(server, envelopes, "FETCH 1:* (ENVELOPE)", kEnvelopes, 9), "ns/message",
              at_most(1500));
    SocketClient socket(server.port());
    socket.login(user_name(1));
    socket.run("EXAMINE INBOX");
    print_row("FETCH 1:* (ENVELOPE) of 20k, loopback",
              cpu_ns_each(server, socket, "FETCH 1:* (ENVELOPE)", kEnvelopes, 9), "ns/message",
              at_most(1500));

    measure_store(server, client, user_name(0));
    measure_qresync(server, client, user_name(0));
}

void bench_pipeline() {
    constexpr unsigned kCommands = 64;
    constexpr unsigned kTimes = 2000;
    BenchServer server({});
    server.add_accounts(1);
    server.start();
    SinkClient client(server);
    client.login(user_name(0));
    client.run("SELECT INBOX");
    std::string commands;
    for (unsigned i = 1; i < kCommands; ++i) commands += "n NOOP\r\n";
    // The last tags alternate, so that a round does not take the answer before for its own.
    const std::array<std::string, 2> rounds{commands + "y NOOP\r\n", commands + "z NOOP\r\n"};
    const std::array<std::string_view, 2> answers{"y OK", "z OK"};
    const auto run_round = [&](unsigned number) {
        client.send(rounds[number % 2]);
        client.until(answers[number % 2]);
    };
    run_round(0);
    run_round(1);
    const StreamCalls before = client.calls();
    const double cpu_before = server.core_cpu_seconds();
    for (unsigned i = 0; i < kTimes; ++i) run_round(i);
    const double cpu = server.core_cpu_seconds() - cpu_before;
    const StreamCalls after = client.calls();
    const auto each = [](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / kTimes;
    };
    print_row("64 pipelined NOOPs: reads", each(before.reads, after.reads), "calls", at_most(1));
    print_row("  reads that found nothing", each(before.empty_reads, after.empty_reads), "calls");
    print_row("  writes", each(before.writes, after.writes), "calls", at_most(1));
    print_row("  server time", cpu * 1e9 / kTimes / kCommands, "ns/NOOP");
}

// In a process of its own that ends without closing anything, as a killed one.
void fill_and_die(const BenchServerOptions& options, unsigned messages) {
    constexpr unsigned kAccounts = 100;
    BenchServer server(options);
    server.add_accounts(kAccounts);
    server.start();
    for (unsigned i = 0; i < kAccounts; ++i) {
        server.fill(user_name(i), messages / kAccounts, 50,
                    [](unsigned n) { return make_message(n, kSmallMessageBytes); });
    }
    // The log of the last one ends behind its pages, and the WAL has something to recover.
    server.fill(user_name(0), 5000, 50,
                [](unsigned n) { return make_message(n, kSmallMessageBytes); });
    std::_Exit(0);
}

std::uint64_t bytes_below(const std::string& directory, std::string_view extension) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file() && entry.path().extension() == extension)
            bytes += entry.file_size();
    }
    return bytes;
}

double process_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void bench_restart(unsigned messages) {
    BenchServerOptions options;
    const pid_t child = ::fork();
    if (child == 0) fill_and_die(options, messages);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) fail("filling");
    options.keep_directory = true;
    const double wal_megabytes = static_cast<double>(bytes_below(options.directory, ".log")) / 1e6;
    const double cpu_before = process_cpu_seconds();
    const Stopwatch watch;
    BenchServer server(options);
    server.start();
    {
        SocketClient client(server.port());
        const double cpu = process_cpu_seconds() - cpu_before;
        print_row(fmt::format("start after a kill with {} messages, WAL {:.0f} MB, until the "
                              "greeting",
                              messages, wal_megabytes),
                  watch.seconds() * 1e3, "ms", at_most(1000));
        print_row("  processor time, all threads", cpu * 1e3, "ms");
        client.login(user_name(0));
        const Stopwatch select;
        client.run("SELECT INBOX");
        print_row("  SELECT of the mailbox whose log was not folded", select.seconds() * 1e3, "ms");
    }
    server.stop();
    const Stopwatch again;
    BenchServer second(options);
    second.start();
    SocketClient client(second.port());
    print_row("start after an orderly end, until the greeting", again.seconds() * 1e3, "ms",
              at_most(1000));
}

constexpr unsigned kIdleAccounts = 100;

double heap_bytes() {
    const auto info = ::mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd);
}

double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double total = 0;
    double resident = 0;
    statm >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void measure_idle(unsigned count, IdleKind kind, std::string_view what, double target) {
    IdleClients clients(kind, count, kIdleAccounts);  // forks: before there are threads
    BenchServer server({.tls = kind == IdleKind::kTls});
    server.add_accounts(kIdleAccounts);
    server.start();
    // One session for each account, so that loaded accounts are not counted.
    std::vector<SocketClient> first;
    for (unsigned i = 0; i < kIdleAccounts; ++i) {
        first.emplace_back(server.port());
        first.back().login(user_name(i));
        first.back().run("SELECT INBOX");
    }
    const double heap = heap_bytes();
    const double resident = resident_bytes();
    clients.connect(server.port(kind == IdleKind::kTls ? "imaps" : "imap"));
    (void)server.core_cpu_seconds();  // a turn of every core: what had to be freed is
    print_row(fmt::format("{} {}: heap of the server", count, what), (heap_bytes() - heap) / count,
              "bytes each", at_most(target));
    print_row("  resident", (resident_bytes() - resident) / count, "bytes each");
}

constexpr double kPlainBytesMax = 6 * 1024;
constexpr double kTlsBytesMax = 12 * 1024;

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

void print_machine() {
    utsname system{};
    ::uname(&system);
    std::ifstream load_file("/proc/loadavg");
    std::string load;
    load_file >> load;
    fmt::print("machine: {}, {} threads, {} {}, load {}\n", processor(),
               std::thread::hardware_concurrency(), system.sysname, system.release, load);
#ifdef __OPTIMIZE__
    fmt::print("build: optimised, clang {}\n\n", __clang_version__);
#else
    fmt::print("build: NOT optimised, the figures say little; clang {}\n\n", __clang_version__);
#endif
    fmt::print("{:<64} {:>10}  {:<12} {}\n", "what", "figure", "unit", "target");
    std::fflush(stdout);
}

struct Part {
    std::string_view name;
    void (*run)(unsigned restart_messages);
};

constexpr std::array<Part, 11> kParts{{
    {"append", [](unsigned) { bench_append(); }},
    {"read", [](unsigned) { bench_read(); }},
    {"pipeline", [](unsigned) { bench_pipeline(); }},
    {"resync", [](unsigned) { bench_resync(); }},
    {"push", [](unsigned) { bench_push(); }},
    {"flags", [](unsigned) { bench_flags(); }},
    {"backup", [](unsigned) { bench_backup(); }},
    {"restart", bench_restart},
    {"idle",
     [](unsigned) {
         measure_idle(9000, IdleKind::kPlain, "logged-in connections", kPlainBytesMax);
     }},
    {"idle",
     [](unsigned) {
         measure_idle(9000, IdleKind::kPlainIdle, "connections in IDLE on INBOX", kPlainBytesMax);
     }},
    {"idle",
     [](unsigned) {
         measure_idle(4000, IdleKind::kTls, "logged-in connections with TLS 1.3", kTlsBytesMax);
     }},
}};

bool run_part(const Part& part, unsigned restart_messages) {
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        part.run(restart_messages);
        std::fflush(stdout);
        std::_Exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    std::filesystem::remove_all(BenchServerOptions{}.directory);
    return status == 0;
}

void raise_descriptor_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argc, char** argv) {
    unsigned restart_messages = 1'000'000;
    std::vector<std::string_view> wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--restart-messages" && i + 1 < argc) {
            restart_messages = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
        } else {
            wanted.push_back(argument);
        }
    }
    raise_descriptor_limit();
    print_machine();
    bool ok = true;
    for (const Part& part : kParts) {
        if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), part.name) == wanted.end())
            continue;
        ok = run_part(part, restart_messages) && ok;
    }
    return ok ? 0 : 1;
}
