#include "tools/data_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace tidemark::tools {

namespace {

std::string reason(int error) {
    return std::generic_category().message(error);
}

CommandResult<void> write_new_file(const std::string& path, std::string_view text) {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return could_not_run(fmt::format("{}: {}", path, reason(errno)));
    const ssize_t written = write(descriptor, text.data(), text.size());
    const bool well = written == static_cast<ssize_t>(text.size()) && fsync(descriptor) == 0;
    const int error = errno;
    close(descriptor);
    if (!well) return could_not_run(fmt::format("{}: {}", path, reason(error)));
    return {};
}

}  // namespace

std::string config_path(const std::string& data) {
    return resolve_path(data, "tidemark.toml");
}

CommandResult<Config> load_config(const std::string& data, const std::optional<std::string>& file) {
    const std::string path = file ? *file : config_path(data);
    if (!file && access(path.c_str(), F_OK) != 0) return Config{};
    auto config = read_config(path);
    if (config) return std::move(*config);
    std::string text;
    for (const ConfigProblem& problem : config.error()) {
        if (!text.empty()) text += '\n';
        text += problem.to_string();
    }
    return could_not_run(std::move(text));
}

std::string admin_socket_path(const std::string& data) {
    const auto config = load_config(data, std::nullopt);
    return resolve_path(data, config ? config->listen.admin : Config{}.listen.admin);
}

CommandResult<void> make_data_directory(const std::string& data) {
    std::error_code error;
    const std::filesystem::path parent = std::filesystem::path(data).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, error);
    if (mkdir(data.c_str(), 0700) != 0) {
        if (errno != EEXIST) return could_not_run(fmt::format("{}: {}", data, reason(errno)));
        const bool empty = std::filesystem::is_empty(data, error);
        if (error) return could_not_run(fmt::format("{}: {}", data, error.message()));
        if (!empty) return refuse(fmt::format("{} exists and is not empty", data));
    }
    return write_new_file(config_path(data), default_config_text());
}

}  // namespace tidemark::tools
