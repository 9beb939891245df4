#pragma once

#include "actors/auth/login_delay.hpp"
#include "actors/auth/password.hpp"
#include "actors/auth/scram.hpp"
#include "actors/auth/verified_cache.hpp"
#include "actors/awaitable.hpp"
#include "actors/clock.hpp"
#include "actors/worker_pool.hpp"
#include "protocol/sasl.hpp"

#include <asio/ip/address.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tidemark::actors {

[[nodiscard]] PeerNetwork peer_network(const asio::ip::address& address);

struct AccountCredentials {
    std::uint64_t account_id = 0;
    StoredPassword password;
    bool enabled = true;
};

// Where accounts are looked up. `find` is called on network threads: it must be thread-safe and may
// not block (an index in memory, or a point read that is measured to be warm).
class CredentialSource {
  public:
    virtual ~CredentialSource() = default;
    // `name` is normalised (normalize_account_name).
    [[nodiscard]] virtual std::optional<AccountCredentials> find(std::string_view name) const = 0;
    // Whether some account has an imported hash that only PLAIN and LOGIN can verify.
    [[nodiscard]] virtual bool has_legacy_hashes() const { return false; }
    // Credentials of this account were stored, or it is gone. Thread-safe; a point read at most.
    virtual void account_changed(std::uint64_t /*account_id*/) {}
};

enum class AuthOutcome : std::uint8_t {
    ok,
    invalid,      // NO [AUTHENTICATIONFAILED]; wrong password and unknown user alike
    unavailable,  // NO [UNAVAILABLE]: too many logins at once, try again
    disabled,     // the password is right, the account is switched off: NO [CONTACTADMIN]
};

struct AuthResult {
    AuthOutcome outcome = AuthOutcome::invalid;
    std::uint64_t account_id = 0;  // with ok
    std::string name;              // with ok: the normalised account name
    // The session waits this long before it answers, whatever the outcome.
    std::chrono::milliseconds wait{0};
    // With ok: store these in place of what is stored; the caller sends them to the store actor.
    std::optional<Credentials> upgrade;
};

struct AuthStatistics {
    std::uint64_t attempts = 0;
    std::uint64_t failures = 0;
    std::uint64_t cache_hits = 0;
    std::uint64_t unavailable = 0;  // shed: worker queue or address queue full
    std::uint64_t upgrades = 0;
};

class AuthService;

// One SCRAM exchange, owned by the session that authenticates. Synchronous: a server's part of
// SCRAM needs no password hash. Outlived by its AuthService.
class ScramLogin {
  public:
    // Takes client-first-message; gives server-first-message, or how the attempt ended.
    [[nodiscard]] std::variant<std::string, AuthResult> first(std::string_view client_first);

    struct Final {
        AuthResult result;
        // With ok: server-final-message, to be sent as data of a continuation (the client answers
        // with an empty line) before the tagged OK.
        std::string server_final;
    };
    // Takes client-final-message.
    [[nodiscard]] Final final(std::string_view client_final);

  private:
    friend class AuthService;
    ScramLogin(AuthService& service, ScramServerOptions options, PeerNetwork peer)
        : service_(&service), server_(std::move(options)), peer_(peer) {}

    AuthService* service_;
    ScramServer server_;
    PeerNetwork peer_;
    std::string name_;
    std::uint64_t account_id_ = 0;
    bool enabled_ = false;
};

struct AuthServiceOptions {
    // 32 random bytes, made once per data directory and kept: the salts that unknown users are
    // shown must survive a restart. Empty: random for this process.
    std::string server_secret;
};

// The one entry of all listeners to checking who somebody is.
//
// Owns the cache of verified passwords, the delays and the counters; shared by all threads. Hashing
// runs on the worker pool; when its queue is full the attempt ends as `unavailable` at once, so
// that a flood of logins costs what the pool is allowed and no more. Never logs anything; results
// carry no secret.
class AuthService {
  public:
    AuthService(CredentialSource& source, WorkerPool& workers, const Clock& clock,
                AuthServiceOptions options);

    // PLAIN and LOGIN. `name` is as the client sent it. A cached password answers without
    // suspending.
    [[nodiscard]] Awaitable<AuthResult> verify_password(std::string name, SecretString password,
                                                        PeerNetwork peer);
    // SASL PLAIN with its authorisation identity: only the user's own is allowed.
    [[nodiscard]] Awaitable<AuthResult> verify_plain(protocol::PlainMessage message,
                                                     PeerNetwork peer);

    // `plus`: the client chose SCRAM-SHA-256-PLUS. `channel_binding`: the connection's tls-exporter
    // value, empty when -PLUS was not offered on it.
    [[nodiscard]] ScramLogin begin_scram(bool plus, std::string channel_binding, PeerNetwork peer);

    // Whether to announce the SCRAM mechanisms. Not while accounts with imported hashes exist: a
    // client that prefers SCRAM would fail with the right password and never try PLAIN, which
    // upgrades the account.
    [[nodiscard]] bool offers_scram() const { return !source_.has_legacy_hashes(); }

    // After an account was made, its password changed, or it was disabled or removed: takes effect
    // for the next login.
    void account_changed(std::uint64_t account_id) {
        source_.account_changed(account_id);
        cache_.invalidate(account_id);
    }
    // The same for an upgrade of what is stored: its password is still the one that was verified.
    void account_upgraded(std::uint64_t account_id) { source_.account_changed(account_id); }

    [[nodiscard]] AuthStatistics statistics() const;

  private:
    friend class ScramLogin;

    // What a client-sent name stands for; `name` is the name itself where it is not a legal one.
    struct Target {
        std::string name;
        std::optional<AccountCredentials> account;
    };
    [[nodiscard]] Target look_up(std::string_view name) const;
    [[nodiscard]] static AuthResult succeeded(const AccountCredentials& account,
                                              std::string_view name);
    // After the hash was computed: counts, remembers and gives the answer.
    [[nodiscard]] AuthResult conclude(const Target& target, PasswordCheck check,
                                      const SecretString& password, const PeerNetwork& peer);
    [[nodiscard]] AuthResult failed(std::chrono::milliseconds wait);
    [[nodiscard]] AuthResult shed();

    CredentialSource& source_;
    WorkerPool& workers_;
    const Clock& clock_;
    AuthServiceOptions options_;
    VerifiedCache cache_;
    LoginDelay delay_;
    std::atomic<std::uint64_t> attempts_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<std::uint64_t> cache_hits_{0};
    std::atomic<std::uint64_t> unavailable_{0};
    std::atomic<std::uint64_t> upgrades_{0};
};

}  // namespace tidemark::actors
