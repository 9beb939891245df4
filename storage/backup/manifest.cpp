#include "storage/backup/manifest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <functional>
#include <limits>

namespace tidemark::storage {
namespace {

using nlohmann::json;
using Place = BackupManifest::Place;

constexpr std::string_view kFormatName = "tidemark backup";
constexpr std::string_view kCheckBegin = ",\n\"check\": \"";
constexpr std::string_view kCheckEnd = "\"}\n";
constexpr std::size_t kDigestDigits = 32;
constexpr std::size_t kIdDigits = 32;

std::string digest_of(std::string_view text) {
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string quoted(const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class Enum>
std::uint64_t number(Enum value) {
    return static_cast<std::uint64_t>(raw(value));
}

std::string line_of(const BackupManifest::Account& account) {
    return fmt::format(
        R"({{"id": {}, "name": {}, "highest_modseq": {}, "mailboxes": {}, "messages": {}, "bytes": {}}})",
        number(account.id), quoted(account.name), account.highest_modseq, account.mailboxes,
        account.messages, account.bytes);
}

std::string crc_text(std::optional<std::uint32_t> crc) {
    return crc ? fmt::format("\"{:08x}\"", *crc) : "null";
}
const char* place_text(Place place) {
    return place == Place::kHere ? "here" : "previous";
}

std::string line_of(const BackupManifest::Segment& segment) {
    return fmt::format(R"({{"id": {}, "bytes": {}, "crc32c": {}, "sealed": {}, "place": "{}"}})",
                       number(segment.id), segment.bytes, crc_text(segment.crc32c), segment.sealed,
                       place_text(segment.place));
}
std::string line_of(const BackupManifest::File& file) {
    return fmt::format(R"({{"path": {}, "bytes": {}, "crc32c": {}, "place": "{}"}})",
                       quoted(file.path), file.bytes, crc_text(file.crc32c),
                       place_text(file.place));
}

template <class Item>
void put_list(std::string& out, std::string_view name, const std::vector<Item>& items) {
    out += fmt::format(",\n\"{}\": [", name);
    for (const Item& item : items) {
        out += &item == items.data() ? "\n" : ",\n";
        out += line_of(item);
    }
    out += ']';
}

// Takes members out of an object; whatever is wrong is remembered once, for the whole manifest.
class Members {
  public:
    Members(const json& object, std::size_t count, bool& is_well)
        : object_(object), is_well_(is_well) {
        if (!object.is_object() || object.size() != count) is_well_ = false;
    }

    std::uint64_t number(const char* name, std::uint64_t max = UINT64_MAX) const {
        const json* value = find(name);
        if (value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() <= max)
            return value->get<std::uint64_t>();
        is_well_ = false;
        return 0;
    }
    std::string text(const char* name) const {
        const json* value = find(name);
        if (value != nullptr && value->is_string()) return value->get<std::string>();
        is_well_ = false;
        return {};
    }
    bool flag(const char* name) const {
        const json* value = find(name);
        if (value != nullptr && value->is_boolean()) return value->get<bool>();
        is_well_ = false;
        return false;
    }
    std::uint64_t hex(const char* name, std::size_t digits) const {
        const std::string digits_text = text(name);
        std::uint64_t value = 0;
        const char* const end = digits_text.data() + digits_text.size();
        const auto [at, error] = std::from_chars(digits_text.data(), end, value, 16);
        if (error != std::errc() || at != end || digits_text.size() != digits) is_well_ = false;
        return value;
    }
    std::optional<std::uint32_t> crc() const {
        const json* value = find("crc32c");
        if (value != nullptr && value->is_null()) return std::nullopt;
        return static_cast<std::uint32_t>(hex("crc32c", 8));
    }
    Place place() const {
        const std::string name = text("place");
        if (name != "here" && name != "previous") is_well_ = false;
        return name == "previous" ? Place::kPrevious : Place::kHere;
    }
    void each(const char* name, const std::function<void(const json&)>& visit) const {
        const json* value = find(name);
        if (value == nullptr || !value->is_array()) {
            is_well_ = false;
            return;
        }
        for (const json& item : *value) visit(item);
    }
    const json* find(const char* name) const {
        if (!object_.is_object()) return nullptr;
        const auto found = object_.find(name);
        return found == object_.end() ? nullptr : &*found;
    }

  private:
    const json& object_;
    bool& is_well_;
};

// Nothing that a manifest names lies outside of its backup.
bool is_inside(std::string_view path) {
    if (path.empty() || path.find('\0') != std::string_view::npos) return false;
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string_view level = path.substr(0, slash);
        if (level.empty() || level == "." || level == "..") return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

template <class Item, class Key>
bool ascends(const std::vector<Item>& items, Key key) {
    return std::adjacent_find(items.begin(), items.end(), [&](const Item& a, const Item& b) {
               return !(key(a) < key(b));
           }) == items.end();
}

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// What holds for every manifest that a backup can have.
bool is_sound(const BackupManifest& manifest) {
    const auto is_previous = [](const auto& item) { return item.place == Place::kPrevious; };
    const bool leaves_out =
        std::any_of(manifest.segments.begin(), manifest.segments.end(), is_previous) ||
        std::any_of(manifest.files.begin(), manifest.files.end(), is_previous);
    return manifest.format > 0 && is_hex(manifest.id, kIdDigits) &&
           (manifest.since ? is_hex(manifest.since->id, kIdDigits) : !leaves_out) &&
           ascends(manifest.accounts, [](const auto& account) { return account.id; }) &&
           ascends(manifest.segments, [](const auto& segment) { return segment.id; }) &&
           ascends(manifest.files, [](const auto& file) { return std::string_view(file.path); }) &&
           std::all_of(manifest.files.begin(), manifest.files.end(),
                       [](const auto& file) { return is_inside(file.path); }) &&
           std::all_of(manifest.segments.begin(), manifest.segments.end(),
                       [&](const auto& one) { return one.sealed || one.place == Place::kHere; });
}

BackupManifest take(const json& object, bool& is_well) {
    BackupManifest manifest;
    const Members members(object, 15, is_well);
    manifest.format = static_cast<std::uint32_t>(members.number("format", UINT32_MAX));
    manifest.id = members.text("id");
    manifest.created_micros =
        static_cast<std::int64_t>(members.number("created_micros", INT64_MAX));
    manifest.server_version = members.text("server_version");
    manifest.store_seq = members.number("store_seq");
    manifest.fence_owner = members.hex("fence_owner", 16);
    manifest.fence_epoch = members.number("fence_epoch");
    if (const json* since = members.find("since"); since != nullptr && !since->is_null()) {
        const Members inner(*since, 2, is_well);
        manifest.since = BackupManifest::Since{inner.text("id"), inner.text("path")};
    }
    members.each("accounts", [&](const json& item) {
        const Members inner(item, 6, is_well);
        manifest.accounts.push_back({AccountId{inner.number("id")}, inner.text("name"),
                                     inner.number("highest_modseq", kModSeqMax),
                                     inner.number("mailboxes"), inner.number("messages"),
                                     inner.number("bytes")});
    });
    members.each("segments", [&](const json& item) {
        const Members inner(item, 5, is_well);
        manifest.segments.push_back(
            {SegmentId{static_cast<std::uint32_t>(inner.number("id", UINT32_MAX))},
             inner.number("bytes"), inner.crc(), inner.flag("sealed"), inner.place()});
    });
    members.each("files", [&](const json& item) {
        const Members inner(item, 4, is_well);
        manifest.files.push_back(
            {inner.text("path"), inner.number("bytes"), inner.crc(), inner.place()});
    });
    return manifest;
}

tl::unexpected<StoreError> damaged(std::string_view what) {
    return fail(StoreErrorKind::kCorrupt, fmt::format("the manifest is damaged: {}", what));
}

}  // namespace

std::string segment_path(SegmentId id) {
    return fmt::format("mail/{:08}.seg", raw(id));
}

const BackupManifest::Segment* BackupManifest::find_segment(SegmentId segment) const {
    const auto found =
        std::lower_bound(segments.begin(), segments.end(), segment,
                         [](const Segment& one, SegmentId wanted) { return one.id < wanted; });
    return found != segments.end() && found->id == segment ? &*found : nullptr;
}

const BackupManifest::File* BackupManifest::find_file(std::string_view path) const {
    const auto found = std::lower_bound(
        files.begin(), files.end(), path,
        [](const File& one, std::string_view wanted) { return one.path < wanted; });
    return found != files.end() && found->path == path ? &*found : nullptr;
}

std::uint64_t BackupManifest::messages() const {
    std::uint64_t sum = 0;
    for (const Account& account : accounts) sum += account.messages;
    return sum;
}

std::uint64_t BackupManifest::bytes() const {
    std::uint64_t sum = 0;
    for (const Segment& segment : segments) sum += segment.bytes;
    for (const File& file : files) sum += file.bytes;
    return sum;
}

std::string encode(const BackupManifest& manifest) {
    std::string out = fmt::format(
        "{{\"backup\": \"{}\",\n\"version\": {},\n\"format\": {},\n\"id\": {},\n"
        "\"created_micros\": {},\n\"server_version\": {},\n\"store_seq\": {},\n"
        "\"fence_owner\": \"{:016x}\",\n\"fence_epoch\": {},\n",
        kFormatName, kManifestVersion, manifest.format, quoted(manifest.id),
        manifest.created_micros, quoted(manifest.server_version), manifest.store_seq,
        manifest.fence_owner, manifest.fence_epoch);
    if (manifest.since) {
        out += fmt::format("\"since\": {{\"id\": {}, \"path\": {}}},\n", quoted(manifest.since->id),
                           quoted(manifest.since->path));
    } else {
        out += "\"since\": null,\n";
    }
    out += fmt::format(
        "\"totals\": {{\"accounts\": {}, \"messages\": {}, \"segments\": {}, \"files\": {}, "
        "\"bytes\": {}}}",
        manifest.accounts.size(), manifest.messages(), manifest.segments.size(),
        manifest.files.size(), manifest.bytes());
    put_list(out, "accounts", manifest.accounts);
    put_list(out, "segments", manifest.segments);
    put_list(out, "files", manifest.files);
    std::string digest = digest_of(out);
    out += kCheckBegin;
    out += digest;
    out += kCheckEnd;
    return out;
}

Result<BackupManifest> decode_manifest(std::string_view text) {
    constexpr std::size_t kTail = kCheckBegin.size() + kDigestDigits + kCheckEnd.size();
    if (text.size() < kTail || !text.ends_with(kCheckEnd)) return damaged("it has no end");
    const std::string_view before = text.substr(0, text.size() - kTail);
    const std::string_view tail = text.substr(before.size());
    if (!tail.starts_with(kCheckBegin)) return damaged("it has no digest");
    if (tail.substr(kCheckBegin.size(), kDigestDigits) != digest_of(before))
        return damaged("its digest is not that of its text");
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object() || object.value("backup", json()) != kFormatName)
        return damaged("it is not one of Tidemark's");
    const json version = object.value("version", json());
    if (!version.is_number_unsigned() || version == 0u) return damaged("it has no version");
    if (version.get<std::uint64_t>() > kManifestVersion) {
        return fail(StoreErrorKind::kTooNew,
                    fmt::format("the backup was made by a newer version of Tidemark (manifest {}, "
                                "this program knows up to {})",
                                version.get<std::uint64_t>(), kManifestVersion));
    }
    bool is_well = true;
    BackupManifest manifest = take(object, is_well);
    // Encoding it again also compares what is derived, and that nothing is there twice.
    if (!is_well || !is_sound(manifest) || encode(manifest) != text)
        return damaged("its values do not fit together");
    return manifest;
}

Result<BackupManifest> read_manifest(FileSystem& file_system, const std::string& directory) {
    if (directory.find(kUnfinishedInfix) != std::string::npos)
        return fail(StoreErrorKind::kNotFound,
                    fmt::format("{} is what is left of an unfinished backup", directory));
    const std::string path = fmt::format("{}/{}", directory, kManifestFile);
    const auto from = [](const IoError& error) {
        return StoreError{error.code == ENOENT ? StoreErrorKind::kNotFound : StoreErrorKind::kIo,
                          error.text};
    };
    auto file = file_system.open(path, FileSystem::Mode::kRead);
    if (!file) return tl::unexpected(from(file.error()));
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(from(size.error()));
    if (*size > kManifestBytesMax)
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} is too long", path));
    std::string text(*size, '\0');
    const auto got = (*file)->read_at(0, text.data(), text.size());
    if (!got) return tl::unexpected(from(got.error()));
    text.resize(*got);
    auto manifest = decode_manifest(text);
    if (!manifest) manifest.error().detail = fmt::format("{}: {}", path, manifest.error().detail);
    return manifest;
}

}  // namespace tidemark::storage
