// Property: any text gives at most as many addresses as allowed; every address that is no part of
// group syntax has a mailbox and a host; groups open and close in turn; the ENVELOPE that shows
// them is well-formed.

#include "protocol/message/address.hpp"
#include "protocol/message/envelope.hpp"
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
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t left = size > 0 ? data[0] : 0;
    const std::size_t allowed = left;
    std::vector<Address> limited;
    parse_address_list(text, left, limited);
    require(limited.size() <= allowed);

    bool in_group = false;
    for (const Address& address : parse_address_list(text)) {
        if (address.is_group_start()) {
            require(!in_group);
            in_group = true;
        } else if (address.is_group_end()) {
            require(in_group);
            in_group = false;
        } else {
            require(!address.mailbox->empty() && !address.host->empty());
        }
    }
    require(!in_group);
    std::string envelope;
    write_envelope(make_envelope("From: " + std::string(text)), envelope);
    require(testing::parse_imap_value(envelope).has_value());
    return 0;
}
