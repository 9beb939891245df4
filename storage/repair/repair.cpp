#include "storage/repair/repair.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/repair/rebuild.hpp"
#include "storage/repair/salvage.hpp"
#include "storage/store_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace tidemark::storage {
namespace {

constexpr unsigned kOpenSegmentsMax = 64;
// What it is called until it is whole.
constexpr std::string_view kUnfinished = ".tidemark-repair";
// Of the old directory what belongs to the accounts and is no mail.
constexpr std::string_view kSecretFile = "auth-secret";

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

class Repair {
  public:
    Repair(const RepairOptions& options, FileSystem& files)
        : options_(options),
          files_(files),
          directory_(without_slash(options.directory)),
          into_(without_slash(options.into)),
          unfinished_(fmt::format("{}{}", into_, kUnfinished)),
          segments_(directory_ + "/mail", files, kOpenSegmentsMax) {}

    Result<RepairReport> run() {
        if (auto ready = prepare(); !ready) return tl::unexpected(ready.error());
        const Result<SegmentFinds> finds = read_segments(segments_, options_.on_progress);
        if (!finds) return tl::unexpected(finds.error());
        const std::vector<PlannedAccount> plan = make_plan(*finds, database(), report_);
        auto written = write(*finds, plan);
        if (!written) {
            static_cast<void>(remove_tree(files_, unfinished_));
            return tl::unexpected(written.error());
        }
        std::sort(report_.losses.begin(), report_.losses.end());
        return std::move(report_);
    }

  private:
    Result<void> prepare() {
        const auto old = files_.status(directory_);
        if (!old) return tl::unexpected(store_error(old.error()));
        if (!*old)
            return fail(StoreErrorKind::kNotFound, fmt::format("{} does not exist", directory_));
        const auto mail = files_.status(segments_.path());
        if (!mail) return tl::unexpected(store_error(mail.error()));
        if (!*mail || !(*mail)->directory)
            return fail(StoreErrorKind::kNotFound,
                        fmt::format("{} has no directory mail/ with segments", directory_));
        const auto there = files_.status(into_);
        if (!there) return tl::unexpected(store_error(there.error()));
        if (*there) return fail(StoreErrorKind::kExists, fmt::format("{} exists", into_));
        const auto parent = files_.status(parent_of(into_));
        if (!parent) return tl::unexpected(store_error(parent.error()));
        if (!*parent)
            return fail(StoreErrorKind::kNotFound,
                        fmt::format("{} does not exist", parent_of(into_)));
        if (auto locked = lock(); !locked) return locked;
        if (auto known = check_format(); !known) return known;
        if (auto removed = remove_tree(files_, unfinished_); !removed)
            return tl::unexpected(store_error(removed.error()));
        return {};
    }

    Result<void> lock() {
        const auto there = files_.status(directory_ + "/lock");
        if (!there) return tl::unexpected(store_error(there.error()));
        if (!*there) return {};
        auto lock = files_.lock(directory_ + "/lock");
        if (lock) {
            lock_ = std::move(*lock);
        } else if (lock.error().code == EAGAIN) {
            return fail(StoreErrorKind::kLocked,
                        fmt::format("{} is in use by another process", directory_));
        } else if (lock.error().code != EROFS) {
            return tl::unexpected(store_error(lock.error()));
        }
        return {};
    }

    // A later version's records may say anything.
    Result<void> check_format() {
        const Result<std::uint32_t> format =
            read_format_file(directory_, files_, options_.store.format);
        if (format) formats_ = {*format};
        if (format || format.error().kind != StoreErrorKind::kTooNew) return {};
        return tl::unexpected(format.error());
    }

    // Where the format is not known, those of all databases that are there. While a migration is
    // not committed the one of the lowest format counts, and after it that goes first.
    std::vector<std::uint32_t> formats() {
        if (!formats_.empty()) return formats_;
        std::vector<std::uint32_t> formats;
        const auto names = files_.list(directory_);
        for (const std::string& name : names ? *names : std::vector<std::string>()) {
            const auto format = format_of_database(name);
            if (format && *format <= options_.store.format) formats.push_back(*format);
        }
        std::sort(formats.begin(), formats.end());
        if (formats.empty()) formats.push_back(options_.store.format);
        return formats;
    }

    // A database that does not open as it is may do so without what is damaged of its log.
    Result<std::unique_ptr<Database>> open_database() {
        Result<std::unique_ptr<Database>> opened = tl::unexpected(StoreError{});
        for (const std::uint32_t format : formats()) {
            database_ = database_name(format);
            for (const auto damage : {Database::Damage::kRefused, Database::Damage::kSkipped}) {
                opened = Database::open(directory_ + "/" + database_, files_, damage);
                if (!opened) continue;
                if (!formats_.empty() || !is_half_made(**opened)) return opened;
                opened = fail(StoreErrorKind::kCorrupt, "it is what a migration has only begun");
                break;
            }
        }
        return opened;
    }
    // What is not in such a one may still have been in the old one.
    static bool is_half_made(const Database& database) {
        const auto progress = database.get(Family::kMeta, keys::migration());
        return progress || progress.error().kind != StoreErrorKind::kNotFound;
    }

    DatabaseFinds database() {
        const auto opened = open_database();
        if (!opened) {
            Loss loss;
            loss.file = database_;
            loss.text = "flags, copies and names can not be read: " + opened.error().detail;
            report_.losses.push_back(std::move(loss));
            return {};
        }
        report_.has_database = true;
        DatabaseFinds finds = read_database(**opened);
        if (!finds.has_all_accounts) lose_rows("", "not all accounts can be read");
        for (const auto& [id, account] : finds.accounts) {
            if (!account.has_all_mailboxes)
                lose_rows(account.record.name, "not all of its mailboxes can be read");
            for (const auto& [mailbox_id, mailbox] : account.mailboxes) {
                if (!mailbox.view)
                    lose_rows(
                        account.record.name,
                        fmt::format("flags and copies in {} can not be read", mailbox.record.name));
            }
        }
        return finds;
    }
    void lose_rows(const std::string& account, std::string text) {
        Loss loss;
        loss.account = account;
        loss.file = database_;
        loss.text = std::move(text);
        report_.losses.push_back(std::move(loss));
    }

    Result<void> write(const SegmentFinds& finds, const std::vector<PlannedAccount>& plan) {
        StoreOptions store_options = options_.store;
        store_options.create_if_missing = true;
        auto store = Store::open(unfinished_, store_options, files_);
        if (!store) return tl::unexpected(store.error());
        Rebuild rebuild(**store, segments_, finds, options_, report_);
        if (auto written = rebuild.write(plan); !written) return written;
        if (auto closed = (*store)->close(); !closed) return closed;
        store->reset();
        if (auto copied = copy_others(); !copied) return copied;
        const auto finished =
            files_.sync_directory(unfinished_)
                .and_then([&] { return files_.rename(unfinished_, into_); })
                .and_then([&] { return files_.sync_directory(parent_of(into_)); });
        if (!finished) return tl::unexpected(store_error(finished.error()));
        return {};
    }

    Result<void> copy_others() {
        std::vector<std::string> names = options_.others;
        names.emplace_back(kSecretFile);
        for (const std::string& name : names) {
            auto copied = copy_other(files_, directory_, unfinished_, name, report_.losses);
            if (!copied) return copied;
        }
        return {};
    }

    const RepairOptions& options_;
    FileSystem& files_;
    std::string directory_;
    std::string into_;
    std::string unfinished_;
    SegmentDirectory segments_;
    std::unique_ptr<LockedFile> lock_;
    std::vector<std::uint32_t> formats_;  // empty: not known
    std::string database_;                // the name of the one that was opened, or tried last
    RepairReport report_;
};

}  // namespace

std::string to_string(const Loss& loss) {
    std::string line;
    const auto out = std::back_inserter(line);
    const auto space = [&] { return line.empty() ? "" : " "; };
    if (!loss.account.empty()) line += loss.account;
    if (!loss.mailbox.empty()) fmt::format_to(out, "/{}", loss.mailbox);
    if (loss.uid != 0) fmt::format_to(out, "{}uid {}", space(), loss.uid);
    if (!loss.file.empty()) fmt::format_to(out, "{}{}", space(), loss.file);
    if (loss.offset) fmt::format_to(out, "{}at {}", space(), *loss.offset);
    fmt::format_to(out, ": {}", loss.text);
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }, '?');
    return line;
}

Result<RepairReport> repair(const RepairOptions& options, FileSystem& file_system) {
    return Repair(options, file_system).run();
}

}  // namespace tidemark::storage
