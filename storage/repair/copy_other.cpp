#include "storage/backup/file_copier.hpp"
#include "storage/repair/salvage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace tidemark::storage {
namespace {

// Configuration, certificates, keys, a secret: all of them are small.
constexpr std::uint64_t kFileBytesMax = 1u << 20;
// A link that leads back up would never end.
constexpr unsigned kNestingMax = 8;

class OtherCopier {
  public:
    OtherCopier(FileSystem& files, std::string from, std::string to, std::vector<Loss>& losses)
        : files_(files), from_(std::move(from)), to_(std::move(to)), losses_(losses) {}

    Result<void> copy(const std::string& name, unsigned nesting) {
        const std::string from = from_ + "/" + name;
        const auto status = files_.status(from);
        if (!status) return lose(name, status.error().text);
        if (!*status) return {};
        if ((*status)->directory) return copy_directory(name, nesting);
        const auto bytes = read_whole_file(files_, from, kFileBytesMax);
        if (!bytes) return lose(name, bytes.error().detail);
        return write_whole_file(files_, to_ + "/" + name, *bytes);
    }
    // The directories that a name is in.
    Result<void> make_above(const std::string& name) {
        for (std::size_t slash = name.find('/'); slash != std::string::npos;
             slash = name.find('/', slash + 1)) {
            if (auto made = make_directory(name.substr(0, slash)); !made) return made;
        }
        return {};
    }
    Result<void> sync_above(std::string name) {
        for (std::size_t slash = name.rfind('/'); slash != std::string::npos;
             slash = name.rfind('/')) {
            name.resize(slash);
            if (auto synced = files_.sync_directory(to_ + "/" + name); !synced)
                return tl::unexpected(store_error(synced.error()));
        }
        return {};
    }

  private:
    Result<void> copy_directory(const std::string& name, unsigned nesting) {
        if (nesting >= kNestingMax) return lose(name, "the directory is nested too deep");
        auto names = files_.list(from_ + "/" + name);
        if (!names) return lose(name, names.error().text);
        if (auto made = make_directory(name); !made) return made;
        std::sort(names->begin(), names->end());
        for (const std::string& one : *names) {
            if (auto copied = copy(fmt::format("{}/{}", name, one), nesting + 1); !copied)
                return copied;
        }
        if (auto synced = files_.sync_directory(to_ + "/" + name); !synced)
            return tl::unexpected(store_error(synced.error()));
        return {};
    }
    Result<void> make_directory(const std::string& name) {
        const auto made = files_.make_directory(to_ + "/" + name);
        if (!made && made.error().code != EEXIST) return tl::unexpected(store_error(made.error()));
        return {};
    }
    Result<void> lose(const std::string& name, std::string text) {
        Loss loss;
        loss.file = name;
        loss.text = "it can not be read: " + std::move(text);
        losses_.push_back(std::move(loss));
        return {};
    }

    FileSystem& files_;
    std::string from_;
    std::string to_;
    std::vector<Loss>& losses_;
};

}  // namespace

Result<void> copy_other(FileSystem& files, const std::string& from_directory,
                        const std::string& to_directory, const std::string& name,
                        std::vector<Loss>& losses) {
    const auto there = files.status(to_directory + "/" + name);
    if (!there) return tl::unexpected(store_error(there.error()));
    if (*there) return {};
    const auto source = files.status(from_directory + "/" + name);
    if (source && !*source) return {};
    OtherCopier copier(files, from_directory, to_directory, losses);
    return copier.make_above(name).and_then([&] { return copier.copy(name, 0); }).and_then([&] {
        return copier.sync_above(name);
    });
}

}  // namespace tidemark::storage
