// A copy of a data directory or backup for trying something on: what never changes is linked, the
// rest copied, so it takes little time and space and nothing done to the copy reaches the original.
// Only what holds the mail: no configuration, keys or secrets.
#pragma once

#include "storage/backup/file_copier.hpp"

#include <string>

namespace tidemark::storage {

// `to` must not exist. Writers are kept out of `from` meanwhile, which is not changed (a link count
// aside). After an error nothing of `to` is left. kLocked: a server has it; kExists: there is a
// `to`; kNotFound, kCorrupt, kNoSpace, kIo. Blocks.
Result<CopyCounts> make_linked_copy(const std::string& from, const std::string& to,
                                    FileSystem& files);

}  // namespace tidemark::storage
