// Checks a store that a server has open and goes on writing to: a checkpoint of the database in
// DATA/verification, which is removed again, and the segments where they are. What it finds is what
// verify() would find had the server ended at that moment.
#pragma once

#include "storage/store.hpp"
#include "storage/verify/verify.hpp"

#include <string>

namespace tidemark::storage {

// A hold must be on the store until this returns; one of a store at a time. Any thread but the
// store's. Besides the errors of verify() those of Store::checkpoint(). `mail_directory` and `lock`
// of the options are set here.
Result<VerifyReport> verify_store(Store& store, VerifyOptions options);

// Removes what a verification left behind that was killed. To be called when none is under way.
Result<void> clean_up_verification(FileSystem& file_system, const std::string& data);

}  // namespace tidemark::storage
