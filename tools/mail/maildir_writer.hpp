// Writes a Maildir with Maildir++ folders, keywords in dovecot-keywords. Blocking, one thread.
#pragma once

#include "tools/mail/message.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tidemark::tools {

class MaildirWriter {
  public:
    // Makes the directory; it may exist, but must be empty.
    [[nodiscard]] static MailResult<MaildirWriter> create(const std::string& path);

    // Makes the folder if it is not there; for folders without messages.
    [[nodiscard]] MailResult<void> add_folder(const std::vector<std::string>& folder);
    // Uses folder, flags, date and bytes. Lines become LF. The file is complete and synced when it
    // appears in cur/.
    [[nodiscard]] MailResult<void> write(const MailMessage& message);
    // Writes what is left to write: the keyword files.
    [[nodiscard]] MailResult<void> finish();

  private:
    struct Folder {
        std::string path;
        std::vector<std::string> keywords;
    };
    explicit MaildirWriter(std::string path) : path_(std::move(path)) {}
    MailResult<Folder*> folder(const std::vector<std::string>& name);

    std::string path_;
    std::map<std::vector<std::string>, Folder> folders_;
    std::uint64_t count_ = 0;
};

}  // namespace tidemark::tools
