#include "tools/mail/mbox_source.hpp"

#include "protocol/mailbox_name.hpp"
#include "tools/mail/files.hpp"
#include "tools/mail/mbox_lines.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

namespace tidemark::tools {

namespace {

constexpr std::size_t kReadBytes = 1u << 20;

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) name.remove_suffix(suffix.size());
    return name;
}

// "%2F" and the like, as the writer puts them.
std::string unescape(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        unsigned value = 0;
        const std::string_view digits = name.substr(i + 1, 2);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        const bool escape = name[i] == '%' && digits.size() == 2 && error == std::errc{} &&
                            end == digits.data() + digits.size() && value != 0;
        out += escape ? static_cast<char>(value) : name[i];
        if (escape) i += 2;
    }
    return out;
}

bool begins_like_mbox(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::string line;
    char c = 0;
    while (line.size() < 1024 && stream.get(c) && c != '\n') line += c;
    return parse_from_line(line).has_value();
}

}  // namespace

MailResult<std::unique_ptr<MboxSource>> MboxSource::open(const std::string& path,
                                                         MailSourceOptions options) {
    std::unique_ptr<MboxSource> source(new MboxSource(std::move(options)));
    if (auto found = source->find_files(path); !found) return tl::unexpected(found.error());
    std::sort(source->files_.begin(), source->files_.end(), [](const File& a, const File& b) {
        return std::tie(a.folder, a.path) < std::tie(b.folder, b.path);
    });
    for (const File& file : source->files_) {
        source->names_.push_back(file.folder);
        source->bytes_total_ += file.bytes;
    }
    return source;
}

MailResult<void> MboxSource::find_files(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto add = [&](std::vector<std::string> folder, const std::string& file) {
        const auto bytes = fs::file_size(file, error);
        files_.push_back({std::move(folder), file, error ? 0 : bytes});
    };
    if (!fs::is_directory(path, error)) {
        if (!fs::is_regular_file(path, error))
            return tl::unexpected(error_text(path, error ? error.value() : ENOENT));
        if (fs::file_size(path, error) > 0 && !begins_like_mbox(path)) {
            return tl::unexpected(
                fmt::format("{}: is no mbox, it does not begin with a \"From \" line", path));
        }
        add({}, path);
        return {};
    }
    fs::recursive_directory_iterator entry(path, fs::directory_options::none, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (!entry->is_regular_file(error)) continue;
        const std::string file = entry->path().string();
        if (fs::file_size(file, error) > 0 && !begins_like_mbox(file)) {
            if (options_.on_skip) options_.on_skip(file + ": is no mbox");
            continue;
        }
        std::vector<std::string> folder;
        for (const fs::path& part : fs::path(file).lexically_relative(path)) {
            folder.push_back(clean_folder_name(
                unescape(without_suffix(without_suffix(part.string(), ".mbox"), ".sbd"))));
        }
        if (folder.size() == 1 && folder[0] == "INBOX") folder.clear();
        if (folder.size() > protocol::kMailboxDepthMax) {
            if (options_.on_skip) options_.on_skip(file + ": too deep");
            continue;
        }
        add(std::move(folder), file);
    }
    if (error) return tl::unexpected(error_text(path, error.value()));
    if (files_.empty()) return tl::unexpected(path + ": holds no mbox");
    return {};
}

MailResult<bool> MboxSource::open_file() {
    if (file_ == files_.size()) return false;
    stream_ = std::ifstream(files_[file_].path, std::ios::binary);
    if (!stream_) return tl::unexpected(error_text(files_[file_].path, errno));
    buffer_.clear();
    buffer_at_ = 0;
    alike_.clear();
    file_open_ = true;
    return true;
}

bool MboxSource::read_line(std::string_view& line) {
    std::size_t searched = buffer_at_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched);
        // A line that does not end for longer than a message may be is cut: memory stays bounded,
        // the message is left out for its size anyway.
        const bool cut = buffer_.size() - buffer_at_ > options_.message_bytes_max + kReadBytes;
        if (end != std::string::npos || cut) {
            const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
            line = std::string_view(buffer_).substr(buffer_at_, stop - buffer_at_);
            bytes_done_ += line.size() + (end == std::string::npos ? 0 : 1);
            buffer_at_ = std::min(stop + 1, buffer_.size());
            return true;
        }
        buffer_.erase(0, buffer_at_);
        buffer_at_ = 0;
        const std::size_t old = buffer_.size();
        searched = old;
        buffer_.resize(old + kReadBytes);
        stream_.read(buffer_.data() + old, static_cast<std::streamsize>(kReadBytes));
        buffer_.resize(old + static_cast<std::size_t>(stream_.gcount()));
        if (stream_.gcount() > 0) continue;
        if (buffer_.empty()) return false;
        line = buffer_;  // the last line has no end
        bytes_done_ += line.size();
        buffer_at_ = buffer_.size();
        return true;
    }
}

void MboxSource::begin(std::string_view from_line, std::int64_t unix_seconds) {
    draft_ = Draft{};
    draft_.from_line = from_line;
    draft_.message.folder = files_[file_].folder;
    draft_.message.unix_seconds = unix_seconds;
    has_draft_ = true;
}

void MboxSource::append(std::string_view line) {
    if (draft_.message.bytes.size() + line.size() + 2 > options_.message_bytes_max) {
        draft_.too_large = true;
        draft_.message.bytes.clear();
    }
    if (draft_.too_large) return;
    draft_.message.bytes.append(line).append("\r\n");
}

void MboxSource::add_line(std::string_view line) {
    draft_.after_blank = line.empty();
    if (draft_.in_header) {
        const bool continues = line.starts_with(' ') || line.starts_with('\t');
        if (continues && draft_.dropped_field) return;
        draft_.dropped_field = !continues && take_flag_field(line, draft_.message.flags);
        if (draft_.dropped_field) return;
        if (line.starts_with("X-IMAP:")) draft_.internal = true;
        draft_.in_header = !line.empty();
        append(line);
        return;
    }
    if (std::exchange(draft_.blank_pending, line.empty())) append("");
    if (line.empty()) return;
    append(is_quoted(line) ? line.substr(1) : line);
}

bool MboxSource::finish() {
    has_draft_ = false;
    if (draft_.internal) return false;
    if (draft_.too_large) {
        if (options_.on_skip) {
            options_.on_skip(fmt::format("{}: the message of \"{}\" is too large",
                                         files_[file_].path, draft_.from_line));
        }
        return false;
    }
    const std::string whole = draft_.from_line + "\n" + draft_.message.bytes;
    const XXH128_hash_t hash = XXH3_128bits(whole.data(), whole.size());
    std::string key = fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
    const unsigned number = ++alike_[key];
    if (number > 1) key += fmt::format("-{}", number);
    draft_.message.key = std::move(key);
    return !options_.is_known || !options_.is_known(draft_.message.folder, draft_.message.key);
}

MailResult<std::optional<MailMessage>> MboxSource::next() {
    for (;;) {
        if (!file_open_) {
            const auto opened = open_file();
            if (!opened) return tl::unexpected(opened.error());
            if (!*opened) return std::nullopt;
        }
        std::string_view line;
        if (!read_line(line)) {
            if (stream_.bad()) return tl::unexpected(error_text(files_[file_].path, EIO));
            const bool good = has_draft_ && finish();
            file_open_ = false;
            ++file_;
            if (good) return std::move(draft_.message);
            continue;
        }
        if (line.ends_with('\r')) line.remove_suffix(1);
        // "From " begins a message at the start of the file and after an empty line; the header's
        // own end is one, too.
        const bool may_begin = !has_draft_ || draft_.after_blank;
        if (const auto date = may_begin ? parse_from_line(line) : std::nullopt) {
            const std::string from_line(line);
            const bool good = has_draft_ && finish();
            MailMessage done = std::move(draft_.message);
            begin(from_line, *date);
            if (good) return done;
        } else if (has_draft_) {
            add_line(line);
        }
    }
}

}  // namespace tidemark::tools
