#include "tools/mail/maildir_writer.hpp"

#include "tools/mail/files.hpp"
#include "tools/mail/maildir_names.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

MailResult<void> make_directory(const std::string& path) {
    if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return tl::unexpected(error_text(path, errno));
}

}  // namespace

MailResult<MaildirWriter> MaildirWriter::create(const std::string& path) {
    if (auto made = make_directory(path); !made) return tl::unexpected(made.error());
    std::error_code error;
    const bool empty = std::filesystem::is_empty(path, error);
    if (error) return tl::unexpected(fmt::format("{}: {}", path, error.message()));
    if (!empty) return tl::unexpected(fmt::format("{}: exists and is not empty", path));
    return MaildirWriter(path);
}

MailResult<MaildirWriter::Folder*> MaildirWriter::folder(const std::vector<std::string>& name) {
    const auto known = folders_.find(name);
    if (known != folders_.end()) return &known->second;
    const std::string path =
        name.empty() ? path_ : fmt::format("{}/{}", path_, directory_of_folder(name));
    for (const char* part : {"", "/cur", "/new", "/tmp"}) {
        if (auto made = make_directory(path + part); !made) return tl::unexpected(made.error());
    }
    // Maildir++ marks what is a folder and no mailbox of its own.
    if (!name.empty()) {
        if (auto marked = replace_file(path + "/maildirfolder", ""); !marked)
            return tl::unexpected(marked.error());
    }
    return &folders_.emplace(name, Folder{path, {}}).first->second;
}

MailResult<void> MaildirWriter::add_folder(const std::vector<std::string>& name) {
    const auto made = folder(name);
    if (!made) return tl::unexpected(made.error());
    return {};
}

MailResult<void> MaildirWriter::write(const MailMessage& message) {
    const auto target = folder(message.folder);
    if (!target) return tl::unexpected(target.error());
    const std::string text = to_lf(message.bytes);
    // The number makes names of one second different and keeps their order; S and W are the sizes
    // with LF and CRLF.
    const std::string base = fmt::format("{:010}.M{:08}P{}.tidemark,S={},W={}",
                                         std::max<std::int64_t>(message.unix_seconds, 0), ++count_,
                                         getpid(), text.size(), message.bytes.size());
    const std::string temporary = fmt::format("{}/tmp/{}", (*target)->path, base);
    if (auto written = write_file(temporary, text, message.unix_seconds); !written) return written;
    const std::string final_path = fmt::format("{}/cur/{}:2,{}", (*target)->path, base,
                                               maildir_letters(message.flags, (*target)->keywords));
    if (rename(temporary.c_str(), final_path.c_str()) != 0)
        return tl::unexpected(error_text(final_path, errno));
    return {};
}

MailResult<void> MaildirWriter::finish() {
    for (const auto& [name, folder] : folders_) {
        if (folder.keywords.empty()) continue;
        auto written =
            replace_file(folder.path + "/dovecot-keywords", write_keyword_file(folder.keywords));
        if (!written) return written;
    }
    return {};
}

}  // namespace tidemark::tools
