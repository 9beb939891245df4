// The accounts of one core: loads them when they are first used, shares one Account actor among all
// who use it, and unloads the longest unused ones when all of them together are above the memory
// limit. Home core only.
#pragma once

#include "actors/account.hpp"
#include "actors/task_group.hpp"

#include <list>
#include <memory>
#include <unordered_map>

namespace tidemark::actors {

// A use of an account: while it lives the account stays loaded. Move-only, home core.
class AccountLease {
  public:
    AccountLease() = default;
    explicit AccountLease(std::shared_ptr<Account> account) : account_(std::move(account)) {
        if (account_) account_->add_user();
    }
    AccountLease(AccountLease&& other) noexcept = default;
    AccountLease& operator=(AccountLease&& other) noexcept {
        reset();
        account_ = std::move(other.account_);
        return *this;
    }
    ~AccountLease() { reset(); }
    void reset() {
        if (account_) account_->remove_user();
        account_.reset();
    }
    explicit operator bool() const { return account_ != nullptr; }
    Account* operator->() const { return account_.get(); }
    Account* get() const { return account_.get(); }

  private:
    std::shared_ptr<Account> account_;
};

class AccountDirectory {
  public:
    AccountDirectory(Core& core, StoreActor& store, WorkerPool& workers,
                     std::size_t memory_bytes_max);
    ~AccountDirectory();

    // The account, loaded; or why it can not be.
    Awaitable<Outcome<AccountLease>> acquire(storage::AccountId id);
    // Unloads what is not used, oldest first, until the rest is within the limit. Called now and
    // then by the server, and by the directory itself when accounts that it loaded since may have
    // gone past the limit: counting looks at every account, so not at every login.
    void evict();
    // Folds and trims every loaded account that is not busy (see MaintainRequest).
    Awaitable<void> maintain(std::int64_t horizon_micros);
    // Ends an account that was removed: its sessions are told and nothing new gets to it.
    void forget(storage::AccountId id);
    // Folds, ends and joins all accounts. Nothing may acquire after it.
    Awaitable<void> shut_down();

    std::size_t loaded() const { return accounts_.size(); }
    std::size_t memory_bytes() const;

  private:
    void evict_unused();
    struct Entry {
        std::shared_ptr<Account> account;
        std::uint64_t last_use = 0;
    };
    Core& core_;
    StoreActor& store_;
    WorkerPool& workers_;
    std::size_t memory_bytes_max_;
    // As last counted, with what was loaded since; below this nothing can be gained by counting.
    std::size_t counted_bytes_ = 0;
    std::size_t count_again_bytes_;
    std::uint64_t uses_ = 0;
    std::unordered_map<std::uint64_t, Entry> accounts_;
    // Closed accounts that still run their last round; a new one of the same id waits for it.
    std::vector<std::shared_ptr<Account>> closing_;
    TaskGroup group_;
};

}  // namespace tidemark::actors
