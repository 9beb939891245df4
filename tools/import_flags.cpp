#include "tools/import_flags.hpp"

#include "actors/limits.hpp"
#include "protocol/types.hpp"

#include <algorithm>

namespace tidemark::tools {

namespace {

std::string lower_case(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

}  // namespace

actors::FlagNames import_flags(const MailFlags& flags) {
    actors::FlagNames names;
    if (flags.seen) names.system |= storage::kSeen;
    if (flags.answered) names.system |= storage::kAnswered;
    if (flags.flagged) names.system |= storage::kFlagged;
    if (flags.deleted) names.system |= storage::kDeleted;
    if (flags.draft) names.system |= storage::kDraft;
    names.keywords = flags.keywords;
    return names;
}

MailFlags export_flags(storage::FlagBits bits, const std::vector<std::string>& keywords) {
    MailFlags flags;
    flags.seen = (bits & storage::kSeen) != 0;
    flags.answered = (bits & storage::kAnswered) != 0;
    flags.flagged = (bits & storage::kFlagged) != 0;
    flags.deleted = (bits & storage::kDeleted) != 0;
    flags.draft = (bits & storage::kDraft) != 0;
    for (std::size_t i = 0; i < keywords.size(); ++i) {
        if ((bits >> (storage::kKeywordShift + i) & 1) != 0) flags.keywords.push_back(keywords[i]);
    }
    return flags;
}

std::string clean_keyword(std::string_view name) {
    std::string clean(name);
    for (char& c : clean) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7f ||
            std::string_view("(){%*\"\\]").find(c) != std::string_view::npos)
            c = '_';
    }
    const auto flag = protocol::Flag::parse(clean);
    return flag && flag->is_keyword() ? clean : std::string();
}

KeywordRoom::KeywordRoom(const std::vector<std::string>& present) {
    for (const std::string& keyword : present) known_.insert(lower_case(keyword));
}

bool KeywordRoom::fit(MailFlags& flags) {
    bool lost = false;
    std::vector<std::string> kept;
    for (const std::string& name : flags.keywords) {
        std::string keyword = clean_keyword(name);
        const std::string key = lower_case(keyword);
        const bool is_known = known_.count(key) != 0;
        if (keyword.empty() || (!is_known && known_.size() >= actors::kKeywordsMax)) {
            lost = true;
            continue;
        }
        known_.insert(key);
        const bool is_double = std::any_of(kept.begin(), kept.end(), [&](const std::string& one) {
            return lower_case(one) == key;
        });
        if (!is_double) kept.push_back(std::move(keyword));
    }
    flags.keywords = std::move(kept);
    return lost;
}

}  // namespace tidemark::tools
