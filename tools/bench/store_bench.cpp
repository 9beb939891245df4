// How fast the store is on this machine: rounds of small records and of 4 KB deliveries, loading a
// mailbox, opening a directory, compaction. Prints what it ran on and what it measured; nothing
// here passes or fails.
//
//   store_bench DIRECTORY [SECONDS-PER-FIGURE] [MESSAGES-FOR-OPENING]
//
// DIRECTORY is made, filled and removed; it decides which disk is measured.
#include "storage/store.hpp"

#include <sys/utsname.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace {

using namespace tidemark::storage;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "store_bench: %s\n", result.error().detail.c_str());
        std::exit(3);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Account {
    AccountId id{};
    AccountCounters counters;
    MailboxRecord mailbox;
};

Account make_account(Store& store, int number) {
    Account account;
    account.id = store.next_account_id();
    account.mailbox.id = MailboxId{1};
    account.mailbox.name = "INBOX";
    Transaction transaction(account.id, 0);
    AccountRecord record;
    record.id = account.id;
    record.name = "account" + std::to_string(number);
    transaction.put_account(record);
    transaction.put_counters(account.counters);
    transaction.put_mailbox(account.mailbox);
    Transaction* pointer = &transaction;
    must(store.commit({&pointer, 1})[0]);
    return account;
}

// A STORE of one message, as the log and the counters see it.
Transaction small_record(Account& account) {
    Transaction transaction(account.id, account.counters.modseq);
    ChangeRecord change;
    change.flags = {{0, kSeen, {{1, 1}}}};
    account.mailbox.highestmodseq = ++account.counters.modseq;
    transaction.put_change(account.mailbox.id, account.counters.modseq, change);
    transaction.put_counters(account.counters);
    transaction.put_mailbox(account.mailbox);
    return transaction;
}

Transaction delivery(Store& store, Account& account, const std::shared_ptr<const std::string>& text,
                     const std::string& summary) {
    Transaction transaction(account.id, account.counters.modseq);
    account.mailbox.highestmodseq = ++account.counters.modseq;
    Message message;
    message.uid = account.mailbox.uidnext++;
    message.size = static_cast<std::uint32_t>(text->size());
    message.internal_date = {1'700'000'000 + message.uid, 60};
    message.save_date = message.internal_date.unix_seconds + 1;
    message.body = store.next_body_id();
    ChangeRecord change;
    change.kind = ChangeKind::kDelivery;
    change.appended = {message};
    account.mailbox.counts.messages += 1;
    account.mailbox.counts.bytes += message.size;
    NewBody body;
    body.id = message.body;
    body.bytes = text;
    body.internal_date = message.internal_date;
    body.owners = {{account.id, account.mailbox.id, message.uid}};
    transaction.add_body(std::move(body));
    transaction.put_summary(message.body, summary);
    transaction.put_change(account.mailbox.id, account.counters.modseq, change);
    transaction.put_counters(account.counters);
    transaction.put_mailbox(account.mailbox);
    return transaction;
}

template <class Make>
void measure_rounds(Store& store, std::vector<Account>& accounts, const char* what, double seconds,
                    Make make) {
    double first_rate = 0;
    for (const std::size_t size : {1u, 8u, 64u, 256u}) {
        std::size_t done = 0;
        std::size_t rounds = 0;
        const auto start = Clock::now();
        double spent = 0;
        while ((spent = seconds_since(start)) < seconds) {
            std::vector<Transaction> transactions;
            transactions.reserve(size);
            for (std::size_t i = 0; i < size; ++i) transactions.push_back(make(store, accounts[i]));
            std::vector<Transaction*> pointers;
            pointers.reserve(transactions.size());
            for (Transaction& transaction : transactions) pointers.push_back(&transaction);
            for (const auto& result : store.commit(pointers)) must(result);
            done += size;
            ++rounds;
        }
        const double rate = static_cast<double>(done) / spent;
        if (size == 1) first_rate = rate;
        std::printf("%-28s rounds of %3zu: %9.0f /s  %7.3f ms a round  ratio to one %6.1f\n", what,
                    size, rate, spent * 1000 / static_cast<double>(rounds), rate / first_rate);
    }
}

void fill_mailbox(Store& store, Account& account, std::uint32_t count) {
    MailboxDraft draft(std::make_shared<const MailboxView>());
    const ModSeq base = account.counters.modseq;
    Transaction transaction(account.id, base);
    for (Uid uid = 1; uid <= count; ++uid) {
        Message message;
        message.uid = uid;
        message.flags = uid % 3 == 0 ? 0 : kSeen;
        message.modseq = message.createseq = base + uid;
        message.size = 2000 + uid * 7919 % 60'000;
        message.internal_date = {1'600'000'000 + uid * 317, 60};
        message.save_date = message.internal_date.unix_seconds + 2;
        message.body = BodyId{10'000'000 + uid};
        draft.append(message);
    }
    const ViewPtr view = std::move(draft).finish();
    std::size_t bytes = 0;
    for (const PagePtr& page : view->pages()) {
        transaction.put_page(account.mailbox.id, *page);
        bytes += encode_page(*page).size();
    }
    account.counters.modseq = base + count;
    account.mailbox.uidnext = view->uidnext();
    account.mailbox.highestmodseq = account.mailbox.folded_modseq = view->highestmodseq();
    account.mailbox.counts = view->counts();
    transaction.put_mailbox(account.mailbox);
    transaction.put_counters(account.counters);
    Transaction* pointer = &transaction;
    must(store.commit({&pointer, 1})[0]);
    std::printf("%u messages in pages: %.1f bytes each stored, %.1f in memory\n", count,
                static_cast<double>(bytes) / count,
                static_cast<double>(view->memory_bytes()) / count);
}

void measure_load(const Store& store, const Account& account, const char* what, int times) {
    double best = 1e9;
    for (int i = 0; i < times; ++i) {
        const auto start = Clock::now();
        const LoadedMailbox loaded = must(store.load_mailbox(account.id, account.mailbox));
        best = std::min(best, seconds_since(start));
        if (loaded.view->count() != account.mailbox.counts.messages) std::abort();
    }
    std::printf("loading %u messages, %s: %.2f ms\n", account.mailbox.counts.messages, what,
                best * 1000);
}

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr,
                     "usage: store_bench DIRECTORY [SECONDS-PER-FIGURE] [MESSAGES-FOR-OPENING]\n");
        return 2;
    }
    const std::string directory = argv[1];
    const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
    const auto messages = static_cast<std::uint32_t>(argc > 3 ? std::atol(argv[3]) : 0);
    if (std::filesystem::exists(directory)) {
        std::fprintf(stderr, "store_bench: %s exists\n", directory.c_str());
        return 2;
    }
    utsname system{};
    uname(&system);
    std::printf("machine: %s, %u threads, %s %s\n", processor().c_str(),
                std::thread::hardware_concurrency(), system.sysname, system.release);
#ifdef __OPTIMIZE__
    std::printf("build: optimised, clang %s\n", __clang_version__);
#else
    std::printf("build: NOT optimised, the figures say little; clang %s\n", __clang_version__);
#endif
    StoreOptions options;
    options.create_if_missing = true;
    std::unique_ptr<Store> store = must(Store::open(directory, options, posix_file_system()));
    std::vector<Account> accounts;
    accounts.reserve(256);
    for (int i = 0; i < 256; ++i) accounts.push_back(make_account(*store, i));

    measure_rounds(*store, accounts, "small records", seconds,
                   [](Store&, Account& account) { return small_record(account); });
    std::string text(4096, 'x');
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>(' ' + (i * 7 + i / 64) % 90);
    const auto body = std::make_shared<const std::string>(text);
    const std::string summary = text.substr(0, 600);
    measure_rounds(*store, accounts, "4 KB deliveries", seconds, [&](Store& to, Account& account) {
        return delivery(to, account, body, summary);
    });

    Account large = make_account(*store, 1000);
    fill_mailbox(*store, large, 100'000);
    measure_load(*store, large, "from the memory table", 20);
    must(store->close());
    store.reset();
    store = must(Store::open(directory, options, posix_file_system()));
    measure_load(*store, large, "first after a start", 1);
    measure_load(*store, large, "again", 50);

    for (std::uint32_t done = 0; done < messages;) {
        std::vector<Transaction> transactions;
        transactions.reserve(256);
        for (std::size_t i = 0; i < 256; ++i, ++done)
            transactions.push_back(delivery(*store, accounts[i], body, summary));
        std::vector<Transaction*> pointers;
        pointers.reserve(transactions.size());
        for (Transaction& transaction : transactions) pointers.push_back(&transaction);
        for (const auto& result : store->commit(pointers)) must(result);
    }
    const StoreStatistics statistics = store->statistics();
    std::printf("data: %.1f MB of mail in %llu segments, %llu rounds\n",
                static_cast<double>(statistics.live_bytes) / 1e6,
                static_cast<unsigned long long>(statistics.segments),
                static_cast<unsigned long long>(statistics.store_seq));
    store.reset();  // as a killed process leaves it: nothing is flushed
    const auto start = Clock::now();
    store = must(Store::open(directory, options, posix_file_system()));
    std::printf("opening it after a kill: %.0f ms\n", seconds_since(start) * 1000);
    store.reset();
    std::filesystem::remove_all(directory);
    return 0;
}
