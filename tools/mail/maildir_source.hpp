// Reads a Maildir: cur/ and new/, Maildir++ folders ".A.B" beside them, and folders that lie within
// one another.
//
// The internal date is the file's modification time (what Dovecot keeps it in), but never later
// than the time in the file's name: a copy that lost the former still tells when a message came.
// Folders come parents first, in the order of their names; messages by the time in the name, then
// the name, and those without a time last. The key is the base name. A Maildir that is in use
// meanwhile is read as well as that goes: a message whose name changed is found again.
#pragma once

#include "tools/mail/message.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidemark::tools {

class MaildirSource final : public MailSource {
  public:
    // Looks through the whole tree for its folders and counts the messages.
    [[nodiscard]] static MailResult<std::unique_ptr<MaildirSource>> open(const std::string& path,
                                                                         MailSourceOptions options);

    const std::vector<std::vector<std::string>>& folders() const override { return names_; }
    [[nodiscard]] MailResult<std::optional<MailMessage>> next() override;
    MailProgress progress() const override { return {done_, total_, "messages"}; }

  private:
    struct Folder {
        std::vector<std::string> name;
        std::string path;
    };
    struct Entry {
        std::string name;  // with its flags
        bool is_new;       // in new/
    };

    explicit MaildirSource(MailSourceOptions options) : options_(std::move(options)) {}
    MailResult<void> find_folders(const std::string& path);
    MailResult<std::vector<Entry>> list(const std::string& path) const;
    MailResult<void> open_folder();
    std::optional<MailMessage> read(const Entry& entry);
    std::optional<Entry> find_again(const Entry& entry) const;

    MailSourceOptions options_;
    std::vector<Folder> folders_;
    std::vector<std::vector<std::string>> names_;  // of folders_
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;

    std::size_t folder_ = 0;  // the one being read
    bool folder_open_ = false;
    std::vector<Entry> entries_;
    std::size_t entry_ = 0;
    std::vector<std::string> keywords_;
};

}  // namespace tidemark::tools
