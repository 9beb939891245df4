// What the checks of one verification share: the directory, the database, the findings. Every check
// is a function of its own, named check_…, in the check_*.cpp files. Not a public header.
//
// Threads: the members that are set by start() are only read afterwards; find(), count and progress
// are for any thread.
#pragma once

#include "storage/records.hpp"
#include "storage/segments.hpp"
#include "storage/verify/backup_source.hpp"
#include "storage/verify/database.hpp"
#include "storage/verify/verify.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::storage {

// Who a message or a row belongs to, as ids; turned into names when there is something to tell.
struct Place {
    std::optional<AccountId> account;
    std::optional<MailboxId> mailbox;
    Uid uid = 0;
};

// Whose a body's reference is, of those that one account's mailboxes hold.
struct NamedBody {
    BodyId body{};
    MailboxId mailbox{};
    Uid uid = 0;
    std::uint32_t size = 0;
};

class VerifyRun {
  public:
    // `backup` is null for a data directory; with `files` it must outlive this.
    VerifyRun(std::string directory, const VerifyOptions& options, FileSystem& files,
              const BackupSource* backup);

    Result<VerifyReport> run();

  private:
    // verify.cpp
    Result<void> lock();
    Result<void> check_contents();
    void find(FindingCode code, const Place& place, std::string text);
    void find_in_file(FindingCode code, const Place& place, std::string file,
                      std::optional<std::uint64_t> offset, std::string text);
    // A read of the database that failed: not told again where its table was found damaged.
    void find_unread(const StoreError& error, std::string_view what, const Place& place = {});
    std::string account_label(AccountId account) const;
    std::string mailbox_label(AccountId account, MailboxId mailbox) const;
    std::string segment_label(SegmentId segment) const;
    bool cancelled() const;
    void begin(std::string_view what, std::string_view unit, std::uint64_t total);
    void advance(std::uint64_t by);
    // Calls `work` with 0 … count - 1 on options_.threads threads; stops when cancelled.
    void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) const;
    bool is_account(AccountId account) const;

    // check_backup.cpp
    bool check_backup_files();
    void check_backup_file(const BackupChain::Item& item);
    void check_extra_files(const std::string& below);
    bool names_here(const std::string& path) const;
    void check_manifest_contents();
    void check_manifest_segments();
    void check_manifest_account(const BackupManifest::Account& account);
    template <class Value>
    void compare_manifest(const Place& place, std::string_view what, const Value& said,
                          const Value& there);

    // check_directory.cpp
    Result<void> check_format();
    void check_state();
    void check_store_seq();
    void check_tables();
    void check_meta_keys();

    // check_accounts.cpp: the rows of all accounts, then each account with all that is its own.
    struct AccountWork;
    void load_account_ids();
    void check_account_rows();
    void check_account_name_row(std::string_view key, std::string_view value);
    void check_subscription_row(std::string_view key, std::string_view value);
    void check_stray_rows();
    void check_stray_rows_of(Family which, std::string_view what);
    void check_account(AccountId account);
    void check_account_record(AccountWork& work);
    void check_account_counters(AccountWork& work);
    void check_mailbox_names(const AccountWork& work);
    void check_account_usage(const AccountWork& work);
    void check_subscriptions(const AccountWork& work);
    void check_mailbox_rows(AccountWork& work, Family which, std::string_view what);

    // check_mailbox.cpp
    struct MailboxWork;
    void check_mailbox(AccountWork& work, const MailboxRecord& record);
    void check_mailbox_record(const AccountWork& work, const MailboxRecord& record);
    void check_special_use(const AccountWork& work, const MailboxRecord& record);
    void check_keyword_table(const AccountWork& work, const MailboxRecord& record);
    bool load_pages(MailboxWork& mailbox);
    bool check_uids(MailboxWork& mailbox, const MailboxView& view);
    bool check_modseqs(MailboxWork& mailbox, const MailboxView& view);
    void check_flags_in_table(MailboxWork& mailbox, const MailboxView& view);
    bool check_log_rows(MailboxWork& mailbox);
    bool check_tombstones(MailboxWork& mailbox);
    bool find_alive(MailboxWork& mailbox, const std::vector<Uid>& expunged,
                    const MailboxView& view);
    void check_pages_against_log(MailboxWork& mailbox);
    ViewPtr fold_log(MailboxWork& mailbox);
    void check_counts(MailboxWork& mailbox, const MailboxView& view);

    // check_references.cpp
    void check_references(AccountWork& work);
    void check_summary_rows(const AccountWork& work);
    void check_reference_totals();

    // check_bodies.cpp
    struct BodyWork {
        BodyId body{};
        BodyRecord record;
    };
    void check_bodies();
    void check_body_record(BodyId body, const BodyRecord& record);
    void check_body_window(std::vector<BodyWork>& window);
    void check_body(const BodyWork& work, const File& file);
    std::optional<FrameHeader> check_frame(const BodyWork& work, const File& file);
    void check_body_bytes(const BodyWork& work, const FrameHeader& header, const File& file);
    void check_summaries(const BodyWork& work, const Place& place, std::string_view bytes);

    // check_segments.cpp
    void check_segment_files();
    void check_mail_directory();
    void check_segment_frames();
    void check_frames_of(SegmentId segment, std::uint64_t end);
    void check_segment_live();

    std::string directory_;
    std::uint32_t format_ = 0;  // of the database that is looked at
    const VerifyOptions& options_;
    FileSystem& files_;
    const BackupSource* backup_;
    std::unique_ptr<LockedFile> lock_;
    SegmentDirectory segment_files_;
    std::unique_ptr<Database> db_;

    bool has_damaged_table_ = false;
    std::optional<StoreState> state_;
    std::map<SegmentId, SegmentRecord> segments_;
    std::set<SegmentId> present_;      // of segments_, those with a file that is long enough
    std::vector<AccountId> accounts_;  // ascending

    std::mutex mutex_;  // of everything below
    std::vector<Finding> findings_;
    std::uint64_t findings_left_out_ = 0;
    VerifyCounts counts_;
    VerifyProgress progress_;
    // References that the messages of an account hold, and that the body records give it. An
    // account whose references were found wrong already is not in the first.
    std::unordered_map<AccountId, std::uint64_t> held_references_;
    std::unordered_map<AccountId, std::uint64_t> given_references_;
    std::map<SegmentId, std::uint64_t> live_bytes_;
};

}  // namespace tidemark::storage
