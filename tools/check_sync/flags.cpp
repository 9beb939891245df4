#include "protocol/ascii.hpp"
#include "tools/check_sync/client_view.hpp"

#include <algorithm>

namespace tidemark::check_sync {

namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

std::string joined(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string text;
    for (const auto& name : names) {
        if (name == "\\recent") continue;
        if (!text.empty()) text += ' ';
        text += name;
    }
    return text;
}

std::vector<std::string> split(std::string_view canonical) {
    std::vector<std::string> names;
    while (!canonical.empty()) {
        const auto end = std::min(canonical.find(' '), canonical.size());
        names.emplace_back(canonical.substr(0, end));
        canonical.remove_prefix(std::min(end + 1, canonical.size()));
    }
    return names;
}

}  // namespace

std::string canonical_flags(const protocol::FetchData& fetch) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < protocol::kSystemFlagCount; ++i) {
        const auto flag = static_cast<protocol::SystemFlag>(i);
        if (fetch.system_flags.contains(flag)) names.push_back(lower(protocol::flag_name(flag)));
    }
    for (const auto& keyword : fetch.keywords) names.push_back(lower(keyword));
    return joined(std::move(names));
}

std::string canonical_flags(const std::vector<protocol::Flag>& flags) {
    std::vector<std::string> names;
    names.reserve(flags.size());
    for (const auto& flag : flags) names.push_back(lower(flag.name()));
    return joined(std::move(names));
}

bool has_flag(std::string_view canonical, std::string_view flag) {
    while (!canonical.empty()) {
        const auto end = std::min(canonical.find(' '), canonical.size());
        if (canonical.substr(0, end) == flag) return true;
        canonical.remove_prefix(std::min(end + 1, canonical.size()));
    }
    return false;
}

std::string apply_store(std::string_view now, protocol::command::Store::Mode mode,
                        std::string_view canonical) {
    using Mode = protocol::command::Store::Mode;
    if (mode == Mode::replace) return std::string(canonical);
    auto names = split(now);
    if (mode == Mode::add) {
        for (auto& name : split(canonical)) names.push_back(std::move(name));
    } else {
        std::erase_if(names, [&](const auto& name) { return has_flag(canonical, name); });
    }
    return joined(std::move(names));
}

}  // namespace tidemark::check_sync
