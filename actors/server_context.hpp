// What every connection needs of the server around it. Made by Server, outlives all connections.
#pragma once

#include "actors/account_directory.hpp"
#include "actors/auth/auth_service.hpp"
#include "actors/core.hpp"
#include "actors/limits.hpp"
#include "actors/page_texts.hpp"
#include "actors/store_actor.hpp"
#include "actors/tls_context.hpp"
#include "actors/worker_pool.hpp"
#include "protocol/fragmenter.hpp"
#include "protocol/output_buffer.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::actors {

struct ImapOptions {
    bool allow_plaintext = false;  // logins without TLS
    std::uint64_t append_bytes_max = 64U << 20;
    std::string version;
    std::string hostname = "localhost";  // as LMTP names this server
    // Sessions of one account at a time, logged in; one more is answered NO [LIMIT]. 0: no limit.
    std::uint64_t connections_per_account_max = 0;
    std::chrono::seconds login_timeout = kLoginTimeout;  // from the first byte to the login
    std::chrono::seconds idle_timeout = kIdleTimeout;    // of a client that is logged in
};

// Counters over all cores, for status.
struct ServerCounters {
    std::atomic<std::uint64_t> connections_total{0};
    std::atomic<std::uint64_t> connections_not_authenticated{0};
    std::atomic<std::uint64_t> connections_authenticated{0};
    std::atomic<std::uint64_t> connections_selected{0};
    std::atomic<std::uint64_t> connections_idle{0};  // in IDLE; also counted in one of the above
    std::atomic<std::uint64_t> lmtp_connections{0};
    std::atomic<std::uint64_t> deliveries{0};
    std::atomic<std::uint64_t> commands{0};
    std::atomic<std::uint64_t> damaged_messages{0};  // wrong bytes that were not sent
};

// What lives once on each core.
struct CoreContext {
    explicit CoreContext(Core& home, StoreActor& store, WorkerPool& workers,
                         std::size_t memory_bytes_max)
        : core(home), accounts(home, store, workers, memory_bytes_max) {}
    Core& core;
    protocol::ChunkPool chunks;
    AccountDirectory accounts;
};

struct ServerContext {
    CoreSet& cores;
    StoreActor& store;
    WorkerPool& workers;
    AuthService& auth;
    ImapOptions options;
    ServerCounters counters;
    PageTextCache texts;
    std::vector<std::unique_ptr<CoreContext>> core_contexts;  // by Core::index()
    std::shared_ptr<TlsContext> tls;                          // null: no STARTTLS, no TLS port
    protocol::FragmenterLimits after_login = protocol::kFragmenterLimitsAfterLogin;

    // Spawns a task on a core; the server joins it before it ends. Any thread.
    std::function<void(Core& core, std::function<Awaitable<void>()> task)> spawn_on;

    CoreContext& on(const Core& core) { return *core_contexts[core.index()]; }
    Core& home_of(storage::AccountId account) {
        // Multiplied so that accounts made one after another spread over the cores.
        return cores.for_hash((storage::raw(account) * 0x9E3779B97F4A7C15ULL) >> 32);
    }
};

}  // namespace tidemark::actors
