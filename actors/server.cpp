#include "actors/server.hpp"

#include "actors/admin_session.hpp"
#include "actors/limits.hpp"
#include "actors/lmtp_session.hpp"
#include "actors/server_secret.hpp"
#include "actors/socket_address.hpp"
#include "actors/task_group.hpp"
#include "actors/tls_stream.hpp"
#include "storage/verify/verify_store.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace tidemark::actors {

// What lives on one core beside its CoreContext. Home core only.
struct Server::PerCore {
    PerCore(Core& home, unsigned number)
        : core(home), index(number), sessions(home), background(home), closers(home) {}
    Core& core;
    unsigned index;
    std::unordered_map<std::uint64_t, std::unique_ptr<ImapSession>> alive;
    std::unordered_map<std::uint64_t, std::unique_ptr<ServiceSession>> services;
    std::unordered_map<std::uint64_t, std::unique_ptr<AdminSession>> admins;
    TaskGroup sessions;    // joined first
    TaskGroup background;  // cancelled and joined after the sessions
    TaskGroup closers;
};

Server::Server(ServerOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

tl::expected<std::unique_ptr<Server>, std::string> Server::open(ServerOptions options, Clock& clock,
                                                                storage::FileSystem& file_system) {
    std::unique_ptr<Server> server(new Server(std::move(options), clock));
    ServerOptions& settings = server->options_;
    settings.imap_options.hostname = settings.hostname;
    settings.imap_options.idle_timeout = std::max(settings.imap_options.idle_timeout, kIdleTimeout);
    std::shared_ptr<TlsContext> tls;
    if (!settings.certificates.empty()) {
        auto config = TlsConfig::load(settings.certificates);
        if (!config) return tl::unexpected(config.error().text());
        tls = std::make_shared<TlsContext>(std::move(*config));
    }
    settings.store.steady_now = [&clock] { return clock.steady(); };
    auto store = storage::Store::open(settings.directory, settings.store, file_system);
    if (!store) return tl::unexpected(store.error().detail);
    server->store_ = std::move(*store);
    if (auto cleaned = storage::clean_up_backups(file_system, settings.directory); !cleaned)
        spdlog::error("what an unfinished backup left can not be removed: {}",
                      cleaned.error().detail);
    if (auto cleaned = storage::clean_up_verification(file_system, settings.directory); !cleaned)
        spdlog::error("what an unfinished verification left can not be removed: {}",
                      cleaned.error().detail);
    const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
    const unsigned threads = settings.threads != 0 ? settings.threads : cpus;
    server->workers_ = std::make_unique<WorkerPool>(
        settings.workers != 0 ? settings.workers : std::max(2U, cpus), kWorkerJobsMax);
    server->store_actor_ = std::make_unique<StoreActor>(*server->store_, clock);
    server->snapshots_ = std::make_unique<SnapshotActor>(
        *server->store_actor_, clock, settings.backup_files, settings.imap_options.version);
    server->verifier_ = std::make_unique<Verifier>(*server->store_actor_);
    if (settings.backup_schedule.every > std::chrono::seconds(0)) {
        if (auto why = why_no_destination(settings.backup_schedule.directory, settings.directory))
            return tl::unexpected("backup.directory: " + *why);
        server->backup_schedule_ = std::make_unique<BackupSchedule>(
            *server->snapshots_, file_system, *server->workers_, clock, settings.backup_schedule);
    }
    server->cores_ = std::make_unique<CoreSet>(threads, clock);
    server->credentials_ = std::make_unique<CredentialStore>(*server->store_);
    if (auto scanned = server->credentials_->scan(); !scanned)
        return tl::unexpected(scanned.error().detail);
    auto secret = load_server_secret(file_system, settings.directory);
    if (!secret) return tl::unexpected(secret.error());
    server->auth_ = std::make_unique<AuthService>(*server->credentials_, *server->workers_, clock,
                                                  AuthServiceOptions{std::move(*secret)});
    server->context_.reset(new ServerContext{.cores = *server->cores_,
                                             .store = *server->store_actor_,
                                             .workers = *server->workers_,
                                             .auth = *server->auth_,
                                             .options = settings.imap_options,
                                             .counters = {},
                                             .texts = PageTextCache(settings.text_cache_bytes),
                                             .core_contexts = {},
                                             .tls = std::move(tls),
                                             .after_login = protocol::kFragmenterLimitsAfterLogin,
                                             .spawn_on = {}});
    server->context_->after_login.append_bytes_max = settings.imap_options.append_bytes_max;
    server->context_->spawn_on = [raw = server.get()](Core& core,
                                                      std::function<Awaitable<void>()> task) {
        raw->spawn_on(core, std::move(task));
    };
    for (unsigned i = 0; i < threads; ++i) {
        Core& core = (*server->cores_)[i];
        server->context_->core_contexts.push_back(
            std::make_unique<CoreContext>(core, *server->store_actor_, *server->workers_,
                                          settings.account_memory_bytes_max / threads));
        server->per_core_.push_back(std::make_unique<PerCore>(core, i));
    }
    if (auto listening = server->listen(); !listening) return tl::unexpected(listening.error());
    return server;
}

Server::~Server() {
    if (started_ && !ended_) {
        request_stop();
        wait();
    }
    // Never started: nothing but the store is open.
    if (!started_ && store_) (void)store_->close();
}

tl::expected<void, std::string> Server::listen() {
    const auto open_all = [this](const std::vector<std::string>& wanted, const char* kind,
                                 unsigned unix_mode) -> tl::expected<void, std::string> {
        for (const std::string& address : wanted) {
            ListenOptions listen_options;
            listen_options.unix_mode = unix_mode;
            auto listener = Listener::open(address, listen_options);
            if (!listener) return tl::unexpected(listener.error().text());
            addresses_.push_back({kind, (*listener)->address()});
            // LMTP asks nobody who they are: it is not for networks of strangers.
            const auto parsed = SocketAddress::parse((*listener)->address());
            if (kind == std::string_view("lmtp") && parsed && !parsed->is_local()) {
                spdlog::warn("LMTP listens on {}: whoever reaches it can deliver mail to everybody",
                             (*listener)->address());
            }
            listeners_.emplace_back(std::move(*listener), kind);
        }
        return {};
    };
    if (!options_.imaps.empty() && !context_->tls)
        return tl::unexpected(std::string("a TLS port needs a certificate"));
    if (auto done = open_all(options_.imap, "imap", kPrivateSocketMode); !done) return done;
    if (auto done = open_all(options_.imaps, "imaps", kPrivateSocketMode); !done) return done;
    if (auto done = open_all(options_.lmtp, "lmtp", kLmtpSocketMode); !done) return done;
    if (options_.admin.empty()) return {};
    return open_all({"unix:" + options_.admin}, "admin", kPrivateSocketMode);
}

void Server::start() {
    started_ = true;
    started_at_ = clock_.steady();
    store_actor_->start();
    cores_->start();
    for (auto& [listener, kind] : listeners_) {
        if (kind == "lmtp") {
            listener->start(
                *cores_,
                [this](Core& core, std::unique_ptr<TcpStream> stream) {
                    accept_lmtp(core, std::move(stream));
                },
                [this] { return !stopping_ && lmtp_alive_ < kLmtpConnectionsMax; });
        } else if (kind == "admin") {
            listener->start((*cores_)[0],
                            [this](Core& core, std::unique_ptr<TcpStream> stream) {
                                const auto peer = stream->peer_credentials();
                                accept_admin(core, std::move(stream), peer);
                            },
                            [this] {
                                return !stopping_ &&
                                       per_core_[0]->admins.size() < kAdminConnectionsMax;
                            });
        } else {
            const bool tls = kind == "imaps";
            listener->start(
                *cores_,
                [this, tls](Core& core, std::unique_ptr<TcpStream> stream) {
                    accept(core, std::move(stream), tls);
                },
                [this] { return !stopping_ && imap_alive_ < options_.connections_max; });
        }
    }
    for (auto& here : per_core_) {
        here->core.post([this, one = here.get()] { one->background.spawn(maintain(one)); });
    }
    if (backup_schedule_)
        spawn_on((*cores_)[0], [schedule = backup_schedule_.get()] { return schedule->run(); });
}

void Server::attach_imap(Core& core, std::unique_ptr<Stream> stream, bool implicit_tls) {
    core.post([this, &core, implicit_tls, stream = std::move(stream)]() mutable {
        accept(core, std::move(stream), implicit_tls);
    });
}

void Server::attach_lmtp(Core& core, std::unique_ptr<Stream> stream) {
    core.post([this, &core, stream = std::move(stream)]() mutable {
        accept_lmtp(core, std::move(stream));
    });
}

void Server::attach_admin(Core& core, std::unique_ptr<Stream> stream,
                          std::optional<PeerCredentials> peer) {
    core.post([this, &core, peer, stream = std::move(stream)]() mutable {
        accept_admin(core, std::move(stream), peer);
    });
}

// Counted among the sessions, because a call that runs may need every core until it is answered.
void Server::accept_admin(Core& core, std::unique_ptr<Stream> stream,
                          std::optional<PeerCredentials> peer) {
    PerCore& here = *per_core_[core.index()];
    ++sessions_alive_;
    auto session =
        std::make_unique<AdminSession>(*this, core, std::move(stream), next_session_++, peer);
    AdminSession* raw = session.get();
    here.admins.emplace(raw->id(), std::move(session));
    if (stopping_) raw->stop();
    here.sessions.spawn(run_admin(&here, raw));
}

Awaitable<void> Server::run_admin(PerCore* here, AdminSession* session) {
    const std::uint64_t id = session->id();
    try {
        co_await session->run();
    } catch (const std::exception& e) {
        spdlog::error("admin session {} failed: {}", id, e.what());
    }
    here->admins.erase(id);
    session_ended();
}

void Server::accept(Core& core, std::unique_ptr<Stream> stream, bool tls) {
    const std::uint64_t id = next_session_++;
    if (!admit_address(id, stream->peer_address())) return;
    if (tls) stream = TlsStream::server(std::move(stream), context_->tls->current());
    ++sessions_alive_;
    ++imap_alive_;
    adopt(*per_core_[core.index()],
          std::make_unique<ImapSession>(*context_, std::move(stream), id, tls));
}

void Server::accept_lmtp(Core& core, std::unique_ptr<Stream> stream) {
    serve(core, std::make_unique<LmtpSession>(*context_, std::move(stream), next_session_++),
          &lmtp_alive_);
}

void Server::serve(Core& core, std::unique_ptr<ServiceSession> session,
                   std::atomic<std::uint64_t>* count) {
    PerCore* here = per_core_[core.index()].get();
    ServiceSession* raw = session.get();
    ++sessions_alive_;
    ++*count;
    here->services.emplace(raw->id(), std::move(session));
    if (stopping_) raw->stop("the server is shutting down");
    here->sessions.spawn(run_service(here, raw, count));
}

Awaitable<void> Server::run_service(PerCore* here, ServiceSession* session,
                                    std::atomic<std::uint64_t>* count) {
    try {
        co_await session->run();
    } catch (const std::exception& e) {
        spdlog::error("{} connection {} failed: {}", session->kind(), session->id(), e.what());
    }
    here->services.erase(session->id());
    --*count;
    session_ended();
}

namespace {

std::string host_of(const std::string& peer) {
    return peer.substr(0, peer.rfind(':'));
}

}  // namespace

bool Server::admit_address(std::uint64_t session, const std::string& peer) {
    if (options_.connections_per_address_max == 0) return true;
    const std::lock_guard lock(addresses_mutex_);
    std::uint64_t& count = sessions_of_[host_of(peer)];
    if (count >= options_.connections_per_address_max) return false;
    ++count;
    address_of_.emplace(session, host_of(peer));
    return true;
}

void Server::release_address(std::uint64_t session) {
    if (options_.connections_per_address_max == 0) return;
    const std::lock_guard lock(addresses_mutex_);
    const auto node = address_of_.extract(session);
    if (node.empty()) return;
    const auto it = sessions_of_.find(node.mapped());
    if (it != sessions_of_.end() && --it->second == 0) sessions_of_.erase(it);
}

void Server::adopt(PerCore& here, std::unique_ptr<ImapSession> session) {
    ImapSession* raw = session.get();
    here.alive.emplace(raw->id(), std::move(session));
    if (stopping_) raw->stop("the server is shutting down");
    here.sessions.spawn(run_session(&here, raw));
}

Awaitable<void> Server::run_session(PerCore* here, ImapSession* session) {
    auto end = ImapSession::End::kClosed;
    try {
        end = co_await session->run();
    } catch (const std::exception& e) {
        // One session's failure is its own: the others go on.
        spdlog::error("session {} failed: {}", session->id(), e.what());
    }
    const std::uint64_t id = session->id();
    auto node = here->alive.extract(id);
    if (end == ImapSession::End::kClosed) {
        node.mapped().reset();
        release_address(id);
        --imap_alive_;
        session_ended();
        co_return;
    }
    PerCore* target = per_core_[session->target().index()].get();
    auto moving = std::make_shared<std::unique_ptr<ImapSession>>(std::move(node.mapped()));
    session->rehome([this, target, moving] { adopt(*target, std::move(*moving)); });
}

void Server::session_ended() {
    if (--sessions_alive_ == 0 && stopping_) {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }
}

void Server::spawn_on(Core& core, std::function<Awaitable<void>()> task) {
    PerCore* here = per_core_[core.index()].get();
    core.post([here, task = std::move(task)] { here->background.spawn(task()); });
}

// Periodic work of one core; the first one also gives space back.
Awaitable<void> Server::maintain(PerCore* here) {
    for (;;) {
        if (!(co_await here->core.sleep(kMaintenanceInterval))) co_return;
        co_await maintain_accounts();
        if (here->index == 0) co_await compact();
    }
}

Awaitable<void> Server::maintain_accounts() {
    const auto horizon =
        clock_.wall_microseconds() - std::chrono::microseconds(options_.change_horizon).count();
    co_await context_->on(*Core::current()).accounts.maintain(horizon);
}

Awaitable<void> Server::compact() {
    if (compacting_.exchange(true)) co_return;
    auto& store = *store_;
    for (bool more = true; more && !stopping_;) {
        auto step = co_await store_actor_->run_between_rounds(
            [&store] { return store.compact_step(kCompactionBytesPerStep); });
        more = step && *step;
        if (more && !(co_await Core::current()->sleep(kCompactionPause))) break;
    }
    compacting_ = false;
}

void Server::request_stop() {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
    changed_.notify_all();
}

void Server::wait() {
    if (ended_) return;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stop_requested_; });
    }
    for (auto& [listener, kind] : listeners_) listener->stop();
    stopping_ = true;
    snapshots_->stop();
    verifier_->stop();
    for (auto& here : per_core_) {
        here->core.post([one = here.get()] {
            for (auto& [id, session] : one->alive) session->stop("the server is shutting down");
            for (auto& [id, session] : one->services) session->stop("the server is shutting down");
            for (auto& [id, session] : one->admins) session->stop();
        });
    }
    {
        // A session that moves between cores finds out when it arrives.
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return sessions_alive_ == 0; });
    }
    for (auto& here : per_core_) {
        here->core.post([this, one = here.get()] { one->closers.spawn(close_core(one)); });
    }
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return cores_closed_ == per_core_.size(); });
    }
    snapshots_->join();
    verifier_->join();
    store_actor_->stop();
    cores_->stop();
    cores_->join();
    workers_->stop();
    listeners_.clear();
    per_core_.clear();
    context_.reset();
    if (auto closed = store_->close(); !closed)
        spdlog::error("the store did not close well: {}", closed.error().detail);
    ended_ = true;
}

Awaitable<void> Server::close_core(PerCore* here) {
    co_await here->sessions.join();
    here->background.cancel();
    co_await here->background.join();
    co_await context_->on(here->core).accounts.shut_down();
    const std::lock_guard lock(mutex_);
    ++cores_closed_;
    changed_.notify_all();
}

tl::expected<void, std::string> Server::reload_certificates(
    const std::vector<CertificateFiles>& certificates) {
    if (!context_->tls) return tl::unexpected(std::string("the server runs without TLS"));
    auto done = context_->tls->reload(certificates);
    if (!done) return tl::unexpected(done.error().text());
    return {};
}

std::vector<Server::SessionInfo> Server::sessions_here(unsigned index) const {
    std::vector<SessionInfo> result;
    for (const auto& [id, session] : per_core_[index]->alive) {
        std::string state = "logout";
        if (session->state() == SessionState::kNotAuthenticated) state = "not authenticated";
        if (session->state() == SessionState::kAuthenticated) state = "authenticated";
        if (session->state() == SessionState::kSelected) state = "selected";
        result.push_back({id, "imap", session->user(), session->describe_peer(), state,
                          session->client_name, session->is_tls()});
    }
    for (const auto& [id, session] : per_core_[index]->services) {
        result.push_back({id, std::string(session->kind()), "", session->describe_peer(),
                          session->describe_state(), "", false});
    }
    return result;
}

bool Server::disconnect_here(unsigned index, std::uint64_t id, std::string reason) {
    PerCore& here = *per_core_[index];
    if (const auto it = here.alive.find(id); it != here.alive.end()) {
        it->second->stop(std::move(reason));
        return true;
    }
    const auto it = here.services.find(id);
    if (it == here.services.end()) return false;
    it->second->stop(std::move(reason));
    return true;
}

std::size_t Server::disconnect_user_here(unsigned index, const std::string& user,
                                         const std::string& reason) {
    std::size_t count = 0;
    for (auto& [id, session] : per_core_[index]->alive) {
        if (session->user() != user) continue;
        session->stop(reason);
        ++count;
    }
    return count;
}

}  // namespace tidemark::actors
