#include "storage/segment_frame.hpp"

#include "storage/crc32c.hpp"
#include "storage/limits.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <iterator>

namespace tidemark::storage {
namespace {

constexpr std::string_view kBodyTag = "TMB1 ";
constexpr std::string_view kOwnersTag = "TMO1 ";
constexpr std::size_t kCheckBytes = 1 + 8 + 1;  // space, digits, line end

void close_line(std::string& line, std::size_t pad_to) {
    if (line.size() + kCheckBytes < pad_to) line.append(pad_to - kCheckBytes - line.size(), ' ');
    fmt::format_to(std::back_inserter(line), " {:08x}\n", crc32c(line));
}

// Appends owners from `next` on as long as the line stays within its limit.
void put_owners(std::string& line, const std::vector<BodyOwner>& owners, std::size_t& next) {
    for (bool first = true; next < owners.size(); ++next, first = false) {
        const BodyOwner& owner = owners[next];
        const std::string text = fmt::format("{}{}:{}:{}", first ? "" : ",", raw(owner.account),
                                             raw(owner.mailbox), owner.uid);
        if (line.size() + text.size() + kCheckBytes > kFrameLineBytesMax) return;
        line += text;
    }
}

std::string body_line(const FrameHeader& header, std::size_t& next_owner, std::size_t pad_to) {
    std::string line = fmt::format("{}{} {} {:08x} {} {} {:x} ", kBodyTag, raw(header.body),
                                   header.length, header.crc32c, header.internal_date.unix_seconds,
                                   header.internal_date.zone_minutes, header.system_flags);
    put_owners(line, header.owners, next_owner);
    close_line(line, pad_to);
    return line;
}

std::string owner_lines(const FrameHeader& header, std::size_t next_owner) {
    std::string lines;
    while (next_owner < header.owners.size()) {
        std::string line = fmt::format("{}{} ", kOwnersTag, raw(header.body));
        put_owners(line, header.owners, next_owner);
        close_line(line, 0);
        lines += line;
    }
    return lines;
}

class LineReader {
  public:
    explicit LineReader(std::string_view text) : left_(text) {}

    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && left_.empty(); }
    bool skip(char c) {
        if (left_.empty() || left_[0] != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    void expect(char c) { ok_ = skip(c) && ok_; }
    template <class Number>
    Number number(int base = 10) {
        Number value{};
        const auto [end, error] =
            std::from_chars(left_.data(), left_.data() + left_.size(), value, base);
        const auto length = static_cast<std::size_t>(end - left_.data());
        if (error != std::errc()) ok_ = false;
        left_.remove_prefix(length);
        return value;
    }
    std::uint32_t hex8() {
        const std::string_view digits = left_.substr(0, 8);
        std::uint32_t value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (digits.size() != 8 || error != std::errc() || end != digits.data() + 8) ok_ = false;
        left_.remove_prefix(digits.size());
        return value;
    }

  private:
    std::string_view left_;
    bool ok_ = true;
};

void read_owners(LineReader& in, std::vector<BodyOwner>& owners) {
    do {
        BodyOwner owner;
        owner.account = AccountId{in.number<std::uint64_t>()};
        in.expect(':');
        owner.mailbox = MailboxId{in.number<std::uint32_t>()};
        in.expect(':');
        owner.uid = in.number<Uid>();
        owners.push_back(owner);
    } while (in.ok() && in.skip(','));
}

}  // namespace

std::string encode_frame_header(const FrameHeader& header) {
    std::size_t next_owner = 0;
    const std::string line = body_line(header, next_owner, 0);
    return owner_lines(header, next_owner) + line;
}

PaddedFrameHeader encode_padded_frame_header(const FrameHeader& header) {
    std::size_t next_owner = 0;
    PaddedFrameHeader padded;
    padded.line = body_line(header, next_owner, kFrameLineBytesMax);
    padded.more_owners = owner_lines(header, next_owner);
    return padded;
}

std::optional<FrameLine> parse_frame_line(std::string_view bytes) {
    bytes = bytes.substr(0, kFrameLineBytesMax);
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos || end < kBodyTag.size() + kCheckBytes) return std::nullopt;
    const std::string_view line = bytes.substr(0, end);
    const std::string_view checked = line.substr(0, line.size() - 9);
    LineReader check(line.substr(checked.size()));
    check.expect(' ');
    if (check.hex8() != crc32c(checked) || !check.ok()) return std::nullopt;

    FrameLine found;
    found.line_bytes = end + 1;
    found.more_owners = checked.starts_with(kOwnersTag);
    if (!found.more_owners && !checked.starts_with(kBodyTag)) return std::nullopt;
    FrameHeader& header = found.header;
    LineReader in(checked.substr(kBodyTag.size()));
    header.body = BodyId{in.number<std::uint64_t>()};
    in.expect(' ');
    if (!found.more_owners) {
        header.length = in.number<std::uint32_t>();
        in.expect(' ');
        header.crc32c = in.hex8();
        in.expect(' ');
        header.internal_date.unix_seconds = in.number<std::int64_t>();
        in.expect(' ');
        header.internal_date.zone_minutes = in.number<std::int16_t>();
        in.expect(' ');
        header.system_flags = in.number<FlagBits>(16);
        in.expect(' ');
    }
    if (in.ok()) read_owners(in, header.owners);
    while (in.skip(' ')) {
    }
    if (!in.at_end()) return std::nullopt;
    return found;
}

}  // namespace tidemark::storage
