#include "protocol/charset.hpp"

#include "protocol/message/ascii.hpp"

#include <unicode/ucnv.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace tidemark::protocol {
namespace {

using message::ascii_prefix_size;
using message::is_alpha;
using message::is_ascii;
using message::is_digit;
using message::to_lower;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Longer names are no charset; the longest that IANA registers has 45 characters.
constexpr std::size_t kNameBytesMax = 64;

/// Idle converters kept by each thread. A converter takes a few hundred bytes, its tables are
/// shared.
constexpr std::size_t kConvertersMax = 16;

struct CloseConverter {
    void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

/// The converters that no text is using now, by canonical name.
thread_local std::unordered_map<std::string, Converter> idle_converters;

/// Names that mail uses and ICU does not know, or knows more narrowly than mail means them: a label
/// of a subset is mostly wrong where the text has characters of the superset (as the WHATWG
/// encoding standard reads them).
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kAliases{{
    {"ansi", "windows-1252"},
    {"ascii", "us-ascii"},
    {"cp-850", "ibm850"},
    {"cp-1250", "windows-1250"},
    {"cp-1251", "windows-1251"},
    {"cp-1252", "windows-1252"},
    {"euc-kr", "windows-949"},
    {"gb2312", "gb18030"},
    {"gb_2312-80", "gb18030"},
    {"gbk", "gb18030"},
    {"iso-8859-1", "windows-1252"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-9", "windows-1254"},
    {"ks_c_5601", "windows-949"},
    {"ks_c_5601-1987", "windows-949"},
    {"latin-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"shift_jis", "windows-31j"},
    {"tis-620", "windows-874"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"unicode-1-1-utf-8", "utf-8"},
    {"utf8", "utf-8"},
    {"utf8mb4", "utf-8"},
    {"x-sjis", "windows-31j"},
}};

std::string canonical_name(std::string_view name) {
    while (!name.empty() && (name.front() == ' ' || name.front() == '"')) {
        name.remove_prefix(1);
    }
    while (!name.empty() && (name.back() == ' ' || name.back() == '"')) {
        name.remove_suffix(1);
    }
    std::string canonical(name.substr(0, kNameBytesMax + 1));
    std::transform(canonical.begin(), canonical.end(), canonical.begin(), to_lower);
    for (const auto& [alias, target] : kAliases) {
        if (canonical == alias) {
            return std::string(target);
        }
    }
    return canonical;
}

bool is_ascii_name(std::string_view canonical) {
    return canonical.empty() || canonical == "us-ascii";
}

/// ICU reads options after a comma and opens files by path: neither may come from a message.
bool is_plausible_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_alpha(c) || is_digit(c) ||
                      std::string_view("-_.:+()").find(c) != std::string_view::npos;
           });
}

/// Null when ICU does not know the name.
Converter take_converter(const std::string& canonical) {
    const auto idle = idle_converters.find(canonical);
    if (idle != idle_converters.end()) {
        Converter converter = std::move(idle->second);
        idle_converters.erase(idle);
        ucnv_resetToUnicode(converter.get());
        return converter;
    }
    if (!is_plausible_name(canonical)) {
        return nullptr;
    }
    UErrorCode status = U_ZERO_ERROR;
    Converter converter(ucnv_open(canonical.c_str(), &status));
    return U_SUCCESS(status) ? std::move(converter) : nullptr;
}

void give_back(const std::string& canonical, Converter converter) {
    if (converter != nullptr && idle_converters.size() < kConvertersMax) {
        idle_converters.try_emplace(canonical, std::move(converter));
    }
}

/// Bytes of the sequence that `lead` begins, 0 when it begins none; `low` and `high` bound the
/// second byte (Unicode table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF).
std::size_t sequence_size(unsigned char lead, unsigned char& low, unsigned char& high) {
    low = 0x80;
    high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
        return 4;
    }
    return 0;
}

/// Appends `bytes` made valid, up to a sequence that is cut by their end unless `is_last`. Returns
/// what was read.
std::size_t append_checked(std::string_view bytes, bool is_last, std::string& out) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        const std::size_t plain = ascii_prefix_size(bytes.substr(i));
        out.append(bytes.substr(i, plain));
        i += plain;
        if (i == bytes.size()) {
            break;
        }
        unsigned char low = 0;
        unsigned char high = 0;
        const std::size_t size = sequence_size(static_cast<unsigned char>(bytes[i]), low, high);
        std::size_t valid = 1;
        while (valid < size && i + valid < bytes.size()) {
            const auto byte = static_cast<unsigned char>(bytes[i + valid]);
            if (byte < low || byte > high) {
                break;
            }
            low = 0x80;
            high = 0xBF;
            ++valid;
        }
        if (size != 0 && valid == size) {
            out.append(bytes.substr(i, size));
        } else if (size != 0 && i + valid == bytes.size() && !is_last) {
            return i;
        } else {
            out.append(kReplacement);
        }
        i += valid;
    }
    return i;
}

void append_code_point(UChar32 code_point, std::string& out) {
    std::array<char, U8_MAX_LENGTH> buffer{};
    std::int32_t size = 0;
    U8_APPEND_UNSAFE(buffer.data(), size, code_point);
    out.append(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

struct CharsetDecoder::State {
    enum class Form : std::uint8_t { kUtf8, kUnknown, kConverter } form = Form::kUtf8;
    std::string name;
    Converter converter;
    std::string incomplete;  // UTF-8 cut by the end of a piece
    UChar lead = 0;          // the first half of a surrogate pair cut by the end of a buffer

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { give_back(name, std::move(converter)); }

    void append_units(const UChar* units, std::size_t count, std::string& out);
    void convert(std::string_view bytes, bool is_last, std::string& out);
    void check(std::string_view bytes, bool is_last, std::string& out);
};

void CharsetDecoder::State::append_units(const UChar* units, std::size_t count, std::string& out) {
    for (std::size_t i = 0; i < count; ++i) {
        const UChar unit = units[i];
        if (lead != 0 && U16_IS_TRAIL(unit)) {
            append_code_point(U16_GET_SUPPLEMENTARY(lead, unit), out);
            lead = 0;
            continue;
        }
        if (lead != 0) {
            out.append(kReplacement);
            lead = 0;
        }
        if (unit < 0x80) {
            out.push_back(static_cast<char>(unit));
        } else if (U16_IS_LEAD(unit)) {
            lead = unit;
        } else if (U16_IS_TRAIL(unit)) {
            out.append(kReplacement);
        } else {
            append_code_point(unit, out);
        }
    }
}

void CharsetDecoder::State::convert(std::string_view bytes, bool is_last, std::string& out) {
    std::array<UChar, 1024> units{};
    const char* source = bytes.data();
    const char* const source_end = bytes.data() + bytes.size();
    while (true) {
        UChar* target = units.data();
        UErrorCode status = U_ZERO_ERROR;
        ucnv_toUnicode(converter.get(), &target, units.data() + units.size(), &source, source_end,
                       nullptr, static_cast<UBool>(is_last), &status);
        append_units(units.data(), static_cast<std::size_t>(target - units.data()), out);
        if (status != U_BUFFER_OVERFLOW_ERROR) {
            break;
        }
    }
    if (is_last && lead != 0) {
        out.append(kReplacement);
        lead = 0;
    }
}

void CharsetDecoder::State::check(std::string_view bytes, bool is_last, std::string& out) {
    if (incomplete.empty()) {
        incomplete = bytes.substr(append_checked(bytes, is_last, out));
        return;
    }
    incomplete.append(bytes);
    const std::string joined = std::exchange(incomplete, {});
    incomplete = joined.substr(append_checked(joined, is_last, out));
}

CharsetDecoder::CharsetDecoder(std::string_view charset) : state_(std::make_unique<State>()) {
    const std::string name = canonical_name(charset);
    if (is_ascii_name(name) || name == "utf-8") {
        return;
    }
    state_->name = name;
    state_->converter = take_converter(name);
    state_->form = state_->converter != nullptr ? State::Form::kConverter : State::Form::kUnknown;
}

CharsetDecoder::~CharsetDecoder() = default;
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;

bool CharsetDecoder::is_known() const {
    return state_->form != State::Form::kUnknown;
}

void CharsetDecoder::decode(std::string_view bytes, std::string& out) {
    switch (state_->form) {
        case State::Form::kUtf8:
            state_->check(bytes, false, out);
            break;
        case State::Form::kConverter:
            state_->convert(bytes, false, out);
            break;
        case State::Form::kUnknown:
            for (const char c : bytes) {
                if (is_ascii(c)) {
                    out.push_back(c);
                } else {
                    out.append(kReplacement);
                }
            }
    }
}

void CharsetDecoder::finish(std::string& out) {
    if (state_->form == State::Form::kUtf8) {
        state_->check({}, true, out);
    } else if (state_->form == State::Form::kConverter) {
        state_->convert({}, true, out);
    }
}

bool is_known_charset(std::string_view name) {
    return !canonical_name(name).empty() && CharsetDecoder(name).is_known();
}

bool append_utf8(std::string_view charset, std::string_view bytes, std::string& out) {
    CharsetDecoder decoder(charset);
    if (!decoder.is_known()) {
        return false;
    }
    decoder.decode(bytes, out);
    decoder.finish(out);
    return true;
}

void append_valid_utf8(std::string_view bytes, std::string& out) {
    append_checked(bytes, true, out);
}

std::span<const std::string_view> search_charsets() {
    static constexpr std::array<std::string_view, 24> kCharsets{
        "US-ASCII",     "UTF-8",        "ISO-8859-1",   "ISO-8859-2",   "ISO-8859-5",
        "ISO-8859-7",   "ISO-8859-9",   "ISO-8859-15",  "WINDOWS-1250", "WINDOWS-1251",
        "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256",
        "WINDOWS-1257", "KOI8-R",       "KOI8-U",       "ISO-2022-JP",  "SHIFT_JIS",
        "EUC-JP",       "EUC-KR",       "GB18030",      "BIG5"};
    return kCharsets;
}

}  // namespace tidemark::protocol
