#include "actors/tcp_stream.hpp"

#include "actors/listener.hpp"
#include "actors/socket_address.hpp"
#include "tests/support/streams.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

struct Pair {
    std::unique_ptr<TcpStream> a;
    std::unique_ptr<TcpStream> b;
};

Pair unix_pair(Core& core) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    return {TcpStream::adopt(core, fds[0]), TcpStream::adopt(core, fds[1])};
}

struct Accepted {
    std::vector<std::unique_ptr<TcpStream>> streams;
    Listener::OnConnection keep() {
        return [this](Core&, std::unique_ptr<TcpStream> stream) {
            streams.push_back(std::move(stream));
        };
    }
};

std::unique_ptr<Listener> listen_on(const std::string& address) {
    auto listener = Listener::open(address);
    REQUIRE_MESSAGE(listener.has_value(), listener.error().text());
    return std::move(*listener);
}

std::string temporary_path(const std::string& name) {
    static const std::filesystem::path directory = [] {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        return std::filesystem::path(pattern);
    }();
    return (directory / name).string();
}

struct Waiting {
    std::error_code error;
    bool done = false;
};

}  // namespace

TEST_CASE("addresses that only this machine reaches are told from others") {
    for (const char* text :
         {"127.0.0.1:24", "127.8.9.10:24", "[::1]:24", "unix:/run/lmtp", "[::ffff:127.0.0.1]:24"}) {
        CAPTURE(text);
        CHECK(SocketAddress::parse(text)->is_local());
    }
    for (const char* text : {"0.0.0.0:24", "[::]:24", "192.0.2.1:24", "128.0.0.1:24",
                             "[2001:db8::1]:24", "[::ffff:192.0.2.1]:24"}) {
        CAPTURE(text);
        CHECK_FALSE(SocketAddress::parse(text)->is_local());
    }
}

TEST_CASE("numeric addresses are read and written") {
    for (const char* text : {"127.0.0.1:143", "0.0.0.0:0", "[::1]:993", "[2001:db8::1]:65535",
                             "unix:/run/tidemark/lmtp.sock"}) {
        CAPTURE(text);
        const auto address = SocketAddress::parse(text);
        REQUIRE(address);
        CHECK(address->text() == text);
    }
    for (const std::string& text :
         {std::string("127.0.0.1"), std::string("127.0.0.1:65536"), std::string("127.0.0.1:-1"),
          std::string("127.0.0.1:"), std::string("localhost:143"), std::string("::1:143"),
          std::string("[::1]"), std::string("[]:1"), std::string("unix:"), std::string(""),
          std::string(":143"), "unix:/" + std::string(200, 'x')}) {
        CAPTURE(text);
        CHECK_FALSE(SocketAddress::parse(text).has_value());
    }
}

TEST_CASE("a socket carries bytes both ways, also more than its buffers hold") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    const std::string big(8 << 20, 'b');
    std::error_code error = make_error_code(StreamErrc::closed);
    test.spawn(write_all(a.get(), big, &error));
    CHECK(error == StreamErrc::closed);  // the socket is full, the writer waits
    CHECK(test.run(read_exactly(b.get(), big.size())) == big);
    test.core.run_until_idle();
    CHECK_FALSE(error);
    a->shutdown_send();
    CHECK(test.run(read_to_end(b.get())).empty());
    std::array<char, 8> buffer;
    CHECK(b->read_some(buffer).status == IoStatus::eof);
}

TEST_CASE("more chunks than one system call takes arrive in order") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    std::string expected;
    std::vector<std::string> parts;
    for (int i = 0; i < 1000; ++i) parts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
    for (const auto& part : parts) expected += part;
    const std::vector<std::string_view> chunks(parts.begin(), parts.end());
    struct Write {
        static Awaitable<std::error_code> run(Stream* s, const std::vector<std::string_view>* c) {
            co_return co_await s->write(*c);
        }
    };
    CHECK_FALSE(test.run(Write::run(a.get(), &chunks)));
    CHECK(test.run(read_exactly(b.get(), expected.size())) == expected);
}

TEST_CASE("writing to a peer that is gone is an error, not a signal") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    b->close();
    const std::array<std::string_view, 1> chunks{"x"};
    const IoResult result = a->try_write(chunks);
    CHECK(result.status == IoStatus::error);
    CHECK(result.error == std::errc::broken_pipe);
}

TEST_CASE("an interrupt of a socket ends the read wait and leaves the writer alone") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    Waiting waiting;
    std::error_code written = make_error_code(StreamErrc::timed_out);
    test.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    const std::string big(8 << 20, 'b');
    test.spawn(write_all(a.get(), big, &written));
    a->interrupt();
    test.core.run_until_idle();
    CHECK(waiting.done);
    CHECK(waiting.error == StreamErrc::interrupted);
    CHECK(written == StreamErrc::timed_out);  // still waiting
    CHECK(test.run(read_exactly(b.get(), big.size())).size() == big.size());
    test.core.run_until_idle();
    CHECK_FALSE(written);

    SUBCASE("and one that comes early is kept for the next wait") {
        a->interrupt();
        Waiting next;
        test.spawn(wait_readable(a.get(), &next.error, &next.done));
        CHECK(next.error == StreamErrc::interrupted);
    }
    SUBCASE("and the wait after it sees bytes that came meanwhile") {
        const std::array<std::string_view, 1> chunks{"x"};
        CHECK(b->try_write(chunks).bytes == 1);
        Waiting next;
        test.spawn(wait_readable(a.get(), &next.error, &next.done));
        CHECK(next.done);
        CHECK_FALSE(next.error);
    }
}

TEST_CASE("waits of a socket end by cancel, by close and by the task's cancellation") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    Waiting waiting;
    TaskGroup group(test.core);
    group.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    test.core.run_until_idle();
    CHECK_FALSE(waiting.done);
    SUBCASE("cancel") {
        a->cancel(StreamErrc::timed_out);
        test.core.run_until_idle();
        CHECK(waiting.error == StreamErrc::timed_out);
        Waiting again;
        test.spawn(wait_readable(a.get(), &again.error, &again.done));
        CHECK(again.error == StreamErrc::timed_out);
        const std::array<std::string_view, 1> chunks{"BYE"};
        CHECK(a->try_write(chunks).bytes == 3);
    }
    SUBCASE("close") {
        a->close();
        test.core.run_until_idle();
        CHECK(waiting.error == StreamErrc::closed);
        CHECK_FALSE(a->is_open());
    }
    SUBCASE("task") {
        group.cancel();
        test.core.run_until_idle();
        CHECK(waiting.error == StreamErrc::task_cancelled);
        CHECK(a->is_open());
    }
}

TEST_CASE("a socket moves to another core") {
    TestCore test;
    Core other(1, test.clock);
    auto [a, b] = unix_pair(test.core);
    std::unique_ptr<Stream> arrived;
    SUBCASE("and works there") {
        rehome(std::move(a), other,
               [&arrived](std::unique_ptr<Stream> stream) { arrived = std::move(stream); });
        other.run_until_idle();
        REQUIRE(arrived);
        TaskGroup group(other);
        Waiting waiting;
        group.spawn(wait_readable(arrived.get(), &waiting.error, &waiting.done));
        other.run_until_idle();
        CHECK_FALSE(waiting.done);
        const std::array<std::string_view, 1> chunks{"x"};
        CHECK(b->try_write(chunks).bytes == 1);
        test.core.run_until_idle();
        CHECK_FALSE(waiting.done);
        other.run_until([&] { return waiting.done; });
        CHECK(waiting.done);
        CHECK_FALSE(waiting.error);
    }
    SUBCASE("unless it is closed, then nothing arrives") {
        a->close();
        bool called = false;
        rehome(std::move(a), other, [&](std::unique_ptr<Stream> stream) {
            called = true;
            arrived = std::move(stream);
        });
        other.run_until_idle();
        CHECK(called);
        CHECK_FALSE(arrived);
    }
}

TEST_CASE("a Unix socket knows who is at the other end") {
    TestCore test;
    auto [a, b] = unix_pair(test.core);
    const auto who = a->peer_credentials();
    REQUIRE(who);
    CHECK(who->uid == ::getuid());
    CHECK(who->pid == ::getpid());
    CHECK(a->peer_address() == "unix");
}

TEST_CASE("a listener on a free port says which and accepts on it") {
    TestCore test;
    const char* address = nullptr;
    SUBCASE("IPv4") {
        address = "127.0.0.1:0";
    }
    SUBCASE("IPv6") {
        address = "[::1]:0";
    }
    auto opened = Listener::open(address);
    if (!opened && opened.error().code == std::errc::address_not_available) return;  // no IPv6
    REQUIRE(opened);
    auto listener = std::move(*opened);
    CHECK(listener->address().ends_with(":0") == false);
    Accepted accepted;
    listener->start(test.core, accepted.keep());
    auto connected = test.run(TcpStream::connect(&test.core, listener->address()));
    REQUIRE_MESSAGE(connected.stream, connected.error.message());
    CHECK(test.core.run_until([&] { return accepted.streams.size() == 1; }));
    CHECK(connected.stream->peer_address() == listener->address());
    CHECK(accepted.streams[0]->peer_address() == connected.stream->local_address());
    CHECK_FALSE(accepted.streams[0]->peer_credentials().has_value());
    test.spawn(write_all(accepted.streams[0].get(), "* OK\r\n"));
    CHECK(test.run(read_exactly(connected.stream.get(), 6)) == "* OK\r\n");

    listener->stop();
    test.core.run_until_idle();
    const auto refused = test.run(TcpStream::connect(&test.core, listener->address()));
    CHECK(refused.error == std::errc::connection_refused);
}

TEST_CASE("every core of a set accepts, and stopping lets the threads end") {
    SystemClock clock;
    CoreSet cores(2, clock);
    auto listener = listen_on("127.0.0.1:0");
    std::atomic<int> accepted{0};
    listener->start(cores, [&accepted](Core& core, std::unique_ptr<TcpStream> stream) {
        CHECK(core.on_this_thread());
        CHECK(stream->is_open());
        ++accepted;
    });
    cores.start();
    TestCore test;
    for (int i = 0; i < 50; ++i) {
        auto connected = test.run(TcpStream::connect(&test.core, listener->address()));
        REQUIRE(connected.stream);
        CHECK(test.run(read_to_end(connected.stream.get())).empty());
    }
    CHECK(accepted == 50);
    listener->stop();
    cores.stop();
    cores.join();
}

TEST_CASE("a connection above the limit is closed at once") {
    TestCore test;
    auto listener = listen_on("127.0.0.1:0");
    Accepted accepted;
    listener->start(test.core, accepted.keep(), [&accepted] { return accepted.streams.empty(); });
    auto first = test.run(TcpStream::connect(&test.core, listener->address()));
    CHECK(test.core.run_until([&] { return accepted.streams.size() == 1; }));
    auto second = test.run(TcpStream::connect(&test.core, listener->address()));
    REQUIRE(second.stream);
    CHECK(test.run(read_to_end(second.stream.get())).empty());
    CHECK(accepted.streams.size() == 1);
    listener->stop();
    test.core.run_until_idle();
}

TEST_CASE("a port that is taken is refused with its address and the reason") {
    auto first = listen_on("127.0.0.1:0");
    const auto second = Listener::open(first->address());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == std::errc::address_in_use);
    CHECK(second.error().text() == first->address() + ": already in use by another program");
    // Also while every core has a socket of its own on it.
    SystemClock clock;
    CoreSet cores(2, clock);
    first->start(cores, [](Core&, std::unique_ptr<TcpStream>) {});
    CHECK_FALSE(Listener::open(first->address()).has_value());
    first->stop();
    cores.start();
    cores.stop();
    cores.join();
    CHECK_FALSE(Listener::open("somewhere:143").has_value());
}

TEST_CASE("a Unix listener is private, replaces a dead socket and nothing else") {
    TestCore test;
    const std::string path = temporary_path("admin.sock");
    {
        auto listener = listen_on("unix:" + path);
        struct stat status{};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        CHECK_FALSE(Listener::open("unix:" + path).has_value());  // it is alive
        Accepted accepted;
        listener->start(test.core, accepted.keep());
        auto connected = test.run(TcpStream::connect(&test.core, "unix:" + path));
        REQUIRE(connected.stream);
        // The attempt above has tried whether somebody answers, which is a connection too.
        CHECK(test.core.run_until([&] { return accepted.streams.size() == 2; }));
        CHECK(accepted.streams[1]->peer_credentials()->uid == ::getuid());
        listener->stop();
        test.core.run_until_idle();
        CHECK(::stat(path.c_str(), &status) != 0);
    }
    // A server that was killed leaves its socket behind.
    const auto address = SocketAddress::parse("unix:" + path);
    const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(dead, address->get(), address->size) == 0);
    ::close(dead);
    CHECK(Listener::open("unix:" + path).has_value());

    const std::string file = temporary_path("precious");
    ::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_FALSE(Listener::open("unix:" + file).has_value());
    CHECK(std::filesystem::exists(file));
}

TEST_CASE("out of descriptors a client sees an end, and accepting goes on after a pause") {
    TestCore test;
    auto listener = listen_on("127.0.0.1:0");
    Accepted accepted;
    listener->start(test.core, accepted.keep());
    test.core.run_until_idle();

    // A socket for the client first, then no descriptor is left for accepting it.
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = SocketAddress::parse(listener->address());
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int next = ::dup(client);
    ::close(next);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(next);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    REQUIRE(::connect(client, address->get(), address->size) == 0);
    test.core.run_until([&] { return test.core.timers().armed_count() > 0; });
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    char byte = 0;
    CHECK(::recv(client, &byte, 1, 0) == 0);
    ::close(client);
    CHECK(accepted.streams.empty());

    auto connected = test.run(TcpStream::connect(&test.core, listener->address()));
    REQUIRE(connected.stream);
    test.core.run_until_idle();
    CHECK(accepted.streams.empty());
    test.advance(std::chrono::seconds(1));
    CHECK(test.core.run_until([&] { return accepted.streams.size() == 1; }));
    listener->stop();
    test.core.run_until_idle();
}
