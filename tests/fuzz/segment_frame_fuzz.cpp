// Property: a line of a segment file that is taken for one gives the same values when it is written
// again and read, and no bytes make the scan of a file leave the file, loop or give a frame that
// does not lie in it.

#include "storage/segments.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

using namespace tidemark::storage;

void require(bool condition) {
    if (!condition) std::abort();
}

class BytesFile final : public File {
  public:
    explicit BytesFile(std::string_view bytes) : bytes_(bytes) {}
    using File::write_at;
    IoResult<void> write_at(std::uint64_t, std::span<const std::string_view>) override {
        return {};
    }
    IoResult<std::size_t> read_at(std::uint64_t offset, char* buffer,
                                  std::size_t size) const override {
        require(offset <= bytes_.size());
        const std::size_t got = std::min<std::size_t>(size, bytes_.size() - offset);
        if (got > 0) std::memcpy(buffer, bytes_.data() + offset, got);
        return got;
    }
    IoResult<std::optional<std::size_t>> try_read_at(std::uint64_t, char*,
                                                     std::size_t) const override {
        return std::optional<std::size_t>{};
    }
    IoResult<void> sync_data() override { return {}; }
    IoResult<void> sync() override { return {}; }
    IoResult<void> truncate(std::uint64_t) override { return {}; }
    IoResult<void> allocate(std::uint64_t, std::uint64_t) override { return {}; }
    IoResult<void> close() override { return {}; }
    IoResult<std::uint64_t> size() const override { return bytes_.size(); }

  private:
    std::string_view bytes_;
};

bool equal(const FrameHeader& a, const FrameHeader& b) {
    return a.body == b.body && a.length == b.length && a.crc32c == b.crc32c &&
           a.internal_date == b.internal_date && a.system_flags == b.system_flags &&
           a.owners.size() == b.owners.size() &&
           std::equal(a.owners.begin(), a.owners.end(), b.owners.begin(),
                      [](const BodyOwner& x, const BodyOwner& y) {
                          return x.account == y.account && x.mailbox == y.mailbox && x.uid == y.uid;
                      });
}

void scan_all(std::string_view bytes) {
    const BytesFile file(bytes);
    std::uint64_t offset = 0;
    for (;;) {
        const auto frame = scan_frame(file, offset, bytes.size());
        if (!frame || !*frame) return;
        require((*frame)->frame_offset == offset && (*frame)->end() > offset &&
                (*frame)->end() <= bytes.size());
        offset = (*frame)->end();
    }
}

// A file made of the input: whole frames whose bodies are pieces of it, so that the scan gets
// behind the first line.
void check_round_trip(std::string_view bytes) {
    std::string file;
    std::vector<FrameHeader> headers;
    for (std::size_t at = 0; at < bytes.size() && headers.size() < 20;) {
        const auto kind = static_cast<unsigned char>(bytes[at++]);
        const std::string_view body = bytes.substr(at, kind);
        at += body.size();
        FrameHeader header{
            BodyId{kind * 0x0101010101010101ull},
            static_cast<std::uint32_t>(body.size()),
            kind * 77u,
            {static_cast<std::int64_t>(kind) - 100, static_cast<std::int16_t>(kind - 128)},
            kind & 31u,
            {}};
        for (unsigned i = 0; i <= kind * 2u; ++i) {
            header.owners.push_back({AccountId{UINT64_MAX - i}, MailboxId{kind}, kind + i});
        }
        file += encode_frame_header(header);
        file += body;
        file += '\n';
        headers.push_back(std::move(header));
    }
    const BytesFile scanned(file);
    std::uint64_t offset = 0;
    for (FrameHeader& header : headers) {
        const auto frame = scan_frame(scanned, offset, file.size());
        require(frame && *frame);
        // The first owners may be in the last line.
        const auto by_uid = [](const BodyOwner& a, const BodyOwner& b) { return a.uid < b.uid; };
        FrameHeader found = (*frame)->header;
        std::sort(found.owners.begin(), found.owners.end(), by_uid);
        require(equal(found, header));
        offset = (*frame)->end();
    }
    require(offset == file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const std::optional<FrameLine> line = parse_frame_line(bytes); line && !line->more_owners) {
        const std::optional<FrameLine> again = parse_frame_line(encode_frame_header(line->header));
        require(again && !again->more_owners && equal(again->header, line->header));
    }
    scan_all(bytes);
    check_round_trip(bytes);
    return 0;
}
