#include "actors/account_directory.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::actors {

using storage::raw;

AccountDirectory::AccountDirectory(Core& core, StoreActor& store, WorkerPool& workers,
                                   std::size_t memory_bytes_max)
    : core_(core),
      store_(store),
      workers_(workers),
      memory_bytes_max_(memory_bytes_max),
      count_again_bytes_(memory_bytes_max),
      group_(core) {}

AccountDirectory::~AccountDirectory() = default;

Awaitable<Outcome<AccountLease>> AccountDirectory::acquire(storage::AccountId id) {
    // A closed actor of the same account must have written its last fold before another one loads.
    for (;;) {
        std::shared_ptr<Account> ending;
        for (const auto& account : closing_) {
            if (account->id() == id && !account->ended()) ending = account;
        }
        if (!ending) break;
        co_await ending->wait_ended();
    }
    std::erase_if(closing_, [](const auto& account) { return account->ended(); });
    auto it = accounts_.find(raw(id));
    const bool is_new = it == accounts_.end();
    if (is_new) {
        auto account = std::make_shared<Account>(AccountContext{core_, store_, workers_}, id);
        account->start(&group_);
        it = accounts_.emplace(raw(id), Entry{std::move(account), 0}).first;
    }
    it->second.last_use = ++uses_;
    AccountLease lease(it->second.account);
    auto loaded = co_await lease->loaded();
    if (!loaded) {
        forget(id);
        co_return tl::unexpected(loaded.error());
    }
    if (is_new) counted_bytes_ += lease->memory_bytes();
    if (counted_bytes_ > count_again_bytes_) evict();
    co_return std::move(lease);
}

void AccountDirectory::evict() {
    evict_unused();
    counted_bytes_ = memory_bytes();
    // While what is in use is above the limit, an eighth more before it is counted again.
    count_again_bytes_ = std::max(memory_bytes_max_, counted_bytes_ + counted_bytes_ / 8);
}

void AccountDirectory::evict_unused() {
    std::size_t bytes = memory_bytes();
    if (bytes <= memory_bytes_max_) return;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> idle;  // last use, account
    for (const auto& [id, entry] : accounts_) {
        if (entry.account->idle()) idle.emplace_back(entry.last_use, id);
    }
    std::sort(idle.begin(), idle.end());
    for (const auto& [last_use, id] : idle) {
        if (bytes <= memory_bytes_max_) break;
        const auto it = accounts_.find(id);
        bytes -= std::min(bytes, it->second.account->memory_bytes());
        it->second.account->close();
        closing_.push_back(std::move(it->second.account));
        accounts_.erase(it);
    }
}

Awaitable<void> AccountDirectory::maintain(std::int64_t horizon_micros) {
    std::vector<std::shared_ptr<Account>> accounts;
    accounts.reserve(accounts_.size());
    for (const auto& [id, entry] : accounts_) accounts.push_back(entry.account);
    for (const auto& account : accounts) {
        MaintainRequest request;
        request.fold_all = account->idle();
        request.horizon_micros = horizon_micros;
        (void)co_await account->call(std::move(request));
    }
    evict();
}

void AccountDirectory::forget(storage::AccountId id) {
    const auto it = accounts_.find(raw(id));
    if (it == accounts_.end()) return;
    it->second.account->end_sessions();
    it->second.account->close();
    closing_.push_back(std::move(it->second.account));
    accounts_.erase(it);
}

Awaitable<void> AccountDirectory::shut_down() {
    for (auto& [id, entry] : accounts_) {
        entry.account->close();
        closing_.push_back(std::move(entry.account));
    }
    accounts_.clear();
    co_await group_.join();
    closing_.clear();
}

std::size_t AccountDirectory::memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [id, entry] : accounts_) bytes += entry.account->memory_bytes();
    return bytes;
}

}  // namespace tidemark::actors
