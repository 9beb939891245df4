#include "storage/backup/manifest.hpp"

#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>
#include <xxhash.h>

#include <cstdio>
#include <string>

using namespace tidemark::storage;
using tidemark::testing::FaultyFileSystem;

namespace {

BackupManifest example() {
    BackupManifest manifest;
    manifest.format = 1;
    manifest.id = "0123456789abcdef0123456789abcdef";
    manifest.created_micros = 1'700'000'000'000'000;
    manifest.server_version = "0.1.0";
    manifest.store_seq = 42;
    manifest.fence_owner = 0xfedcba9876543210u;
    manifest.fence_epoch = 3;
    manifest.since = {"ffffffffffffffffffffffffffffffff", "/backups/a \"b\"\n"};
    manifest.accounts = {{AccountId{1}, "m\xc3\xbcller", 17, 2, 3, 400},
                         {AccountId{9}, "z", 1, 0, 0, 0}};
    manifest.segments = {{SegmentId{1}, 1000, 0xdeadbeef, true, BackupManifest::Place::kPrevious},
                         {SegmentId{2}, 0, std::nullopt, false, BackupManifest::Place::kHere},
                         {SegmentId{123'456'789}, 5, 0, true, BackupManifest::Place::kHere}};
    manifest.files = {{"auth-secret", 32, 7, BackupManifest::Place::kHere},
                      {"db/000012.sst", 1u << 20, 8, BackupManifest::Place::kPrevious},
                      {"format", 36, 9, BackupManifest::Place::kHere}};
    return manifest;
}

// The text with another digest, as somebody would make it who edits a manifest.
std::string with_digest(std::string text) {
    const std::size_t at = text.rfind(",\n\"check\"");
    REQUIRE(at != std::string::npos);
    const XXH128_hash_t hash = XXH3_128bits(text.data(), at);
    char digits[33];
    std::snprintf(digits, sizeof digits, "%016llx%016llx",
                  static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    text.replace(at + 12, 32, digits);
    return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return with_digest(text.replace(at, what.size(), with));
}

}  // namespace

TEST_CASE("a manifest is read as it was written, and written the same again") {
    const BackupManifest manifest = example();
    const std::string text = encode(manifest);
    const auto read = decode_manifest(text);
    REQUIRE(read.has_value());
    CHECK(*read == manifest);
    CHECK(encode(*read) == text);
    CHECK(read->messages() == 3);
    CHECK(read->bytes() == 1005 + 32 + (1u << 20) + 36);
    REQUIRE(read->find_segment(SegmentId{2}) != nullptr);
    CHECK(read->find_segment(SegmentId{3}) == nullptr);
    REQUIRE(read->find_file("db/000012.sst") != nullptr);
    CHECK(read->find_file("db") == nullptr);
    CHECK(segment_path(SegmentId{7}) == "mail/00000007.seg");
}

TEST_CASE("a manifest with one byte changed, missing or added is refused") {
    const std::string text = encode(example());
    for (std::size_t at = 0; at < text.size(); ++at) {
        CAPTURE(at);
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        CHECK(!decode_manifest(changed));
        CHECK(!decode_manifest(text.substr(0, at)));
    }
    CHECK(!decode_manifest(text + "\n"));
    CHECK(!decode_manifest(text + text));
}

TEST_CASE("a manifest that says what no backup can hold is refused, digest or not") {
    const std::string text = encode(example());
    CHECK(decode_manifest(with_digest(text)).has_value());
    const std::pair<const char*, const char*> edits[] = {
        {"\"format\": 1", "\"format\": 0"},
        {"\"path\": \"format\"", "\"path\": \"../format\""},
        {"\"path\": \"format\"", "\"path\": \"/format\""},
        {"\"path\": \"format\"", "\"path\": \"f//ormat\""},
        {"\"path\": \"format\"", "\"path\": \"auth-secret\""},
        {"\"place\": \"here\"", "\"place\": \"there\""},
        {"\"crc32c\": \"deadbeef\"", "\"crc32c\": \"deadbee\""},
        {"\"id\": 9", "\"id\": 1"},
        {"\"messages\": 3, \"bytes\": 400", "\"messages\": 4, \"bytes\": 400"},
        {"\"sealed\": false, \"place\": \"here\"", "\"sealed\": false, \"place\": \"previous\""},
        {"\"store_seq\": 42", "\"store_seq\": -42"},
        {"\"store_seq\": 42", "\"store_seq\": 42, \"more\": 1"},
        {"tidemark backup", "tidemark"},
    };
    for (const auto& [what, with] : edits) {
        CAPTURE(with);
        const auto read = decode_manifest(replaced(text, what, with));
        REQUIRE(!read.has_value());
        CHECK(read.error().kind == StoreErrorKind::kCorrupt);
    }
    const auto newer = decode_manifest(replaced(text, "\"version\": 1", "\"version\": 2"));
    REQUIRE(!newer.has_value());
    CHECK(newer.error().kind == StoreErrorKind::kTooNew);
}

TEST_CASE("a manifest without an earlier backup may leave nothing out") {
    BackupManifest manifest = example();
    manifest.since.reset();
    CHECK(!decode_manifest(encode(manifest)));
    for (auto& segment : manifest.segments) segment.place = BackupManifest::Place::kHere;
    for (auto& file : manifest.files) file.place = BackupManifest::Place::kHere;
    CHECK(decode_manifest(encode(manifest)) == manifest);
}

TEST_CASE("a directory without a manifest is not a backup") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/backup"));
    const auto none = read_manifest(files, "/backup");
    REQUIRE(!none.has_value());
    CHECK(none.error().kind == StoreErrorKind::kNotFound);
    files.replace_contents("/backup/manifest.json", encode(example()));
    CHECK(read_manifest(files, "/backup") == example());
    files.flip("/backup/manifest.json", 100);
    const auto bad = read_manifest(files, "/backup");
    REQUIRE(!bad.has_value());
    CHECK(bad.error().kind == StoreErrorKind::kCorrupt);
}
