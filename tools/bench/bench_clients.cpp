#include "tools/bench/bench_clients.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

namespace tidemark::bench {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kInputBytes = 1024 * 1024;
constexpr std::chrono::seconds kPatience{120};

std::string login_command(std::string_view user) {
    return "LOGIN " + std::string(user) + ' ' + std::string(kPassword);
}

}  // namespace

void Tail::add(std::string_view bytes) {
    if (bytes.size() >= kKeptBytes) {
        text_.assign(bytes.substr(bytes.size() - kKeptBytes));
        return;
    }
    if (text_.size() + bytes.size() > 4 * kKeptBytes) text_.erase(0, text_.size() - kKeptBytes);
    text_ += bytes;
}

bool Tail::ends_with_line(std::string_view start) const {
    if (text_.size() < 2 || !text_.ends_with("\r\n")) return false;
    const auto end = text_.rfind("\r\n", text_.size() - 3);
    const std::size_t first = end == std::string::npos || text_.size() == 2 ? 0 : end + 2;
    return std::string_view(text_).substr(first).starts_with(start);
}

SocketClient::SocketClient(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail("connect");
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    until("* OK");
}

SocketClient::~SocketClient() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

SocketClient::SocketClient(SocketClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tail_(std::move(other.tail_)) {}

void SocketClient::login(std::string_view user) {
    run(login_command(user));
}

void SocketClient::send(std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::uint64_t SocketClient::until(std::string_view start) {
    static thread_local std::array<char, kReadBytes> buffer;
    std::uint64_t bytes = 0;
    do {
        const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
        if (got <= 0) fail("the server closed the connection", tail_.text());
        bytes += static_cast<std::uint64_t>(got);
        tail_.add({buffer.data(), static_cast<std::size_t>(got)});
    } while (!tail_.ends_with_line(start));
    return bytes;
}

std::uint64_t SocketClient::run(std::string_view command) {
    tail_.clear();
    send("a " + std::string(command) + "\r\n");
    const std::uint64_t bytes = until("a ");
    if (!tail_.ends_with_line("a OK")) fail(command.substr(0, 80), tail_.text());
    return bytes;
}

bool SocketClient::take() {
    static thread_local std::array<char, kReadBytes> buffer;
    const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return false;
    tail_.add({buffer.data(), static_cast<std::size_t>(got)});
    return true;
}

struct SinkClient::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    Tail tail;
    std::string wanted;  // the start of the last line that is waited for
    std::uint64_t bytes = 0;
    StreamCalls calls;
};

namespace {

// The server's end: reads as the stream below it does, drops what is written.
class SinkStream final : public actors::Stream {
  public:
    SinkStream(std::unique_ptr<actors::Stream> below, std::shared_ptr<SinkClient::State> state)
        : below_(std::move(below)), state_(std::move(state)) {}

    actors::Awaitable<std::error_code> wait_readable() override { return below_->wait_readable(); }
    actors::IoResult read_some(std::span<char> buffer) override {
        auto result = below_->read_some(buffer);
        const std::lock_guard lock(state_->mutex);
        ++(result.status == actors::IoStatus::ok ? state_->calls.reads : state_->calls.empty_reads);
        return result;
    }
    actors::Awaitable<std::error_code> wait_writable() override { return below_->wait_writable(); }
    actors::IoResult try_write(std::span<const std::string_view> chunks) override {
        std::size_t bytes = 0;
        const std::lock_guard lock(state_->mutex);
        for (const std::string_view chunk : chunks) {
            state_->tail.add(chunk);
            bytes += chunk.size();
        }
        ++state_->calls.writes;
        state_->bytes += bytes;
        if (!state_->wanted.empty() && state_->tail.ends_with_line(state_->wanted))
            state_->changed.notify_all();
        return {actors::IoStatus::ok, bytes, {}};
    }
    void interrupt() override { below_->interrupt(); }
    using Stream::cancel;
    void cancel(std::error_code reason) override { below_->cancel(reason); }
    void shutdown_send() override { below_->shutdown_send(); }
    void close() override { below_->close(); }
    bool is_open() const override { return below_->is_open(); }
    std::error_code detach() override { return below_->detach(); }
    std::error_code attach(actors::Core& core) override { return below_->attach(core); }
    std::string peer_address() const override { return below_->peer_address(); }
    std::string local_address() const override { return below_->local_address(); }

  private:
    std::unique_ptr<actors::Stream> below_;
    std::shared_ptr<SinkClient::State> state_;
};

}  // namespace

SinkClient::SinkClient(BenchServer& server) : state_(std::make_shared<State>()) {
    actors::Core& core = server.server().cores()[0];
    auto [theirs, ours] = actors::MemoryStream::make_pair(core, core, kInputBytes);
    input_ = std::move(ours);
    server.server().attach_imap(core, std::make_unique<SinkStream>(std::move(theirs), state_));
    until("* OK");
}

SinkClient::~SinkClient() = default;

void SinkClient::login(std::string_view user) {
    run(login_command(user));
}

void SinkClient::send(std::string_view text) {
    const std::array<std::string_view, 1> chunks{text};
    const auto result = input_->try_write(chunks);
    if (result.status != actors::IoStatus::ok || result.bytes != text.size()) fail("input");
}

std::uint64_t SinkClient::until(std::string_view start) {
    std::unique_lock lock(state_->mutex);
    state_->wanted = start;
    if (!state_->changed.wait_for(lock, kPatience,
                                  [&] { return state_->tail.ends_with_line(start); }))
        fail("no answer", state_->tail.text());
    return state_->bytes;
}

std::uint64_t SinkClient::run(std::string_view command) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->tail.clear();
        state_->bytes = 0;
    }
    send("a " + std::string(command) + "\r\n");
    const std::uint64_t bytes = until("a ");
    const std::lock_guard lock(state_->mutex);
    if (!state_->tail.ends_with_line("a OK")) fail(command.substr(0, 80), state_->tail.text());
    return bytes;
}

StreamCalls SinkClient::calls() const {
    const std::lock_guard lock(state_->mutex);
    return state_->calls;
}

std::string SinkClient::tail() const {
    const std::lock_guard lock(state_->mutex);
    return state_->tail.text();
}

}  // namespace tidemark::bench
