#include "tools/mail/maildir_source.hpp"

#include "protocol/mailbox_name.hpp"
#include "tools/mail/files.hpp"
#include "tools/mail/maildir_names.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

namespace tidemark::tools {

namespace {

constexpr std::uint64_t kKeywordFileBytesMax = 64 * 1024;

bool is_directory(const std::string& path) {
    struct stat about{};
    return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// Folders behind symbolic links are left out: two links to "." would otherwise be 2^50 folders.
bool is_real_directory(const std::string& path) {
    struct stat about{};
    return lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// Calls visit(name) for everything in a directory but "." and "..".
template <class Visit>
MailResult<void> each_entry(const std::string& path, Visit&& visit) {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) return tl::unexpected(error_text(path, errno));
    errno = 0;
    while (const dirent* entry = readdir(directory)) {
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
            visit(std::string_view(entry->d_name));
        }
        errno = 0;
    }
    const int error = errno;
    closedir(directory);
    if (error != 0) return tl::unexpected(error_text(path, error));
    return {};
}

// Names of messages do not begin with a dot; that is for a server's own files.
bool is_message(std::string_view name) {
    return name.front() != '.';
}

std::string level_of(std::string_view name) {
    const auto decoded = protocol::decode_modified_utf7(name);
    return clean_folder_name(decoded ? *decoded : std::string(name));
}

}  // namespace

MailResult<std::unique_ptr<MaildirSource>> MaildirSource::open(const std::string& path,
                                                               MailSourceOptions options) {
    std::unique_ptr<MaildirSource> source(new MaildirSource(std::move(options)));
    if (auto found = source->find_folders(path); !found) return tl::unexpected(found.error());
    if (source->folders_.empty()) {
        return tl::unexpected(
            fmt::format("{}: is no Maildir, there is no folder with cur/ in it", path));
    }
    std::sort(source->folders_.begin(), source->folders_.end(),
              [](const Folder& a, const Folder& b) {
                  return std::tie(a.name, a.path) < std::tie(b.name, b.path);
              });
    for (const Folder& folder : source->folders_) {
        source->names_.push_back(folder.name);
        for (const char* part : {"/cur", "/new"}) {
            if (!is_directory(folder.path + part)) continue;
            const auto counted = each_entry(folder.path + part, [&](std::string_view name) {
                if (is_message(name)) ++source->total_;
            });
            if (!counted) return tl::unexpected(counted.error());
        }
    }
    return source;
}

MailResult<void> MaildirSource::find_folders(const std::string& path) {
    std::vector<Folder> pending = {{{}, path}};
    while (!pending.empty()) {
        Folder folder = std::move(pending.back());
        pending.pop_back();
        const auto looked = each_entry(folder.path, [&](std::string_view name) {
            const std::string inner_path = fmt::format("{}/{}", folder.path, name);
            if (name == "cur" || name == "new" || name == "tmp" || !is_real_directory(inner_path))
                return;
            std::vector<std::string> inner = folder.name;
            if (name.front() != '.') {
                inner.push_back(level_of(name));
            } else if (const auto levels = folder_of_directory(name); levels) {
                inner.insert(inner.end(), levels->begin(), levels->end());
            } else {
                return;
            }
            // Where folders lie within one another the INBOX is one of them.
            if (inner.size() == 1 && inner[0] == "INBOX") inner.clear();
            if (inner.size() > protocol::kMailboxDepthMax) {
                if (options_.on_skip) options_.on_skip(inner_path + ": too deep");
                return;
            }
            pending.push_back({std::move(inner), inner_path});
        });
        if (!looked) return looked;
        if (is_directory(folder.path + "/cur")) folders_.push_back(std::move(folder));
    }
    return {};
}

MailResult<std::vector<MaildirSource::Entry>> MaildirSource::list(const std::string& path) const {
    std::vector<Entry> entries;
    for (const bool is_new : {false, true}) {
        const std::string part = path + (is_new ? "/new" : "/cur");
        if (!is_directory(part)) continue;
        const auto listed = each_entry(part, [&](std::string_view name) {
            if (is_message(name)) entries.push_back({std::string(name), is_new});
        });
        if (!listed) return tl::unexpected(listed.error());
    }
    return entries;
}

MailResult<void> MaildirSource::open_folder() {
    const std::string& path = folders_[folder_].path;
    auto entries = list(path);
    if (!entries) return tl::unexpected(entries.error());
    const auto order = [](const Entry& entry) {
        const auto time = maildir_name_time(entry.name);
        return std::make_tuple(time.value_or(std::numeric_limits<std::int64_t>::max()),
                               split_maildir_name(entry.name).base, entry.is_new);
    };
    std::sort(entries->begin(), entries->end(),
              [&](const Entry& a, const Entry& b) { return order(a) < order(b); });
    entries_ = std::move(*entries);
    entry_ = 0;
    const ReadFile keywords = read_file(path + "/dovecot-keywords", kKeywordFileBytesMax);
    keywords_ = keywords.error == ReadFileError::kNone ? parse_keyword_file(keywords.text)
                                                       : std::vector<std::string>{};
    folder_open_ = true;
    return {};
}

MailResult<std::optional<MailMessage>> MaildirSource::next() {
    while (folder_ < folders_.size()) {
        if (!folder_open_) {
            if (auto opened = open_folder(); !opened) return tl::unexpected(opened.error());
        }
        while (entry_ < entries_.size()) {
            const Entry& entry = entries_[entry_++];
            ++done_;
            const std::string key(split_maildir_name(entry.name).base);
            if (options_.is_known && options_.is_known(folders_[folder_].name, key)) continue;
            if (auto message = read(entry)) return message;
        }
        entries_.clear();
        folder_open_ = false;
        ++folder_;
    }
    return std::nullopt;
}

std::optional<MaildirSource::Entry> MaildirSource::find_again(const Entry& entry) const {
    const auto entries = list(folders_[folder_].path);
    if (!entries) return std::nullopt;
    const std::string_view base = split_maildir_name(entry.name).base;
    for (const Entry& other : *entries) {
        if (split_maildir_name(other.name).base == base) return other;
    }
    return std::nullopt;
}

std::optional<MailMessage> MaildirSource::read(const Entry& entry) {
    const auto path = [&](const Entry& of) {
        return fmt::format("{}/{}/{}", folders_[folder_].path, of.is_new ? "new" : "cur", of.name);
    };
    Entry found = entry;
    ReadFile file = read_file(path(found), options_.message_bytes_max);
    if (file.error == ReadFileError::kNotFound) {
        auto again = find_again(entry);
        if (!again) return std::nullopt;  // deleted meanwhile
        found = std::move(*again);
        file = read_file(path(found), options_.message_bytes_max);
    }
    if (file.error != ReadFileError::kNone) {
        if (options_.on_skip) options_.on_skip(file.text);
        return std::nullopt;
    }
    MailMessage message;
    message.bytes = to_crlf(file.text);
    if (message.bytes.size() > options_.message_bytes_max) {
        if (options_.on_skip)
            options_.on_skip(
                fmt::format("{}: {} bytes are too many", path(found), message.bytes.size()));
        return std::nullopt;
    }
    const MaildirName name = split_maildir_name(found.name);
    message.folder = folders_[folder_].name;
    message.key = name.base;
    message.flags = maildir_flags(name.letters, keywords_);
    message.unix_seconds = std::min(file.mtime, maildir_name_time(found.name).value_or(file.mtime));
    return message;
}

}  // namespace tidemark::tools
