#include "tools/bench/idle_clients.hpp"

#include "actors/core.hpp"
#include "actors/task_group.hpp"
#include "actors/tcp_stream.hpp"
#include "actors/tls_context.hpp"
#include "actors/tls_stream.hpp"
#include "tools/bench/bench_clients.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::bench {

namespace {

constexpr std::chrono::seconds kIdlePatience{600};
// Connections that are being made at the same time.
constexpr unsigned kMakers = 8;

struct Plan {
    IdleKind kind;
    unsigned count;
    unsigned accounts;
    std::string address;
    unsigned next = 0;
    std::vector<std::unique_ptr<actors::Stream>> kept;
};

actors::Awaitable<bool> wait_for_line(actors::Stream* stream, std::string_view start) {
    std::array<char, 2048> buffer;
    Tail tail;
    while (!tail.ends_with_line(start)) {
        const auto result = stream->read_some(buffer);
        if (result.status == actors::IoStatus::ok) {
            tail.add({buffer.data(), result.bytes});
        } else if (result.status != actors::IoStatus::would_block ||
                   co_await stream->wait_readable()) {
            std::fprintf(stderr, "idle client: %s\n", tail.text().c_str());
            co_return false;
        }
    }
    co_return true;
}

actors::Awaitable<bool> exchange(actors::Stream* stream, std::string line, std::string answer) {
    if (co_await stream->write(line)) co_return false;
    co_return co_await wait_for_line(stream, answer);
}

actors::Awaitable<bool> make_one(actors::Core* core, Plan* plan, unsigned number,
                                 std::shared_ptr<actors::TlsClientContext> tls) {
    auto connected = co_await actors::TcpStream::connect(core, plan->address);
    if (!connected.stream) co_return false;
    std::unique_ptr<actors::Stream> stream = std::move(connected.stream);
    if (tls) {
        auto wrapped = actors::TlsStream::client(std::move(stream), tls);
        if (co_await wrapped->handshake()) co_return false;
        stream = std::move(wrapped);
    }
    if (!co_await wait_for_line(stream.get(), "* OK")) co_return false;
    std::string login = "a LOGIN " + user_name(number % plan->accounts) + ' ';
    login += kPassword;
    if (!co_await exchange(stream.get(), login + "\r\n", "a OK")) co_return false;
    if (plan->kind == IdleKind::kPlainIdle) {
        if (!co_await exchange(stream.get(), "b SELECT INBOX\r\n", "b OK")) co_return false;
        if (!co_await exchange(stream.get(), "c IDLE\r\n", "+ ")) co_return false;
    }
    plan->kept.push_back(std::move(stream));
    co_return true;
}

actors::Awaitable<void> make_some(actors::Core* core, Plan* plan,
                                  std::shared_ptr<actors::TlsClientContext> tls) {
    while (plan->next < plan->count) {
        if (!co_await make_one(core, plan, plan->next++, tls)) co_return;
    }
}

[[noreturn]] void run_child(Plan plan, int from_parent, int to_parent) {
    std::uint16_t port = 0;
    if (::read(from_parent, &port, sizeof port) != sizeof port) ::_exit(1);
    plan.address = "127.0.0.1:" + std::to_string(port);
    actors::SystemClock clock;
    actors::Core core(0, clock);
    actors::TaskGroup group(core);
    auto tls = plan.kind == IdleKind::kTls
                   ? actors::make_tls_client_context({.server_name = "localhost"})
                   : nullptr;
    for (unsigned i = 0; i < kMakers; ++i) group.spawn(make_some(&core, &plan, tls));
    core.run_until([&group] { return group.size() == 0; }, kIdlePatience);
    const char done = plan.kept.size() == plan.count ? 'y' : 'n';
    if (::write(to_parent, &done, 1) != 1) ::_exit(1);
    char byte = 0;
    while (::read(from_parent, &byte, 1) > 0) {
    }
    ::_exit(0);
}

}  // namespace

IdleClients::IdleClients(IdleKind kind, unsigned count, unsigned accounts) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0) fail("pipe");
    child_ = ::fork();
    if (child_ == 0) {
        ::close(down[1]);
        ::close(up[0]);
        run_child({kind, count, accounts, {}, 0, {}}, down[0], up[1]);
    }
    ::close(down[0]);
    ::close(up[1]);
    to_child_ = down[1];
    from_child_ = up[0];
}

IdleClients::~IdleClients() {
    ::close(to_child_);
    ::close(from_child_);
    ::waitpid(child_, nullptr, 0);
}

void IdleClients::connect(std::uint16_t port) {
    char answer = '?';
    if (::write(to_child_, &port, sizeof port) != sizeof port ||
        ::read(from_child_, &answer, 1) != 1 || answer != 'y')
        fail("not all idle clients could connect");
}

}  // namespace tidemark::bench
