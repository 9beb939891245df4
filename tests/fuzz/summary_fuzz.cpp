// Property: a stored value that reads as a summary is the encoding of that summary, byte for byte;
// no other value reads. The summary of any message is well-formed and survives storing.

#include "protocol/message/summary.hpp"
#include "tests/protocol/message/imap_value.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tidemark::protocol::message;
    const auto require = [](bool condition) {
        if (!condition) {
            std::abort();
        }
    };
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto view = SummaryView::read(bytes)) {
        require(encode_summary(view->to_summary()) == bytes);
    }
    const MessageSummary summary = make_summary(bytes);
    require(testing::parse_imap_value(summary.envelope).has_value());
    require(testing::parse_imap_value(summary.body_structure).has_value());
    require(testing::parse_imap_value(summary.body).has_value());
    std::string stored = encode_summary(summary);
    const auto view = SummaryView::read(stored);
    require(view && view->to_summary() == summary);
    // A damaged value reads as something else or not at all, and never past its end.
    if (size > 1) {
        stored[data[0] * 7U % stored.size()] = static_cast<char>(data[1]);
        if (const auto damaged = SummaryView::read(stored)) {
            require(encode_summary(damaged->to_summary()) == stored);
        }
    }
    return 0;
}
