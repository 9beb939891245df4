#include "storage/rocks_options.hpp"

#include "storage/limits.hpp"
#include "storage/store_impl.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

namespace tidemark::storage {
namespace {

// RocksDB would wait for space in a thread of its own, looking every five seconds, and refuse
// Resume() meanwhile.
class ManualRecovery final : public rocksdb::EventListener {
  public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }
};

rocksdb::ColumnFamilyOptions options_of(Family which,
                                        const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.block_size = kBlockBytes;
    table.format_version = 5;
    // Indexes and filters count against the cache's limit, so that a store of any size has bounded
    // memory; those of young tables stay in it.
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    // The log and pages are only scanned: a filter would never be asked.
    if (which != Family::kChanges && which != Family::kPages)
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

    rocksdb::ColumnFamilyOptions options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.write_buffer_size = kWriteBufferBytes;
    options.level_compaction_dynamic_level_bytes = true;
    // Pages are columns of packed numbers already, body records a few bytes.
    options.compression =
        which == Family::kSummaries || which == Family::kChanges || which == Family::kMailboxes
            ? rocksdb::kLZ4Compression
            : rocksdb::kNoCompression;
    return options;
}

}  // namespace

rocksdb::DBOptions database_options(const StoreOptions& store, const RocksEnv& env, bool quiet) {
    rocksdb::DBOptions options;
    options.env = env.env.get();
    options.create_if_missing = store.create_if_missing;
    options.create_missing_column_families = true;
    options.paranoid_checks = true;
    // A torn record at the end of the log is a write that was never acknowledged. Anything wrong
    // before that means acknowledged changes are damaged: refuse to open rather than go on without
    // them.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    options.recycle_log_file_num = 0;
    // 7.8 has bugs around these; each sync is asked for in the write itself.
    options.track_and_verify_wals_in_manifest = false;
    options.manual_wal_flush = false;
    options.max_total_wal_size = store.wal_bytes_max;
    // All that counts is in the log; close() flushes by itself. Without this the log mark alone
    // (mark_log) would make every end of a process write out its tables.
    options.avoid_flush_during_shutdown = true;
    // Replaying must be all that a start does: the tables are written later, when the memory is
    // full.
    options.avoid_flush_during_recovery = true;
    options.skip_stats_update_on_db_open = true;
    options.skip_checking_sst_file_sizes_on_db_open = true;
    options.max_open_files = kOpenTablesMax;
    options.max_background_jobs = 2;
    options.listeners.push_back(std::make_shared<ManualRecovery>());
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    options.keep_log_file_num = 4;
    options.max_log_file_size = 4u << 20;
    options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    // So that a backup can name each table's CRC without reading it.
    options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
    if (quiet) options.info_log = std::make_shared<SilentLogger>();
    return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(
    const std::shared_ptr<rocksdb::Cache>& cache) {
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(kFamilyCount);
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
        descriptors.emplace_back(std::string(kFamilyNames[i]),
                                 options_of(static_cast<Family>(i), cache));
    }
    return descriptors;
}

}  // namespace tidemark::storage
