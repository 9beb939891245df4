#include "actors/auth/account_name.hpp"

#include "actors/auth/limits.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tidemark::actors {
namespace {

tl::unexpected<AuthError> bad_name(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::bad_name, detail});
}

// RFC 5321 §4.1.2 atext without "/", "+", "*" and "%"; a dot is dealt with by the caller.
bool is_legal_ascii(char c, bool local_part) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return true;
    if (c == '-') return true;
    return local_part && c != '\0' &&
           std::string_view("!#$&'=?^_`{|}~").find(c) != std::string_view::npos;
}

// RFC 8264 §8 for what is left after width mapping, lower case and NFC, without the ASCII part.
// Contextual rules are not evaluated: the code points that need one (RFC 5892 appendix A: ZERO
// WIDTH JOINER, MIDDLE DOT and so on) are refused, as they mostly serve to make names that look
// alike.
bool is_identifier(UChar32 c) {
    if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
        u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL)) {
        return false;
    }
    // Old Hangul Jamo; HasCompat.
    const std::int32_t hangul = u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);
    if (hangul == U_HST_LEADING_JAMO || hangul == U_HST_VOWEL_JAMO || hangul == U_HST_TRAILING_JAMO)
        return false;
    const std::int32_t decomposition = u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE);
    if (decomposition != U_DT_NONE && decomposition != U_DT_CANONICAL) return false;
    switch (u_charType(c)) {
        case U_LOWERCASE_LETTER:
        case U_UPPERCASE_LETTER:  // the few that have no lower case
        case U_OTHER_LETTER:
        case U_MODIFIER_LETTER:
        case U_NON_SPACING_MARK:
        case U_COMBINING_SPACING_MARK:
        case U_DECIMAL_DIGIT_NUMBER:
            return true;
        default:
            return false;
    }
}

// RFC 5893 §2: the Bidi Rule for one side of the name.
bool follows_bidi_rule(const UChar* units, std::int32_t count) {
    bool european = false;
    bool arabic = false;
    bool has_left = false;
    bool has_right = false;
    UCharDirection first = U_OTHER_NEUTRAL;
    UCharDirection last = U_OTHER_NEUTRAL;
    for (std::int32_t i = 0; i < count;) {
        const bool at_start = i == 0;
        UChar32 c = 0;
        U16_NEXT(units, i, count, c);
        const UCharDirection direction = u_charDirection(c);
        if (at_start) first = direction;
        if (direction != U_DIR_NON_SPACING_MARK) last = direction;
        has_left |= direction == U_LEFT_TO_RIGHT;
        has_right |= direction == U_RIGHT_TO_LEFT || direction == U_RIGHT_TO_LEFT_ARABIC;
        european |= direction == U_EUROPEAN_NUMBER;
        arabic |= direction == U_ARABIC_NUMBER;
    }
    const bool right_to_left = first == U_RIGHT_TO_LEFT || first == U_RIGHT_TO_LEFT_ARABIC;
    if (!has_right && !arabic) return true;
    if (!right_to_left || has_left || (european && arabic)) return false;
    return last == U_RIGHT_TO_LEFT || last == U_RIGHT_TO_LEFT_ARABIC || last == U_EUROPEAN_NUMBER ||
           last == U_ARABIC_NUMBER;
}

// RFC 5321 §4.1.2 Dot-string, each atom of the allowed code points.
bool is_legal_side(std::string_view side, bool local_part) {
    bool after_dot = true;
    for (const char c : side) {
        if (c == '.') {
            if (after_dot) return false;
            after_dot = true;
            continue;
        }
        after_dot = false;
        if (static_cast<unsigned char>(c) < 0x80 && !is_legal_ascii(c, local_part)) return false;
    }
    return !after_dot;
}

using Units = std::array<UChar, 4 * kAccountNameBytesMax>;

bool is_legal_unicode(const UChar* units, std::int32_t count) {
    std::int32_t side_begin = 0;
    for (std::int32_t i = 0; i < count;) {
        const std::int32_t begin = i;
        UChar32 c = 0;
        U16_NEXT(units, i, count, c);
        if (c == '@') {
            if (!follows_bidi_rule(units, begin)) return false;
            side_begin = i;
        } else if (c >= 0x80) {
            if (!is_identifier(c)) return false;
        }
    }
    return follows_bidi_rule(units + side_begin, count - side_begin);
}

// RFC 8265 §3.3.1-3: width mapping, lower case, NFC.
AuthExpected<std::string> map_unicode(std::string_view name) {
    Units units;
    std::int32_t count = 0;
    UErrorCode status = U_ZERO_ERROR;
    u_strFromUTF8(units.data(), units.size(), &count, name.data(),
                  static_cast<std::int32_t>(name.size()), &status);
    const UNormalizer2* const nfkc = unorm2_getNFKCInstance(&status);
    const UNormalizer2* const nfc = unorm2_getNFCInstance(&status);
    if (U_FAILURE(status)) return bad_name("the name is not in UTF-8");
    // A full-width or half-width form is replaced by its one decomposition; all are in the basic
    // plane.
    for (std::int32_t i = 0; i < count; ++i) {
        const std::int32_t type = u_getIntPropertyValue(units[i], UCHAR_DECOMPOSITION_TYPE);
        if (type != U_DT_WIDE && type != U_DT_NARROW) continue;
        UChar mapped[4];
        if (unorm2_getRawDecomposition(nfkc, units[i], mapped, 4, &status) == 1)
            units[i] = mapped[0];
    }
    Units lower;
    const std::int32_t lower_count =
        u_strToLower(lower.data(), lower.size(), units.data(), count, "", &status);
    Units composed;
    const std::int32_t composed_count =
        U_SUCCESS(status) ? unorm2_normalize(nfc, lower.data(), lower_count, composed.data(),
                                             composed.size(), &status)
                          : 0;
    if (U_FAILURE(status)) return bad_name("the name is too long");
    if (!is_legal_unicode(composed.data(), composed_count)) {
        return bad_name("the name has characters that are not allowed in one");
    }
    std::string text(static_cast<std::size_t>(composed_count) * 3, '\0');
    std::int32_t size = 0;
    u_strToUTF8(text.data(), static_cast<std::int32_t>(text.size()), &size, composed.data(),
                composed_count, &status);
    if (U_FAILURE(status)) return bad_name("the name is not in UTF-8");
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace

AuthExpected<std::string> normalize_account_name(std::string_view name) {
    if (name.empty()) return bad_name("the name is empty");
    if (name.size() > kAccountNameBytesMax) return bad_name("the name is too long");
    std::string result;
    if (std::all_of(name.begin(), name.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
        result = name;
        for (char& c : result) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
    } else {
        AuthExpected<std::string> mapped = map_unicode(name);
        if (!mapped) return mapped;
        result = std::move(*mapped);
        if (result.size() > kAccountNameBytesMax) return bad_name("the name is too long");
    }
    const std::size_t at = result.find('@');
    const bool legal =
        is_legal_side(std::string_view(result).substr(0, at), true) &&
        (at == std::string::npos || is_legal_side(std::string_view(result).substr(at + 1), false));
    if (!legal) return bad_name("the name has characters that are not allowed in one");
    return result;
}

}  // namespace tidemark::actors
