// The flags of `serve` that override the configuration.
#pragma once

#include "tools/config.hpp"

#include <tl/expected.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tidemark::tools {

struct ServeFlags {
    // A list that is not empty replaces the configuration's; the one word "none" is the empty list.
    std::vector<std::string> imap;
    std::vector<std::string> imaps;
    std::vector<std::string> lmtp;
    std::string admin;
    std::string tls_certificate;
    std::string tls_key;
    bool allow_plaintext = false;
    std::optional<unsigned> threads;
    std::string log_level;
    std::string log_format;
};

// Paths of flags are made absolute: they are relative to the working directory, those of the file
// are not. The error is a sentence that names the flag.
[[nodiscard]] tl::expected<void, std::string> apply_flags(const ServeFlags& flags, Config& config);

}  // namespace tidemark::tools
