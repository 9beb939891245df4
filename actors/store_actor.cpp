#include "actors/store_actor.hpp"

#include "actors/limits.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace tidemark::actors {

StoreActor::StoreActor(storage::Store& store, Clock& clock) : store_(store), clock_(clock) {}

StoreActor::~StoreActor() {
    stop();
}

void StoreActor::start() {
    thread_ = std::thread([this] { loop(); });
}

void StoreActor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_one();
    if (thread_.joinable()) thread_.join();
}

Awaitable<storage::Result<void>> StoreActor::commit(
    std::unique_ptr<storage::Transaction> transaction) {
    Entry entry;
    entry.transaction = std::move(transaction);
    auto result = co_await submit(std::move(entry));
    if (!result) co_return tl::unexpected(std::move(result.error()));
    co_return storage::Result<void>{};
}

Awaitable<storage::Result<bool>> StoreActor::run_between_rounds(
    std::function<storage::Result<bool>()> work) {
    Entry entry;
    entry.work = std::move(work);
    co_return co_await submit(std::move(entry));
}

Awaitable<storage::Result<bool>> StoreActor::submit(Entry entry) {
    Core& core = *Core::current();
    Reply<storage::Result<bool>> reply(core);
    entry.home = &core;
    entry.answer = reply.to();
    const std::size_t bytes = entry.transaction ? entry.transaction->memory_bytes() : 0;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_)
            co_return storage::fail(storage::StoreErrorKind::kUnavailable, "the store is closing");
        if (queue_bytes_ + bytes > kStoreQueueBytesMax && !queue_.empty()) {
            co_return storage::fail(storage::StoreErrorKind::kUnavailable,
                                    "the store's queue is full");
        }
        queue_bytes_ += bytes;
        queue_.push_back(std::move(entry));
    }
    ready_.notify_one();
    auto result = co_await reply.wait();
    if (!result)
        co_return storage::fail(storage::StoreErrorKind::kUnavailable, "the request was dropped");
    co_return std::move(*result);
}

void StoreActor::loop() {
    for (;;) {
        std::vector<Entry> entries;
        {
            std::unique_lock lock(mutex_);
            ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            entries = std::exchange(queue_, {});
            queue_bytes_ = 0;
        }
        run_round(std::move(entries));
    }
}

void StoreActor::run_round(std::vector<Entry> entries) {
    std::vector<storage::Transaction*> transactions;
    for (const Entry& entry : entries) {
        if (entry.transaction) transactions.push_back(entry.transaction.get());
    }
    const auto begin = clock_.steady();
    std::vector<storage::Result<void>> results;
    if (!transactions.empty()) {
        results = store_.commit(transactions);
        count_round(static_cast<std::uint64_t>((clock_.steady() - begin).count()),
                    transactions.size());
    }
    std::vector<std::pair<Core*, Finished>> finished;
    std::size_t next = 0;
    for (Entry& entry : entries) {
        if (!entry.transaction) continue;
        auto& result = results[next++];
        finished.emplace_back(
            entry.home,
            Finished{std::move(entry.answer), result ? storage::Result<bool>(true)
                                                     : tl::unexpected(std::move(result.error()))});
    }
    answer(std::move(finished));
    for (Entry& entry : entries) {
        if (entry.transaction) continue;
        std::vector<std::pair<Core*, Finished>> one;
        auto result = entry.work();
        one.emplace_back(entry.home, Finished{std::move(entry.answer), std::move(result)});
        answer(std::move(one));
    }
}

// One post for each core: waking a thread costs more than answering a hundred requests on it.
void StoreActor::answer(std::vector<std::pair<Core*, Finished>> finished) {
    std::vector<std::pair<Core*, std::vector<Finished>>> cores;
    for (auto& [home, one] : finished) {
        auto at = std::find_if(cores.begin(), cores.end(),
                               [home](const auto& core) { return core.first == home; });
        if (at == cores.end()) at = cores.emplace(cores.end(), home, std::vector<Finished>());
        at->second.push_back(std::move(one));
    }
    for (auto& [core, answers] : cores) {
        core->post([here = std::move(answers)]() mutable {
            for (Finished& one : here) one.answer.send(std::move(one.result));
        });
    }
}

void StoreActor::count_round(std::uint64_t micros, std::size_t transactions) {
    const std::lock_guard lock(mutex_);
    ++statistics_.rounds;
    statistics_.transactions += transactions;
    statistics_.max_micros = std::max(statistics_.max_micros, micros);
    ++micros_histogram_[std::min<std::size_t>(std::bit_width(micros),
                                              micros_histogram_.size() - 1)];
}

RoundStatistics StoreActor::statistics() const {
    const std::lock_guard lock(mutex_);
    RoundStatistics result = statistics_;
    const auto percentile = [this](std::uint64_t permille) {
        std::uint64_t seen = 0;
        for (std::size_t bucket = 0; bucket < micros_histogram_.size(); ++bucket) {
            seen += micros_histogram_[bucket];
            if (seen * 1000 >= statistics_.rounds * permille)
                return (std::uint64_t{1} << bucket) - 1;
        }
        return statistics_.max_micros;
    };
    if (result.rounds > 0) {
        result.p50_micros = percentile(500);
        result.p99_micros = percentile(990);
    }
    return result;
}

}  // namespace tidemark::actors
