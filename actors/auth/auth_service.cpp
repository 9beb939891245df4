#include "actors/auth/auth_service.hpp"

#include "actors/auth/account_name.hpp"

#include <utility>

namespace tidemark::actors {
namespace {

void increment(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

// Runs on a worker thread; gives the password back, as the cache needs it when it was right.
struct HashedCheck {
    PasswordCheck check;
    SecretString password;
};
HashedCheck check_on_worker(const std::optional<StoredPassword>& stored, SecretString password) {
    HashedCheck result;
    if (stored) {
        result.check = check_password(*stored, password);
    } else {
        check_password_of_nobody(password);
    }
    result.password = std::move(password);
    return result;
}

// A name that is not legal still has failures to its account; they are counted under a bounded
// text.
std::string bounded(std::string_view name) {
    return std::string(name.substr(0, kAccountNameBytesMax));
}

}  // namespace

PeerNetwork peer_network(const asio::ip::address& address) {
    if (address.is_v4()) return PeerNetwork::from_v4(address.to_v4().to_uint());
    const auto bytes = address.to_v6().to_bytes();
    return PeerNetwork::from_v6(std::span<const std::uint8_t, 16>(bytes));
}

AuthService::AuthService(CredentialSource& source, WorkerPool& workers, const Clock& clock,
                         AuthServiceOptions options)
    : source_(source), workers_(workers), clock_(clock), options_(std::move(options)) {
    if (options_.server_secret.empty()) options_.server_secret = random_bytes(kSha256Bytes);
}

AuthService::Target AuthService::look_up(std::string_view name) const {
    AuthExpected<std::string> normalised = normalize_account_name(name);
    if (!normalised) return {bounded(name), std::nullopt};
    std::optional<AccountCredentials> account = source_.find(*normalised);
    return {std::move(*normalised), std::move(account)};
}

AuthResult AuthService::succeeded(const AccountCredentials& account, std::string_view name) {
    AuthResult result;
    if (!account.enabled) {
        result.outcome = AuthOutcome::disabled;
        return result;
    }
    result.outcome = AuthOutcome::ok;
    result.account_id = account.account_id;
    result.name = name;
    return result;
}

AuthResult AuthService::failed(std::chrono::milliseconds wait) {
    increment(failures_);
    AuthResult result;
    result.wait = wait;
    return result;
}

AuthResult AuthService::shed() {
    increment(unavailable_);
    AuthResult result;
    result.outcome = AuthOutcome::unavailable;
    return result;
}

AuthResult AuthService::conclude(const Target& target, PasswordCheck check,
                                 const SecretString& password, const PeerNetwork& peer) {
    const SteadyTime now = clock_.steady();
    if (!target.account || !check.matches) {
        const std::uint64_t attempt = cache_.fingerprint(target.name, password);
        return failed(delay_.record_failure(peer, target.name, attempt, now));
    }
    const AccountCredentials& account = *target.account;
    AuthResult result = succeeded(account, target.name);
    result.wait = delay_.record_success(peer, target.name, now);
    // Remembered with the credentials that will be stored, so that an upgrade that is lost is tried
    // again.
    StoredPassword verified = account.password;
    if (check.upgrade) verified = *check.upgrade;
    cache_.insert(account.account_id, verified, password, now);
    if (check.upgrade && result.outcome == AuthOutcome::ok) {
        increment(upgrades_);
        result.upgrade = std::move(check.upgrade);
    }
    return result;
}

Awaitable<AuthResult> AuthService::verify_password(std::string name, SecretString password,
                                                   PeerNetwork peer) {
    increment(attempts_);
    Target target = look_up(name);
    if (target.account && cache_.contains(target.account->account_id, target.account->password,
                                          password, clock_.steady())) {
        increment(cache_hits_);
        co_return succeeded(*target.account, target.name);
    }
    if (delay_.refuses(peer, clock_.steady())) co_return shed();

    std::optional<StoredPassword> stored;
    if (target.account) stored = target.account->password;
    auto job = [stored = std::move(stored), secret = std::move(password)]() mutable {
        return check_on_worker(stored, std::move(secret));
    };
    tl::expected<HashedCheck, WorkError> hashed =
        co_await workers_.run(WorkPriority::interactive, std::move(job));
    if (!hashed) co_return shed();
    co_return conclude(target, std::move(hashed->check), hashed->password, peer);
}

Awaitable<AuthResult> AuthService::verify_plain(protocol::PlainMessage message, PeerNetwork peer) {
    if (!message.authzid.empty() && message.authzid != message.authcid) {
        const auto wanted = normalize_account_name(message.authzid);
        const auto own = normalize_account_name(message.authcid);
        if (!wanted || !own || *wanted != *own) {
            increment(attempts_);
            co_return failed(std::chrono::milliseconds{0});
        }
    }
    co_return co_await verify_password(std::move(message.authcid), std::move(message.password),
                                       peer);
}

ScramLogin AuthService::begin_scram(bool plus, std::string channel_binding, PeerNetwork peer) {
    increment(attempts_);
    ScramServerOptions options;
    options.plus = plus;
    options.plus_offered = !channel_binding.empty();
    options.channel_binding = std::move(channel_binding);
    options.server_nonce = make_scram_nonce();
    return {*this, std::move(options), peer};
}

AuthStatistics AuthService::statistics() const {
    return {attempts_.load(std::memory_order_relaxed), failures_.load(std::memory_order_relaxed),
            cache_hits_.load(std::memory_order_relaxed),
            unavailable_.load(std::memory_order_relaxed),
            upgrades_.load(std::memory_order_relaxed)};
}

std::variant<std::string, AuthResult> ScramLogin::first(std::string_view client_first) {
    if (service_->delay_.refuses(peer_, service_->clock_.steady())) return service_->shed();
    const auto start = server_.start(client_first);
    if (!start) return service_->failed(std::chrono::milliseconds{0});
    AuthService::Target target = service_->look_up(start->username);
    name_ = target.name;
    if (!start->authzid.empty() && service_->look_up(start->authzid).name != name_) {
        return service_->failed(std::chrono::milliseconds{0});
    }
    if (target.account) {
        if (auto* credentials = std::get_if<Credentials>(&target.account->password)) {
            account_id_ = target.account->account_id;
            enabled_ = target.account->enabled;
            return server_.challenge(std::move(*credentials), true);
        }
    }
    // Nobody of this name, or an imported hash: the same steps with a salt that stays the same.
    return server_.challenge(fake_credentials(service_->options_.server_secret, name_), false);
}

ScramLogin::Final ScramLogin::final(std::string_view client_final) {
    const auto server_final = server_.finish(client_final);
    const SteadyTime now = service_->clock_.steady();
    if (!server_final) {
        return {service_->failed(service_->delay_.record_failure(peer_, name_, 0, now)), {}};
    }
    AuthResult result;
    result.wait = service_->delay_.record_success(peer_, name_, now);
    if (!enabled_) {
        result.outcome = AuthOutcome::disabled;
        return {std::move(result), {}};
    }
    result.outcome = AuthOutcome::ok;
    result.account_id = account_id_;
    result.name = name_;
    return {std::move(result), *server_final};
}

}  // namespace tidemark::actors
