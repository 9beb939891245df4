// The texts that are kept of pages of messages: the cache alone, then FETCH and SEARCH that use it.
#include "actors/page_texts.hpp"

#include "actors/limits.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace tidemark::actors;
using tidemark::storage::AccountId;
using tidemark::storage::BodyId;
using tidemark::test::ImapClient;
using tidemark::test::TestServer;

namespace {

const AccountId kAnn{1};

std::vector<BodyId> bodies(std::initializer_list<std::uint64_t> ids) {
    std::vector<BodyId> bodies;
    for (const std::uint64_t id : ids) bodies.push_back(BodyId{id});
    return bodies;
}

std::shared_ptr<const PageTexts> texts_of(const std::vector<BodyId>& bodies,
                                          const std::string& text) {
    PageTexts::Builder builder(bodies);
    for (std::size_t i = 0; i < bodies.size(); ++i) builder.set(i, text);
    return std::move(builder).finish();
}

std::string message(int number, std::size_t subject_bytes = 10) {
    return fmt::format(
        "From: Ann <ann@example.org>\r\nSubject: {} {}\r\nX-Number: n{}n\r\n\r\nText {}\r\n",
        number, std::string(subject_bytes, 's'), number, number);
}

// Answers to FETCH of one message after the other, as one list.
std::vector<std::string> one_by_one(ImapClient& client, int count, const std::string& items) {
    std::vector<std::string> lines;
    for (int i = 1; i <= count; ++i)
        lines.push_back(client.ok(fmt::format("FETCH {} {}", i, items)).front());
    return lines;
}

std::vector<std::string> all_at_once(ImapClient& client, const std::string& items) {
    auto lines = client.ok("FETCH 1:* " + items);
    lines.pop_back();
    return lines;
}

}  // namespace

TEST_CASE("texts are found by account, kind and all bodies in their order") {
    PageTextCache cache(1 << 20);
    cache.insert(kAnn, TextKind::kEnvelope, texts_of(bodies({5, 6, 7}), "e"));
    const auto found = cache.find(kAnn, TextKind::kEnvelope, bodies({5, 6, 7}));
    REQUIRE(found != nullptr);
    CHECK(found->at(2) == "e");
    CHECK(cache.find(AccountId{2}, TextKind::kEnvelope, bodies({5, 6, 7})) == nullptr);
    CHECK(cache.find(kAnn, TextKind::kBody, bodies({5, 6, 7})) == nullptr);
    CHECK(cache.find(kAnn, TextKind::kEnvelope, bodies({5, 6})) == nullptr);
    CHECK(cache.find(kAnn, TextKind::kEnvelope, bodies({5, 8, 7})) == nullptr);
    CHECK(cache.find(kAnn, TextKind::kEnvelope, {}) == nullptr);
    // Another page with the same first body and length takes the place.
    cache.insert(kAnn, TextKind::kEnvelope, texts_of(bodies({5, 8, 7}), "f"));
    CHECK(cache.find(kAnn, TextKind::kEnvelope, bodies({5, 6, 7})) == nullptr);
    CHECK(cache.find(kAnn, TextKind::kEnvelope, bodies({5, 8, 7}))->at(1) == "f");
}

TEST_CASE("the texts that were not used for the longest time go when there are too many") {
    const auto one = texts_of(bodies({1}), std::string(1000, 'x'));
    PageTextCache cache(3 * one->memory_bytes());
    for (const std::uint64_t id : {1, 2, 3})
        cache.insert(kAnn, TextKind::kHeader, texts_of(bodies({id}), std::string(1000, 'x')));
    CHECK(cache.find(kAnn, TextKind::kHeader, bodies({1})) != nullptr);
    cache.insert(kAnn, TextKind::kHeader, texts_of(bodies({4}), std::string(1000, 'x')));
    CHECK(cache.find(kAnn, TextKind::kHeader, bodies({2})) == nullptr);
    for (const std::uint64_t id : {1, 3, 4})
        CHECK(cache.find(kAnn, TextKind::kHeader, bodies({id})) != nullptr);
    CHECK(cache.memory_bytes() <= 3 * one->memory_bytes());

    PageTextCache none(0);
    none.insert(kAnn, TextKind::kHeader, one);
    CHECK(none.find(kAnn, TextKind::kHeader, bodies({1})) == nullptr);
    CHECK(none.memory_bytes() == 0);
}

TEST_CASE("a text that is too long, or one too many, is left out") {
    PageTexts::Builder builder(bodies({1, 2, 3}));
    builder.set(2, "");
    builder.set(0, std::string(kPageTextBytesMax, 'a'));
    builder.set(1, std::string(kPageTextBytesMax + 1, 'b'));
    const auto texts = std::move(builder).finish();
    CHECK(texts->at(0)->size() == kPageTextBytesMax);
    CHECK_FALSE(texts->at(1));
    CHECK(texts->at(2) == "");

    std::vector<BodyId> many;
    for (std::uint64_t id = 1; id <= kPageTextsBytesMax / kPageTextBytesMax + 1; ++id)
        many.push_back(BodyId{id});
    const auto page = texts_of(many, std::string(kPageTextBytesMax, 'c'));
    CHECK(page->at(many.size() - 2));
    CHECK_FALSE(page->at(many.size() - 1));
}

TEST_CASE("envelopes and structures are the same however many are asked for, and when") {
    TestServer server;
    server.add_account("ann");
    ImapClient client = server.connect("ann");
    // More than a page; one envelope that is not kept.
    const int kCount = 300;
    for (int i = 1; i <= kCount; ++i)
        client.append("INBOX", message(i, i == 100 ? kPageTextBytesMax : 10));
    client.ok("SELECT INBOX");
    for (const std::string items :
         {"(ENVELOPE)", "(BODYSTRUCTURE)", "(UID FLAGS MODSEQ BODY)", "(PREVIEW ENVELOPE)",
          "(RFC822.SIZE ENVELOPE BODY.PEEK[TEXT])"}) {
        CAPTURE(items);
        const auto expected = one_by_one(client, kCount, items);
        CHECK(all_at_once(client, items) == expected);
        CHECK(all_at_once(client, items) == expected);
        CHECK(one_by_one(client, kCount, items) == expected);
    }
    CHECK(server.server().context().texts.memory_bytes() > std::size_t{kCount} * 100);
}

TEST_CASE("what is kept of a mailbox follows its messages") {
    TestServer server;
    server.add_account("ann");
    ImapClient client = server.connect("ann");
    for (int i = 1; i <= 8; ++i) client.append("INBOX", message(i));
    client.ok("SELECT INBOX");
    const auto subjects = [&] {
        std::string found;
        for (const auto& line : all_at_once(client, "ENVELOPE"))
            found += line.substr(line.find("NIL \"") + 5, 2);
        return found;
    };
    const auto search = [&](const std::string& key) { return client.ok("SEARCH " + key).front(); };
    CHECK(subjects() == "1 2 3 4 5 6 7 8 ");
    CHECK(search("HEADER X-Number n3n") == "* SEARCH 3");
    client.ok("STORE 3,5 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    CHECK(subjects() == "1 2 4 6 7 8 ");
    CHECK(search("HEADER X-Number n3n") == "* SEARCH");
    CHECK(search("SUBJECT \"6 s\"") == "* SEARCH 4");
    client.append("INBOX", message(9));
    client.ok("NOOP");
    CHECK(subjects() == "1 2 4 6 7 8 9 ");
    CHECK(search("HEADER X-Number n9n") == "* SEARCH 7");
    CHECK(search("1:6 HEADER X-Number n9n") == "* SEARCH");
    server.restart();
    ImapClient again = server.connect("ann");
    again.ok("SELECT INBOX");
    CHECK(again.ok("SEARCH HEADER X-Number n9n").front() == "* SEARCH 7");
}

TEST_CASE("headers are searched to their end, kept or not") {
    TestServer server;
    server.add_account("ann");
    ImapClient client = server.connect("ann");
    const auto with_header = [](std::size_t bytes, const std::string& rest) {
        return "X-Long: " + std::string(bytes, 'x') + "\r\nX-Last: needle\r\n" + rest;
    };
    for (const std::size_t bytes : {10u, 990u, 1000u, 5000u, 40'000u}) {
        client.append("INBOX", with_header(bytes, "\r\nX-Last: haystack\r\n"));
        client.append("INBOX", with_header(bytes, ""));  // no blank line
    }
    client.ok("SELECT INBOX");
    for (int time = 0; time < 2; ++time) {
        CHECK(client.ok("SEARCH HEADER X-Last needle").front() == "* SEARCH 1 2 3 4 5 6 7 8 9 10");
        CHECK(client.ok("SEARCH HEADER X-Last haystack").front() == "* SEARCH");
    }
}
