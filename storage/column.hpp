// A column of numbers in memory as it is stored: base + offsets of 0, 1, 2, 4 or 8 bytes each
// (frame of reference). Messages of one page came about the same time, so that most columns take a
// quarter of what their type would; and a page is loaded by copying its bytes.
//
// Thread: a value. Cost: reading one is a switch and an addition; push_back() of a value that the
// width does not hold lays the column anew.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tidemark::storage {

static_assert(std::endian::native == std::endian::little,
              "columns are read and written as they lie in memory");

template <class T>
concept ColumnValue = std::is_integral_v<T> || std::is_enum_v<T>;

// T as the 64 bits that a column stores.
template <ColumnValue T>
constexpr std::uint64_t bits_of(T value) {
    return static_cast<std::uint64_t>(value);  // sign-extends, so that differences come out right
}

constexpr std::uint8_t column_width(std::uint64_t spread) {
    if (spread == 0) return 0;
    if (spread <= UINT8_MAX) return 1;
    if (spread <= UINT16_MAX) return 2;
    return spread <= UINT32_MAX ? 4 : 8;
}

template <ColumnValue T>
class Column {
  public:
    class Iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = T;

        Iterator() = default;
        Iterator(const Column* column, std::size_t index) : column_(column), index_(index) {}
        T operator*() const { return (*column_)[index_]; }
        Iterator& operator++() {
            ++index_;
            return *this;
        }
        Iterator operator++(int) {
            const Iterator before = *this;
            ++index_;
            return before;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) {
            return a.index_ == b.index_;
        }
        friend difference_type operator-(const Iterator& a, const Iterator& b) {
            return static_cast<difference_type>(a.index_) - static_cast<difference_type>(b.index_);
        }

      private:
        const Column* column_ = nullptr;
        std::size_t index_ = 0;
    };

    Column() = default;
    Column(std::initializer_list<T> values) {
        for (const T value : values) push_back(value);
    }
    // `offsets` is `count` × `width` bytes; width 0, 1, 2, 4 or 8.
    Column(std::uint64_t base, std::uint8_t width, std::size_t count, std::string_view offsets)
        : base_(base),
          bytes_(offsets.begin(), offsets.end()),
          count_(static_cast<std::uint32_t>(count)),
          width_(width) {}

    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    T operator[](std::size_t index) const { return static_cast<T>(base_ + offset(index)); }
    Iterator begin() const { return {this, 0}; }
    Iterator end() const { return {this, count_}; }
    std::vector<T> to_vector() const { return {begin(), end()}; }
    std::size_t memory_bytes() const { return bytes_.capacity(); }
    // The least value, or less than that. Only when not empty.
    T base() const { return static_cast<T>(base_); }
    bool is_constant() const { return width_ == 0; }
    // Calls visit(bytes, Stored()) for loops over the distances from base() as they are stored: an
    // unsigned Stored for each value, none of them aligned. Not for one that is_constant().
    template <class Visit>
    auto visit_stored(Visit visit) const {
        switch (width_) {
            case 1:
                return visit(bytes_.data(), std::uint8_t{});
            case 2:
                return visit(bytes_.data(), std::uint16_t{});
            case 4:
                return visit(bytes_.data(), std::uint32_t{});
            default:
                return visit(bytes_.data(), std::uint64_t{});
        }
    }

    // Room for so many of the width that there is.
    void reserve(std::size_t count) { bytes_.reserve(count * width_); }

    void push_back(T value) {
        const std::uint64_t bits = bits_of(value);
        if (count_ == 0) base_ = bits;
        if (!fits(bits)) widen(bits);
        ++count_;
        bytes_.resize(std::size_t{count_} * width_);
        put(count_ - 1, bits - base_);
    }

  private:
    // Signed values are compared as signed, so that the base is the smallest of them.
    static bool less(std::uint64_t a, std::uint64_t b) {
        if constexpr (std::is_signed_v<T>) {
            return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
        } else {
            return a < b;
        }
    }
    bool fits(std::uint64_t bits) const {
        return !less(bits, base_) && column_width(bits - base_) <= width_;
    }
    std::uint64_t offset(std::size_t index) const {
        switch (width_) {
            case 0:
                return 0;
            case 1:
                return stored<std::uint8_t>(index);
            case 2:
                return stored<std::uint16_t>(index);
            case 4:
                return stored<std::uint32_t>(index);
            default:
                return stored<std::uint64_t>(index);
        }
    }
    template <class Stored>
    Stored stored(std::size_t index) const {
        Stored value;
        std::memcpy(&value, bytes_.data() + index * sizeof value, sizeof value);
        return value;
    }
    void put(std::size_t index, std::uint64_t value) {
        if (width_ > 0) std::memcpy(bytes_.data() + index * width_, &value, width_);
    }
    void widen(std::uint64_t bits) {
        const Column before = *this;
        std::uint64_t high = bits;
        for (const T value : before) {
            if (less(high, bits_of(value))) high = bits_of(value);
        }
        if (less(bits, base_)) base_ = bits;
        width_ = std::max(width_, column_width(high - base_));
        bytes_.resize(std::size_t{count_} * width_);
        for (std::size_t i = 0; i < count_; ++i) put(i, bits_of(before[i]) - base_);
    }

    std::uint64_t base_ = 0;
    std::vector<char> bytes_;
    std::uint32_t count_ = 0;
    std::uint8_t width_ = 0;
};

}  // namespace tidemark::storage
