#include "tools/testdata/driven_server.hpp"

namespace tidemark::tools::testdata {

using actors::Awaitable;

namespace {

// Small, so that little mail makes several segments, some of them partly dead.
constexpr std::uint64_t kSegmentBytes = 32U << 10;
constexpr std::uint64_t kCompactionBytes = 1U << 20;

template <class Value>
using Promise = std::shared_ptr<std::promise<Value>>;

Awaitable<void> claim_on_core(actors::Server* server, storage::AccountId account,
                              storage::MailboxId mailbox, Promise<actors::Outcome<void>> done) {
    auto lease = co_await server->context().on(*actors::Core::current()).accounts.acquire(account);
    if (lease) {
        (void)(*lease)->claim_recent(mailbox);
        done->set_value({});
    } else {
        done->set_value(tl::unexpected(lease.error()));
    }
}

Awaitable<void> add_on_core(actors::Server* server, actors::NewAccount account,
                            Promise<storage::Result<storage::AccountId>> done) {
    done->set_value(co_await actors::add_account(&server->context(), std::move(account)));
}

Awaitable<void> change_on_core(actors::Server* server, std::string name,
                               std::function<void(storage::AccountRecord&)> change,
                               Promise<storage::Result<void>> done) {
    done->set_value(
        co_await actors::change_account(&server->context(), std::move(name), std::move(change)));
}

Awaitable<void> remove_on_core(actors::Server* server, std::string name,
                               Promise<storage::Result<void>> done) {
    done->set_value(co_await actors::remove_account(&server->context(), std::move(name)));
}

using Delivered = std::vector<actors::Outcome<actors::AppendOutcome>>;
Awaitable<void> deliver_on_core(actors::Server* server, std::vector<actors::DeliveryTarget> targets,
                                actors::AppendMessage message, Promise<Delivered> done) {
    done->set_value(
        co_await actors::deliver(&server->context(), std::move(targets), std::move(message)));
}

Awaitable<void> compact_on_core(actors::Server* server, Promise<storage::Result<void>> done) {
    auto& store = server->store();
    storage::Result<bool> more = true;
    while (more && *more) {
        more = co_await server->store_actor().run_between_rounds(
            [&store] { return store.compact_step(kCompactionBytes); });
    }
    done->set_value(more.map([](bool) {}));
}

}  // namespace

tl::expected<std::unique_ptr<DrivenServer>, std::string> DrivenServer::open(
    const std::string& directory, std::int64_t wall_micros) {
    std::unique_ptr<DrivenServer> driven(new DrivenServer(wall_micros));
    actors::ServerOptions options;
    options.directory = directory;
    options.threads = 1;
    options.workers = 2;
    options.store.segment_bytes = kSegmentBytes;
    options.store.expunged_kept = std::chrono::microseconds(0);
    auto server =
        actors::Server::open(std::move(options), driven->clock_, storage::posix_file_system());
    if (!server) return tl::unexpected(server.error());
    driven->server_ = std::move(*server);
    driven->server_->start();
    return driven;
}

void DrivenServer::stop() {
    if (!server_) return;
    server_->request_stop();
    server_->wait();
    server_.reset();
}

actors::Outcome<void> DrivenServer::claim_recent(storage::AccountId account,
                                                 storage::MailboxId mailbox) {
    auto done = std::make_shared<std::promise<actors::Outcome<void>>>();
    server_->spawn_on(server_->cores()[0], [server = server_.get(), account, mailbox, done] {
        return claim_on_core(server, account, mailbox, done);
    });
    return done->get_future().get();
}

storage::Result<storage::AccountId> DrivenServer::add_account(const actors::NewAccount& account) {
    auto done = std::make_shared<std::promise<storage::Result<storage::AccountId>>>();
    server_->spawn_on(server_->cores()[0], [server = server_.get(), account, done] {
        return add_on_core(server, account, done);
    });
    return done->get_future().get();
}

storage::Result<void> DrivenServer::change_account(
    const std::string& name, const std::function<void(storage::AccountRecord&)>& change) {
    auto done = std::make_shared<std::promise<storage::Result<void>>>();
    server_->spawn_on(server_->cores()[0], [server = server_.get(), name, change, done] {
        return change_on_core(server, name, change, done);
    });
    return done->get_future().get();
}

storage::Result<void> DrivenServer::remove_account(const std::string& name) {
    auto done = std::make_shared<std::promise<storage::Result<void>>>();
    server_->spawn_on(server_->cores()[0], [server = server_.get(), name, done] {
        return remove_on_core(server, name, done);
    });
    return done->get_future().get();
}

std::vector<actors::Outcome<actors::AppendOutcome>> DrivenServer::deliver(
    std::vector<actors::DeliveryTarget> targets, actors::AppendMessage message) {
    auto done = std::make_shared<std::promise<Delivered>>();
    server_->spawn_on(server_->cores()[0], [server = server_.get(), targets = std::move(targets),
                                            message = std::move(message), done] {
        return deliver_on_core(server, targets, message, done);
    });
    return done->get_future().get();
}

storage::Result<void> DrivenServer::compact() {
    auto done = std::make_shared<std::promise<storage::Result<void>>>();
    server_->spawn_on(server_->cores()[0],
                      [server = server_.get(), done] { return compact_on_core(server, done); });
    return done->get_future().get();
}

}  // namespace tidemark::tools::testdata
