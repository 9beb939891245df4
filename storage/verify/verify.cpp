#include "storage/verify/verify.hpp"

#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_impl.hpp"
#include "storage/verify/verify_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace tidemark::storage {
namespace {

constexpr unsigned kOpenSegmentsMax = 64;

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

}  // namespace

VerifyRun::VerifyRun(std::string directory, const VerifyOptions& options, FileSystem& files,
                     const BackupSource* backup)
    : directory_(without_slash(std::move(directory))),
      options_(options),
      files_(files),
      backup_(backup),
      segment_files_(options.mail_directory.empty() ? directory_ + "/mail" : options.mail_directory,
                     files, kOpenSegmentsMax) {}

Result<void> VerifyRun::lock() {
    const std::string path = directory_ + "/lock";
    const auto there = files_.status(path);
    if (!there) return tl::unexpected(store_error(there.error()));
    // A backup has none, and making one would change the directory.
    if (!options_.lock || backup_ != nullptr || !*there) return {};
    auto lock = files_.lock(path);
    if (lock) {
        lock_ = std::move(*lock);
        return {};
    }
    if (lock.error().code == EROFS) return {};  // nobody can write there
    if (lock.error().code != EAGAIN) return tl::unexpected(store_error(lock.error()));
    return fail(StoreErrorKind::kLocked,
                fmt::format("{} is in use by another process; a running server verifies itself",
                            directory_));
}

Result<VerifyReport> VerifyRun::run() {
    const auto there = files_.status(directory_);
    if (!there) return tl::unexpected(store_error(there.error()));
    if (!*there || !(*there)->directory) {
        return fail(
            StoreErrorKind::kNotFound,
            fmt::format("{} {}", directory_, *there ? "is not a directory" : "does not exist"));
    }
    if (auto locked = lock(); !locked) return tl::unexpected(locked.error());
    // The restore itself looks at what it has made so far, which is its own.
    if (options_.lock) {
        if (auto finished = check_not_restoring(directory_, files_); !finished)
            return tl::unexpected(finished.error());
    }
    if (backup_ == nullptr || check_backup_files()) {
        if (auto checked = check_contents(); !checked) return tl::unexpected(checked.error());
    }
    if (cancelled()) return fail(StoreErrorKind::kUnavailable, "cancelled");

    VerifyReport report;
    std::sort(findings_.begin(), findings_.end());
    report.findings = std::move(findings_);
    report.findings_left_out = findings_left_out_;
    report.counts = counts_;
    report.is_backup = backup_ != nullptr;
    return report;
}

Result<void> VerifyRun::check_contents() {
    if (auto checked = check_format(); !checked) return checked;
    auto opened = Database::open(directory_ + "/" + database_name(format_), files_);
    if (opened) {
        db_ = std::move(*opened);
        check_tables();
        check_state();
        check_store_seq();
        check_meta_keys();
    } else {
        find_in_file(FindingCode::kDatabaseOpen, {}, database_name(format_), std::nullopt,
                     opened.error().detail);
    }
    if (db_) {
        check_segment_files();
        check_mail_directory();
        load_account_ids();
        if (backup_ != nullptr && backup_->chain) check_manifest_contents();
        check_account_rows();
        check_stray_rows();
        begin("checking accounts", "accounts", accounts_.size());
        in_parallel(accounts_.size(), [this](std::size_t i) {
            check_account(accounts_[i]);
            advance(1);
        });
        check_bodies();
        check_reference_totals();
        check_segment_live();
    }
    if (!options_.quick) check_segment_frames();
    return {};
}

void VerifyRun::find(FindingCode code, const Place& place, std::string text) {
    find_in_file(code, place, {}, std::nullopt, std::move(text));
}

void VerifyRun::find_in_file(FindingCode code, const Place& place, std::string file,
                             std::optional<std::uint64_t> offset, std::string text) {
    Finding finding;
    finding.code = code;
    if (place.account) finding.account = account_label(*place.account);
    if (place.account && place.mailbox)
        finding.mailbox = mailbox_label(*place.account, *place.mailbox);
    finding.uid = place.uid;
    finding.file = std::move(file);
    finding.offset = offset;
    finding.text = std::move(text);
    const std::lock_guard lock(mutex_);
    if (findings_.size() >= kFindingsMax) {
        if (!is_note(code)) ++findings_left_out_;
        return;
    }
    findings_.push_back(std::move(finding));
}

void VerifyRun::find_unread(const StoreError& error, std::string_view what, const Place& place) {
    if (has_damaged_table_ && error.kind == StoreErrorKind::kCorrupt) return;
    find(FindingCode::kDatabaseBlock, place, fmt::format("{}: {}", what, error.detail));
}

std::string VerifyRun::account_label(AccountId account) const {
    if (db_) {
        const auto record =
            db_->get(Family::kAccounts, keys::account(account)).and_then(decode_account);
        if (record && !record->name.empty()) return record->name;
    }
    return fmt::format("#{}", raw(account));
}

std::string VerifyRun::mailbox_label(AccountId account, MailboxId mailbox) const {
    const auto record =
        db_->get(Family::kMailboxes, keys::mailbox(account, mailbox)).and_then(decode_mailbox);
    if (record && !record->name.empty()) return record->name;
    return fmt::format("#{}", raw(mailbox));
}

std::string VerifyRun::segment_label(SegmentId segment) const {
    return fmt::format("mail/{:08}.seg", raw(segment));
}

bool VerifyRun::cancelled() const {
    return options_.is_cancelled && options_.is_cancelled();
}

void VerifyRun::begin(std::string_view what, std::string_view unit, std::uint64_t total) {
    const std::lock_guard lock(mutex_);
    progress_ = {what, unit, 0, total};
    if (options_.on_progress) options_.on_progress(progress_);
}

void VerifyRun::advance(std::uint64_t by) {
    const std::lock_guard lock(mutex_);
    progress_.done += by;
    if (options_.on_progress) options_.on_progress(progress_);
}

void VerifyRun::in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) const {
    std::atomic<std::size_t> next = 0;
    const auto loop = [&] {
        for (std::size_t i = next++; i < count && !cancelled(); i = next++) work(i);
    };
    std::vector<std::thread> helpers;
    const std::size_t threads = std::min<std::size_t>(std::max(options_.threads, 1u), count);
    for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(loop);
    loop();
    for (std::thread& helper : helpers) helper.join();
}

bool VerifyRun::is_account(AccountId account) const {
    return std::binary_search(accounts_.begin(), accounts_.end(), account);
}

Result<VerifyReport> verify(std::string directory, const VerifyOptions& options,
                            FileSystem& file_system) {
    directory = without_slash(std::move(directory));
    const Result<std::optional<BackupSource>> backup =
        find_backup(directory, options.earlier, file_system);
    if (!backup) return tl::unexpected(backup.error());
    if (!*backup) return VerifyRun(std::move(directory), options, file_system, nullptr).run();
    FileSystem& files =
        (*backup)->files ? static_cast<FileSystem&>(*(*backup)->files) : file_system;
    return VerifyRun(std::move(directory), options, files, &**backup).run();
}

}  // namespace tidemark::storage
