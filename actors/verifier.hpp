// Checks the store of the running server, as `verifydata` checks a directory that no server has
// open: on a checkpoint, with a hold on the segments (verify_store.hpp), while mail comes and goes.
//
// One at a time; a backup may be made meanwhile. verify() is called on a core, everything else from
// any thread. stop() lets the one that runs be given up, join() comes before the store actor ends.
#pragma once

#include "actors/awaitable.hpp"
#include "actors/held_store.hpp"
#include "actors/store_actor.hpp"
#include "storage/verify/verify.hpp"

#include <atomic>
#include <mutex>
#include <optional>

namespace tidemark::actors {

struct VerifyRequest {
    bool quick = false;    // reads no mail
    unsigned threads = 1;  // besides which the server goes on with its own
};

class Verifier {
  public:
    explicit Verifier(StoreActor& store) : store_(store), held_(store) {}
    ~Verifier();
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;

    // On a core. Besides verify_store()'s errors: kLocked while another one is under way,
    // kUnavailable when it was given up or the server ends.
    Awaitable<storage::Result<storage::VerifyReport>> verify(VerifyRequest request);
    // What verify() would answer now because of the one that is under way.
    std::optional<storage::StoreError> busy() const;
    // Nothing: none is under way. What it says points to constants.
    std::optional<storage::VerifyProgress> progress() const;
    // The one that is under way ends soon, with an error.
    void give_up() { given_up_ = true; }
    void stop();
    void join() { held_.join(); }

  private:
    std::optional<storage::StoreError> busy_locked() const;
    storage::Result<storage::VerifyReport> work(VerifyRequest request);

    StoreActor& store_;
    HeldStore held_;
    std::atomic<bool> given_up_ = false;
    mutable std::mutex mutex_;
    bool stopping_ = false;
    std::optional<storage::VerifyProgress> progress_;  // while one is under way
};

}  // namespace tidemark::actors
