// SEARCH over random mailboxes against a model that looks at one message after the other.
#include "protocol/message/substring_matcher.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <random>

using namespace tidemark::test;
using tidemark::protocol::message::match_header;
using tidemark::protocol::message::SubstringMatcher;

namespace {

struct Sent {
    std::string text;
    bool seen = false;
    bool flagged = false;
    bool keyword = false;
};

struct Criterion {
    std::string text;
    std::function<bool(const Sent&, unsigned number)> matches;
};

class Mailbox {
  public:
    explicit Mailbox(std::uint64_t seed) : random_(seed) {
        server_.add_account("ann");
        client_ = std::make_unique<ImapClient>(server_.connect("ann"));
        for (int i = 0; i < 300; ++i) add();
        client_->ok("SELECT INBOX");
    }

    void check(const Criterion& criterion) {
        std::string expected = "* SEARCH";
        for (unsigned i = 0; i < messages_.size(); ++i) {
            if (criterion.matches(messages_[i], i + 1)) expected += " " + std::to_string(i + 1);
        }
        CAPTURE(criterion.text);
        CHECK(client_->ok("SEARCH " + criterion.text).front() == expected);
    }

    Criterion any(int depth) {
        if (depth == 0) return key();
        Criterion a = any(depth - 1);
        Criterion b = any(depth - 1);
        switch (below(4)) {
            case 0:
                return {"NOT (" + a.text + ")",
                        [a](const Sent& m, unsigned n) { return !a.matches(m, n); }};
            case 1:
                return {"OR (" + a.text + ") (" + b.text + ")", [a, b](const Sent& m, unsigned n) {
                            return a.matches(m, n) || b.matches(m, n);
                        }};
            default:
                return {a.text + " " + b.text, [a, b](const Sent& m, unsigned n) {
                            return a.matches(m, n) && b.matches(m, n);
                        }};
        }
    }

    // The others expunge a third; this session is not told until it asks for something else.
    void expunge_elsewhere() {
        auto other = server_.connect("ann");
        other.ok("SELECT INBOX");
        other.ok("STORE 1:100 +FLAGS.SILENT (\\Deleted)");
        other.ok("EXPUNGE");
    }

  private:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    void add() {
        Sent sent;
        const auto word = [&] { return below(2) == 0 ? "tide" : "moon"; };
        sent.text = fmt::format("Subject: {} {}\r\n", word(), below(10));
        // Some headers are longer than what is read of them at first, and some much longer.
        const std::size_t filler = below(8) == 0 ? below(5000) : below(3);
        for (std::size_t i = 0; i < filler; ++i) sent.text += fmt::format("X-Filler: {}\r\n", i);
        sent.text += fmt::format("From: {} <{}@example.org>\r\n", word(), word());
        if (below(3) == 0) sent.text += fmt::format("subject: {} \r\n again\r\n", word());
        sent.text += fmt::format("X-Mark: {}\r\n", below(5));
        if (below(20) != 0) sent.text += "\r\nSubject: harbour\r\n" + std::string(below(900), 'x');
        sent.seen = below(2) == 0;
        sent.flagged = below(3) == 0;
        sent.keyword = below(4) == 0;
        client_->append(
            "INBOX", sent.text,
            fmt::format("{}{}{}", sent.seen ? "\\Seen " : "", sent.flagged ? "\\Flagged " : "",
                        sent.keyword ? "$Key" : "$No"));
        messages_.push_back(std::move(sent));
    }

    static Criterion header(std::string text, std::string name, const std::string& needle) {
        return {std::move(text),
                [name = std::move(name), matcher = SubstringMatcher(needle)](
                    const Sent& m, unsigned) { return match_header(m.text, name, matcher); }};
    }

    Criterion key() {
        const unsigned edge = static_cast<unsigned>(below(300)) + 1;
        const std::size_t size = below(1500);
        switch (below(10)) {
            case 0:
                return {"SEEN", [](const Sent& m, unsigned) { return m.seen; }};
            case 1:
                return {"UNFLAGGED", [](const Sent& m, unsigned) { return !m.flagged; }};
            case 2:
                return {"KEYWORD $Key", [](const Sent& m, unsigned) { return m.keyword; }};
            case 3:
                return {"KEYWORD $Unheard", [](const Sent&, unsigned) { return false; }};
            case 4:
                return {fmt::format("LARGER {}", size),
                        [size](const Sent& m, unsigned) { return m.text.size() > size; }};
            case 5:
                return {fmt::format("{}:*", edge),
                        [edge](const Sent&, unsigned n) { return n >= edge; }};
            case 6:
                return {fmt::format("UID {}:{},3", edge, edge + 20),
                        [edge](const Sent&, unsigned n) {
                            return (n >= edge && n <= edge + 20) || n == 3;
                        }};
            case 7:
                return header("SUBJECT \"tide 7\"", "Subject", "tide 7");
            case 8:
                return header("FROM tide@", "From", "tide@");
            default:
                return header("HEADER X-Mark 3", "X-Mark", "3");
        }
    }

    TestServer server_;
    std::unique_ptr<ImapClient> client_;
    std::mt19937_64 random_;
    std::vector<Sent> messages_;
};

}  // namespace

TEST_CASE("SEARCH finds what looking at each message finds, for any program of keys") {
    Mailbox mailbox(1);
    for (int round = 0; round < 60; ++round) {
        for (int depth = 0; depth < 4; ++depth) mailbox.check(mailbox.any(depth));
    }
}

TEST_CASE("SEARCH by headers finds messages that others have expunged until this is told") {
    Mailbox mailbox(2);
    mailbox.expunge_elsewhere();
    for (int round = 0; round < 20; ++round) mailbox.check(mailbox.any(2));
}
