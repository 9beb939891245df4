// `tidemark serve`: the server, the process's signals and the service manager around it.
#include "actors/clock.hpp"
#include "actors/server.hpp"
#include "tools/data_directory.hpp"
#include "tools/logging.hpp"
#include "tools/sd_notify.hpp"
#include "tools/server_bridge.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <thread>

namespace tidemark::tools {

namespace {

std::string machine_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                               : "localhost";
}

// Relative paths are below the data directory.
std::vector<actors::CertificateFiles> certificates_of(const std::string& data,
                                                      const Config& config) {
    std::vector<actors::CertificateFiles> files;
    const std::string first = resolve_path(data, config.tls.certificate);
    // A server without TLS ports may have no certificate: it then offers no STARTTLS either. Where
    // there is a TLS port, reading the file says what is wrong.
    if (config.listen.imaps.empty() && ::access(first.c_str(), F_OK) != 0) return files;
    files.push_back({first, resolve_path(data, config.tls.key)});
    for (const CertificatePaths& more : config.tls.sni) {
        files.push_back({resolve_path(data, more.certificate), resolve_path(data, more.key)});
    }
    return files;
}

// What a backup has of them, by names of its own.
actors::BackupFiles backup_files_of(const ServeOptions& serving,
                                    const std::vector<actors::CertificateFiles>& certificates) {
    actors::BackupFiles files;
    files.config.push_back(
        {serving.config_file ? *serving.config_file : config_path(serving.data), "tidemark.toml"});
    for (std::size_t i = 0; i < certificates.size(); ++i) {
        const std::string number = i == 0 ? "" : fmt::format("-{}", i);
        files.keys.push_back(
            {certificates[i].certificate_path, fmt::format("tls-certificate{}.pem", number)});
        files.keys.push_back({certificates[i].key_path, fmt::format("tls-key{}.pem", number)});
    }
    return files;
}

actors::ServerOptions server_options(const ServeOptions& serving) {
    const Config& config = serving.config;
    actors::ServerOptions options;
    options.directory = serving.data;
    options.imap = config.listen.imap;
    options.imaps = config.listen.imaps;
    for (const std::string& address : config.listen.lmtp)
        options.lmtp.push_back(address.starts_with("unix:") ? resolve_path(serving.data, address)
                                                            : address);
    options.admin = resolve_path(serving.data, config.listen.admin);
    options.hooks.log_levels = [] {
        std::map<std::string, std::string> levels;
        for (const auto& [component, level] : log_levels())
            levels.emplace(component, log_level_name(level));
        return levels;
    };
    options.hooks.set_log_level = [](const std::string& component,
                                     const std::string& name) -> tl::expected<void, std::string> {
        const auto level = parse_log_level(name);
        if (!level) return tl::unexpected("there is no log level \"" + name + "\"");
        if (!set_log_level(component, *level))
            return tl::unexpected("there is no log component \"" + component + "\"");
        return {};
    };
    options.threads = config.server.threads;
    options.workers = config.server.workers;
    options.hostname = config.server.hostname.empty() ? machine_name() : config.server.hostname;
    options.store.segment_bytes = config.store.segment_bytes;
    options.store.disk_reserve_bytes = config.store.disk_reserve_bytes;
    options.store.block_cache_bytes = config.store.block_cache_bytes;
    options.imap_options.allow_plaintext = config.auth.allow_plaintext;
    options.imap_options.append_bytes_max = config.limits.message_bytes_max;
    options.imap_options.version = TIDEMARK_VERSION;
    options.imap_options.connections_per_account_max = config.limits.connections_per_account_max;
    options.imap_options.login_timeout = config.limits.login_timeout;
    options.imap_options.idle_timeout = config.limits.idle_timeout;
    options.certificates = certificates_of(serving.data, config);
    options.backup_files = backup_files_of(serving, options.certificates);
    options.backup_schedule.every = config.backup.every;
    options.backup_schedule.directory = config.backup.directory;
    options.backup_schedule.with_keys = config.backup.with_keys;
    options.backup_schedule.bytes_per_second_max = config.backup.rate_bytes_max;
    options.backup_schedule.keep = {config.backup.keep_last,    config.backup.keep_hourly,
                                    config.backup.keep_daily,   config.backup.keep_weekly,
                                    config.backup.keep_monthly, config.backup.keep_yearly};
    options.account_memory_bytes_max = config.limits.account_memory_bytes_max;
    options.text_cache_bytes = config.store.text_cache_bytes;
    options.connections_max = config.limits.connections_max;
    options.connections_per_address_max = config.limits.connections_per_address_max;
    options.change_horizon = config.store.change_horizon;
    return options;
}

// Every connection is a descriptor; the soft limit is often far below what the process may have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// The signals that steer the server, blocked in every thread and taken by one that waits for them.
class Signals {
  public:
    Signals() {
        sigemptyset(&wanted_);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&wanted_, signal);
        ::pthread_sigmask(SIG_BLOCK, &wanted_, &before_);
        // A client that is gone is an error of the write.
        struct sigaction ignore{};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(SIGPIPE, &ignore, nullptr);
    }
    ~Signals() {
        // One that came after the last wait, such as serve()'s own to end it, would kill now.
        while (wait(std::chrono::microseconds(0)) != 0) {
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // 0: none came within `patience`.
    int wait(std::chrono::microseconds patience) const {
        timespec until{};
        until.tv_sec = patience.count() / 1'000'000;
        until.tv_nsec = patience.count() % 1'000'000 * 1000;
        const int signal = ::sigtimedwait(&wanted_, nullptr, &until);
        return signal < 0 ? 0 : signal;
    }

  private:
    sigset_t wanted_{};
    sigset_t before_{};
};

// Reads the configuration again; what can change while the server runs does: certificates and log.
tl::expected<void, std::string> reload(const ServeOptions& serving, actors::Server& server) {
    auto config = load_config(serving.data, serving.config_file);
    if (!config) return tl::unexpected(config.error().text);
    if (auto applied = apply_flags(serving.flags, *config); !applied)
        return tl::unexpected(applied.error());
    if (auto reopened = reopen_log(); !reopened) return tl::unexpected(reopened.error());
    set_log_level("", config->log.level);
    for (const auto& [component, level] : config->log.components) set_log_level(component, level);
    auto certificates = certificates_of(serving.data, *config);
    if (certificates.empty()) return {};
    return server.reload_certificates(certificates);
}

void reload_and_log(const ServeOptions& serving, actors::Server& server, const SdNotify& manager) {
    manager.reloading();
    if (const auto done = reload(serving, server)) {
        spdlog::info("configuration and certificates were read again");
    } else {
        spdlog::error("not reloaded, the old settings stay: {}", done.error());
    }
    manager.ready("serving");
}

Listening listening_of(const actors::Server& server) {
    Listening listening;
    for (const auto& [kind, address] : server.addresses()) {
        if (kind == "imap") listening.imap.push_back(address);
        if (kind == "imaps") listening.imaps.push_back(address);
        if (kind == "lmtp") listening.lmtp.push_back(address);
        if (kind == "admin")
            listening.admin = address.starts_with("unix:") ? address.substr(5) : address;
    }
    return listening;
}

}  // namespace

CommandResult<void> serve(const ServeOptions& serving, Terminal& terminal) {
    if (auto logging = start_logging(serving.config.log); !logging)
        return could_not_run(logging.error());
    raise_descriptor_limit();
    const Signals signals;
    const SdNotify manager = SdNotify::from_environment();
    actors::SystemClock clock;
    actors::ServerOptions server_settings = server_options(serving);
    // Set once the server exists, before it accepts anybody who could ask for it.
    actors::Server* running = nullptr;
    server_settings.hooks.reload =
        [&serving, &running]() -> tl::expected<std::vector<std::string>, std::string> {
        if (auto done = reload(serving, *running); !done) return tl::unexpected(done.error());
        return std::vector<std::string>{};
    };
    auto opened =
        actors::Server::open(std::move(server_settings), clock, storage::posix_file_system());
    if (!opened) return could_not_run(opened.error());
    actors::Server& server = **opened;
    running = &server;
    server.start();
    terminal.out << ready_line(listening_of(server)) << std::endl;
    manager.ready("serving");

    // wait() blocks; this thread takes the signals. Both ways to end (a signal, the admin socket)
    // come together in `ended`.
    std::atomic<bool> ended{false};
    const pthread_t this_thread = ::pthread_self();
    std::thread waiter([&server, &ended, this_thread] {
        server.wait();
        ended = true;
        // SIGTERM is blocked and taken by sigtimedwait: it ends the wait, not the thread.
        // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
        ::pthread_kill(this_thread, SIGTERM);
    });
    const auto interval =
        manager.watchdog_interval().value_or(std::chrono::microseconds(std::chrono::hours(1)));
    while (!ended) {
        const int signal = signals.wait(interval);
        if (signal == SIGHUP) reload_and_log(serving, server, manager);
        if ((signal == SIGTERM || signal == SIGINT) && !ended) {
            manager.stopping();
            server.request_stop();
        }
        if (signal == 0) manager.watchdog();
    }
    waiter.join();
    spdlog::info("ended");
    return {};
}

}  // namespace tidemark::tools
