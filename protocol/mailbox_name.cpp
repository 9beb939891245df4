#include "protocol/mailbox_name.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include <algorithm>
#include <utility>

namespace tidemark::protocol {
namespace {

using Error = MailboxNameError;

// A name in modified UTF-7 takes at most 5 bytes ("&AOk-") for a character of 2 in UTF-8, or 1 (a
// lone control:
// "&AAA-"); what is longer than this cannot be a name within the limit and is not looked at.
constexpr std::size_t kWireBytesMax = 5 * kMailboxNameBytesMax;
constexpr std::size_t kPatternWordsMax = (kMailboxNameBytesMax + 1 + 63) / 64;
constexpr std::string_view kInbox = "INBOX";

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

// 64 for what is no digit.
constexpr auto kBase64Values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i < kBase64.size(); ++i) {
        values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}();

bool is_printable_ascii(char32_t c) {
    return c >= 0x20 && c <= 0x7e;
}
bool is_wildcard(char c) {
    return c == '*' || c == '%';
}
bool is_ascii(std::string_view bytes) {
    return std::ranges::none_of(bytes,
                                [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

void put_utf8(std::string& out, char32_t c) {
    const auto tail = [&](unsigned shift) {
        out += static_cast<char>(0x80 | ((c >> shift) & 0x3f));
    };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        tail(0);
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        tail(12);
        tail(6);
        tail(0);
    }
}

// RFC 3629 §4: the next character of `bytes` from `at` on, which is moved behind it; nothing for
// what is not UTF-8 (overlong forms, surrogates and values above U+10FFFF included).
std::optional<char32_t> take_utf8(std::string_view bytes, std::size_t& at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned first = byte(at);
    if (first < 0x80) {
        ++at;
        return first;
    }
    const std::size_t length = first < 0xc2   ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || bytes.size() - at < length) {
        return std::nullopt;
    }
    char32_t c = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80) {
            return std::nullopt;
        }
        c = (c << 6) | (byte(at + i) & 0x3fU);
    }
    if ((length == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
        (length == 4 && (c < 0x10000 || c > 0x10ffff))) {
        return std::nullopt;
    }
    at += length;
    return c;
}

// UTF-16 units out of the base64 digits of one shifted run, put together to characters.
class ShiftedRun {
  public:
    explicit ShiftedRun(std::string& out) : out_(out) {}

    [[nodiscard]] bool add(unsigned digit) {
        bits_ = (bits_ << 6) | digit;
        bit_count_ += 6;
        if (bit_count_ < 16) {
            return true;
        }
        bit_count_ -= 16;
        const auto unit = static_cast<char32_t>((bits_ >> bit_count_) & 0xffff);
        bits_ &= (1U << bit_count_) - 1;
        return add_unit(unit);
    }

    // At least one character, no half of a pair, and no more than the pad bits, which are 0.
    [[nodiscard]] bool finish() const {
        return any_ && high_surrogate_ == 0 && bit_count_ < 6 && bits_ == 0;
    }

  private:
    bool add_unit(char32_t unit) {
        any_ = true;
        if (high_surrogate_ != 0) {
            if (unit < 0xdc00 || unit > 0xdfff) {
                return false;
            }
            put_utf8(out_, 0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00));
            high_surrogate_ = 0;
            return true;
        }
        if (unit >= 0xd800 && unit <= 0xdbff) {
            high_surrogate_ = unit;
            return true;
        }
        if ((unit >= 0xdc00 && unit <= 0xdfff) || is_printable_ascii(unit)) {
            return false;
        }
        put_utf8(out_, unit);
        return true;
    }

    std::string& out_;
    unsigned bits_ = 0;
    unsigned bit_count_ = 0;
    char32_t high_surrogate_ = 0;
    bool any_ = false;
};

class Base64Writer {
  public:
    explicit Base64Writer(std::string& out) : out_(out) {}

    void add_unit(unsigned unit) {
        bits_ = (bits_ << 16) | unit;
        bit_count_ += 16;
        while (bit_count_ >= 6) {
            bit_count_ -= 6;
            out_ += kBase64[(bits_ >> bit_count_) & 0x3f];
        }
        bits_ &= (1U << bit_count_) - 1;
    }

    void finish() {
        if (bit_count_ > 0) {
            out_ += kBase64[(bits_ << (6 - bit_count_)) & 0x3f];
        }
        bits_ = bit_count_ = 0;
    }

  private:
    std::string& out_;
    unsigned bits_ = 0;
    unsigned bit_count_ = 0;
};

// RFC 9051 §5.1 and RFC 5198 §2: C0, DEL, C1 and the two separators that end lines. `utf8` is
// valid.
bool has_control(std::string_view utf8) {
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        if (byte < 0x20 || byte == 0x7f ||
            (byte == 0xc2 && static_cast<unsigned char>(utf8[i + 1]) < 0xa0)) {
            return true;
        }
        if (byte == 0xe2 &&
            (utf8.substr(i, 3) == "\xe2\x80\xa8" || utf8.substr(i, 3) == "\xe2\x80\xa9")) {
            return true;
        }
    }
    return false;
}

std::optional<Error> check_components(std::string_view name) {
    std::size_t depth = 0;
    while (true) {
        const auto end = name.find(kHierarchySeparator);
        const auto component = name.substr(0, end);
        if (component.empty()) {
            return Error::empty_component;
        }
        if (component.size() > kMailboxComponentBytesMax) {
            return Error::component_too_long;
        }
        if (++depth > kMailboxDepthMax) {
            return Error::too_deep;
        }
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        name.remove_prefix(end + 1);
    }
}

// Is the first component INBOX in some case?
bool begins_with_inbox(std::string_view name) {
    const auto upper = [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); };
    return name.size() >= kInbox.size() &&
           std::equal(kInbox.begin(), kInbox.end(), name.begin(),
                      [&](char a, char b) { return a == upper(b); }) &&
           (name.size() == kInbox.size() || name[kInbox.size()] == kHierarchySeparator);
}

tl::expected<std::string, Error> decode(std::string_view bytes, NameEncoding encoding) {
    if (bytes.size() > kWireBytesMax) {
        return tl::unexpected(Error::too_long);
    }
    if (encoding == NameEncoding::utf7) {
        return decode_modified_utf7(bytes);
    }
    return std::string(bytes);
}

}  // namespace

std::string_view describe(MailboxNameError error) {
    switch (error) {
        case Error::empty:
            return "the name is empty";
        case Error::empty_component:
            return "the name has an empty component";
        case Error::component_too_long:
            return "a component of the name is longer than 255 bytes";
        case Error::too_long:
            return "the name is longer than 1000 bytes";
        case Error::too_deep:
            return "the name has more than 50 levels";
        case Error::control_character:
            return "the name has a control character";
        case Error::wildcard:
            return "the name has a wildcard character";
        case Error::bad_utf8:
            return "the name is not valid UTF-8";
        case Error::bad_utf7:
            return "the name is not valid modified UTF-7";
    }
    return "the name is not valid";
}

tl::expected<std::string, MailboxNameError> decode_modified_utf7(std::string_view wire) {
    std::string out;
    out.reserve(wire.size());
    bool after_run = false;
    for (std::size_t i = 0; i < wire.size();) {
        const auto c = static_cast<unsigned char>(wire[i]);
        if (!is_printable_ascii(c)) {
            return tl::unexpected(Error::bad_utf7);
        }
        if (c != '&') {
            out += wire[i++];
            after_run = false;
            continue;
        }
        ++i;
        if (i < wire.size() && wire[i] == '-') {
            out += '&';
            ++i;
            after_run = false;
            continue;
        }
        // Two runs in a row would be one run in the canonical form.
        if (after_run) {
            return tl::unexpected(Error::bad_utf7);
        }
        ShiftedRun run(out);
        for (; i < wire.size() && wire[i] != '-'; ++i) {
            const unsigned digit = kBase64Values[static_cast<unsigned char>(wire[i])];
            if (digit > 63 || !run.add(digit)) {
                return tl::unexpected(Error::bad_utf7);
            }
        }
        if (i == wire.size() || !run.finish()) {
            return tl::unexpected(Error::bad_utf7);
        }
        ++i;
        after_run = true;
    }
    return out;
}

std::string encode_modified_utf7(std::string_view utf8) {
    std::string out;
    out.reserve(utf8.size() + 8);
    Base64Writer base64(out);
    bool shifted = false;
    for (std::size_t i = 0; i < utf8.size();) {
        const auto c = take_utf8(utf8, i);
        if (!c) {
            break;  // promised not to happen
        }
        if (is_printable_ascii(*c)) {
            if (std::exchange(shifted, false)) {
                base64.finish();
                out += '-';
            }
            out += static_cast<char>(*c);
            if (*c == '&') {
                out += '-';
            }
            continue;
        }
        if (!std::exchange(shifted, true)) {
            out += '&';
        }
        if (*c >= 0x10000) {
            base64.add_unit(0xd800 + static_cast<unsigned>((*c - 0x10000) >> 10));
            base64.add_unit(0xdc00 + static_cast<unsigned>((*c - 0x10000) & 0x3ff));
        } else {
            base64.add_unit(static_cast<unsigned>(*c));
        }
    }
    if (shifted) {
        base64.finish();
        out += '-';
    }
    return out;
}

bool is_valid_utf8(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        if (!take_utf8(bytes, i)) {
            return false;
        }
    }
    return true;
}

std::optional<std::string> normalise_nfc(std::string_view utf8) {
    if (is_ascii(utf8)) {
        return std::string(utf8);
    }
    if (!is_valid_utf8(utf8)) {
        return std::nullopt;
    }
    UErrorCode status = U_ZERO_ERROR;
    const auto* nfc = icu::Normalizer2::getNFCInstance(status);
    if (U_FAILURE(status)) {
        return std::nullopt;
    }
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    nfc->normalizeUTF8(0, icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())),
                       sink, nullptr, status);
    if (U_FAILURE(status)) {
        return std::nullopt;
    }
    return out;
}

tl::expected<MailboxName, MailboxNameError> MailboxName::from_wire(std::string_view bytes,
                                                                   NameEncoding encoding,
                                                                   TrailingSeparator trailing) {
    const auto utf8 = decode(bytes, encoding);
    if (!utf8) {
        return tl::unexpected(utf8.error());
    }
    return from_utf8(*utf8, trailing);
}

tl::expected<MailboxName, MailboxNameError> MailboxName::from_utf8(std::string_view utf8,
                                                                   TrailingSeparator trailing) {
    if (trailing == TrailingSeparator::drop && utf8.ends_with(kHierarchySeparator)) {
        utf8.remove_suffix(1);
    }
    if (utf8.empty()) {
        return tl::unexpected(Error::empty);
    }
    if (utf8.size() > kWireBytesMax) {
        return tl::unexpected(Error::too_long);
    }
    auto name = normalise_nfc(utf8);
    if (!name) {
        return tl::unexpected(Error::bad_utf8);
    }
    if (name->size() > kMailboxNameBytesMax) {
        return tl::unexpected(Error::too_long);
    }
    if (has_control(*name)) {
        return tl::unexpected(Error::control_character);
    }
    if (std::ranges::any_of(*name, is_wildcard)) {
        return tl::unexpected(Error::wildcard);
    }
    if (const auto error = check_components(*name)) {
        return tl::unexpected(*error);
    }
    if (begins_with_inbox(*name)) {
        std::ranges::copy(kInbox, name->begin());
    }
    return MailboxName(std::move(*name));
}

std::string MailboxName::to_wire(NameEncoding encoding) const {
    return encoding == NameEncoding::utf7 ? encode_modified_utf7(utf8_) : utf8_;
}

std::size_t MailboxName::depth() const {
    return 1 + static_cast<std::size_t>(std::ranges::count(utf8_, kHierarchySeparator));
}

std::optional<MailboxName> MailboxName::parent() const {
    const auto end = utf8_.rfind(kHierarchySeparator);
    if (end == std::string::npos) {
        return std::nullopt;
    }
    return MailboxName(utf8_.substr(0, end));
}

std::string_view MailboxName::leaf() const {
    const auto separator = utf8_.rfind(kHierarchySeparator);
    return std::string_view(utf8_).substr(separator == std::string::npos ? 0 : separator + 1);
}

std::vector<std::string_view> MailboxName::components() const {
    std::vector<std::string_view> out;
    std::string_view rest = utf8_;
    for (auto end = rest.find(kHierarchySeparator); end != std::string_view::npos;
         end = rest.find(kHierarchySeparator)) {
        out.push_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    out.push_back(rest);
    return out;
}

bool MailboxName::is_under(const MailboxName& ancestor) const {
    const auto& other = ancestor.utf8_;
    return utf8_.size() > other.size() && utf8_[other.size()] == kHierarchySeparator &&
           utf8_.starts_with(other);
}

tl::expected<MailboxName, MailboxNameError> MailboxName::moved(const MailboxName& from,
                                                               const MailboxName& to) const {
    if (!is_under(from)) {
        return *this == from ? to : *this;
    }
    return from_utf8(to.utf8_ + utf8_.substr(from.utf8_.size()));
}

tl::expected<ListPattern, MailboxNameError> ListPattern::from_wire(std::string_view reference,
                                                                   std::string_view pattern,
                                                                   NameEncoding encoding) {
    const auto first = decode(reference, encoding);
    if (!first) {
        return tl::unexpected(first.error());
    }
    const auto second = decode(pattern, encoding);
    if (!second) {
        return tl::unexpected(second.error());
    }
    return from_utf8(*first + *second);
}

tl::expected<ListPattern, MailboxNameError> ListPattern::from_utf8(std::string_view pattern) {
    if (pattern.size() > kWireBytesMax) {
        return tl::unexpected(Error::too_long);
    }
    const auto normalised = normalise_nfc(pattern);
    if (!normalised) {
        return tl::unexpected(Error::bad_utf8);
    }
    if (has_control(*normalised)) {
        return tl::unexpected(Error::control_character);
    }
    ListPattern out;
    for (const char c : *normalised) {
        // "%%" is "%"; a run with a '*' in it is "*".
        if (is_wildcard(c) && !out.pattern_.empty() && is_wildcard(out.pattern_.back())) {
            out.pattern_.back() = c == '*' ? '*' : out.pattern_.back();
        } else {
            out.pattern_ += c;
        }
    }
    if (out.pattern_.size() > kMailboxNameBytesMax) {
        return tl::unexpected(Error::too_long);
    }
    out.compile();
    return out;
}

void ListPattern::compile() {
    words_ = (pattern_.size() + 1 + 63) / 64;
    any_.assign(words_, 0);
    within_level_.assign(words_, 0);
    masks_.assign(words_, 0);
    for (std::size_t i = 0; i < pattern_.size(); ++i) {
        const auto bit = std::uint64_t{1} << (i % 64);
        if (is_wildcard(pattern_[i])) {
            (pattern_[i] == '*' ? any_ : within_level_)[i / 64] |= bit;
            has_wildcard_ = true;
            continue;
        }
        auto& row = class_of_[static_cast<unsigned char>(pattern_[i])];
        if (row == 0) {
            row = static_cast<std::uint8_t>(masks_.size() / words_);
            masks_.resize(masks_.size() + words_, 0);
        }
        masks_[row * words_ + i / 64] |= bit;
    }
}

// Bit i of the state says that the first i positions of the pattern match the bytes so far. A byte
// moves the bits at its own positions one up and keeps those at wildcards that accept it; a
// wildcard also matches nothing, so its bit sets the next one (never a wildcard itself).
bool ListPattern::matches(std::string_view name) const {
    std::array<std::uint64_t, kPatternWordsMax> state{};
    state[0] = 1;
    const auto skip_wildcards = [&] {
        std::uint64_t carry = 0;
        for (std::size_t w = 0; w < words_; ++w) {
            const auto wild = state[w] & (any_[w] | within_level_[w]);
            state[w] |= (wild << 1) | carry;
            carry = wild >> 63;
        }
    };
    skip_wildcards();
    const bool in_inbox = begins_with_inbox(name);
    for (std::size_t i = 0; i < name.size(); ++i) {
        const auto byte = static_cast<unsigned char>(name[i]);
        const auto* mask = &masks_[class_of_[byte] * words_];
        // INBOX is upper case in a name, and matches any case in a pattern.
        const auto* other_case =
            in_inbox && i < kInbox.size() ? &masks_[class_of_[byte ^ 0x20U] * words_] : mask;
        const std::uint64_t same_level = byte == kHierarchySeparator ? 0 : ~std::uint64_t{0};
        std::uint64_t carry = 0;
        for (std::size_t w = 0; w < words_; ++w) {
            const auto step = state[w] & (mask[w] | other_case[w]);
            state[w] =
                (state[w] & (any_[w] | (within_level_[w] & same_level))) | (step << 1) | carry;
            carry = step >> 63;
        }
        skip_wildcards();
    }
    return (state[pattern_.size() / 64] >> (pattern_.size() % 64) & 1) != 0;
}

std::string_view ListPattern::literal_prefix() const {
    return std::string_view(pattern_).substr(0, pattern_.find_first_of("*%"));
}

}  // namespace tidemark::protocol
