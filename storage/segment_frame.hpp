// The text in a segment file around each message: enough to rebuild the mail from the segments
// alone, readable with `less`. Pure functions over bytes.
//
//   TMO1 <body> <owners> <check>\n                                               any number,
//   usually none TMB1 <body> <length> <crc32c> <date> <zone> <flags> <owners> <check>\n <length
//   bytes as received>\n
//
// body, length: decimal; crc32c of the message: 8 hex digits; date: unix seconds, zone: minutes
// east; flags: the system flags as hex bits; owners: account:mailbox:uid joined by commas; check:
// CRC-32C of the line before " <check>", 8 hex digits. Spaces may be doubled before <check>: a
// streamed body reserves its line before its owners are known. A TMO1 line names more owners of a
// body whose line was full; it stands before the TMB1 line, or behind the message where that was
// streamed.
#pragma once

#include "storage/transaction.hpp"
#include "storage/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

struct FrameHeader {
    BodyId body{};
    std::uint32_t length = 0;
    std::uint32_t crc32c = 0;
    Date internal_date;
    FlagBits system_flags = 0;
    std::vector<BodyOwner> owners;
};

struct FrameLine {
    bool more_owners = false;  // a TMO1 line: only body and owners have a meaning
    FrameHeader header;
    std::size_t line_bytes = 0;  // the line's end included
};

// All lines of a frame, TMB1 last. Uses TMO1 lines when the owners do not fit into one.
std::string encode_frame_header(const FrameHeader& header);
// A TMB1 line of exactly kFrameLineBytesMax with as many owners as fit, and the TMO1 lines for the
// others.
struct PaddedFrameHeader {
    std::string line;
    std::string more_owners;
};
PaddedFrameHeader encode_padded_frame_header(const FrameHeader& header);

// Reads the line at the start of `bytes`; nullopt when there is none that is whole and right.
std::optional<FrameLine> parse_frame_line(std::string_view bytes);

}  // namespace tidemark::storage
