// Writes mbox files (mboxrd, LF), one a mailbox: DIR/INBOX.mbox, DIR/Work/2024.mbox. Blocking, one
// thread.
//
// A message comes back byte by byte through MboxSource, but for what the format can not tell apart:
// its last line gets an end, its header an empty line, and fields of the mbox format itself (see
// take_flag_field) are gone.
#pragma once

#include "tools/mail/message.hpp"

#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace tidemark::tools {

class MboxWriter {
  public:
    // Makes the directory; it may exist, but must be empty.
    [[nodiscard]] static MailResult<MboxWriter> create(const std::string& path);

    [[nodiscard]] MailResult<void> add_folder(const std::vector<std::string>& folder);
    // Quickest when messages of one folder come together.
    [[nodiscard]] MailResult<void> write(const MailMessage& message);
    // Everything is on the disk.
    [[nodiscard]] MailResult<void> finish();

  private:
    explicit MboxWriter(std::string path) : path_(std::move(path)) {}
    MailResult<void> switch_to(const std::vector<std::string>& folder);
    MailResult<void> close_current();

    std::string path_;
    std::set<std::string> files_;
    std::string current_;
    std::ofstream stream_;
};

// The text of one message within an mbox, with its "From " line and the empty line after it.
std::string mbox_entry(const MailMessage& message);

}  // namespace tidemark::tools
