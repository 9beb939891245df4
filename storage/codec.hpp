// Numbers, strings and columns of numbers as bytes: the parts that records.cpp puts together. Not a
// public header.
//
// A varint is LEB128, at most 10 bytes; signed numbers are zigzag-coded first. A column is
//   base (varint) · width (1 byte: 0, 1, 2, 4 or 8) · count × width bytes, little-endian,
// each value being base + what is stored (frame of reference); so a column of equal values takes
// two or three bytes and decoding is a loop that the compiler vectorises.
#pragma once

#include "storage/column.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tidemark::storage::codec {

inline void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
}

inline void put_string(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

template <class Stored>
void put_offsets(std::string& out, std::uint64_t base, const auto& values) {
    const std::size_t at = out.size();
    out.resize(at + values.size() * sizeof(Stored));
    char* to = out.data() + at;
    for (const auto value : values) {
        const auto offset = static_cast<Stored>(bits_of(value) - base);
        std::memcpy(to, &offset, sizeof offset);
        to += sizeof offset;
    }
}

// `values`: a vector or a Column, not empty.
template <class Values>
void put_column(std::string& out, const Values& values) {
    using T = std::remove_cvref_t<decltype(*values.begin())>;
    T low = *values.begin();
    T high = low;
    for (const T value : values) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    const std::uint64_t base = bits_of(low);
    if constexpr (std::is_signed_v<T>) {
        put_varint(out, zigzag(static_cast<std::int64_t>(low)));
    } else {
        put_varint(out, base);
    }
    const std::uint8_t width = column_width(bits_of(high) - base);
    out.push_back(static_cast<char>(width));
    switch (width) {
        case 0:
            break;
        case 1:
            put_offsets<std::uint8_t>(out, base, values);
            break;
        case 2:
            put_offsets<std::uint16_t>(out, base, values);
            break;
        case 4:
            put_offsets<std::uint32_t>(out, base, values);
            break;
        default:
            put_offsets<std::uint64_t>(out, base, values);
            break;
    }
}

// Reads from any bytes. After the first thing that does not fit ok() is false, and all that is read
// then is zero or empty; so a decoder checks once, at the end, except before it allocates.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    bool ok() const { return ok_; }
    bool done() const { return ok_ && left_.empty(); }
    std::size_t left() const { return left_.size(); }
    void set_bad() {
        ok_ = false;
        left_ = {};
    }

    std::uint8_t byte() {
        if (left_.empty()) {
            set_bad();
            return 0;
        }
        const auto value = static_cast<std::uint8_t>(left_[0]);
        left_.remove_prefix(1);
        return value;
    }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t next = byte();
            if (!ok_) return 0;
            if (shift == 63 && next > 1) break;  // more than 64 bits
            value |= std::uint64_t{next & 0x7fu} << shift;
            if ((next & 0x80) == 0) {
                if (next == 0 && shift > 0) break;  // one number has one spelling
                return value;
            }
        }
        set_bad();
        return 0;
    }

    // A varint that must be at most `max`.
    template <class T>
    T number(std::uint64_t max) {
        const std::uint64_t value = varint();
        if (value > max) set_bad();
        return ok_ ? static_cast<T>(value) : T{};
    }
    template <class T>
    T number() {
        using Raw = typename std::conditional_t<std::is_enum_v<T>, std::underlying_type<T>,
                                                std::type_identity<T>>::type;
        return number<T>(std::numeric_limits<Raw>::max());
    }
    std::int64_t signed_number() { return unzigzag(varint()); }
    bool boolean() { return number<std::uint8_t>(1) != 0; }

    std::string_view bytes(std::size_t size) {
        if (size > left_.size()) {
            set_bad();
            return {};
        }
        const std::string_view found = left_.substr(0, size);
        left_.remove_prefix(size);
        return found;
    }
    std::string_view string() {
        const std::uint64_t size = varint();
        if (size > left_.size()) {
            set_bad();
            return {};
        }
        return bytes(static_cast<std::size_t>(size));
    }

    template <ColumnValue T>
    void column(std::size_t count, Column<T>& values) {
        const ColumnParts parts = column_parts<T>(count);
        if (ok_) values = Column<T>(parts.base, parts.width, count, parts.stored);
    }
    template <ColumnValue T>
    void column(std::size_t count, std::vector<T>& values) {
        const auto [base, width, stored] = column_parts<T>(count);
        if (!ok_) return;
        values.resize(count);
        switch (width) {
            case 0:
                std::fill(values.begin(), values.end(), static_cast<T>(base));
                break;
            case 1:
                fill<std::uint8_t>(base, stored, values);
                break;
            case 2:
                fill<std::uint16_t>(base, stored, values);
                break;
            case 4:
                fill<std::uint32_t>(base, stored, values);
                break;
            default:
                fill<std::uint64_t>(base, stored, values);
                break;
        }
    }
    void skip_column(std::size_t count) {
        varint();
        bytes(count * byte());
    }

  private:
    struct ColumnParts {
        std::uint64_t base = 0;
        std::uint8_t width = 0;
        std::string_view stored;
    };
    template <ColumnValue T>
    ColumnParts column_parts(std::size_t count) {
        ColumnParts parts;
        const std::uint64_t first = varint();
        parts.base = std::is_signed_v<T> ? static_cast<std::uint64_t>(unzigzag(first)) : first;
        parts.width = byte();
        if (parts.width > sizeof(T) || (parts.width > 2 && parts.width != 4 && parts.width != 8))
            set_bad();
        parts.stored = bytes(count * parts.width);
        return parts;
    }

    template <class Stored, class T>
    static void fill(std::uint64_t base, std::string_view stored, std::vector<T>& values) {
        const char* from = stored.data();
        for (T& value : values) {
            Stored offset;
            std::memcpy(&offset, from, sizeof offset);
            from += sizeof offset;
            value = static_cast<T>(base + offset);
        }
    }

    std::string_view left_;
    bool ok_ = true;
};

}  // namespace tidemark::storage::codec
