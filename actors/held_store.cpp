#include "actors/held_store.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tidemark::actors {

namespace {

// Clients come before a backup or a verification where the processors do not suffice for all; a
// thirtieth of one is left for it when others would take everything.
constexpr int kHeldWorkNice = 15;

}  // namespace

Awaitable<storage::Result<bool>> HeldStore::between_rounds(
    bool is_hold, std::shared_ptr<std::chrono::microseconds> pause) {
    storage::Store* store = &store_.store();
    auto work = [store, pause, is_hold]() -> storage::Result<bool> {
        const auto began = std::chrono::steady_clock::now();
        storage::Result<void> done;
        if (is_hold) {
            done = store->hold_segments();
        } else {
            store->release_segments();
        }
        *pause = std::max(*pause, std::chrono::duration_cast<std::chrono::microseconds>(
                                      std::chrono::steady_clock::now() - began));
        if (!done) return tl::unexpected(std::move(done.error()));
        return true;
    };
    co_return co_await store_.run_between_rounds(std::move(work));
}

bool HeldStore::start(std::function<void()> work) {
    try {
        thread_ = std::thread([work = std::move(work)] {
            // Linux has a niceness for each thread. Refused, the work is done all the same.
            static_cast<void>(
                ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kHeldWorkNice));
            work();
        });
        return true;
    } catch (const std::system_error& error) {
        spdlog::error("no thread for work on the store: {}", error.what());
        return false;
    }
}

}  // namespace tidemark::actors
