#include "actors/flag_text.hpp"

#include "actors/limits.hpp"

namespace tidemark::actors {

namespace {

struct SystemFlagName {
    storage::FlagBits bit;
    std::string_view name;
};
constexpr SystemFlagName kSystemFlags[] = {
    {storage::kAnswered, "\\Answered"}, {storage::kFlagged, "\\Flagged"},
    {storage::kDeleted, "\\Deleted"},   {storage::kSeen, "\\Seen"},
    {storage::kDraft, "\\Draft"},
};

std::string make(storage::FlagBits flags, bool is_recent,
                 const std::vector<std::string>& keywords) {
    std::string text = "(";
    const auto add = [&text](std::string_view name) {
        if (text.size() > 1) text += ' ';
        text += name;
    };
    for (const auto& flag : kSystemFlags) {
        if ((flags & flag.bit) != 0) add(flag.name);
    }
    for (std::size_t i = 0; i < keywords.size(); ++i) {
        if ((flags >> (storage::kKeywordShift + i) & 1) != 0) add(keywords[i]);
    }
    if (is_recent) add("\\Recent");
    text += ')';
    return text;
}

}  // namespace

std::string_view FlagText::get(storage::FlagBits flags, bool is_recent,
                               const std::vector<std::string>& keywords) {
    // Neighbours in a mailbox mostly have the same flags.
    if (last_ != nullptr && last_flags_ == flags && last_recent_ == is_recent) return *last_;
    if (!texts_) texts_ = std::make_unique<Texts>();
    // The five system flags; of keywords, where mailboxes have them, a few.
    auto*& slot = texts_->last[(flags ^ flags >> storage::kKeywordShift) % texts_->last.size()];
    if (!is_recent && slot != nullptr && slot->first == flags) return slot->second;
    auto& texts = is_recent ? texts_->recent : texts_->plain;
    auto it = texts.find(flags);
    if (it == texts.end()) {
        if (texts.size() >= kFlagTextsMax) {
            texts.clear();
            texts_->last.fill(nullptr);
        }
        it = texts.emplace(flags, make(flags, is_recent, keywords)).first;
    }
    if (!is_recent) slot = &*it;
    last_flags_ = flags;
    last_recent_ = is_recent;
    last_ = &it->second;
    return *last_;
}

std::vector<std::string> system_flag_names() {
    std::vector<std::string> names;
    for (const auto& flag : kSystemFlags) names.emplace_back(flag.name);
    return names;
}

}  // namespace tidemark::actors
