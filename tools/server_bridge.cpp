#include "tools/server_bridge.hpp"

#include <fmt/format.h>

#include <string_view>

namespace tidemark::tools {

std::string ready_line(const Listening& listening) {
    std::string line = "tidemark ready";
    const auto add = [&](std::string_view name, const std::string& address) {
        line += fmt::format(" {}={}", name, address);
    };
    for (const std::string& address : listening.imap) add("imap", address);
    for (const std::string& address : listening.imaps) add("imaps", address);
    for (const std::string& address : listening.lmtp) add("lmtp", address);
    if (!listening.admin.empty()) add("admin", listening.admin);
    return line;
}

}  // namespace tidemark::tools
