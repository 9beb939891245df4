#include "storage/crc32c.hpp"
#include "storage/limits.hpp"
#include "storage/segments.hpp"
#include "storage/store.hpp"

#include <algorithm>
#include <memory>

namespace tidemark::storage {

Result<std::string> BodyReader::read_all() const {
    Result<std::string> bytes = read(0, length_);
    if (bytes && crc32c(*bytes) != crc32c_)
        return tl::unexpected(file_->damaged(offset_, "wrong CRC"));
    return bytes;
}

std::optional<Result<std::string>> BodyReader::try_read_all() const {
    std::string bytes(length_, '\0');
    const auto got = file_->file().try_read_at(offset_, bytes.data(), bytes.size());
    if (!got) return tl::unexpected(store_error(got.error()));
    if (!*got) return std::nullopt;
    if (**got != length_) return tl::unexpected(file_->damaged(offset_, "the file ends too early"));
    if (crc32c(bytes) != crc32c_) return tl::unexpected(file_->damaged(offset_, "wrong CRC"));
    return bytes;
}

Result<std::string> BodyReader::read(std::uint32_t offset, std::uint32_t length) const {
    if (offset > length_) return std::string();
    std::string bytes(std::min(length, length_ - offset), '\0');
    const auto got =
        file_->file().read_at(std::uint64_t{offset_} + offset, bytes.data(), bytes.size());
    if (!got) return tl::unexpected(store_error(got.error()));
    if (*got != bytes.size())
        return tl::unexpected(file_->damaged(offset_, "the file ends too early"));
    return bytes;
}

Result<void> BodyReader::read_into(std::uint32_t offset, std::span<char> buffer) const {
    if (std::uint64_t{offset} + buffer.size() > length_)
        return fail(StoreErrorKind::kLimit, "read behind the end of a body");
    const auto got =
        file_->file().read_at(std::uint64_t{offset_} + offset, buffer.data(), buffer.size());
    if (!got) return tl::unexpected(store_error(got.error()));
    if (*got != buffer.size())
        return tl::unexpected(file_->damaged(offset_, "the file ends too early"));
    return {};
}

Result<void> BodyReader::verify() const {
    std::uint32_t crc = 0;
    const auto buffer =
        std::make_unique_for_overwrite<char[]>(std::min<std::size_t>(length_, kVerifyPieceBytes));
    for (std::uint32_t done = 0; done < length_;) {
        const std::uint32_t bytes =
            std::min(length_ - done, static_cast<std::uint32_t>(kVerifyPieceBytes));
        if (auto got = read_into(done, {buffer.get(), bytes}); !got) return got;
        crc = crc32c({buffer.get(), bytes}, crc);
        done += bytes;
    }
    if (crc != crc32c_) return tl::unexpected(file_->damaged(offset_, "wrong CRC"));
    return {};
}

}  // namespace tidemark::storage
