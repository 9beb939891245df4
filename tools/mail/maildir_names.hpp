// The names in a Maildir: of messages (with their flags) and of folders. Pure.
#pragma once

#include "tools/mail/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

// "1700000000.M1P2.host,S=12:2,FS" → base "1700000000.M1P2.host,S=12", letters "FS". The info may
// begin with ":2,", or where a file system has no colons with ";2," or "!2,".
struct MaildirName {
    std::string_view base;
    std::string_view letters;
};
MaildirName split_maildir_name(std::string_view name);

// The Unix time that delivery agents begin a name with, if it is one.
std::optional<std::int64_t> maildir_name_time(std::string_view name);

// What the letters 'a' … 'z' mean, by position; empty text: nothing. Dovecot's file
// dovecot-keywords, lines "0 $Label1".
std::vector<std::string> parse_keyword_file(std::string_view text);
std::string write_keyword_file(const std::vector<std::string>& keywords);

// D draft, F flagged, P passed ($Forwarded), R answered, S seen, T deleted, a–z keywords; others
// mean nothing.
MailFlags maildir_flags(std::string_view letters, const std::vector<std::string>& keywords);
// In ASCII order, as the format wants it. A keyword that is not in `keywords` is added while there
// are letters left, and lost after that.
std::string maildir_letters(const MailFlags& flags, std::vector<std::string>& keywords);

// The folder of a Maildir++ directory ".A.B"; nothing when it is none. Names are modified UTF-7.
std::optional<std::vector<std::string>> folder_of_directory(std::string_view directory);
// Its inverse. A dot within a name is written "&AC4-": not canonical, but what other programs write
// and read.
std::string directory_of_folder(const std::vector<std::string>& folder);

}  // namespace tidemark::tools
