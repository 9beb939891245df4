// The whole server in one object: store, actors, listeners. `tidemark serve` and the tests run the
// same one.
//
// Lifecycle: open() opens the store and the listening sockets, start() runs the cores and begins to
// accept, wait() blocks until request_stop(), then ends in order: nothing new is accepted; every
// session is told BYE and joined; accounts write their folds and are joined; the store commits what
// it was given; the cores and workers end; the store is closed. Nothing is detached, so after
// wait() no thread but the caller's is left. Threads: request_stop(), addresses(), counters from
// any; the rest from the thread that made it.
#pragma once

#include "actors/auth/auth_service.hpp"
#include "actors/backup_schedule.hpp"
#include "actors/credential_store.hpp"
#include "actors/imap_session.hpp"
#include "actors/listener.hpp"
#include "actors/server_context.hpp"
#include "actors/service_session.hpp"
#include "actors/snapshot.hpp"
#include "actors/verifier.hpp"
#include "storage/store.hpp"

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::actors {

class AdminSession;

// What the program around the server does when the admin socket asks for it. Called on worker
// threads; may block. A missing one is answered with "not available".
struct ServerHooks {
    // `component` empty: all of them. A sentence when there is no such component or level.
    std::function<tl::expected<void, std::string>(const std::string& component,
                                                  const std::string& level)>
        set_log_level;
    std::function<std::map<std::string, std::string>()> log_levels;  // by component
    // Reads configuration and certificates again; sentences about what only a restart can change.
    // Without it only the certificates are loaded again.
    std::function<tl::expected<std::vector<std::string>, std::string>()> reload;
};

struct ServerOptions {
    std::string directory;
    std::vector<std::string> imap;  // addresses, see Listener::open
    std::vector<std::string> imaps;
    std::vector<std::string> lmtp;
    std::string admin;     // path of the socket; empty: none
    unsigned threads = 0;  // network threads; 0: one a core
    unsigned workers = 0;  // worker threads; 0: one a core, at least 2
    storage::StoreOptions store;
    ImapOptions imap_options;
    std::vector<CertificateFiles> certificates;  // empty: no TLS
    std::uint64_t account_memory_bytes_max = 512U << 20;
    std::uint64_t text_cache_bytes = 128U << 20;    // see PageTextCache
    std::uint64_t connections_max = 20'000;         // IMAP, all together
    std::uint64_t connections_per_address_max = 0;  // 0: no limit
    std::chrono::seconds change_horizon{90 * 24 * 3600};
    std::string hostname = "localhost";
    BackupFiles backup_files;
    BackupScheduleOptions backup_schedule;
    ServerHooks hooks;
};

class Server {
  public:
    static tl::expected<std::unique_ptr<Server>, std::string> open(
        ServerOptions options, Clock& clock, storage::FileSystem& file_system);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void start();
    void request_stop();
    // Again after it has ended: returns at once.
    void wait();

    struct Address {
        std::string kind;  // "imap", "imaps", "lmtp", "admin"
        std::string address;
    };
    const std::vector<Address>& addresses() const { return addresses_; }

    // A session on a stream of the caller's, for tests. `stream` belongs to `core`; any thread.
    void attach_imap(Core& core, std::unique_ptr<Stream> stream, bool implicit_tls = false);
    void attach_lmtp(Core& core, std::unique_ptr<Stream> stream);
    // The same for the admin socket, as a peer with these credentials.
    void attach_admin(Core& core, std::unique_ptr<Stream> stream,
                      std::optional<PeerCredentials> peer);

    ServerContext& context() { return *context_; }
    storage::Store& store() { return *store_; }
    StoreActor& store_actor() { return *store_actor_; }
    SnapshotActor& snapshots() { return *snapshots_; }
    Verifier& verifier() { return *verifier_; }
    CoreSet& cores() { return *cores_; }
    AuthService& auth() { return *auth_; }
    const ServerOptions& options() const { return options_; }
    std::chrono::microseconds uptime() const { return clock_.steady() - started_at_; }
    Clock& clock() { return clock_; }
    // Loads the certificates again; connections keep those they began with. Blocking; not on a
    // core.
    tl::expected<void, std::string> reload_certificates(
        const std::vector<CertificateFiles>& certificates);
    // Folds and trims the accounts of this core and unloads what is not used. On any core.
    Awaitable<void> maintain_accounts();
    // Gives the space of dead segments back, in bounded steps with pauses. On any core, one caller
    // at a time does the work.
    Awaitable<void> compact();

    // What is told of a connection, and how it is ended. Home core of the session inside.
    struct SessionInfo {
        std::uint64_t id;
        std::string kind;  // "imap", "lmtp"
        std::string user;
        std::string peer;
        std::string state;
        std::string client;
        bool tls;
    };
    // On core `index`.
    std::vector<SessionInfo> sessions_here(unsigned index) const;
    bool disconnect_here(unsigned index, std::uint64_t id, std::string reason);
    std::size_t disconnect_user_here(unsigned index, const std::string& user,
                                     const std::string& reason);

    // Spawns a task on `core` that is joined before the server ends; any thread.
    void spawn_on(Core& core, std::function<Awaitable<void>()> task);

  private:
    struct PerCore;
    Server(ServerOptions options, Clock& clock);
    void accept(Core& core, std::unique_ptr<Stream> stream, bool tls);
    void accept_lmtp(Core& core, std::unique_ptr<Stream> stream);
    void serve(Core& core, std::unique_ptr<ServiceSession> session,
               std::atomic<std::uint64_t>* count);
    Awaitable<void> run_service(PerCore* here, ServiceSession* session,
                                std::atomic<std::uint64_t>* count);
    void accept_admin(Core& core, std::unique_ptr<Stream> stream,
                      std::optional<PeerCredentials> peer);
    Awaitable<void> run_admin(PerCore* here, AdminSession* session);
    bool admit_address(std::uint64_t session, const std::string& peer);
    void release_address(std::uint64_t session);
    Awaitable<void> run_session(PerCore* here, ImapSession* session);
    void adopt(PerCore& here, std::unique_ptr<ImapSession> session);
    void session_ended();
    Awaitable<void> close_core(PerCore* here);
    Awaitable<void> maintain(PerCore* here);
    tl::expected<void, std::string> listen();

    ServerOptions options_;
    Clock& clock_;
    std::unique_ptr<storage::Store> store_;
    std::unique_ptr<WorkerPool> workers_;
    std::unique_ptr<StoreActor> store_actor_;
    std::unique_ptr<SnapshotActor> snapshots_;
    std::unique_ptr<Verifier> verifier_;
    std::unique_ptr<BackupSchedule> backup_schedule_;
    std::unique_ptr<CoreSet> cores_;
    std::unique_ptr<CredentialStore> credentials_;
    std::unique_ptr<AuthService> auth_;
    std::unique_ptr<ServerContext> context_;
    std::vector<std::unique_ptr<PerCore>> per_core_;
    std::vector<std::pair<std::unique_ptr<Listener>, std::string>> listeners_;
    std::vector<Address> addresses_;
    std::atomic<std::uint64_t> next_session_{1};
    std::atomic<std::uint64_t> sessions_alive_{0};  // of every kind
    std::atomic<std::uint64_t> imap_alive_{0};
    std::atomic<std::uint64_t> lmtp_alive_{0};
    std::atomic<bool> compacting_{false};
    // Where IMAP connections come from; only kept while there is a limit.
    std::mutex addresses_mutex_;
    std::unordered_map<std::uint64_t, std::string> address_of_;
    std::unordered_map<std::string, std::uint64_t> sessions_of_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_requested_ = false;
    std::size_t cores_closed_ = 0;
    bool started_ = false;
    SteadyTime started_at_{};
    bool ended_ = false;
};

}  // namespace tidemark::actors
