// What an import has brought in so far, as a file: an import that is run again leaves those
// messages out, also when the first run was killed. Blocking, one thread.
//
// The file is text, only ever appended to; a line without its end (the machine went down while it
// was written) is cut off when the file is opened again:
//     tidemark import 1
//     ? BODY SIZE SECONDS MAILBOX    a batch is about to be committed; of its first message: the
//                                    store's number of the body (0: not known), its octets and its
//                                    internal date
//     ~ KEY                          … each of its messages
//     !                              the batch is committed
//     -                              the batch was not
// Batches are committed one after another, so "!" and "-" need not say which; the next one is
// announced while one is being committed, so the last two may have neither. Whether they were
// committed is found out in the store before anything else is done: not even a kill between the
// commit and its "!" makes duplicates.
#pragma once

#include "tools/command_error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace tidemark::tools {

// Of a message within its source: 128 bits of a hash.
struct ImportKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend bool operator==(const ImportKey&, const ImportKey&) = default;
};
ImportKey import_key(const std::vector<std::string>& folder, std::string_view key);

// What names a batch in the store.
struct ImportMark {
    std::uint64_t body = 0;
    std::uint64_t size = 0;
    std::int64_t seconds = 0;
    std::string mailbox;
};

class ImportLedger {
  public:
    // Reads or makes the file. `path` without the directory that holds it is an error.
    [[nodiscard]] static CommandResult<ImportLedger> open(const std::string& path);
    ImportLedger(ImportLedger&& other) noexcept;
    ImportLedger& operator=(ImportLedger&&) = delete;
    ~ImportLedger();

    bool has(const ImportKey& key) const { return keys_.count(key) != 0; }
    // The oldest batch of which it is not known whether it was committed.
    const std::optional<ImportMark>& unsettled() const { return unsettled_; }
    void settle(bool committed);

    // On the disk when it returns, with everything before it.
    [[nodiscard]] CommandResult<void> announce(const ImportMark& mark,
                                               const std::vector<ImportKey>& keys);
    // On the disk with the next announce() or sync(). Of the oldest announced batch.
    void confirm() { pending_ += "!\n"; }
    [[nodiscard]] CommandResult<void> sync();

  private:
    struct Hash {
        std::size_t operator()(const ImportKey& key) const {
            return static_cast<std::size_t>(key.low);
        }
    };
    ImportLedger(std::string path, int descriptor)
        : path_(std::move(path)), descriptor_(descriptor) {}
    CommandResult<void> read();
    bool take_line(std::string_view line);

    std::string path_;
    int descriptor_;
    std::string pending_;  // lines that are not written yet
    std::unordered_set<ImportKey, Hash> keys_;
    // Announced and not settled, in order; while reading.
    std::vector<std::pair<ImportMark, std::vector<ImportKey>>> open_;
    std::optional<ImportMark> unsettled_;
};

}  // namespace tidemark::tools
