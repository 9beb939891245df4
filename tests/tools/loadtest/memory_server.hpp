// The load test against a server in the same process, over memory.
#pragma once

#include "actors/memory_stream.hpp"
#include "tests/support/test_server.hpp"
#include "tools/loadtest/bundled.hpp"
#include "tools/loadtest/fill.hpp"
#include "tools/loadtest/run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tidemark::loadtest::testing {

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
    explicit MemoryConnector(tidemark::test::TestServer& server, Spoil spoil = {})
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
    tidemark::test::TestServer& server_;
    Spoil spoil_;
};

inline UserPattern accounts(tidemark::test::TestServer& server, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) server.add_account("u" + std::to_string(i));
    return *UserPattern::parse("u{1.." + std::to_string(count) + "}");
}

inline void fill(const UserPattern& users, Connector& connector, std::uint64_t messages = 12) {
    FillOptions options;
    options.users = users;
    options.password = "secret";
    options.messages = messages;
    options.size = 3000;
    const auto filled = fill_accounts(options, connector);
    REQUIRE_MESSAGE(filled.has_value(), (filled ? "" : filled.error()));
    CHECK(filled->messages == users.size() * messages);
}

inline RunOptions some(const UserPattern& users, std::uint64_t iterations) {
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

inline Scenario scenario(std::string_view name) {
    const BundledScenarios finder;
    const auto file = finder.find(name);
    REQUIRE(file.has_value());
    auto parsed = parse_scenario(file->path, file->text, finder);
    REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace tidemark::loadtest::testing
