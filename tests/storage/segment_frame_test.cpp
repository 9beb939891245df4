#include "storage/segment_frame.hpp"

#include "storage/crc32c.hpp"
#include "storage/limits.hpp"
#include "storage/segments.hpp"
#include "tests/storage/random_records.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

FrameHeader header(std::size_t owners) {
    FrameHeader made{BodyId{42}, 5, 0xdeadbeef, {1'700'000'000, -330}, kSeen | kDraft, {}};
    for (std::size_t i = 0; i < owners; ++i) {
        made.owners.push_back({AccountId{1'000'000 + i}, MailboxId{7}, static_cast<Uid>(i + 1)});
    }
    return made;
}

bool equal(const BodyOwner& a, const BodyOwner& b) {
    return a.account == b.account && a.mailbox == b.mailbox && a.uid == b.uid;
}

bool equal(const FrameHeader& a, const FrameHeader& b) {
    return a.body == b.body && a.length == b.length && a.crc32c == b.crc32c &&
           a.internal_date == b.internal_date && a.system_flags == b.system_flags &&
           a.owners.size() == b.owners.size() &&
           std::equal(a.owners.begin(), a.owners.end(), b.owners.begin(),
                      [](const BodyOwner& x, const BodyOwner& y) { return equal(x, y); });
}

std::unique_ptr<File> file_with(tidemark::testing::FaultyFileSystem& files,
                                const std::string& bytes) {
    files.replace_contents("/segment", bytes);
    return std::move(*files.open("/segment", FileSystem::Mode::kRead));
}

}  // namespace

TEST_CASE("CRC-32C gives iSCSI's known values, with and without the processor's help") {
    const std::vector<std::pair<std::string, std::uint32_t>> known = {
        {std::string(32, '\0'), 0x8a9136aa},
        {std::string(32, '\xff'), 0x62a8ab43},
        {"123456789", 0xe3069283},
        {"", 0}};
    for (const auto& [bytes, crc] : known) {
        CHECK(crc32c(bytes) == crc);
        CHECK(crc32c_portable(bytes) == crc);
    }
    Random random(1);
    std::string bytes(5000, '\0');  // more than three lanes of the fast way, some times
    for (char& c : bytes) c = static_cast<char>(random());
    for (std::size_t size = 0; size < bytes.size(); size += 7) {
        const std::string_view part = std::string_view(bytes).substr(0, size);
        CHECK(crc32c(part) == crc32c_portable(part));
        CHECK(crc32c(part.substr(size / 3), crc32c(part.substr(0, size / 3))) == crc32c(part));
    }
}

TEST_CASE("a frame's header is a readable line") {
    CHECK(encode_frame_header(header(2)) ==
          "TMB1 42 5 deadbeef 1700000000 -330 11 1000000:7:1,1000001:7:2 f3a79464\n");
}

TEST_CASE("a header line is read back, and any change of it is refused") {
    const std::string line = encode_frame_header(header(2));
    const std::optional<FrameLine> read = parse_frame_line(line + "hello\n");
    REQUIRE(read.has_value());
    CHECK(equal(read->header, header(2)));
    CHECK(read->line_bytes == line.size());
    CHECK(!read->more_owners);
    for (std::size_t i = 0; i < line.size(); ++i) {
        CHECK(!parse_frame_line(line.substr(0, i)));
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = line;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            // Upper-case digits of the check are the same number.
            const std::optional<FrameLine> other = parse_frame_line(changed);
            CHECK((!other || equal(other->header, header(2))));
        }
    }
}

TEST_CASE("owners that do not fit are named by lines of their own") {
    const std::string lines = encode_frame_header(header(1000));
    tidemark::testing::FaultyFileSystem files;
    const std::string text = lines + "hello\n" + encode_frame_header(header(1)) + "world\n";
    const auto file = file_with(files, text);
    const auto first = scan_frame(*file, 0, text.size());
    REQUIRE(first.has_value());
    REQUIRE(first->has_value());
    CHECK((*first)->header.owners.size() == 1000);
    CHECK((*first)->header_bytes == lines.size());
    CHECK((*first)->body_offset == lines.size());
    const auto second = scan_frame(*file, (*first)->end(), text.size());
    REQUIRE((second && *second));
    CHECK(equal((*second)->header, header(1)));
    CHECK(text.substr((*second)->body_offset, 5) == "world");
    const auto end = scan_frame(*file, (*second)->end(), text.size());
    REQUIRE(end.has_value());
    CHECK(!end->has_value());
}

TEST_CASE(
    "a streamed body's header fills its reserved place exactly, further owners follow the body") {
    for (const std::size_t owners : {1u, 50u, 500u}) {
        const PaddedFrameHeader padded = encode_padded_frame_header(header(owners));
        CHECK(padded.line.size() == kFrameLineBytesMax);
        const std::optional<FrameLine> read = parse_frame_line(padded.line);
        REQUIRE(read.has_value());
        std::size_t named = read->header.owners.size();
        CHECK(named > 0);
        std::string_view rest = padded.more_owners;
        while (!rest.empty()) {
            const std::optional<FrameLine> more = parse_frame_line(rest);
            REQUIRE(more.has_value());
            CHECK(more->more_owners);
            CHECK(more->header.body == BodyId{42});
            named += more->header.owners.size();
            rest.remove_prefix(more->line_bytes);
        }
        CHECK(named == owners);
        tidemark::testing::FaultyFileSystem files;
        const std::string text = padded.line + "hello\n" + padded.more_owners;
        const auto file = file_with(files, text);
        const auto frame = scan_frame(*file, 0, text.size());
        REQUIRE((frame && *frame));
        CHECK((*frame)->body_offset == kFrameLineBytesMax);
        const auto end = scan_frame(*file, (*frame)->end(), text.size());
        REQUIRE(end.has_value());
        CHECK(!end->has_value());
    }
}

TEST_CASE("a scan refuses what is no frame") {
    tidemark::testing::FaultyFileSystem files;
    const std::string good = encode_frame_header(header(1)) + "hello\n";
    const auto kind = [&](const std::string& text) {
        const auto file = file_with(files, text);
        const auto frame = scan_frame(*file, 0, text.size());
        return frame ? std::optional<StoreErrorKind>() : frame.error().kind;
    };
    CHECK(kind(good) == std::nullopt);
    CHECK(kind(good.substr(0, good.size() - 1)) == StoreErrorKind::kCorrupt);
    CHECK(kind(good.substr(0, good.size() - 1) + "x") == StoreErrorKind::kCorrupt);
    CHECK(kind("garbage") == StoreErrorKind::kCorrupt);
    CHECK(kind(std::string(10'000, '\0')) == StoreErrorKind::kCorrupt);
    CHECK(kind("") == std::nullopt);
}

TEST_CASE("segment names are numbers of at least eight digits") {
    CHECK(SegmentDirectory::id_of_name("00000012.seg") == SegmentId{12});
    CHECK(SegmentDirectory::id_of_name("4294967295.seg") == SegmentId{4294967295});
    for (const char* name : {"12.seg", "4294967296.seg", "99999999999999999999.seg", "0000001x.seg",
                             "00000001.sex", ""}) {
        CHECK(!SegmentDirectory::id_of_name(name));
    }
    CHECK(SegmentDirectory::is_staging_name("77.staged"));
}

TEST_CASE("no more segment files stay open than allowed, those in use excepted") {
    tidemark::testing::FaultyFileSystem files;
    REQUIRE(files.make_directory("/mail").has_value());
    SegmentDirectory directory("/mail", files, 2);
    for (unsigned id = 1; id <= 4; ++id)
        files.replace_contents(directory.path_of(SegmentId{id}), "x");
    const auto held = *directory.open(SegmentId{1}, false);
    for (unsigned id = 2; id <= 4; ++id) REQUIRE(directory.open(SegmentId{id}, false).has_value());
    CHECK(*directory.open(SegmentId{2}, true) == nullptr);
    CHECK(*directory.open(SegmentId{4}, true) != nullptr);
    const auto four = *directory.open(SegmentId{4}, true);
    CHECK(!directory.forget(SegmentId{4}));
    CHECK(directory.forget(SegmentId{3}));
    CHECK(directory.open(SegmentId{9}, false).error().kind == StoreErrorKind::kNotFound);
    char c = 0;
    CHECK(*held->file().read_at(0, &c, 1) == 1);
}
