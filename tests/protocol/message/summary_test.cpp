#include "protocol/message/summary.hpp"

#include "protocol/message/limits.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

const std::string kSummarized =
    "Date: Thu, 1 Jan 1970 00:00:10 +0100\r\n"
    "Subject: Re: [l] =?utf-8?q?=C3=89t=C3=A9?=\r\n"
    "From: =?utf-8?q?J=C3=B6rg?= <joe@example.com>, b@c\r\n"
    "To: friends: ann@example.com;\r\n"
    "Cc: \"C D\" <cd@example.com>\r\n"
    "Message-ID: (x) <\"a b\"@c>\r\n"
    "References: <1@x>\r\n\t<2@x> junk <3 @x>\r\n"
    "In-Reply-To: <9@x>\r\n"
    "\r\n"
    "> quoted\r\n\r\nHello,   world\r\n";

}  // namespace

TEST_CASE("a summary holds what the session and the store need") {
    const MessageSummary summary = make_summary(kSummarized);
    CHECK(summary.envelope.starts_with("(\"Thu, 1 Jan 1970 00:00:10 +0100\" "));
    CHECK(summary.body_structure.starts_with("(\"text\" \"plain\" "));
    CHECK(summary.body_structure.size() > summary.body.size());
    CHECK(summary.sent_seconds == -3590);
    CHECK(summary.sent_day == 0);
    CHECK(summary.header_size == kSummarized.find("\r\n\r\n") + 4);
    CHECK(summary.subject_key == "E\xCC\x81TE\xCC\x81");
    CHECK(summary.is_reply_or_forward);
    CHECK(summary.from_key == "JOE");
    CHECK(summary.to_key == "FRIENDS");
    CHECK(summary.cc_key == "CD");
    CHECK(summary.from_display_key == "JO\xCC\x88RG");
    CHECK(summary.to_display_key == "FRIENDS");
    CHECK(summary.message_id == "a b@c");
    CHECK(summary.references == std::vector<std::string>{"1@x", "2@x", "3@x"});
    CHECK(summary.preview == "Hello, world");
}

TEST_CASE("without references the first id of in-reply-to counts") {
    const MessageSummary summary =
        make_summary("References: none\r\nIn-Reply-To: x <a@b> <c@d>\r\n");
    CHECK(summary.references == std::vector<std::string>{"a@b"});
    CHECK(summary.message_id.empty());
    CHECK_FALSE(summary.sent_seconds);
}

TEST_CASE("long reference lists keep the first and the nearest") {
    std::string header = "References:";
    for (int i = 0; i < 2000; ++i) {
        header += "\r\n <" + std::to_string(i) + "@x>";
    }
    const MessageSummary summary = make_summary(header + "\r\n\r\n");
    REQUIRE(summary.references.size() == kReferencesMax);
    CHECK(summary.references.front() == "0@x");
    CHECK(summary.references[1] == std::to_string(2000 - kReferencesMax + 1) + "@x");
    CHECK(summary.references.back() == "1999@x");
}

TEST_CASE("a stored summary reads back, in place") {
    const MessageSummary summary = make_summary(kSummarized);
    const std::string stored = encode_summary(summary);
    const auto view = SummaryView::read(stored);
    REQUIRE(view);
    CHECK(view->to_summary() == summary);
    CHECK(view->envelope() == summary.envelope);
    CHECK(view->envelope().data() >= stored.data());
    CHECK(view->envelope().data() < stored.data() + stored.size());
    CHECK(view->references().size() == 3);
    const MessageSummary empty;
    const std::string stored_empty = encode_summary(empty);
    CHECK(SummaryView::read(stored_empty)->to_summary() == empty);
}

TEST_CASE("the layout of version 1 does not change") {
    MessageSummary summary;
    summary.envelope = "e";
    summary.sent_seconds = 1;
    summary.header_size = 300;
    summary.references = {"r"};
    const std::string expected = std::string(
        "\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0\xAC\x02\x01"
        "e\0\0\0\0\0\0\0\0\0\0\x01\x01r",
        31);
    CHECK(encode_summary(summary) == expected);
}

TEST_CASE("damaged summaries are refused") {
    const std::string stored = encode_summary(make_summary(kSummarized));
    for (std::size_t size = 0; size < stored.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(SummaryView::read(std::string_view(stored).substr(0, size)));
    }
    std::string other = stored + "x";
    CHECK_FALSE(SummaryView::read(other));
    other = stored;
    other[0] = 2;
    CHECK_FALSE(SummaryView::read(other));
    other = stored;
    other[1] = 8;
    CHECK_FALSE(SummaryView::read(other));
}

TEST_CASE("any message cut anywhere has a summary that can be stored") {
    for (std::size_t size = 0; size <= kSummarized.size(); ++size) {
        CAPTURE(size);
        const MessageSummary summary = make_summary(kSummarized.substr(0, size));
        const std::string stored = encode_summary(summary);
        const auto view = SummaryView::read(stored);
        REQUIRE(view);
        CHECK(view->to_summary() == summary);
    }
}

TEST_CASE("hostile headers stay small in the summary") {
    std::string header = "From: ";
    while (header.size() < 3 * kHeaderBytesMax) {
        header += "a,";
    }
    const MessageSummary summary = make_summary(header + "\r\nSubject: x\r\n\r\n");
    CHECK(summary.envelope.size() < kAddressesMax * 80);
    const MessageSummary subject = make_summary("Subject: " + std::string(100'000, 'x'));
    CHECK(subject.subject_key.size() == kSortKeyBytesMax);
}

TEST_CASE("previews come from the text that a reader sees first") {
    const auto preview = [](const std::string& text) { return make_summary(text).preview; };
    CHECK(preview("\r\n> only quoted\r\n") == "> only quoted");
    CHECK(preview("Content-Type: text/html\r\n\r\n<style>p{}</style><p>A&amp;B&#233;&#x20AC;</p>"
                  "<!-- no --><br>C &unknown; &#0;") == "A&B\xC3\xA9\xE2\x82\xAC C &unknown; &#0;");
    CHECK(preview("Content-Type: image/png\r\n\r\nxx").empty());
    CHECK(preview("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                  "Content-Disposition: attachment\r\n\r\nnot this\r\n--b\r\n"
                  "Content-Type: text/html\r\n\r\n<b>this\r\n--b--") == "this");
    std::string accents;
    for (int i = 0; i < 500; ++i) {
        accents += "\xC3\xA9";
    }
    CHECK(preview("Content-Type: text/plain; charset=utf-8\r\n\r\n" + accents).size() == 400);
    CHECK(preview("Content-Type: text/html\r\n\r\n<script>endless").empty());
    CHECK(preview("Content-Type: text/html\r\n\r\n<").empty());
}

}  // namespace tidemark::protocol::message
