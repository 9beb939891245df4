// A message on its way from or to a Maildir or mbox, and what both have in common. Values, any
// thread.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

struct MailFlags {
    bool seen = false;
    bool answered = false;
    bool flagged = false;
    bool deleted = false;
    bool draft = false;
    std::vector<std::string> keywords;  // without duplicates
    friend bool operator==(const MailFlags&, const MailFlags&) = default;
};

struct MailMessage {
    // Names of the levels, UTF-8, valid as parts of a mailbox name; empty: the source's own mailbox
    // (INBOX).
    std::vector<std::string> folder;
    // Names the message within the source and folder, also after its flags changed, and after other
    // messages came or went: what an importer remembers to leave it out next time.
    std::string key;
    MailFlags flags;
    std::int64_t unix_seconds = 0;  // the internal date …
    std::int16_t zone_minutes = 0;  // … and its zone, east of UTC; no Maildir or mbox has one
    std::string bytes;              // lines end with CRLF
};

// An error ends the work: a sentence that names the file.
template <class T>
using MailResult = tl::expected<T, std::string>;

// Counts in `unit`: "messages", or "bytes" where the number of messages is not known beforehand.
struct MailProgress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    const char* unit = "messages";
};

struct MailSourceOptions {
    std::uint64_t message_bytes_max =
        128u << 20;  // after line ends became CRLF; larger ones are left out
    // Told of everything that is left out, with the reason.
    std::function<void(const std::string&)> on_skip;
    // True: the importer has this one already; it is not read (Maildir) or not handed out (mbox).
    std::function<bool(const std::vector<std::string>& folder, const std::string& key)> is_known;
};

// One message at a time, in an order that stays the same. Blocking, one thread.
class MailSource {
  public:
    virtual ~MailSource() = default;
    // All folders, those without messages among them, parents first. Known from the start.
    virtual const std::vector<std::vector<std::string>>& folders() const = 0;
    // Nothing: that was all.
    [[nodiscard]] virtual MailResult<std::optional<MailMessage>> next() = 0;
    virtual MailProgress progress() const = 0;
};

// Bare LF becomes CRLF; everything else stays, a lone CR as well. Linear.
std::string to_crlf(std::string_view text);
// CRLF becomes LF; a lone CR stays. The inverse for every text without bare LF.
std::string to_lf(std::string_view text);

// A folder's name as one level of a mailbox name: what may not stand there (control characters,
// "/", wildcards, bytes that are not UTF-8) becomes "_". Never empty.
std::string clean_folder_name(std::string_view name);

}  // namespace tidemark::tools
