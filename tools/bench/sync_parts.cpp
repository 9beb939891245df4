#include "tools/bench/sync_parts.hpp"

#include "tools/bench/bench_clients.hpp"
#include "tools/bench/measure.hpp"
#include "tools/bench/ready_set.hpp"
#include "tools/bench/table.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

namespace tidemark::bench {

namespace {

struct Resync {
    double seconds = 0;
    double cpu_seconds = 0;
};

Resync resync(BenchServer& server, const std::string& select, std::uint64_t answer_bytes_min) {
    SinkClient client(server);
    client.login(user_name(0));
    client.run("ENABLE QRESYNC");
    const double cpu = server.core_cpu_seconds();
    const Stopwatch watch;
    const std::uint64_t bytes = client.run(select);
    const Resync result{watch.seconds(), server.core_cpu_seconds() - cpu};
    if (bytes < answer_bytes_min) fail("QRESYNC told too little", client.tail());
    return result;
}

}  // namespace

void bench_resync() {
    constexpr unsigned kMessages = 1'000'000;
    constexpr unsigned kEach = 50;  // flag changes, and as many expunges
    // FETCH responses with UID, FLAGS and MODSEQ for the flag changes.
    constexpr std::uint64_t kAnswerBytesMin = std::uint64_t{kEach} * 40;
    BenchServer server({});
    server.add_accounts(1);
    server.start();
    server.fill(user_name(0), kMessages, 1000, [](unsigned n) { return make_message(n, 300); });
    std::string select;
    {
        SinkClient client(server);
        client.login(user_name(0));
        client.run("SELECT INBOX");
        const std::string modseq = status_value(client, "HIGHESTMODSEQ");
        select = fmt::format("SELECT INBOX (QRESYNC ({} {}))", status_value(client, "UIDVALIDITY"),
                             modseq);
        for (unsigned i = 0; i < kEach; ++i) {
            const unsigned uid = i * (kMessages / kEach);
            client.run(fmt::format("UID STORE {} +FLAGS.SILENT (\\Answered)", uid + 1000));
            client.run(fmt::format("UID STORE {} +FLAGS.SILENT (\\Deleted)", uid + 500));
        }
        client.run("EXPUNGE");
    }
    std::vector<double> cold;
    for (unsigned i = 0; i < 5; ++i) {
        server.restart();
        cold.push_back(resync(server, select, kAnswerBytesMin).seconds);
    }
    print_row("QRESYNC of 1,000,000 after 100 changes, cold (after a restart), until OK",
              median(cold) * 1e3, "ms", at_most(50));
    SinkClient holder(server);  // as any other session of the account that has it open
    holder.login(user_name(0));
    holder.run("SELECT INBOX");
    std::vector<double> seconds;
    std::vector<double> cpu;
    for (unsigned i = 0; i < 51; ++i) {
        const Resync one = resync(server, select, kAnswerBytesMin);
        seconds.push_back(one.seconds);
        cpu.push_back(one.cpu_seconds);
    }
    print_row("  warm, until OK", median(seconds) * 1e3, "ms");
    print_row("  warm, server time", median(cpu) * 1e3, "ms", at_most(1));
}

void bench_push() {
    constexpr unsigned kSessions = 1000;
    constexpr unsigned kRounds = 21;
    BenchServer server({});
    server.add_accounts(1);
    server.start();
    ReadySet ready;
    std::vector<SocketClient> clients;
    clients.reserve(kSessions + 1);
    for (unsigned i = 0; i < kSessions; ++i) {
        SocketClient& client = clients.emplace_back(server.port());
        client.login(user_name(0));
        client.run("SELECT INBOX");
        client.send("b IDLE\r\n");
        client.until("+ ");
        ready.add(client, i);
    }
    SocketClient& sender = clients.emplace_back(server.port());
    sender.login(user_name(0));
    ready.add(sender, kSessions);
    const std::string text = make_message(1, kMessageBytes);
    const std::string append = fmt::format("a APPEND INBOX {{{}+}}\r\n{}\r\n", text.size(), text);
    std::vector<double> first;
    std::vector<double> last;
    std::vector<double> cpu;
    for (unsigned round = 0; round < kRounds; ++round) {
        std::vector<bool> told(kSessions + 1, false);
        sender.tail().clear();
        const double cpu_before = server.core_cpu_seconds();
        const Stopwatch watch;
        sender.send(append);
        double first_told = 0;
        for (unsigned count = 0; count <= kSessions;) {
            ready.wait([&](std::uint32_t number) {
                if (!clients[number].take() || told[number]) return;
                told[number] = true;
                if (count++ == 0) first_told = watch.seconds();
            });
        }
        last.push_back(watch.seconds() - first_told);
        first.push_back(first_told);
        if (!sender.tail().ends_with_line("a OK")) fail("APPEND", sender.tail().text());
        cpu.push_back(server.core_cpu_seconds() - cpu_before);
    }
    print_row("one APPEND to 1,000 sessions in IDLE: first answer or push after",
              median(first) * 1e3, "ms");
    print_row("  the last push after that", median(last) * 1e3, "ms", at_most(20));
    print_row("  the last push after that, worst of 21", percentile(last, 0.999) * 1e3, "ms");
    print_row("  server time for each session", median(cpu) * 1e6 / kSessions, "us");
}

void bench_flags() {
    constexpr unsigned kSessions = 64;
    constexpr unsigned kMessages = 1000;
    constexpr unsigned kStoresEach = 500;
    BenchServer server({});
    server.add_accounts(1);
    server.start();
    server.fill(user_name(0), kMessages, 1000, [](unsigned n) { return make_message(n, 300); });
    ReadySet ready;
    std::vector<SocketClient> clients;
    clients.reserve(kSessions);
    for (unsigned i = 0; i < kSessions; ++i) {
        SocketClient& client = clients.emplace_back(server.port());
        client.login(user_name(0));
        client.run("SELECT INBOX (CONDSTORE)");
        ready.add(client, i);
    }
    std::array<unsigned, kSessions> done{};
    std::array<double, kSessions> sent{};
    const Stopwatch watch;
    // Half of them go for the same ten messages, as several devices of one person do.
    const auto store = [&](unsigned session) {
        const unsigned n = done[session];
        const unsigned uid = n % 2 == 0 ? 1 + n / 2 % 10 : 11 + (session * 37 + n * 101) % 989;
        clients[session].tail().clear();
        sent[session] = watch.seconds();
        clients[session].send(fmt::format("a UID STORE {} {}FLAGS (\\Flagged k{})\r\n", uid,
                                          (n / 20 + session) % 2 == 0 ? '+' : '-', session % 8));
    };
    std::vector<double> seconds;
    seconds.reserve(kSessions * kStoresEach);
    std::array<double, kSessions> finished{};
    unsigned under_way = kSessions;
    for (unsigned i = 0; i < kSessions; ++i) store(i);
    while (under_way > 0) {
        ready.wait([&](std::uint32_t i) {
            SocketClient& client = clients[i];
            if (!client.take()) fail("flags: the connection ended");
            if (done[i] == kStoresEach || !client.tail().ends_with_line("a ")) return;
            // NO or MODIFIED would be a retry that is left to the client.
            if (!client.tail().ends_with_line("a OK") ||
                client.tail().text().find("MODIFIED") != std::string::npos)
                fail("flags", client.tail().text());
            seconds.push_back(watch.seconds() - sent[i]);
            if (++done[i] < kStoresEach) {
                store(i);
            } else {
                finished[i] = watch.seconds();
                --under_way;
            }
        });
    }
    const double total = watch.seconds();
    const auto [first, last] = std::minmax_element(finished.begin(), finished.end());
    const double middle = median(seconds);
    print_row("64 sessions that store flags in one mailbox: STOREs, durable",
              static_cast<double>(seconds.size()) / total, "STOREs/s");
    print_row("  time of one STORE, median", middle * 1e3, "ms");
    print_row("  99th percentile", percentile(seconds, 0.99) * 1e3, "ms");
    print_row("  worst", percentile(seconds, 0.9999999) * 1e3, "ms");
    print_row("  99th percentile over median", percentile(seconds, 0.99) / middle, "times",
              at_most(3));
    print_row("  the slowest session's whole time over the fastest's", *last / *first, "times");
}

}  // namespace tidemark::bench
