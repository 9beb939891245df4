#include "tools/serve_flags.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

namespace tidemark::tools {

namespace {

using Outcome = tl::expected<void, std::string>;

std::string absolute(const std::string& path) {
    std::error_code error;
    const auto whole = std::filesystem::absolute(path, error);
    return error ? path : whole.string();
}

std::string absolute_address(const std::string& address) {
    constexpr std::string_view kUnix = "unix:";
    if (!address.starts_with(kUnix)) return address;
    return std::string(kUnix) + absolute(address.substr(kUnix.size()));
}

Outcome apply_list(std::string_view flag, const std::vector<std::string>& given, bool unix_allowed,
                   std::vector<std::string>& addresses) {
    if (given.empty()) return {};
    addresses.clear();
    if (given == std::vector<std::string>{"none"}) return {};
    for (const std::string& address : given) {
        if (const auto good = check_address(address, unix_allowed); !good) {
            return tl::unexpected(fmt::format("{}: {}", flag, good.error()));
        }
        addresses.push_back(absolute_address(address));
    }
    return {};
}

}  // namespace

Outcome apply_flags(const ServeFlags& flags, Config& config) {
    if (auto done = apply_list("--imap", flags.imap, false, config.listen.imap); !done) return done;
    if (auto done = apply_list("--imaps", flags.imaps, false, config.listen.imaps); !done)
        return done;
    if (auto done = apply_list("--lmtp", flags.lmtp, true, config.listen.lmtp); !done) return done;
    if (!flags.admin.empty()) config.listen.admin = absolute(flags.admin);
    if (!flags.tls_certificate.empty()) {
        config.tls.certificate = absolute(flags.tls_certificate);
        config.tls.key = absolute(flags.tls_key);
        config.tls.sni.clear();
    }
    if (flags.allow_plaintext) config.auth.allow_plaintext = true;
    if (flags.threads) config.server.threads = *flags.threads;
    if (!flags.log_level.empty()) {
        const auto level = parse_log_level(flags.log_level);
        if (!level)
            return tl::unexpected(fmt::format("--log-level: unknown level '{}'", flags.log_level));
        config.log.level = *level;
        config.log.components.clear();
    }
    if (flags.log_format == "json") config.log.format = LogFormat::kJson;
    if (flags.log_format == "text") config.log.format = LogFormat::kText;
    return {};
}

}  // namespace tidemark::tools
