// The backup that a verified directory is: its manifest, and its files as a restore would find
// them. Not a public header.
#pragma once

#include "storage/backup/chain.hpp"
#include "storage/verify/read_only_files.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tidemark::storage {

// The files that a manifest names, wherever in the chain they are, below the directory of the
// newest backup; what else lies there is not seen. Paths outside of it are the disk's. Any thread.
class ChainFiles final : public ReadOnlyFiles {
  public:
    ChainFiles(FileSystem& disk, std::string directory, const BackupChain& chain);

    IoResult<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
    IoResult<std::vector<std::string>> list(const std::string& directory) override;
    IoResult<std::optional<Status>> status(const std::string& path) override;

  private:
    // The path relative to the backup; nullopt for one outside of it, "" for itself.
    std::optional<std::string> inside(const std::string& path) const;

    std::string directory_;
    std::map<std::string, std::string> places_;  // by relative path
    std::set<std::string> directories_;          // relative
};

struct BackupSource {
    FileSystem* disk = nullptr;
    std::optional<BackupManifest> manifest;
    // Nullopt where an earlier backup is missing or contradicts this one.
    std::optional<BackupChain> chain;
    std::string fault;  // why there is no manifest, or no chain
    std::unique_ptr<ChainFiles> files;

    // All that can be looked at: what the chain has, else what is in the directory itself.
    std::vector<BackupChain::Item> items(const std::string& directory) const;
};

// Nullopt for a directory without a manifest. A damaged manifest is a fault and no error; kTooNew,
// kIo. `disk` must outlive what is returned.
Result<std::optional<BackupSource>> find_backup(const std::string& directory,
                                                const std::vector<std::string>& earlier,
                                                FileSystem& disk);

}  // namespace tidemark::storage
