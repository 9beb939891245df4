#include "actors/special_use.hpp"

#include "protocol/ascii.hpp"

namespace tidemark::actors {

using storage::SpecialUse;

namespace {

struct UseName {
    std::string_view name;
    SpecialUse use;
};
constexpr UseName kUses[] = {
    {"\\All", SpecialUse::kAll},       {"\\Archive", SpecialUse::kArchive},
    {"\\Drafts", SpecialUse::kDrafts}, {"\\Flagged", SpecialUse::kFlagged},
    {"\\Junk", SpecialUse::kJunk},     {"\\Sent", SpecialUse::kSent},
    {"\\Trash", SpecialUse::kTrash},   {"\\Important", SpecialUse::kImportant},
};

}  // namespace

std::string_view special_use_name(SpecialUse use) {
    for (const UseName& one : kUses) {
        if (one.use == use) return one.name;
    }
    return {};
}

std::optional<SpecialUse> find_special_use(std::string_view name) {
    for (const UseName& one : kUses) {
        if (protocol::ascii_iequals(one.name, name)) return one.use;
    }
    return std::nullopt;
}

}  // namespace tidemark::actors
