#include "actors/memory_stream.hpp"

#include "tests/support/memory_peer.hpp"
#include "tests/support/streams.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

IoResult write_now(Stream& stream, std::string_view text) {
    const std::array<std::string_view, 1> chunks{text};
    return stream.try_write(chunks);
}

struct Waiting {
    std::error_code error;
    bool done = false;
};

}  // namespace

TEST_CASE("bytes written at one end of a memory stream are read at the other") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    const std::array<std::string_view, 4> chunks{"one ", "", "two ", "three"};
    CHECK(a->try_write(chunks).bytes == 13);
    CHECK(test.run(read_exactly(b.get(), 13)) == "one two three");
    std::array<char, 8> buffer;
    CHECK(b->read_some(buffer).status == IoStatus::would_block);
}

TEST_CASE("a full pipe stops its writer until the reader has made room") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core, 10);
    const std::string text(1000, 'x');
    std::error_code error = make_error_code(StreamErrc::closed);
    test.spawn(write_all(a.get(), text, &error));
    CHECK(b->readable_bytes() == 10);
    CHECK(error == StreamErrc::closed);  // still waiting
    CHECK(test.run(read_exactly(b.get(), 1000)) == text);
    test.core.run_until_idle();
    CHECK_FALSE(error);
}

TEST_CASE("faults cut reads and writes short and can stall a writer") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    a->set_faults({.write_bytes_max = 3});
    b->set_faults({.read_bytes_max = 1});
    std::error_code error = make_error_code(StreamErrc::closed);
    test.spawn(write_all(a.get(), "abcdefgh", &error));
    CHECK_FALSE(error);
    std::array<char, 8> buffer;
    CHECK(b->read_some(buffer).bytes == 1);
    CHECK(test.run(read_exactly(b.get(), 7)) == "bcdefgh");

    a->set_faults({.write_bytes_max = 0});
    CHECK(write_now(*a, "z").status == IoStatus::would_block);
    error = make_error_code(StreamErrc::closed);
    test.spawn(write_all(a.get(), "z", &error));
    CHECK(error == StreamErrc::closed);
    a->set_faults({});
    test.core.run_until_idle();
    CHECK_FALSE(error);
}

TEST_CASE("the end of the peer's side comes after its last bytes") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    CHECK(write_now(*a, "bye").bytes == 3);
    SUBCASE("shutdown_send keeps the other direction") {
        a->shutdown_send();
        CHECK(write_now(*b, "late").bytes == 4);
        CHECK(test.run(read_exactly(a.get(), 4)) == "late");
    }
    SUBCASE("close ends both") {
        a->close();
        CHECK(write_now(*b, "late").status == IoStatus::error);
    }
    CHECK(test.run(read_to_end(b.get())) == "bye");
    std::array<char, 8> buffer;
    CHECK(b->read_some(buffer).status == IoStatus::eof);
}

TEST_CASE("a reset loses what was not read and fails both ends") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    Waiting waiting;
    test.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    CHECK(write_now(*a, "lost").bytes == 4);
    b->reset();
    test.core.run_until_idle();
    CHECK(waiting.done);  // readable: read_some says what happened
    std::array<char, 8> buffer;
    CHECK(a->read_some(buffer).error == std::errc::connection_reset);
    CHECK(b->read_some(buffer).error == std::errc::connection_reset);
    CHECK(write_now(*b, "x").error == std::errc::connection_reset);
}

TEST_CASE("an interrupt ends the present wait or the next one, once") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    Waiting first;
    SUBCASE("while waiting") {
        test.spawn(wait_readable(a.get(), &first.error, &first.done));
        CHECK_FALSE(first.done);
        a->interrupt();
        test.core.run_until_idle();
    }
    SUBCASE("before waiting") {
        a->interrupt();
        a->interrupt();
        test.spawn(wait_readable(a.get(), &first.error, &first.done));
    }
    CHECK(first.done);
    CHECK(first.error == StreamErrc::interrupted);
    Waiting second;
    test.spawn(wait_readable(a.get(), &second.error, &second.done));
    CHECK_FALSE(second.done);
    CHECK(write_now(*b, "x").bytes == 1);
    test.core.run_until_idle();
    CHECK(second.done);
    CHECK_FALSE(second.error);
}

TEST_CASE("a cancelled stream fails its waits with the reason but may still try a last write") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core, 8);
    Waiting waiting;
    std::error_code written;
    test.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    test.spawn(write_all(a.get(), std::string(20, 'x'), &written));
    a->cancel(StreamErrc::timed_out);
    a->cancel(StreamErrc::closed);
    test.core.run_until_idle();
    CHECK(waiting.error == StreamErrc::timed_out);
    CHECK(written == StreamErrc::timed_out);
    CHECK(test.run(read_exactly(b.get(), 8)).size() == 8);
    CHECK(write_now(*a, "BYE").bytes == 3);
}

TEST_CASE("a cancelled task's wait on a stream says so") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    Waiting waiting;
    TaskGroup group(test.core);
    group.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    test.core.run_until_idle();
    group.cancel();
    test.core.run_until_idle();
    CHECK(waiting.error == StreamErrc::task_cancelled);
}

TEST_CASE("a memory stream moves to another core with what is on its way") {
    ManualClock clock;
    TestCore test;
    Core other(1, clock);
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    CHECK(write_now(*a, "before").bytes == 6);
    std::unique_ptr<Stream> arrived;
    rehome(std::move(b), other, [&](std::unique_ptr<Stream> stream) {
        CHECK(other.on_this_thread());
        arrived = std::move(stream);
    });
    other.run_until_idle();
    REQUIRE(arrived);
    TaskGroup group(other);
    std::string text;
    std::error_code error;
    bool done = false;
    group.spawn(wait_readable(arrived.get(), &error, &done));
    other.run_until_idle();
    CHECK(done);
    std::array<char, 16> buffer;
    CHECK(arrived->read_some(buffer).bytes == 6);
    done = false;
    group.spawn(wait_readable(arrived.get(), &error, &done));
    other.run_until_idle();
    CHECK(write_now(*a, "after").bytes == 5);
    test.core.run_until_idle();
    CHECK_FALSE(done);  // resumed on its own core only
    other.run_until_idle();
    CHECK(done);
}

TEST_CASE("a stream on which somebody waits cannot be moved") {
    TestCore test;
    auto [a, b] = MemoryStream::make_pair(test.core, test.core);
    Waiting waiting;
    test.spawn(wait_readable(a.get(), &waiting.error, &waiting.done));
    CHECK(a->detach() == StreamErrc::not_movable);
    a->cancel();
    test.core.run_until_idle();
}

TEST_CASE("the test's side of a memory stream talks to a server on a driven core") {
    TestCore test;
    auto [server, client] = MemoryStream::make_pair(test.core, test.core, 16);
    MemoryPeer peer(std::move(client), &test.core);
    const std::string long_line(200, 'l');
    test.spawn(write_all(server.get(), "* OK ready\r\n" + long_line + "\r\nrest"));
    CHECK(peer.receive_line() == "* OK ready\r\n");
    CHECK(peer.receive_line() == long_line + "\r\n");
    CHECK(peer.receive_available() == "rest");
    CHECK(peer.send("a1 NOOP\r\n"));
    CHECK(test.run(read_exactly(server.get(), 9)) == "a1 NOOP\r\n");
    server->close();
    CHECK(peer.wait_closed());
}
