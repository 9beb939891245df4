// The store actor: the only thread that writes to the store. It drains its inbox into one round,
// commits the round (one sync of bodies, one of the log) and answers everybody in it, with one post
// for each core. While a round is being synced the next one fills: group commit over all accounts,
// without a timer.
//
// Inbox: one account actor has at most one transaction under way, so the queue is bounded by the
// accounts that are loaded; beyond kStoreQueueBytesMax of waiting bytes new ones are answered
// kUnavailable instead of being queued. Shutdown: stop() lets what is queued be committed, then the
// thread ends.
#pragma once

#include "actors/actor.hpp"
#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "storage/store.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::actors {

// How long rounds took; a histogram of powers of two so that percentiles cost nothing to keep.
struct RoundStatistics {
    std::uint64_t rounds = 0;
    std::uint64_t transactions = 0;
    std::uint64_t p50_micros = 0;
    std::uint64_t p99_micros = 0;
    std::uint64_t max_micros = 0;
};

class StoreActor {
  public:
    StoreActor(storage::Store& store, Clock& clock);
    ~StoreActor();
    StoreActor(const StoreActor&) = delete;
    StoreActor& operator=(const StoreActor&) = delete;

    void start();
    // Any thread but its own; returns when the last round is committed and the thread has ended.
    void stop();

    // On a core. Returns when the transaction is durable, or why it is not.
    Awaitable<storage::Result<void>> commit(std::unique_ptr<storage::Transaction> transaction);

    // Runs `work` on the store's thread between two rounds (compaction steps, holds, removing
    // accounts).
    Awaitable<storage::Result<bool>> run_between_rounds(
        std::function<storage::Result<bool>()> work);

    storage::Store& store() { return store_; }
    RoundStatistics statistics() const;

  private:
    using Answer = ReplyTo<storage::Result<bool>>;
    struct Entry {
        std::unique_ptr<storage::Transaction> transaction;
        std::function<storage::Result<bool>()> work;
        Core* home = nullptr;
        Answer answer;
    };
    struct Finished {
        Answer answer;
        storage::Result<bool> result;
    };

    Awaitable<storage::Result<bool>> submit(Entry entry);
    void loop();
    void run_round(std::vector<Entry> entries);
    static void answer(std::vector<std::pair<Core*, Finished>> finished);
    void count_round(std::uint64_t micros, std::size_t transactions);

    storage::Store& store_;
    Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::vector<Entry> queue_;
    std::size_t queue_bytes_ = 0;
    bool stopping_ = false;
    std::array<std::uint64_t, 40> micros_histogram_{};
    RoundStatistics statistics_;
    std::thread thread_;
};

}  // namespace tidemark::actors
