// What the server tells about itself, and what concerns it as a whole.
#include "actors/admin_methods.hpp"
#include "actors/admin_session.hpp"
#include "actors/limits.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <numeric>

namespace tidemark::actors::admin {

namespace {

tl::unexpected<protocol::json_rpc::Error> too_busy() {
    return fail(ErrorCode::unavailable, "the server is too busy now");
}

// proc(5): the second number is the resident set in pages. 0 where there is no /proc.
std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return file ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

struct OneCore {
    std::size_t accounts = 0;
    std::uint64_t account_bytes = 0;
};

struct FromWorker {
    storage::StoreStatistics store;
    std::uint64_t resident_bytes = 0;
};

Json connections_json(const ServerCounters& counters) {
    return {{"not_authenticated", counters.connections_not_authenticated.load()},
            {"authenticated", counters.connections_authenticated.load()},
            {"selected", counters.connections_selected.load()},
            {"idle", counters.connections_idle.load()},
            {"lmtp", counters.lmtp_connections.load()}};
}

Json counters_json(const ServerCounters& counters) {
    return {{"connections_total", counters.connections_total.load()},
            {"commands", counters.commands.load()},
            {"deliveries", counters.deliveries.load()},
            {"damaged_messages", counters.damaged_messages.load()}};
}

Json store_json(const RoundStatistics& rounds, const storage::StoreStatistics& store) {
    return {{"rounds", rounds.rounds},
            {"transactions", rounds.transactions},
            {"round_p50_micros", rounds.p50_micros},
            {"round_p99_micros", rounds.p99_micros},
            {"round_max_micros", rounds.max_micros},
            {"store_seq", store.store_seq},
            {"segment_syncs", store.segment_syncs},
            {"wal_syncs", store.wal_syncs},
            {"segments", store.segments},
            {"segment_bytes", store.segment_bytes},
            {"live_bytes", store.live_bytes},
            {"crc_failures", store.crc_failures},
            {"free_disk_bytes", store.free_disk_bytes},
            {"writable", store.writable},
            {"disk_full", store.disk_full}};
}

Json auth_json(const AuthStatistics& auth) {
    return {{"attempts", auth.attempts},
            {"failures", auth.failures},
            {"cache_hits", auth.cache_hits},
            {"unavailable", auth.unavailable},
            {"upgrades", auth.upgrades}};
}

Awaitable<AdminResult> maintain_here(Server* server, Core* core, std::int64_t horizon_micros) {
    auto& accounts = server->context().on(*core).accounts;
    co_await accounts.maintain(horizon_micros);
    co_return Json(accounts.loaded());
}

}  // namespace

Awaitable<AdminResult> status(AdminCall* call) {
    Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    Server* server = &call->server;
    auto by_core = co_await ask_every_core<OneCore>(server, [server](unsigned core) {
        const auto& accounts = server->context().core_contexts[core]->accounts;
        return OneCore{accounts.loaded(), accounts.memory_bytes()};
    });
    auto told = co_await server->context().workers.run(WorkPriority::interactive, [server] {
        return FromWorker{server->store().statistics(), resident_bytes()};
    });
    if (!told) co_return too_busy();
    auto open_per_core = Json::array();
    OneCore all;
    for (const OneCore& core : by_core) {
        open_per_core.push_back(core.accounts);
        all.accounts += core.accounts;
        all.account_bytes += core.account_bytes;
    }
    const auto& counters = server->context().counters;
    co_return Json{
        {"version", server->options().imap_options.version},
        {"pid", ::getpid()},
        {"uptime_seconds",
         std::chrono::duration_cast<std::chrono::seconds>(server->uptime()).count()},
        {"threads", server->cores().size()},
        {"connections", connections_json(counters)},
        {"accounts", {{"open", all.accounts}, {"open_per_core", std::move(open_per_core)}}},
        {"store", store_json(server->store_actor().statistics(), told->store)},
        {"memory",
         {{"resident_bytes", told->resident_bytes},
          {"account_bytes", all.account_bytes},
          {"text_cache_bytes", server->context().texts.memory_bytes()},
          {"rocksdb_bytes", told->store.rocksdb_memory_bytes}}},
        {"backup", backup_status_json(server->snapshots().status())},
        {"auth", auth_json(server->auth().statistics())},
        {"counters", counters_json(counters)}};
}

Awaitable<AdminResult> log_level(AdminCall* call) {
    Params params(call->params);
    auto component = params.optional_text("component");
    auto level = params.optional_text("level");
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    const ServerHooks& hooks = call->server.options().hooks;
    if (!hooks.set_log_level || !hooks.log_levels)
        co_return fail(ErrorCode::unavailable, "log levels can not be changed here");
    if (level) {
        const auto done = hooks.set_log_level(component.value_or(""), *level);
        if (!done) co_return fail(ErrorCode::invalid_params, done.error());
    }
    const auto levels = hooks.log_levels();
    if (level || !component) co_return Json(levels);
    const auto one = levels.find(*component);
    if (one == levels.end()) co_return fail(ErrorCode::not_found, "the log has no such component");
    co_return Json{{one->first, one->second}};
}

Awaitable<AdminResult> reload(AdminCall* call) {
    Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    Server* server = &call->server;
    using Notes = tl::expected<std::vector<std::string>, std::string>;
    auto done =
        co_await server->context().workers.run(WorkPriority::interactive, [server]() -> Notes {
            if (server->options().hooks.reload) return server->options().hooks.reload();
            if (server->options().certificates.empty()) return {};
            auto loaded = server->reload_certificates(server->options().certificates);
            if (!loaded) return tl::unexpected(loaded.error());
            return {};
        });
    if (!done) co_return too_busy();
    if (!*done) co_return fail(ErrorCode::refused, done->error());
    co_return Json{{"notes", **done}};
}

// Folds and trims what is loaded, then compacts if asked to: work that otherwise happens now and
// then in the background.
Awaitable<AdminResult> maintain(AdminCall* call) {
    Params params(call->params);
    const bool compact = params.optional_flag("compact").value_or(false);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    Server* server = &call->server;
    const auto horizon = server->clock().wall_microseconds() -
                         std::chrono::microseconds(server->options().change_horizon).count();
    std::size_t accounts = 0;
    for (unsigned i = 0; i < server->cores().size(); ++i) {
        Core* core = &server->cores()[i];
        auto done = co_await run_on(
            server, core, [server, core, horizon] { return maintain_here(server, core, horizon); });
        if (!done) co_return tl::unexpected(std::move(done.error()));
        accounts += done->get<std::size_t>();
    }
    std::size_t steps = 0;
    storage::Store* store = &server->store();
    for (bool more = compact; more && !call->session.is_stopping(); ++steps) {
        auto step = co_await server->store_actor().run_between_rounds(
            [store] { return store->compact_step(kCompactionBytesPerStep); });
        if (!step) co_return fail(step.error());
        more = *step;
    }
    co_return Json{{"accounts", accounts}, {"compaction_steps", steps}};
}

Awaitable<AdminResult> shut_down(AdminCall* call) {
    Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    call->session.after_answer([server = &call->server] { server->request_stop(); });
    co_return Json::object();
}

}  // namespace tidemark::actors::admin
