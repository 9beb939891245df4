#include "actors/auth/auth_service.hpp"

#include "actors/core.hpp"

#include <asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

using namespace tidemark::actors;
using namespace tidemark::protocol;
using namespace std::chrono_literals;

namespace {

class Accounts final : public CredentialSource {
  public:
    std::map<std::string, AccountCredentials, std::less<>> accounts;
    bool legacy = false;

    std::optional<AccountCredentials> find(std::string_view name) const override {
        const auto found = accounts.find(name);
        if (found == accounts.end()) return std::nullopt;
        return found->second;
    }
    bool has_legacy_hashes() const override { return legacy; }
};

const PeerNetwork kPeer = PeerNetwork::from_v4(0xC0000201);
constexpr std::string_view kLegacy = "{SSHA}a7yhTVEq1phr3rDCJ3cMmhznnscBAv7/c2FsdA==";  // secret
const std::string kBinding(kTlsExporterBytes, 'b');

struct Fixture {
    ManualClock clock;
    Core core{0, clock};
    WorkerPool workers{1, 4};
    Accounts accounts;
    AuthService service{accounts, workers, clock, AuthServiceOptions{"server secret"}};

    Fixture() {
        accounts.accounts["bob@example.org"] = {7, make_credentials("sesame").value(), true};
        accounts.accounts["off"] = {8, make_credentials("sesame").value(), false};
        accounts.accounts["old"] = {9, parse_stored_password(kLegacy).value(), true};
    }
    ~Fixture() { workers.stop(); }

    template <class T>
    T run(Awaitable<T> task) {
        std::optional<T> result;
        asio::co_spawn(core.executor(), std::move(task),
                       [&result](std::exception_ptr failure, T value) {
                           REQUIRE(failure == nullptr);
                           result = std::move(value);
                       });
        REQUIRE(core.run_until([&result] { return result.has_value(); }));
        return std::move(*result);
    }
    AuthResult login(std::string name, std::string_view password, PeerNetwork peer = kPeer) {
        return run(service.verify_password(std::move(name), SecretString(password), peer));
    }
    AuthResult plain(std::string authzid, std::string authcid, std::string_view password) {
        PlainMessage message{std::move(authzid), std::move(authcid), SecretString(password)};
        return run(service.verify_plain(std::move(message), kPeer));
    }
};

ScramClient scram_client(std::string name, std::string_view password, bool plus = false,
                         std::string authzid = {}) {
    ScramClientOptions options;
    options.username = std::move(name);
    options.authzid = std::move(authzid);
    options.plus = plus;
    if (plus) options.channel_binding = kBinding;
    options.client_nonce = make_scram_nonce();
    return {std::move(options), SecretString(password)};
}

// A whole SCRAM login; checks that the server proves itself when it says ok.
AuthResult scram(AuthService& service, ScramClient client, bool plus = false) {
    ScramLogin login = service.begin_scram(plus, plus ? kBinding : std::string(), kPeer);
    auto first = login.first(client.start());
    if (auto* ended = std::get_if<AuthResult>(&first)) return std::move(*ended);
    const auto response = client.respond(std::get<std::string>(first));
    REQUIRE(response);
    ScramLogin::Final final = login.final(*response);
    CHECK(client.finish(final.server_final).has_value() ==
          (final.result.outcome == AuthOutcome::ok));
    return std::move(final.result);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the right password gives the account and its one name") {
    const AuthResult result = login("Bob@Example.ORG", "sesame");
    CHECK(result.outcome == AuthOutcome::ok);
    CHECK(result.account_id == 7);
    CHECK(result.name == "bob@example.org");
    CHECK(result.wait == 0ms);
    CHECK_FALSE(result.upgrade.has_value());
    CHECK(service.statistics().attempts == 1);
    CHECK(service.statistics().failures == 0);
}

TEST_CASE_FIXTURE(Fixture, "wrong passwords and unknown or illegal names give the same answer") {
    for (const auto& [name, password] :
         std::initializer_list<std::pair<std::string, std::string_view>>{
             {"bob@example.org", "Sesame"},
             {"nobody", "sesame"},
             {"a/b", "sesame"},
             {"", "sesame"},
             {"off", "x"},
             {std::string(5000, 'x'), "sesame"},
             {"bob@example.org", ""}}) {
        CAPTURE(name);
        const AuthResult result = login(name, password, PeerNetwork());
        CHECK(result.outcome == AuthOutcome::invalid);
        CHECK(result.account_id == 0);
        CHECK(result.name.empty());
        CHECK_FALSE(result.upgrade.has_value());
    }
    CHECK(service.statistics().failures == 7);
}

TEST_CASE_FIXTURE(Fixture, "a disabled account is told so only with the right password") {
    CHECK(login("off", "sesame").outcome == AuthOutcome::disabled);
    CHECK(login("off", "sesame").outcome == AuthOutcome::disabled);
    CHECK(login("off", "wrong").outcome == AuthOutcome::invalid);
    CHECK(scram(service, scram_client("off", "sesame")).outcome == AuthOutcome::disabled);
}

TEST_CASE_FIXTURE(Fixture, "a verified password is not hashed again until something changes") {
    CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
    CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
    CHECK(service.statistics().cache_hits == 1);
    SUBCASE("another password is no hit") {
        CHECK(login("bob@example.org", "sesam").outcome == AuthOutcome::invalid);
        CHECK(service.statistics().cache_hits == 1);
    }
    SUBCASE("the time") {
        clock.advance(kVerifiedCacheTtl);
        CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
        CHECK(service.statistics().cache_hits == 1);
    }
    SUBCASE("invalidation") {
        service.account_changed(7);
        CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
        CHECK(service.statistics().cache_hits == 1);
    }
    SUBCASE("a changed password, even without invalidation") {
        accounts.accounts["bob@example.org"].password = make_credentials("open").value();
        CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::invalid);
        CHECK(login("bob@example.org", "open").outcome == AuthOutcome::ok);
    }
    SUBCASE("a removed account") {
        accounts.accounts.erase("bob@example.org");
        CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::invalid);
    }
    SUBCASE("a disabled account") {
        accounts.accounts["bob@example.org"].enabled = false;
        CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::disabled);
    }
}

TEST_CASE_FIXTURE(Fixture, "an imported hash is offered for replacement until it is replaced") {
    CHECK(login("old", "Secret").outcome == AuthOutcome::invalid);
    for (int i = 0; i < 2; ++i) {
        const AuthResult result = login("old", "secret");
        CHECK(result.outcome == AuthOutcome::ok);
        CHECK(result.upgrade.has_value());
    }
    CHECK(scram(service, scram_client("old", "secret")).outcome == AuthOutcome::invalid);
    const AuthResult result = login("old", "secret");
    REQUIRE(result.upgrade);
    accounts.accounts["old"].password = *result.upgrade;
    // It was verified with these credentials already.
    CHECK(login("old", "secret").outcome == AuthOutcome::ok);
    CHECK(service.statistics().cache_hits == 1);
    CHECK(service.statistics().upgrades == 3);
    CHECK(scram(service, scram_client("old", "secret")).outcome == AuthOutcome::ok);
}

TEST_CASE_FIXTURE(Fixture, "SCRAM is not announced while imported hashes need PLAIN") {
    CHECK(service.offers_scram());
    accounts.legacy = true;
    CHECK_FALSE(service.offers_scram());
}

TEST_CASE_FIXTURE(Fixture,
                  "repeated failures delay the next answers, but not those from the cache") {
    CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
    for (std::uint32_t i = 0; i <= kLoginFailuresFree; ++i) {
        CHECK(login("bob@example.org", "wrong" + std::to_string(i)).wait == 0ms);
    }
    CHECK(login("bob@example.org", "wrong").wait == kLoginDelayFirst);
    CHECK(login("bob@example.org", "sesame").wait == 0ms);
    CHECK(scram(service, scram_client("bob@example.org", "sesame")).wait > 0ms);
}

TEST_CASE_FIXTURE(Fixture,
                  "an address that guesses on and on is turned away until its queue is shorter") {
    int attempts = 0;
    while (login("bob@example.org", "wrong" + std::to_string(attempts)).outcome ==
           AuthOutcome::invalid) {
        REQUIRE(++attempts < 30);
    }
    CHECK(service.statistics().unavailable == 1);
    ScramLogin turned_away = service.begin_scram(false, {}, kPeer);
    const auto first = turned_away.first("n,,n=bob@example.org,r=abc");
    REQUIRE(std::holds_alternative<AuthResult>(first));
    CHECK(std::get<AuthResult>(first).outcome == AuthOutcome::unavailable);
    CHECK(login("bob@example.org", "sesame", PeerNetwork::from_v4(1)).outcome == AuthOutcome::ok);
    clock.advance(2 * kLoginWaitMax);
    CHECK(login("bob@example.org", "sesame").outcome == AuthOutcome::ok);
}

TEST_CASE_FIXTURE(Fixture,
                  "PLAIN may name its own user as authorisation identity and nobody else") {
    CHECK(plain("", "bob@example.org", "sesame").outcome == AuthOutcome::ok);
    CHECK(plain("Bob@example.org", "bob@Example.org", "sesame").outcome == AuthOutcome::ok);
    CHECK(plain("old", "bob@example.org", "sesame").outcome == AuthOutcome::invalid);
    CHECK(plain("a/b", "bob@example.org", "sesame").outcome == AuthOutcome::invalid);
}

TEST_CASE_FIXTURE(Fixture, "SCRAM logs in with and without channel binding") {
    for (const bool plus : {false, true}) {
        CAPTURE(plus);
        const AuthResult result =
            scram(service, scram_client("Bob@Example.ORG", "sesame", plus), plus);
        CHECK(result.outcome == AuthOutcome::ok);
        CHECK(result.account_id == 7);
        CHECK(result.name == "bob@example.org");
        CHECK(scram(service, scram_client("bob@example.org", "Sesame", plus), plus).outcome ==
              AuthOutcome::invalid);
        CHECK(scram(service, scram_client("nobody", "sesame", plus), plus).outcome ==
              AuthOutcome::invalid);
    }
    CHECK(scram(service, scram_client("bob@example.org", "sesame", false, "BOB@example.org"))
              .outcome == AuthOutcome::ok);
    CHECK(scram(service, scram_client("bob@example.org", "sesame", false, "old")).outcome ==
          AuthOutcome::invalid);
    CHECK(scram(service, scram_client("bob@example.org", "sesame", true), false).outcome ==
          AuthOutcome::invalid);
}

TEST_CASE_FIXTURE(Fixture,
                  "an unknown user is challenged like a known one, with the same salt each time") {
    const auto challenge = [this](const std::string& name) {
        ScramLogin login = service.begin_scram(false, {}, PeerNetwork());
        const auto first = login.first("n,,n=" + name + ",r=abc");
        REQUIRE(std::holds_alternative<std::string>(first));
        return parse_scram_server_first(std::get<std::string>(first)).value();
    };
    const ScramServerFirst known = challenge("bob@example.org");
    const ScramServerFirst unknown = challenge("nobody");
    CHECK(unknown.iterations == known.iterations);
    CHECK(unknown.salt.size() == known.salt.size());
    CHECK(unknown.nonce.size() == known.nonce.size());
    CHECK(challenge("nobody").salt == unknown.salt);
    CHECK(challenge("Nobody").salt == unknown.salt);
    CHECK(challenge("a/b").salt == challenge("a/b").salt);
    CHECK(challenge("old").salt.size() == known.salt.size());
    CHECK(challenge("nobody").nonce != unknown.nonce);

    // The same after a restart.
    AuthService restarted(accounts, workers, clock, AuthServiceOptions{"server secret"});
    ScramLogin login = restarted.begin_scram(false, {}, PeerNetwork());
    const auto first = login.first("n,,n=nobody,r=abc");
    CHECK(parse_scram_server_first(std::get<std::string>(first)).value().salt == unknown.salt);
}

TEST_CASE_FIXTURE(Fixture, "a full worker queue answers unavailable at once and harms nobody") {
    // Holds the one worker until released.
    std::mutex mutex;
    std::condition_variable changed;
    bool started = false;
    bool released = false;
    std::vector<AuthOutcome> outcomes;
    const auto collect = [&outcomes](std::exception_ptr failure, AuthResult result) {
        REQUIRE(failure == nullptr);
        outcomes.push_back(result.outcome);
    };
    asio::co_spawn(core.executor(),
                   workers.run(WorkPriority::interactive,
                               [&] {
                                   std::unique_lock lock(mutex);
                                   started = true;
                                   changed.notify_all();
                                   changed.wait(lock, [&] { return released; });
                               }),
                   [](std::exception_ptr, const tl::expected<void, WorkError>&) {});
    core.run_until_idle();
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return started; });
    }
    for (int i = 0; i < 6; ++i) {
        asio::co_spawn(
            core.executor(),
            service.verify_password("bob@example.org", SecretString("sesame"), PeerNetwork()),
            collect);
    }
    core.run_until_idle();
    CHECK(outcomes == std::vector{AuthOutcome::unavailable, AuthOutcome::unavailable});
    {
        const std::lock_guard lock(mutex);
        released = true;
        changed.notify_all();
    }
    REQUIRE(core.run_until([&outcomes] { return outcomes.size() == 6; }));
    CHECK(std::count(outcomes.begin(), outcomes.end(), AuthOutcome::ok) == 4);
    CHECK(service.statistics().unavailable == 2);
    CHECK(service.statistics().failures == 0);
}

TEST_CASE("peer addresses become networks") {
    CHECK(peer_network(asio::ip::make_address("192.0.2.1")) == kPeer);
    CHECK(peer_network(asio::ip::make_address("::ffff:192.0.2.1")) == kPeer);
    CHECK(peer_network(asio::ip::make_address("2001:db8::1")) ==
          peer_network(asio::ip::make_address("2001:db8::2")));
    CHECK(peer_network(asio::ip::make_address("2001:db8::1")) !=
          peer_network(asio::ip::make_address("2001:db9::1")));
}
