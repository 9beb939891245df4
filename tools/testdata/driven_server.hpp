// The whole server without listeners, driven one request at a time from the calling thread, with a
// clock that stands where it is put. Each call returns when what it did is durable, so the same
// calls make the same content every time.
#pragma once

#include "actors/account_admin.hpp"
#include "actors/account_messages.hpp"
#include "actors/clock.hpp"
#include "actors/core.hpp"
#include "actors/delivery.hpp"
#include "actors/server.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace tidemark::tools::testdata {

// Timers never fire: nothing happens that was not asked for.
class StandingClock final : public actors::Clock {
  public:
    explicit StandingClock(std::int64_t wall_micros) : wall_micros_(wall_micros) {}
    std::int64_t wall_microseconds() const override { return wall_micros_; }
    actors::SteadyTime steady() const override { return {}; }
    bool is_manual() const override { return true; }
    void advance(std::int64_t micros) { wall_micros_ += micros; }

  private:
    std::atomic<std::int64_t> wall_micros_;
};

class DrivenServer {
  public:
    static tl::expected<std::unique_ptr<DrivenServer>, std::string> open(
        const std::string& directory, std::int64_t wall_micros);
    ~DrivenServer() { stop(); }
    DrivenServer(const DrivenServer&) = delete;
    DrivenServer& operator=(const DrivenServer&) = delete;

    StandingClock& clock() { return clock_; }
    storage::Store& store() { return server_->store(); }

    // Asks the account and waits for its answer.
    template <class Request>
    typename Request::Answer call(storage::AccountId account, Request request) {
        using Answer = typename Request::Answer;
        auto done = std::make_shared<std::promise<Answer>>();
        auto asked = std::make_shared<Request>(std::move(request));
        auto answer = done->get_future();
        server_->spawn_on(server_->cores()[0], [server = server_.get(), account, asked, done] {
            return call_account<Request>(server, account, asked, done);
        });
        return answer.get();
    }
    // Marks the mailbox's messages as seen by a session (\Recent).
    actors::Outcome<void> claim_recent(storage::AccountId account, storage::MailboxId mailbox);
    storage::Result<storage::AccountId> add_account(const actors::NewAccount& account);
    storage::Result<void> change_account(
        const std::string& name, const std::function<void(storage::AccountRecord&)>& change);
    storage::Result<void> remove_account(const std::string& name);
    std::vector<actors::Outcome<actors::AppendOutcome>> deliver(
        std::vector<actors::DeliveryTarget> targets, actors::AppendMessage message);
    // All that compaction can do now.
    storage::Result<void> compact();
    // In order, as at the end of `tidemark serve`.
    void stop();

  private:
    explicit DrivenServer(std::int64_t wall_micros) : clock_(wall_micros) {}

    template <class Request>
    static actors::Awaitable<void> call_account(
        actors::Server* server, storage::AccountId account, std::shared_ptr<Request> request,
        std::shared_ptr<std::promise<typename Request::Answer>> done) {
        auto lease =
            co_await server->context().on(*actors::Core::current()).accounts.acquire(account);
        if (!lease) {
            done->set_value(tl::unexpected(lease.error()));
            co_return;
        }
        auto answer = co_await (*lease)->call(std::move(*request));
        done->set_value(std::move(answer));
    }

    StandingClock clock_;
    std::unique_ptr<actors::Server> server_;
};

}  // namespace tidemark::tools::testdata
