#include "storage/migrate/progress.hpp"

#include "storage/codec.hpp"

namespace tidemark::storage {

namespace {
constexpr char kProgressVersion = 1;
}

std::string encode(const MigrationProgress& progress) {
    std::string bytes(1, kProgressVersion);
    codec::put_varint(bytes, progress.fence_owner);
    codec::put_varint(bytes, progress.store_seq);
    codec::put_varint(bytes, progress.sequence);
    codec::put_string(bytes, progress.step);
    bytes.push_back(progress.is_done ? 1 : 0);
    bytes.push_back(static_cast<char>(progress.family));
    codec::put_string(bytes, progress.key);
    return bytes;
}

Result<MigrationProgress> decode_migration_progress(std::string_view bytes) {
    codec::Reader reader(bytes);
    const std::uint8_t version = reader.byte();
    MigrationProgress progress;
    progress.fence_owner = reader.varint();
    progress.store_seq = reader.varint();
    progress.sequence = reader.varint();
    progress.step = reader.string();
    const std::uint8_t done = reader.byte();
    progress.is_done = done == 1;
    progress.family = reader.byte();
    progress.key = reader.string();
    if (!reader.done() || version != kProgressVersion || done > 1 ||
        progress.family >= kFamilyCount)
        return fail(StoreErrorKind::kCorrupt, "the progress of a migration does not decode");
    return progress;
}

}  // namespace tidemark::storage
