// How much user memory an idle connection costs: N connections over loopback, each served by a
// coroutine that waits for its client with a deadline on the timing wheel, as an IMAP session in
// IDLE does. The clients are a process of their own, so that only the server's side is counted.
//
//     idle_stream_bench [CONNECTIONS] [plain|tls|tls12]

#include "actors/core.hpp"
#include "actors/listener.hpp"
#include "actors/task_group.hpp"
#include "actors/tls_context.hpp"
#include "actors/tls_stream.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace tidemark::actors;

constexpr std::chrono::minutes kIdleTimeout{30};

struct Counters {
    std::size_t idle = 0;
    std::size_t failed = 0;
};

class Session {
  public:
    Session(Core& core, std::unique_ptr<Stream> stream, Counters& counters)
        : core_(core), stream_(std::move(stream)), counters_(counters) {}

    static Awaitable<void> run(std::unique_ptr<Session> session,
                               std::shared_ptr<const TlsConfig> config) {
        if (config && !co_await session->start_tls(std::move(config))) co_return;
        if (co_await session->stream_->write("* OK ready\r\n")) co_return;
        ++session->counters_.idle;
        while (co_await session->serve_once()) {
        }
    }

  private:
    Awaitable<bool> start_tls(std::shared_ptr<const TlsConfig> config) {
        auto tls = TlsStream::server(std::move(stream_), std::move(config));
        const std::error_code error = co_await tls->handshake();
        stream_ = std::move(tls);
        if (error) ++counters_.failed;
        co_return !error;
    }
    Awaitable<bool> serve_once() {
        core_.arm(deadline_, kIdleTimeout);
        const std::error_code error = co_await stream_->wait_readable();
        deadline_.disarm();
        if (error) co_return false;
        co_return read();
    }
    bool read() {
        static thread_local std::array<char, 16384> buffer;
        const IoResult result = stream_->read_some(buffer);
        return result.status == IoStatus::ok || result.status == IoStatus::would_block;
    }
    void on_deadline() { stream_->cancel(StreamErrc::timed_out); }

    Core& core_;
    std::unique_ptr<Stream> stream_;
    Timer deadline_ = Timer::calling<&Session::on_deadline>(this);
    Counters& counters_;
};

Awaitable<void> client(Core* core, std::string address, std::shared_ptr<TlsClientContext> tls,
                       std::vector<std::unique_ptr<Stream>>* kept, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto connected = co_await TcpStream::connect(core, address);
        if (!connected.stream) {
            std::fprintf(stderr, "connect: %s\n", connected.error.message().c_str());
            co_return;
        }
        std::unique_ptr<Stream> stream = std::move(connected.stream);
        if (tls) {
            auto wrapped = TlsStream::client(std::move(stream), tls);
            if (co_await wrapped->handshake()) co_return;
            stream = std::move(wrapped);
        }
        std::array<char, 64> buffer;
        while (stream->read_some(buffer).status == IoStatus::would_block) {
            if (co_await stream->wait_readable()) co_return;
        }
        kept->push_back(std::move(stream));
    }
}

// The child: connects, says so on `ready`, and stays until `finish` is closed.
int run_clients(const std::string& address, std::size_t count, bool tls, bool tls12, int ready,
                int finish) {
    SystemClock clock;
    Core core(0, clock);
    TaskGroup group(core);
    std::vector<std::unique_ptr<Stream>> kept;
    auto context =
        tls ? make_tls_client_context({.server_name = "localhost", .tls12_only = tls12}) : nullptr;
    group.spawn(client(&core, address, context, &kept, count));
    core.run_until([&group] { return group.size() == 0; }, std::chrono::seconds(300));
    const char done = kept.size() == count ? 'y' : 'n';
    if (::write(ready, &done, 1) != 1) return 1;
    char byte = 0;
    while (::read(finish, &byte, 1) > 0) {
    }
    return 0;
}

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    statm >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string machine() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

struct Usage {
    std::size_t heap = mallinfo2().uordblks;
    std::size_t resident = resident_bytes();
};

}  // namespace

int main(int argc, char** argv) {
    const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 5000;
    const std::string_view mode = argc > 2 ? argv[2] : "plain";
    const bool tls = mode == "tls" || mode == "tls12";
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    auto listener = Listener::open("127.0.0.1:0", {.backlog = 4096});
    if (!listener) {
        std::fprintf(stderr, "%s\n", listener.error().text().c_str());
        return 3;
    }
    std::array<int, 2> ready{};
    std::array<int, 2> finish{};
    if (::pipe(ready.data()) != 0 || ::pipe(finish.data()) != 0) return 3;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(finish[1]);
        ::_exit(
            run_clients((*listener)->address(), count, tls, mode == "tls12", ready[1], finish[0]));
    }
    ::close(ready[1]);
    ::fcntl(ready[0], F_SETFL, O_NONBLOCK);

    SystemClock clock;
    Core core(0, clock);
    TaskGroup sessions(core);
    Counters counters;
    std::shared_ptr<const TlsConfig> config;
    if (tls) {
        auto pem = make_self_signed({"localhost"}, clock.wall_microseconds() / 1'000'000, 30);
        config = *TlsConfig::from_pem({*pem});
    }
    (*listener)->start(core, [&](Core& home, std::unique_ptr<TcpStream> stream) {
        sessions.spawn(
            Session::run(std::make_unique<Session>(home, std::move(stream), counters), config));
    });
    const Usage before;
    char answer = '?';
    core.run_until([&] { return ::read(ready[0], &answer, 1) == 1; }, std::chrono::seconds(300));
    core.run_until_idle();
    const Usage after;
    if (answer != 'y' || counters.idle != count) {
        std::fprintf(stderr, "only %zu of %zu connections (%zu failed)\n", counters.idle, count,
                     counters.failed);
    }
    utsname system{};
    ::uname(&system);
    std::printf("%zu idle connections, %.*s: %.0f bytes of heap, %.0f bytes resident each\n",
                counters.idle, static_cast<int>(mode.size()), mode.data(),
                static_cast<double>(after.heap - before.heap) / static_cast<double>(count),
                static_cast<double>(after.resident - before.resident) / static_cast<double>(count));
    std::printf("(%s, %u threads, Linux %s, %s, %s)\n", machine().c_str(),
                std::thread::hardware_concurrency(), system.release, __VERSION__,
#ifdef __OPTIMIZE__
                "optimised"
#else
                "not optimised"
#endif
    );
    (*listener)->stop();
    sessions.cancel();
    core.run_until([&sessions] { return sessions.size() == 0; });
    ::close(finish[1]);
    ::waitpid(child, nullptr, 0);
    return answer == 'y' ? 0 : 1;
}
