// Reads an mbox file, or a directory of them. Content-Length is not believed: a message ends before
// an empty line and a line "From … DATE". "From " quoting is taken off (mboxrd; for mboxo that is
// right but for the rare line that was quoted before). Streams: memory is one message, whatever the
// file's size.
//
// In a directory every file that begins like an mbox is a folder, named after its path without
// ".mbox" and ".sbd".
//
// The key is a hash of the message and its "From " line without the fields that hold flags, and a
// number for messages that are alike: it stays when other messages were removed before it or flags
// changed.
#pragma once

#include "tools/mail/message.hpp"

#include <fstream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::tools {

class MboxSource final : public MailSource {
  public:
    [[nodiscard]] static MailResult<std::unique_ptr<MboxSource>> open(const std::string& path,
                                                                      MailSourceOptions options);

    const std::vector<std::vector<std::string>>& folders() const override { return names_; }
    [[nodiscard]] MailResult<std::optional<MailMessage>> next() override;
    MailProgress progress() const override { return {bytes_done_, bytes_total_, "bytes"}; }

  private:
    struct File {
        std::vector<std::string> folder;
        std::string path;
        std::uint64_t bytes = 0;
    };
    // What is known of the message that is being put together, line by line.
    struct Draft {
        MailMessage message;
        std::string from_line;
        bool in_header = true;
        bool dropped_field = false;  // so are the lines that continue it
        bool internal = false;       // the record in which other servers keep their state: no mail
        bool too_large = false;
        bool after_blank = false;    // the line before was empty
        bool blank_pending = false;  // an empty line that may be the one before "From "
    };

    explicit MboxSource(MailSourceOptions options) : options_(std::move(options)) {}
    MailResult<void> find_files(const std::string& path);
    MailResult<bool> open_file();
    // The next line without its end; false at the end of the file.
    bool read_line(std::string_view& line);
    void begin(std::string_view from_line, std::int64_t unix_seconds);
    void add_line(std::string_view line);
    void append(std::string_view line);
    // Whether the finished draft is a message to hand out.
    bool finish();

    MailSourceOptions options_;
    std::vector<File> files_;
    std::vector<std::vector<std::string>> names_;
    std::uint64_t bytes_done_ = 0;
    std::uint64_t bytes_total_ = 0;

    std::size_t file_ = 0;
    bool file_open_ = false;
    std::ifstream stream_;
    std::string buffer_;
    std::size_t buffer_at_ = 0;
    Draft draft_;
    bool has_draft_ = false;
    std::unordered_map<std::string, unsigned> alike_;  // how many of each hash this file had so far
};

}  // namespace tidemark::tools
