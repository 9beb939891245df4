// A backup, or a data directory that no server has open, opened to take mail out of it. What an
// incremental backup leaves out is read where it is, in the earlier ones: nothing is copied, linked
// or changed anywhere.
//
// One thread, blocking. Memory: one message, and the ids of the expunged ones that are asked for.
#pragma once

#include "storage/file_system.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

struct BackupReadProgress {
    std::string_view what;  // points to a constant
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

class BackupReader {
  public:
    using OnProgress = std::function<void(const BackupReadProgress&)>;

    // `earlier`: where backups are that this one leaves files out for, as in read_chain(). Of a
    // backup all but the mail is compared with the digests of the manifests, the mail only in
    // length: each message has a check of its own. kNotFound: no such directory, one of an
    // unfinished backup, or an earlier backup is missing. kCorrupt: a manifest or file is not as it
    // was written. kLocked, kTooNew, kIo. `disk` must outlive what is returned.
    static Result<std::unique_ptr<BackupReader>> open(std::string directory,
                                                      const std::vector<std::string>& earlier,
                                                      FileSystem& disk,
                                                      OnProgress on_progress = {});
    virtual ~BackupReader() = default;

    virtual const Store& store() const = 0;

    // Looks through all segments for those of `bodies` that no record names any more, since their
    // last message was expunged: until compaction comes by, their bytes are there. read() knows
    // them from then on. A segment that can not be read is passed over; read() says so for what it
    // then does not find.
    virtual void find_expunged(std::span<const BodyId> bodies) = 0;

    // The bytes of a message. kNotFound: it was expunged, and its bytes are gone. kCorrupt: they
    // are not those that were stored.
    virtual Result<std::string> read(const Message& message) const = 0;
};

}  // namespace tidemark::storage
