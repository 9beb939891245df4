// The manifest of a backup: what is in it, and the one thing that makes a directory a backup. It is
// written last, under a temporary name of the whole directory; a directory without a whole manifest
// is not a backup and is never restored from.
//
//     DEST/manifest.json
//     DEST/format                 as in a data directory
//     DEST/auth-secret            where the data directory has one
//     DEST/db/…                   RocksDB: *.sst never change and may be links; all others are
//                                 the backup's own
//     DEST/mail/NNNNNNNN.seg      sealed ones never change and may be links; those that are not
//                                 sealed are copies that end where the committed bytes end
//     DEST/config/…               the configuration; certificates and keys only if asked for
//
// The manifest is JSON, the same bytes for the same values, one line for each account, segment and
// file; its last member is a digest of all the text before it. An incremental backup may leave out
// segments and files that an earlier one has (Place::kPrevious): they are found by following
// `since` until a manifest has them Place::kHere. Values, any thread.
#pragma once

#include "storage/file_system.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

constexpr std::string_view kManifestFile = "manifest.json";
// In the name of a directory that a backup is still being written to; whatever is in it, it is no
// backup.
constexpr std::string_view kUnfinishedInfix = ".tidemark-unfinished-";
// What this program writes; a higher number is refused (kTooNew).
constexpr std::uint32_t kManifestVersion = 1;
// 100 bytes a line: ten million accounts, segments and files.
constexpr std::uint64_t kManifestBytesMax = 1u << 30;

struct BackupManifest {
    enum class Place : std::uint8_t { kHere, kPrevious };

    struct Since {
        std::string id;    // of the earlier backup
        std::string path;  // absolute, as it was when this backup was made: a hint only
        friend bool operator==(const Since&, const Since&) = default;
    };
    struct Account {
        AccountId id{};
        std::string name;
        ModSeq highest_modseq = 0;
        std::uint64_t mailboxes = 0;
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        friend bool operator==(const Account&, const Account&) = default;
    };
    struct Segment {
        SegmentId id{};
        std::uint64_t bytes = 0;  // committed; exactly the file's length
        // Of these bytes, from the moment they were written on; unknown in directories that are
        // older than this record.
        std::optional<std::uint32_t> crc32c;
        bool sealed = true;
        Place place = Place::kHere;
        friend bool operator==(const Segment&, const Segment&) = default;
    };
    struct File {
        std::string path;  // relative to the backup, '/' between levels
        std::uint64_t bytes = 0;
        std::optional<std::uint32_t> crc32c;
        Place place = Place::kHere;
        friend bool operator==(const File&, const File&) = default;
    };

    std::uint32_t format = 0;  // of the data directory
    std::string id;            // 32 hex digits, of this backup alone
    std::int64_t created_micros = 0;
    std::string server_version;
    StoreSeq store_seq = 0;
    std::uint64_t fence_owner = 0;  // StoreState's: backups of one chain have the same
    std::uint64_t fence_epoch = 0;
    std::optional<Since> since;
    std::vector<Account> accounts;  // ascending by id
    std::vector<Segment> segments;  // ascending by id
    std::vector<File> files;        // all others, ascending by path
    friend bool operator==(const BackupManifest&, const BackupManifest&) = default;

    const Segment* find_segment(SegmentId segment) const;
    const File* find_file(std::string_view path) const;
    std::uint64_t messages() const;
    std::uint64_t bytes() const;  // of segments and files, those left out included
};

// "mail/00000001.seg"
std::string segment_path(SegmentId id);

// `manifest` must be one that decode() accepts.
std::string encode(const BackupManifest& manifest);
// kCorrupt when a byte is not as encode() wrote it, kTooNew.
Result<BackupManifest> decode_manifest(std::string_view text);
// kNotFound when the directory or its manifest does not exist, or the backup was never finished.
Result<BackupManifest> read_manifest(FileSystem& file_system, const std::string& directory);

}  // namespace tidemark::storage
