// Work on a thread of its own that may take hours, with a hold on the store meanwhile: no segment
// that the store names when it begins is removed before it has ended.
//
//     hold, between two rounds of the store → the work → release, between two rounds
//
// run() is called on a core and by one at a time, join() by the one who ends the server, when no
// task of its cores runs any more and before the store actor ends.
#pragma once

#include "actors/actor.hpp"
#include "actors/awaitable.hpp"
#include "actors/store_actor.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace tidemark::actors {

class HeldStore {
  public:
    explicit HeldStore(StoreActor& store) : store_(store) {}
    ~HeldStore() { join(); }
    HeldStore(const HeldStore&) = delete;
    HeldStore& operator=(const HeldStore&) = delete;

    // `pause` becomes the longest time for which the store's thread did this in place of a round.
    // Besides the errors of the work: kUnavailable when the server ends, or has no thread for it.
    template <class T>
    Awaitable<storage::Result<T>> run(std::function<storage::Result<T>()> work,
                                      std::shared_ptr<std::chrono::microseconds> pause);
    void join() {
        if (thread_.joinable()) thread_.join();
    }

  private:
    Awaitable<storage::Result<bool>> between_rounds(
        bool is_hold, std::shared_ptr<std::chrono::microseconds> pause);
    bool start(std::function<void()> work);

    StoreActor& store_;
    std::thread thread_;
};

template <class T>
Awaitable<storage::Result<T>> HeldStore::run(std::function<storage::Result<T>()> work,
                                             std::shared_ptr<std::chrono::microseconds> pause) {
    auto held = co_await between_rounds(true, pause);
    if (!held) co_return tl::unexpected(std::move(held.error()));
    Reply<storage::Result<T>> reply(*Core::current());
    auto answer = std::make_shared<ReplyTo<storage::Result<T>>>(reply.to());
    std::optional<storage::Result<T>> done;
    const bool started = start([work = std::move(work), answer] {
        try {
            answer->send(work());
        } catch (const std::exception& error) {
            answer->send(storage::fail(storage::StoreErrorKind::kIo, error.what()));
        }
    });
    if (started) {
        done = co_await reply.wait();
        // Nothing: this task was cancelled while the server ends. The thread is joined by join();
        // the hold ends with the store.
        if (!done)
            co_return storage::fail(storage::StoreErrorKind::kUnavailable,
                                    "the server is shutting down");
        thread_.join();
    } else {
        done = storage::fail(storage::StoreErrorKind::kUnavailable, "no thread can be started");
    }
    auto released = co_await between_rounds(false, pause);
    if (!*done) co_return tl::unexpected(std::move(done->error()));
    if (!released) co_return tl::unexpected(std::move(released.error()));
    co_return std::move(**done);
}

}  // namespace tidemark::actors
