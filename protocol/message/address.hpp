#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Address lists of header fields (RFC 5322 §3.4, obsolete forms of §4.4 included), read as IMAP
/// shows them.
namespace tidemark::protocol::message {

/// RFC 9051 §7.5.2: a null host marks group syntax: with a mailbox the start of the group of that
/// name, without one its end. Everything else has a mailbox and a host, made up where the field has
/// none. Values are unquoted and unfolded; encoded words are left as they are.
struct Address {
    std::optional<std::string> name;
    std::optional<std::string> route;  // obsolete source route, "@a,@b"
    std::optional<std::string> mailbox;
    std::optional<std::string> host;

    [[nodiscard]] bool is_group_start() const { return !host && mailbox; }
    [[nodiscard]] bool is_group_end() const { return !host && !mailbox; }
    bool operator==(const Address&) const = default;
};

/// What stands in for a host or mailbox that the field does not give.
inline constexpr std::string_view kMissingHost = "missing-host.invalid";
inline constexpr std::string_view kMissingMailbox = "missing-mailbox";

/// Never fails: text that is no address becomes one with placeholders, or is dropped when nothing
/// is in it. Appends at most `addresses_max` and lowers it by as many; groups that were opened are
/// always closed.
void parse_address_list(std::string_view value, std::size_t& addresses_max,
                        std::vector<Address>& out);

/// The same with the limit of one message.
[[nodiscard]] std::vector<Address> parse_address_list(std::string_view value);

/// The first mailbox of a list, groups looked into; null when there is none.
[[nodiscard]] const Address* first_mailbox(const std::vector<Address>& addresses);

}  // namespace tidemark::protocol::message
