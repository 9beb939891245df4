#pragma once

#include <cstddef>

/// What one message may cost while it is parsed. Every message is accepted (the bytes delivered are
/// the bytes returned); past a limit it is only understood less deeply, never refused.
namespace tidemark::protocol::message {

/// Nesting of multiparts and message/rfc822. A container at this depth is shown as
/// application/octet-stream.
inline constexpr std::size_t kMimeDepthMax = 100;

/// Parts of one message, containers included. Later parts belong to the body of the last one before
/// them.
inline constexpr std::size_t kMimePartsMax = 10'000;

/// Header bytes of one part that are interpreted. Longer headers are returned whole, fields past it
/// are not seen by ENVELOPE, BODYSTRUCTURE, SEARCH and SORT. Real headers stay under 100 KiB.
inline constexpr std::size_t kHeaderBytesMax = std::size_t{1} << 20;

/// Header bytes of all parts of one message that are interpreted; bounds what a summary can grow
/// to.
inline constexpr std::size_t kHeaderBytesTotalMax = std::size_t{4} << 20;

/// Addresses of one message, all envelopes together (an address of two bytes becomes about 40 in an
/// ENVELOPE).
inline constexpr std::size_t kAddressesMax = 10'000;

/// Parameters of one Content-Type or Content-Disposition field; later ones are not shown.
inline constexpr std::size_t kParametersMax = 256;

/// Bytes of a boundary that are compared. RFC 2046 §5.1.1 allows 70; mail with longer ones exists.
inline constexpr std::size_t kBoundaryBytesMax = 1024;

/// Message ids kept for threading from References and In-Reply-To: the first and the nearest
/// ancestors.
inline constexpr std::size_t kReferencesMax = 256;

/// One message id kept for threading, bytes.
inline constexpr std::size_t kMessageIdBytesMax = 998;

/// A sort key (base subject, mailbox, display name), bytes of UTF-8. Two longer ones that agree
/// this far tie.
inline constexpr std::size_t kSortKeyBytesMax = 1024;

/// RFC 8970 §3.1: PREVIEW is at most 200 characters (code points).
inline constexpr std::size_t kPreviewCharactersMax = 200;

/// Encoded body bytes looked at to make a preview.
inline constexpr std::size_t kPreviewSourceBytesMax = std::size_t{64} << 10;

/// Bytes decoded at a time while searching a body: the memory a search needs beyond the message
/// itself.
inline constexpr std::size_t kDecodeChunkBytes = std::size_t{32} << 10;

}  // namespace tidemark::protocol::message
