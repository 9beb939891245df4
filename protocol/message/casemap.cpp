#include "protocol/message/casemap.hpp"

#include "protocol/message/ascii.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <array>
#include <cstdint>
#include <memory>

namespace tidemark::protocol::message {
namespace {

constexpr std::size_t kPageSize = 256;
constexpr std::size_t kPageCount = 0x110000 / kPageSize;

/// The mappings of 256 code points, as UTF-8; entry i is text[offsets[i], offsets[i + 1]).
struct Page {
    std::array<std::uint16_t, kPageSize + 1> offsets{};
    std::string text;
};

void append_code_point(UChar32 code_point, std::string& out) {
    std::array<char, U8_MAX_LENGTH> buffer{};
    std::int32_t size = 0;
    U8_APPEND_UNSAFE(buffer.data(), size, code_point);
    out.append(buffer.data(), static_cast<std::size_t>(size));
}

/// Longest result: U+FDFA decomposes to 18 code points.
using Units = std::array<UChar, 64>;

std::int32_t fold(Units& units, std::int32_t size, Units& scratch) {
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t folded =
        u_strFoldCase(scratch.data(), static_cast<std::int32_t>(scratch.size()), units.data(), size,
                      U_FOLD_CASE_DEFAULT, &status);
    if (U_FAILURE(status)) {
        return size;
    }
    units = scratch;
    return folded;
}

std::int32_t decompose(Units& units, std::int32_t size, Units& scratch) {
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* normalizer = unorm2_getNFKDInstance(&status);
    const std::int32_t decomposed =
        unorm2_normalize(normalizer, units.data(), size, scratch.data(),
                         static_cast<std::int32_t>(scratch.size()), &status);
    if (U_FAILURE(status)) {
        return size;
    }
    units = scratch;
    return decomposed;
}

/// Fold, decompose, fold what came out of the decomposition, then the upper (title) case that
/// i;unicode-casemap orders by. Each code point is mapped by itself, so that a text may be mapped
/// in pieces.
void append_mapping(UChar32 code_point, std::string& out) {
    if (U_IS_SURROGATE(code_point)) {
        append_code_point(0xFFFD, out);
        return;
    }
    Units units{};
    Units scratch{};
    std::int32_t size = 0;
    U16_APPEND_UNSAFE(units.data(), size, code_point);
    size = fold(units, size, scratch);
    size = decompose(units, size, scratch);
    size = fold(units, size, scratch);
    for (std::int32_t i = 0; i < size;) {
        UChar32 mapped = 0;
        U16_NEXT(units.data(), i, size, mapped);
        append_code_point(u_totitle(mapped), out);
    }
}

const Page& page_of(UChar32 code_point) {
    // Built once for each thread and script that it meets: a few pages of some KiB.
    static thread_local std::array<std::unique_ptr<Page>, kPageCount> pages;
    const std::size_t index = static_cast<std::size_t>(code_point) / kPageSize;
    std::unique_ptr<Page>& page = pages[index];
    if (page == nullptr) {
        page = std::make_unique<Page>();
        for (std::size_t i = 0; i < kPageSize; ++i) {
            append_mapping(static_cast<UChar32>(index * kPageSize + i), page->text);
            page->offsets[i + 1] = static_cast<std::uint16_t>(page->text.size());
        }
    }
    return *page;
}

}  // namespace

void append_casemapped(std::string_view text, std::string& out) {
    out.reserve(out.size() + text.size());
    std::size_t i = 0;
    while (i < text.size()) {
        if (is_ascii(text[i])) {
            const std::size_t plain = ascii_prefix_size(text.substr(i));
            const std::size_t begin = out.size();
            out.append(text.substr(i, plain));
            for (std::size_t j = begin; j < out.size(); ++j) {
                out[j] = to_upper(out[j]);
            }
            i += plain;
            continue;
        }
        UChar32 code_point = 0;
        // NOLINTNEXTLINE(bugprone-inc-dec-in-conditions): that is what ICU's macro is made of
        U8_NEXT_OR_FFFD(reinterpret_cast<const std::uint8_t*>(text.data()), i, text.size(),
                        code_point);
        const Page& page = page_of(code_point);
        const std::size_t entry = static_cast<std::size_t>(code_point) % kPageSize;
        out.append(page.text, page.offsets[entry],
                   static_cast<std::size_t>(page.offsets[entry + 1] - page.offsets[entry]));
    }
}

std::string casemapped(std::string_view text) {
    std::string out;
    append_casemapped(text, out);
    return out;
}

}  // namespace tidemark::protocol::message
