#include "actors/server_secret.hpp"

#include "actors/auth/digest.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace tidemark::actors {

namespace {

using storage::FileSystem;

// Under another name first, so that the file is there in whole or not at all.
storage::IoResult<void> write_secret(FileSystem& file_system, const std::string& directory,
                                     const std::string& path, const std::string& secret) {
    const std::string unfinished = path + ".new";
    auto file = file_system.open(unfinished, FileSystem::Mode::kCreateOrTruncate);
    if (!file) return tl::unexpected(file.error());
    return (*file)
        ->write_at(0, secret)
        .and_then([&] { return (*file)->sync(); })
        .and_then([&] { return file_system.rename(unfinished, path); })
        .and_then([&] { return file_system.sync_directory(directory); });
}

}  // namespace

tl::expected<std::string, std::string> load_server_secret(FileSystem& file_system,
                                                          const std::string& directory) {
    const std::string path = directory + '/' + kServerSecretFile;
    const auto status = file_system.status(path);
    if (!status) return tl::unexpected(status.error().text);
    if (!*status) {
        std::string secret = random_bytes(kServerSecretBytes);
        if (auto written = write_secret(file_system, directory, path, secret); !written) {
            spdlog::warn("{} can not be written, it is made anew at the next start: {}", path,
                         written.error().text);
        }
        return secret;
    }
    if ((*status)->size != kServerSecretBytes) {
        return tl::unexpected(
            fmt::format("{} has {} bytes in place of {}; remove it and a new one is made", path,
                        (*status)->size, kServerSecretBytes));
    }
    std::string secret(kServerSecretBytes, '\0');
    const auto file = file_system.open(path, FileSystem::Mode::kRead);
    if (!file) return tl::unexpected(file.error().text);
    const auto got = (*file)->read_at(0, secret.data(), secret.size());
    if (!got) return tl::unexpected(got.error().text);
    if (*got != secret.size()) return tl::unexpected(path + " can not be read in whole");
    return secret;
}

}  // namespace tidemark::actors
