// What a backup's manifest says, against the files that are there and against what is in them.
#include "storage/crc32c.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/verify/verify_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace tidemark::storage {

// False when the rest can not be judged.
bool VerifyRun::check_backup_files() {
    if (!backup_->fault.empty()) {
        find_in_file(FindingCode::kManifest, {}, std::string(kManifestFile), std::nullopt,
                     backup_->fault);
    }
    // Without it the directory is looked at like any other.
    if (!backup_->manifest) return true;
    const std::vector<BackupChain::Item> items = backup_->items(directory_);
    std::uint64_t total = 0;
    for (const BackupChain::Item& item : items) total += item.bytes;
    if (!options_.quick) begin("comparing digests", "bytes", total);
    in_parallel(items.size(), [&](std::size_t i) { check_backup_file(items[i]); });
    check_extra_files("");
    return backup_->chain.has_value();
}

void VerifyRun::check_backup_file(const BackupChain::Item& item) {
    const bool is_elsewhere = item.from != fmt::format("{}/{}", directory_, item.path);
    const auto wrong = [&](FindingCode code, std::string text) {
        if (is_elsewhere) text += fmt::format("; it is {}", item.from);
        find_in_file(code, {}, item.path, std::nullopt, std::move(text));
    };
    const auto status = backup_->disk->status(item.from);
    if (!status) return wrong(FindingCode::kRead, status.error().text);
    if (!*status || (*status)->directory)
        return wrong(FindingCode::kManifestDigest, "the manifest names it, there is no such file");
    if ((*status)->size != item.bytes) {
        return wrong(
            FindingCode::kManifestDigest,
            fmt::format("it has {} bytes, the manifest says {}", (*status)->size, item.bytes));
    }
    if (options_.quick || !item.crc32c) return;
    const auto file = backup_->disk->open(item.from, FileSystem::Mode::kRead);
    if (!file) return wrong(FindingCode::kRead, file.error().text);
    std::string bytes(std::min<std::uint64_t>(item.bytes, kReadPieceBytes), '\0');
    std::uint32_t crc = 0;
    for (std::uint64_t done = 0; done < item.bytes;) {
        const std::size_t size = std::min<std::uint64_t>(bytes.size(), item.bytes - done);
        const auto got = (*file)->read_at(done, bytes.data(), size);
        if (!got || *got != size) {
            return wrong(FindingCode::kRead,
                         got ? std::string("the file ends too early") : got.error().text);
        }
        if (cancelled()) return;
        crc = crc32c(std::string_view(bytes).substr(0, size), crc);
        done += size;
        advance(size);
    }
    if (crc == *item.crc32c) return;
    wrong(FindingCode::kManifestDigest,
          fmt::format("its CRC is {:08x}, the manifest says {:08x}", crc, *item.crc32c));
}

// What lies in the directory and is not the backup's.
void VerifyRun::check_extra_files(const std::string& below) {
    const auto names = backup_->disk->list(below.empty() ? directory_ : directory_ + "/" + below);
    if (!names) {
        find_in_file(FindingCode::kRead, {}, below, std::nullopt, names.error().text);
        return;
    }
    for (const std::string& name : *names) {
        const std::string path = below.empty() ? name : below + "/" + name;
        const auto status = backup_->disk->status(directory_ + "/" + path);
        // Directories of a backup are two levels deep at most; a deeper one is named as a whole.
        if (status && *status && (*status)->directory &&
            std::count(path.begin(), path.end(), '/') < 2) {
            check_extra_files(path);
        } else if (path != kManifestFile && !names_here(path)) {
            find_in_file(FindingCode::kUnknownFile, {}, path, std::nullopt,
                         "the manifest does not name it");
        }
    }
}

bool VerifyRun::names_here(const std::string& path) const {
    const BackupManifest& manifest = *backup_->manifest;
    const auto is_here = [](const auto* item) {
        return item != nullptr && item->place == BackupManifest::Place::kHere;
    };
    const std::size_t slash = path.rfind('/');
    const auto segment = SegmentDirectory::id_of_name(
        std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1));
    if (segment && segment_path(*segment) == path) return is_here(manifest.find_segment(*segment));
    return is_here(manifest.find_file(path));
}

template <class Value>
void VerifyRun::compare_manifest(const Place& place, std::string_view what, const Value& said,
                                 const Value& there) {
    if (said == there) return;
    find_in_file(FindingCode::kManifest, place, std::string(kManifestFile), std::nullopt,
                 fmt::format("it says {} {}, there is {}", what, said, there));
}

void VerifyRun::check_manifest_contents() {
    const BackupManifest& manifest = *backup_->manifest;
    compare_manifest({}, "format", manifest.format, format_);
    if (state_) {
        compare_manifest({}, "store_seq", manifest.store_seq, state_->store_seq);
        compare_manifest({}, "fence owner", manifest.fence_owner, state_->fence_owner);
        compare_manifest({}, "fence epoch", manifest.fence_epoch, state_->fence_epoch);
    }
    check_manifest_segments();
    compare_manifest({}, "number of accounts", manifest.accounts.size(), accounts_.size());
    for (const BackupManifest::Account& account : manifest.accounts) {
        if (is_account(account.id)) {
            check_manifest_account(account);
            continue;
        }
        find_in_file(FindingCode::kManifest, {}, std::string(kManifestFile), std::nullopt,
                     fmt::format("it has an account {}, which is not there", account.name));
    }
}

// A segment that has a record and is not in the manifest is told as one that is not there.
void VerifyRun::check_manifest_segments() {
    for (const BackupManifest::Segment& segment : backup_->manifest->segments) {
        const auto record = segments_.find(segment.id);
        const std::string label = segment_label(segment.id);
        if (record == segments_.end()) {
            find_in_file(FindingCode::kManifest, {}, std::string(kManifestFile), std::nullopt,
                         fmt::format("it has a segment {}, which has no record", label));
            continue;
        }
        compare_manifest({}, fmt::format("length of {}", label), segment.bytes,
                         record->second.bytes);
        compare_manifest({}, fmt::format("sealing of {}", label), segment.sealed,
                         record->second.sealed);
    }
}

void VerifyRun::check_manifest_account(const BackupManifest::Account& account) {
    const Place place{account.id, {}, 0};
    compare_manifest(place, "name", account.name, account_label(account.id));
    const auto counters =
        db_->get(Family::kAccounts, keys::counters(account.id)).and_then(decode_counters);
    if (!counters) return;  // told, or it is being removed
    compare_manifest(place, "modseq", account.highest_modseq, counters->modseq);
    compare_manifest(place, "messages", account.messages, counters->used_messages);
    compare_manifest(place, "bytes", account.bytes, counters->used_bytes);
    std::uint64_t mailboxes = 0;
    const Result<void> scanned =
        db_->scan_prefix(Family::kMailboxes, keys::mailboxes(account.id),
                         [&](std::string_view, std::string_view) -> Result<bool> {
                             ++mailboxes;
                             return true;
                         });
    if (scanned) compare_manifest(place, "mailboxes", account.mailboxes, mailboxes);
}

}  // namespace tidemark::storage
