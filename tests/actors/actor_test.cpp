#include "actors/actor.hpp"

#include "actors/task_group.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

using TextInbox = Inbox<std::unique_ptr<std::string>>;

std::unique_ptr<std::string> text(std::string value) {
    return std::make_unique<std::string>(std::move(value));
}

Awaitable<void> pop_until_end(TextInbox* inbox, std::string* log) {
    while (auto message = co_await inbox->pop()) *log += **message;
    *log += "|end";
}

Awaitable<void> pop_batches(TextInbox* inbox, std::string* log) {
    while (true) {
        auto batch = co_await inbox->pop_all();
        if (batch.empty()) break;
        *log += "[";
        for (auto& message : batch) *log += *message;
        *log += "]";
    }
    *log += "|end";
}

Awaitable<std::size_t> sum_of(Inbox<std::size_t>* inbox, std::size_t messages) {
    std::size_t sum = 0;
    while (messages > 0) {
        for (const std::size_t one : co_await inbox->pop_all()) {
            sum += one;
            --messages;
        }
    }
    co_return sum;
}

Awaitable<void> wait_reply(Reply<std::string>* reply, std::string* log) {
    const auto answer = co_await reply->wait();
    *log += answer ? *answer : "nothing";
}

}  // namespace

TEST_CASE("messages come out in order, one by one or all at once") {
    TestCore test;
    TextInbox inbox(test.core, 100);
    std::string log;
    SUBCASE("one by one") {
        test.spawn(pop_until_end(&inbox, &log));
        CHECK(inbox.try_push(text("a")));
        CHECK(inbox.try_push(text("b")));
        test.core.run_until_idle();
        CHECK(log == "ab");
        CHECK(inbox.try_push(text("c")));
        test.core.run_until_idle();
        CHECK(log == "abc");
        inbox.close();
        test.core.run_until_idle();
        CHECK(log == "abc|end");
    }
    SUBCASE("all that waits at once") {
        CHECK(inbox.try_push(text("a")));
        CHECK(inbox.try_push(text("b")));
        test.spawn(pop_batches(&inbox, &log));
        CHECK(log == "[ab]");
        CHECK(inbox.try_push(text("c")));
        CHECK(inbox.try_push(text("d")));
        test.core.run_until_idle();
        CHECK(log == "[ab][cd]");
        inbox.close();
        test.core.run_until_idle();
        CHECK(log == "[ab][cd]|end");
    }
}

TEST_CASE("a full inbox refuses and leaves the message with its sender") {
    TestCore test;
    TextInbox inbox(test.core, 2);
    CHECK(inbox.try_push(text("a")));
    CHECK(inbox.try_push(text("b")));
    auto third = text("c");
    CHECK_FALSE(inbox.try_push(std::move(third)));
    REQUIRE(third);
    CHECK(**inbox.try_pop() == "a");
    CHECK(inbox.size() == 1);
    CHECK(inbox.try_push(std::move(third)));
    CHECK(**inbox.try_pop() == "b");
    CHECK(**inbox.try_pop() == "c");
    CHECK_FALSE(inbox.try_pop().has_value());
}

TEST_CASE("a closed inbox takes nothing more but gives out what it has") {
    TestCore test;
    TextInbox inbox(test.core, 10);
    CHECK(inbox.try_push(text("a")));
    inbox.close();
    CHECK_FALSE(inbox.try_push(text("b")));
    std::string log;
    test.spawn(pop_until_end(&inbox, &log));
    CHECK(log == "a|end");
}

TEST_CASE("a cancelled consumer gets nothing and the messages stay") {
    TestCore test;
    TextInbox inbox(test.core, 10);
    std::string log;
    TaskGroup group(test.core);
    group.spawn(pop_until_end(&inbox, &log));
    test.core.run_until_idle();
    group.cancel();
    test.core.run_until_idle();
    CHECK(log == "|end");
    CHECK(inbox.try_push(text("a")));
    CHECK(inbox.size() == 1);
}

TEST_CASE("taking single messages from a long queue keeps order and limit") {
    TestCore test;
    Inbox<int> inbox(test.core, 1000);
    int next_in = 0;
    int next_out = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 90; ++i) REQUIRE(inbox.try_push(next_in++));
        for (int i = 0; i < 80; ++i) REQUIRE(inbox.try_pop() == next_out++);
    }
    while (inbox.size() < 1000) REQUIRE(inbox.try_push(next_in++));
    CHECK_FALSE(inbox.try_push(int{next_in}));
    while (auto value = inbox.try_pop()) REQUIRE(*value == next_out++);
    CHECK(next_out == next_in);
}

TEST_CASE("several threads push, nothing is lost") {
    TestCore test;
    Inbox<std::size_t> inbox(test.core, 100'000);
    constexpr std::size_t kEach = 20'000;
    const auto produce = [&inbox] {
        for (std::size_t i = 1; i <= kEach; ++i) {
            std::size_t value = i;
            while (!inbox.try_push(std::move(value))) std::this_thread::yield();
        }
    };
    std::thread first(produce);
    std::thread second(produce);
    const std::size_t sum = test.run(sum_of(&inbox, 2 * kEach));
    first.join();
    second.join();
    CHECK(sum == kEach * (kEach + 1));
}

TEST_CASE("a reply reaches its requester from the same thread and from another") {
    TestCore test;
    Reply<std::string> reply(test.core);
    std::string log;
    SUBCASE("sent before the wait") {
        reply.to().send("answer");
        test.spawn(wait_reply(&reply, &log));
        CHECK(log == "answer");
    }
    SUBCASE("sent during the wait") {
        auto to = reply.to();
        test.spawn(wait_reply(&reply, &log));
        to.send("answer");
        test.core.run_until_idle();
        CHECK(log == "answer");
    }
    SUBCASE("sent by another thread") {
        test.spawn(wait_reply(&reply, &log));
        std::thread other([to = reply.to()]() mutable { to.send("answer"); });
        CHECK(test.core.run_until([&log] { return !log.empty(); }));
        other.join();
        CHECK(log == "answer");
    }
    SUBCASE("dropped without an answer") {
        test.spawn(wait_reply(&reply, &log));
        {
            auto to = reply.to();
        }
        test.core.run_until_idle();
        CHECK(log == "nothing");
    }
}

TEST_CASE("a requester that is cancelled goes on without its answer, which may still come") {
    TestCore test;
    std::string log;
    ReplyTo<std::string> to;
    {
        Reply<std::string> reply(test.core);
        to = reply.to();
        TaskGroup group(test.core);
        group.spawn(wait_reply(&reply, &log));
        test.core.run_until_idle();
        group.cancel();
        test.core.run_until_idle();
        CHECK(log == "nothing");
    }
    to.send("too late");
    test.core.run_until_idle();
}
