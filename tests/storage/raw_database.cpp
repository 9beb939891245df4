#include "tests/storage/raw_database.hpp"

#include <doctest/doctest.h>

namespace tidemark::storage::testing {
namespace {

void check(const rocksdb::Status& status) {
    if (!status.ok()) FAIL(status.ToString());
}

}  // namespace

RawDatabase::RawDatabase(FileSystem& files, const std::string& directory, const std::string& name)
    : env_(make_rocks_env(files, directory)) {
    rocksdb::DBOptions options;
    options.env = env_.env.get();
    options.info_log = std::make_shared<SilentLogger>();
    options.avoid_flush_during_recovery = true;
    options.avoid_flush_during_shutdown = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.reserve(kFamilyCount);
    for (const std::string_view family : kFamilyNames)
        families.emplace_back(std::string(family), rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options, directory + "/" + name, families, &handles, &opened));
    db_.reset(opened);
    std::copy(handles.begin(), handles.end(), families_.begin());
}

RawDatabase::~RawDatabase() {
    for (rocksdb::ColumnFamilyHandle* handle : families_)
        static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
    static_cast<void>(db_->Close());
}

std::string RawDatabase::get(Family which, const std::string& key) const {
    std::string value;
    check(db_->Get({}, families_[static_cast<std::size_t>(which)], key, &value));
    return value;
}
void RawDatabase::put(Family which, const std::string& key, const std::string& value) {
    check(db_->Put({}, families_[static_cast<std::size_t>(which)], key, value));
}
void RawDatabase::remove(Family which, const std::string& key) {
    check(db_->Delete({}, families_[static_cast<std::size_t>(which)], key));
}
void RawDatabase::flush() {
    check(db_->Flush(
        {}, std::vector<rocksdb::ColumnFamilyHandle*>(families_.begin(), families_.end())));
}

}  // namespace tidemark::storage::testing
