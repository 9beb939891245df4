#include "tools/loadtest/run.hpp"

#include "actors/memory_stream.hpp"
#include "actors/task_group.hpp"
#include "tests/support/test_server.hpp"
#include "tools/loadtest/bundled.hpp"
#include "tools/loadtest/fill.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::loadtest;

namespace {

// What a wrong server does to the right one's answers.
using Spoil = std::function<std::string(std::string)>;

class SpoiledStream final : public actors::Stream {
  public:
    SpoiledStream(std::unique_ptr<actors::Stream> below, Spoil spoil)
        : below_(std::move(below)), spoil_(std::move(spoil)) {}
    actors::Awaitable<std::error_code> wait_readable() override {
        if (!ready_.empty()) return at_once();
        return below_->wait_readable();
    }
    actors::IoResult read_some(std::span<char> buffer) override {
        if (ready_.empty()) {
            const auto result = below_->read_some(buffer);
            if (result.status != actors::IoStatus::ok) return result;
            ready_ = spoil_(std::string(buffer.data(), result.bytes));
            if (ready_.empty()) return {actors::IoStatus::would_block, 0, {}};
        }
        const std::size_t bytes = std::min(buffer.size(), ready_.size());
        ready_.copy(buffer.data(), bytes);
        ready_.erase(0, bytes);
        return {actors::IoStatus::ok, bytes, {}};
    }
    actors::Awaitable<std::error_code> wait_writable() override { return below_->wait_writable(); }
    actors::IoResult try_write(std::span<const std::string_view> chunks) override {
        return below_->try_write(chunks);
    }
    void interrupt() override { below_->interrupt(); }
    using Stream::cancel;
    void cancel(std::error_code reason) override { below_->cancel(reason); }
    void shutdown_send() override { below_->shutdown_send(); }
    void close() override { below_->close(); }
    bool is_open() const override { return below_->is_open(); }
    std::error_code detach() override { return below_->detach(); }
    std::error_code attach(actors::Core& core) override { return below_->attach(core); }
    std::string peer_address() const override { return "memory"; }
    std::string local_address() const override { return "memory"; }

  private:
    static actors::Awaitable<std::error_code> at_once() { co_return std::error_code(); }
    std::unique_ptr<actors::Stream> below_;
    Spoil spoil_;
    std::string ready_;
};

class MemoryConnector final : public Connector {
  public:
    explicit MemoryConnector(test::TestServer& server, Spoil spoil = {})
        : server_(server), spoil_(std::move(spoil)) {}
    actors::Awaitable<Connected> connect_imap(actors::Core* core) override {
        auto stream = make(core, false);
        if (spoil_) stream = std::make_unique<SpoiledStream>(std::move(stream), spoil_);
        co_return Connected{std::move(stream), ErrorKind::none};
    }
    actors::Awaitable<Connected> connect_lmtp(actors::Core* core) override {
        co_return Connected{make(core, true), ErrorKind::none};
    }
    bool has_lmtp() const override { return true; }
    actors::Awaitable<Connected> start_tls(std::unique_ptr<actors::Stream>) override {
        co_return Connected{nullptr, ErrorKind::tls};
    }

  private:
    std::unique_ptr<actors::Stream> make(actors::Core* core, bool is_lmtp) {
        actors::Core& home = server_.server().cores()[0];
        auto [theirs, ours] = actors::MemoryStream::make_pair(home, *core);
        if (is_lmtp) {
            server_.server().attach_lmtp(home, std::move(theirs));
        } else {
            server_.server().attach_imap(home, std::move(theirs));
        }
        return std::move(ours);
    }
    test::TestServer& server_;
    Spoil spoil_;
};

UserPattern accounts(test::TestServer& server, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) server.add_account("u" + std::to_string(i));
    return *UserPattern::parse("u{1.." + std::to_string(count) + "}");
}

void fill(const UserPattern& users, Connector& connector) {
    FillOptions options;
    options.users = users;
    options.password = "secret";
    options.messages = 12;
    options.size = 3000;
    const auto filled = fill_accounts(options, connector);
    REQUIRE_MESSAGE(filled.has_value(), (filled ? "" : filled.error()));
    CHECK(filled->messages == users.size() * 12);
}

RunOptions some(const UserPattern& users, std::uint64_t iterations) {
    RunOptions options;
    options.users = users;
    options.password = "secret";
    options.connections = 4;
    options.iterations = iterations;
    options.is_closed = true;
    options.warmup = std::chrono::microseconds(0);
    options.duration = std::chrono::minutes(5);
    return options;
}

Scenario scenario(std::string_view name) {
    const BundledScenarios finder;
    const auto file = finder.find(name);
    REQUIRE(file.has_value());
    auto parsed = parse_scenario(file->path, file->text, finder);
    REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace

TEST_CASE("scenarios run against a right server without a wrong answer") {
    test::TestServer server;
    const UserPattern users = accounts(server, 2);
    MemoryConnector connector(server);
    fill(users, connector);
    for (const char* name :
         {"webmail", "first-sync", "desktop-sync", "search", "flag-churn", "delivery",
          "login-storm", "phone-sync", "ops/noop-pipelined", "ops/append-1", "ops/copy-10k"}) {
        CAPTURE(name);
        RunOptions options = some(users, 12);
        if (std::string_view(name).starts_with("ops/")) options.connections = 1;
        const auto result = run_scenario(scenario(name), options, connector, nullptr);
        REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error()));
        for (const auto& example : result->checks.examples) MESSAGE(example);
        for (const auto& reason : result->verdict.reasons) MESSAGE(reason);
        CHECK(result->verdict.ok);
        CHECK(result->checks.answers > 12);
        CHECK_FALSE(result->commands.empty());
        if (std::string_view(name) == "delivery") CHECK(result->checks.messages >= 12);
        if (std::string_view(name) == "first-sync") CHECK(result->checks.bodies >= 12 * 12);
    }
}

TEST_CASE("a wrong answer fails the run") {
    test::TestServer server;
    const UserPattern users = accounts(server, 1);
    MemoryConnector right(server);
    fill(users, right);
    const auto replace = [](std::string from, std::string to) {
        return [from, to](std::string text) {
            if (const auto at = text.find(from); at != std::string::npos)
                text.replace(at, from.size(), to);
            return text;
        };
    };
    struct Wrong {
        const char* what;
        Spoil spoil;
    };
    const std::vector<Wrong> cases = {
        {"a changed body",
         replace("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: 8bit")},
        {"a FETCH of a message that is not there", replace("* 3 FETCH", "* 9 FETCH")},
        {"a FETCH too many", replace("* 2 FETCH", "* 1 FETCH (UID 1)\r\n* 2 FETCH")},
        {"no line of IMAP", replace("* 2 FETCH", "? 2 FETCH")},
        {"another tag", replace("T2 OK", "T7 OK [X]\r\nT2 OK")},
    };
    for (const Wrong& one : cases) {
        CAPTURE(one.what);
        // Only message 9 and above do not exist if the mailbox says so.
        auto spoil = [&one](std::string text) {
            const auto at = text.find("* 12 EXISTS");
            if (std::string_view(one.what).starts_with("a FETCH of") && at != std::string::npos)
                text.replace(at, 11, "* 8 EXISTS ");
            return one.spoil(std::move(text));
        };
        MemoryConnector wrong(server, spoil);
        const auto result = run_scenario(scenario("first-sync"), some(users, 2), wrong, nullptr);
        REQUIRE(result.has_value());
        CHECK(result->checks.wrong > 0);
        CHECK_FALSE(result->verdict.ok);
        CHECK_FALSE(result->checks.examples.empty());
    }
}
