#include "tools/testdata/generate.hpp"

#include "actors/auth/password.hpp"
#include "actors/incoming_message.hpp"
#include "tools/data_directory.hpp"
#include "tools/server_bridge.hpp"
#include "tools/testdata/account_script.hpp"
#include "tools/testdata/messages.hpp"
#include "tools/testdata/unfolded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark::tools::testdata {

namespace {

constexpr std::int64_t kStartMicros = 1'704'067'200'000'000;  // 2024-01-01 00:00 UTC
constexpr std::int64_t kDayMicros = 86'400'000'000;
constexpr std::int64_t kHorizonDays = 90;
constexpr std::uint64_t kQuotaBytes = 1U << 30;
// Few, as the accounts are for tests: logging in is quick.
constexpr std::uint32_t kIterations = 4096;
// Numbers of the messages of one account; the large ones of all together fit in front.
constexpr std::uint64_t kNumbersPerAccount = 1'000'000;

constexpr std::array<std::string_view, 5> kNames = {
    "anna", "bj\xC3\xB6rn", "\xE7\x94\xA8\xE6\x88\xB7", "carl@example.org", "disabled"};

std::string account_name(std::uint64_t index) {
    return index < kNames.size() ? std::string(kNames[index]) : fmt::format("user{:03}", index);
}

std::string credentials(std::uint64_t index) {
    return actors::stored_password_text(actors::derive_credentials(
        kPassword, fmt::format("testdata-salt-{:03}", index), kIterations));
}

class Generator {
  public:
    Generator(DrivenServer& server, const GenerateOptions& options)
        : server_(server), options_(options), random_(options.seed) {}

    CommandResult<void> run() {
        if (auto made = add_accounts(); !made) return made;
        for (auto& script : scripts_) script.make_mailboxes();
        if (auto done = live_through(options_.messages / 2); !done) return done;
        scripts_.front().add_large();
        scripts_.front().use_all_keywords();
        // Most of the first segments is dead, and what is left of them is moved.
        for (auto& script : scripts_) script.expunge_some(2);
        if (auto done = server_.compact(); !done) return could_not_run(done.error().detail);

        // Long after: the log of all that is trimmed, but not for every account.
        server_.clock().advance(120 * kDayMicros);
        for (std::size_t i = 0; i < scripts_.size(); ++i) {
            if (i % 3 != 2)
                scripts_[i].maintain(server_.clock().wall_microseconds() -
                                     kHorizonDays * kDayMicros);
        }
        if (auto done = live_through(options_.messages - options_.messages / 2); !done) return done;
        for (auto& script : scripts_) script.rearrange_mailboxes();
        if (scripts_.size() > 1) scripts_[1].rename_inbox();
        scripts_.front().claim_recent("INBOX");
        // Segments stay partly dead.
        for (auto& script : scripts_) script.expunge_some(5);
        scripts_.front().add_large();
        return finish_accounts();
    }

  private:
    CommandResult<void> check() const {
        for (const auto& script : scripts_) {
            if (script.error()) return could_not_run(*script.error());
        }
        return {};
    }

    CommandResult<void> add_accounts() {
        for (std::uint64_t i = 0; i < options_.accounts; ++i) {
            actors::NewAccount account;
            account.name = account_name(i);
            account.credentials = credentials(i);
            if (i % 4 == 1) account.quota_bytes = kQuotaBytes;
            const auto id = server_.add_account(account);
            if (!id) return could_not_run(id.error().detail);
            ids_.push_back(*id);
            scripts_.emplace_back(server_, *id, random_.next(), (i + 1) * kNumbersPerAccount);
            server_.clock().advance(kDayMicros);
            // An id that nobody has any more.
            if (i == 0) {
                account.name = "removed";
                const auto removed = server_.add_account(account);
                if (!removed) return could_not_run(removed.error().detail);
                gone_ = *removed;
            }
        }
        return {};
    }

    // One to everybody, mail and changes, one to everybody.
    CommandResult<void> live_through(std::uint64_t messages) {
        if (auto done = deliver_to_all(); !done) return done;
        for (auto& script : scripts_) script.live(messages);
        if (auto done = deliver_to_all(); !done) return done;
        return check();
    }

    CommandResult<void> deliver_to_all() {
        auto message =
            actors::make_append_message(server_.store(), any_message(random_, ++shared_number_));
        if (!message) return could_not_run(message.error().text);
        message->internal_date = {server_.clock().wall_microseconds() / 1'000'000, 0};
        std::vector<actors::DeliveryTarget> targets;
        for (const storage::AccountId id : ids_) {
            targets.push_back({id, {}});
            // Twice to one account: two messages, one body, two references.
            if (id == ids_.front()) targets.push_back({id, {"Work", "Renamed/deeper"}});
        }
        if (gone_) targets.push_back({*gone_, {}});
        for (const auto& outcome : server_.deliver(std::move(targets), std::move(*message))) {
            if (!outcome) return could_not_run(outcome.error().text);
        }
        return {};
    }

    CommandResult<void> finish_accounts() {
        if (auto done = check(); !done) return done;
        // Folded, so that nothing of it is under way when it goes.
        actors::MaintainRequest fold;
        fold.fold_all = true;
        if (gone_) (void)server_.call(*gone_, std::move(fold));
        if (auto done = server_.remove_account("removed"); !done)
            return could_not_run(done.error().detail);
        if (options_.accounts <= 4) return {};
        auto done = server_.change_account(
            account_name(4), [](storage::AccountRecord& record) { record.enabled = false; });
        if (!done) return could_not_run(done.error().detail);
        return {};
    }

    DrivenServer& server_;
    const GenerateOptions& options_;
    Random random_;
    std::vector<storage::AccountId> ids_;
    std::optional<storage::AccountId> gone_;
    std::vector<AccountScript> scripts_;
    std::uint64_t shared_number_ = 0;
};

}  // namespace

CommandResult<void> generate(const GenerateOptions& options) {
    if (auto made = make_data_directory(options.directory); !made) return made;
    if (auto filled = fill_data_directory(options.directory, std::nullopt); !filled) return filled;
    auto server = DrivenServer::open(options.directory, kStartMicros);
    if (!server) return could_not_run(server.error());
    if (auto done = Generator(**server, options).run(); !done) return done;
    (*server)->stop();
    return leave_unfolded(options.directory);
}

}  // namespace tidemark::tools::testdata
