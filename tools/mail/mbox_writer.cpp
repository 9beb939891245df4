#include "tools/mail/mbox_writer.hpp"

#include "tools/mail/files.hpp"
#include "tools/mail/mbox_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace tidemark::tools {

namespace {

// A level's name as a file's: what the file system or the suffixes give a meaning to is written
// "%2E".
std::string escape(std::string_view level) {
    std::string out;
    for (std::size_t i = 0; i < level.size(); ++i) {
        const auto byte = static_cast<unsigned char>(level[i]);
        const bool suffix =
            level[i] == '.' && (level.substr(i) == ".mbox" || level.substr(i) == ".sbd");
        if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '%' || suffix ||
            (i == 0 && byte == '.')) {
            out += fmt::format("%{:02X}", byte);
        } else {
            out += level[i];
        }
    }
    return out;
}

std::string file_of(const std::string& path, const std::vector<std::string>& folder) {
    std::string file = path;
    for (const std::string& level : folder) file += "/" + escape(level);
    return (folder.empty() ? path + "/INBOX" : file) + ".mbox";
}

MailResult<void> sync_file(const std::string& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return tl::unexpected(error_text(path, errno));
    const bool synced = fsync(descriptor) == 0;
    const int error = errno;
    close(descriptor);
    if (!synced) return tl::unexpected(error_text(path, error));
    return {};
}

}  // namespace

std::string mbox_entry(const MailMessage& message) {
    std::string entry = format_from_line(message.unix_seconds) + "\n" + flag_fields(message.flags);
    const std::string text = to_lf(message.bytes);
    entry.reserve(entry.size() + text.size() + 2);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        if (needs_quote(line)) entry += '>';
        entry.append(line).append("\n");
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return entry += '\n';
}

MailResult<MboxWriter> MboxWriter::create(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directory(path, error);
    if (error) return tl::unexpected(error_text(path, error.value()));
    const bool empty = std::filesystem::is_empty(path, error);
    if (error) return tl::unexpected(error_text(path, error.value()));
    if (!empty) return tl::unexpected(path + ": exists and is not empty");
    return MboxWriter(path);
}

MailResult<void> MboxWriter::close_current() {
    if (current_.empty()) return {};
    stream_.close();
    if (!stream_) return tl::unexpected(error_text(current_, errno == 0 ? EIO : errno));
    current_.clear();
    return {};
}

MailResult<void> MboxWriter::switch_to(const std::vector<std::string>& folder) {
    const std::string file = file_of(path_, folder);
    if (file == current_) return {};
    if (auto closed = close_current(); !closed) return closed;
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
    if (error) return tl::unexpected(error_text(file, error.value()));
    errno = 0;
    stream_ = std::ofstream(file, std::ios::binary | std::ios::app);
    if (!stream_) return tl::unexpected(error_text(file, errno == 0 ? EIO : errno));
    files_.insert(file);
    current_ = file;
    return {};
}

MailResult<void> MboxWriter::add_folder(const std::vector<std::string>& folder) {
    return switch_to(folder);
}

MailResult<void> MboxWriter::write(const MailMessage& message) {
    if (auto switched = switch_to(message.folder); !switched) return switched;
    const std::string entry = mbox_entry(message);
    errno = 0;
    stream_.write(entry.data(), static_cast<std::streamsize>(entry.size()));
    if (!stream_) return tl::unexpected(error_text(current_, errno == 0 ? EIO : errno));
    return {};
}

MailResult<void> MboxWriter::finish() {
    if (auto closed = close_current(); !closed) return closed;
    for (const std::string& file : files_) {
        if (auto synced = sync_file(file); !synced) return synced;
    }
    return {};
}

}  // namespace tidemark::tools
