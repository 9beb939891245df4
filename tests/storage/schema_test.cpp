// The worked example of storage/schema.md is what the program writes.
#include "storage/crc32c.hpp"
#include "storage/keys.hpp"
#include "storage/records.hpp"
#include "storage/segment_frame.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>

using namespace tidemark::storage;

namespace {

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

std::string row(std::string_view family, const std::string& key, const std::string& value) {
    return fmt::format("{:<9} {}\n          = {}\n", family, hex(key), hex(value));
}

}  // namespace

TEST_CASE("the worked example of schema.md is what is stored") {
    std::ifstream file(TIDEMARK_SOURCE_DIR "/storage/schema.md");
    REQUIRE(file.good());
    const std::string document{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};

    const AccountId account{1};
    const MailboxId mailbox{1};
    const BodyId body{1};
    const std::string text = "Subject: hi\r\n\r\nHello.\r\n";

    AccountRecord record;
    record.id = account;
    record.name = "me";
    record.credentials = "x";
    record.created_seconds = 1'700'000'000;
    AccountCounters counters;
    counters.modseq = 3;
    counters.mailbox_id = 1;
    counters.uidvalidity = 1;
    counters.used_bytes = text.size();
    counters.used_messages = 1;

    Message message;
    message.uid = 1;
    message.flags = kSeen;
    message.modseq = 3;
    message.createseq = 2;
    message.size = static_cast<std::uint32_t>(text.size());
    message.internal_date = {1'700'000'000, 60};
    message.save_date = 1'700'000'001;
    message.body = body;

    MailboxRecord inbox;
    inbox.id = mailbox;
    inbox.name = "INBOX";
    inbox.uidvalidity = 1;
    inbox.uidnext = 2;
    inbox.highestmodseq = inbox.folded_modseq = 3;
    inbox.created_modseq = 1;
    inbox.counts = {1, 0, 0, text.size(), 0};
    inbox.subscribed = true;
    inbox.object_id = "F1";
    inbox.created_seconds = 1'700'000'000;

    ChangeRecord delivered;
    delivered.kind = ChangeKind::kDelivery;
    delivered.time_micros = 1'700'000'001'000'000;
    delivered.appended = {message};
    delivered.appended[0].flags = 0;
    ChangeRecord seen;
    seen.kind = ChangeKind::kStore;
    seen.time_micros = 1'700'000'002'000'000;
    seen.flags = {{0, kSeen, {{1, 1}}}};

    Page page;
    auto fixed = std::make_shared<FixedColumns>();
    fixed->uid = {1};
    fixed->size = {message.size};
    fixed->internal_seconds = {message.internal_date.unix_seconds};
    fixed->internal_zone = {message.internal_date.zone_minutes};
    fixed->createseq = {2};
    fixed->save_date = {message.save_date};
    fixed->body = {body};
    page.fixed = fixed;
    page.flags = {kSeen};
    page.modseq = {3};

    const FrameHeader frame{body, message.size,           crc32c(text), message.internal_date,
                            0,    {{account, mailbox, 1}}};
    const std::string header = encode_frame_header(frame);
    BodyRecord place;
    place.segment = SegmentId{1};
    place.header_bytes = place.offset = static_cast<std::uint32_t>(header.size());
    place.length = message.size;
    place.crc32c = frame.crc32c;
    place.references = {{account, 1}};
    const std::uint64_t bytes = header.size() + text.size() + 1;

    const std::vector<std::string> rows = {
        row("meta", keys::state(), encode(StoreState{1, 3, 0xabcdef, 1, 65, 65537, 2})),
        row("meta", keys::segment(SegmentId{1}), encode(SegmentRecord{bytes, bytes, false})),
        row("accounts", keys::account(account), encode(record)),
        row("accounts", keys::counters(account), encode(counters)),
        row("accounts", keys::account_name("me"), keys::encode_account_id(account)),
        row("accounts", keys::subscription(account, "News"), "\x01"),
        row("mailboxes", keys::mailbox(account, mailbox), encode(inbox)),
        row("changes", keys::change(account, mailbox, 2), encode(delivered)),
        row("changes", keys::change(account, mailbox, 3), encode(seen)),
        row("pages", keys::page(account, mailbox, 1), encode_page(page)),
        row("summaries", keys::summary(account, body), "summary"),
        row("bodies", keys::body(body), encode(place)),
    };
    for (const std::string& expected : rows) {
        CAPTURE(expected);
        CHECK(document.find(expected) != std::string::npos);
    }
    CHECK(document.find(header) != std::string::npos);
    if (const char* path = std::getenv("TIDEMARK_WRITE_EXAMPLE")) {
        std::ofstream out(path);
        for (const std::string& expected : rows) out << expected;
        out << header;
    }
}
