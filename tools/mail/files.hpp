// Whole files in and out, for messages. Blocking.
#pragma once

#include "tools/mail/message.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools {

enum class ReadFileError { kNone, kNotFound, kTooLarge, kFailed };
struct ReadFile {
    ReadFileError error = ReadFileError::kNone;
    std::string text;        // the bytes, or what went wrong
    std::int64_t mtime = 0;  // Unix seconds
};
// Never reads more than `bytes_max`. Regular files only.
ReadFile read_file(const std::string& path, std::uint64_t bytes_max);

// A new file with exactly these bytes and this modification time, synced. Fails if it exists.
[[nodiscard]] MailResult<void> write_file(const std::string& path, std::string_view bytes,
                                          std::int64_t mtime);
// The same for a file that may exist: it is replaced in one step.
[[nodiscard]] MailResult<void> replace_file(const std::string& path, std::string_view bytes);

std::string error_text(const std::string& path, int error);

}  // namespace tidemark::tools
