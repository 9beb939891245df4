#include "protocol/message/address.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/structured_field.hpp"

#include <algorithm>

namespace tidemark::protocol::message {
namespace {

/// Characters that end an atom in an address list. Everything else, "@" handled apart, is let
/// through: dots, 8-bit (RFC 6532), and characters that should have been quoted.
bool is_special(char c) {
    constexpr std::string_view kSpecials = "()<>,;:\"@";
    return kSpecials.find(c) != std::string_view::npos || is_blank(c) || is_line_break(c);
}

class AddressParser {
  public:
    AddressParser(std::string_view value, std::size_t& left, std::vector<Address>& out)
        : cursor_(value), left_(left), out_(out) {}

    void run();

  private:
    void take_words();
    void take_angle_address();
    void take_domain_after_words();
    std::string local_part(std::string_view stops);
    std::string domain();
    std::string atom();
    void end_item();
    void begin_group();
    void end_group();
    bool add(Address address);
    void reset_item();

    FieldCursor cursor_;
    std::size_t& left_;
    std::vector<Address>& out_;

    // The item being read: the words before "<", "@", ":" or the separator, and what became of
    // them.
    std::string words_;
    bool has_words_ = false;
    std::string comment_;
    std::optional<Address> address_;
    bool in_group_ = false;
};

void AddressParser::run() {
    while (true) {
        cursor_.skip_cfws(&comment_);
        if (cursor_.at_end()) {
            break;
        }
        switch (cursor_.peek()) {
            case ',':
                cursor_.advance();
                end_item();
                break;
            case ';':
                cursor_.advance();
                end_item();
                end_group();
                break;
            case ':':
                cursor_.advance();
                begin_group();
                break;
            case '<':
                take_angle_address();
                break;
            case '@':
                take_domain_after_words();
                break;
            case '>':
            case ')':
                cursor_.advance();
                break;
            default:
                take_words();
        }
    }
    end_item();
    end_group();
}

/// phrase = 1*word / obs-phrase; also the local part of an address without angle brackets. Words
/// are joined by one space where white space or a comment was between them.
void AddressParser::take_words() {
    bool is_spaced = has_words_;
    while (!cursor_.at_end()) {
        const char c = cursor_.peek();
        if (c == '"') {
            const std::string text = cursor_.quoted_string();
            words_.append(is_spaced ? " " : "").append(text);
        } else if (!is_special(c)) {
            words_.append(is_spaced ? " " : "").append(atom());
        } else if (is_blank(c) || is_line_break(c) || c == '(') {
            cursor_.skip_cfws(&comment_);
            is_spaced = true;
            continue;
        } else {
            break;
        }
        is_spaced = false;
        has_words_ = true;
    }
}

std::string AddressParser::atom() {
    std::string text;
    while (!cursor_.at_end() && !is_special(cursor_.peek())) {
        const char c = cursor_.peek();
        cursor_.advance();
        if (c == '\\' && !cursor_.at_end() && !is_line_break(cursor_.peek())) {
            text.push_back(cursor_.peek());
            cursor_.advance();
            continue;
        }
        text.push_back(c);
    }
    return text;
}

/// angle-addr = "<" [obs-route] addr-spec ">"; RFC 5322 §4.4 obs-route = obs-domain-list ":"
void AddressParser::take_angle_address() {
    cursor_.advance();
    if (address_) {
        end_item();  // two addresses without a comma between them
    }
    Address address;
    if (has_words_) {
        address.name = words_;
    }
    std::string route;
    cursor_.skip_cfws();
    while (cursor_.peek() == '@') {
        cursor_.advance();
        route.append(route.empty() ? "@" : ",@").append(domain());
        cursor_.skip_cfws();
        while (cursor_.skip(',')) {
            cursor_.skip_cfws();
        }
    }
    if (!route.empty() && cursor_.skip(':')) {
        address.route = std::move(route);
    }
    std::string local = local_part("@>");
    std::string host;
    if (cursor_.skip('@')) {
        host = domain();
    }
    address.mailbox = local.empty() ? std::string(kMissingMailbox) : std::move(local);
    address.host = host.empty() ? std::string(kMissingHost) : std::move(host);
    // Whatever else is between the brackets cannot be told apart from noise.
    static_cast<void>(cursor_.until('>'));
    static_cast<void>(cursor_.skip('>'));
    address_ = std::move(address);
    words_.clear();
    has_words_ = false;
}

/// local-part = dot-atom / quoted-string / obs-local-part, white space between the words left out.
std::string AddressParser::local_part(std::string_view stops) {
    std::string local;
    while (true) {
        cursor_.skip_cfws(&comment_);
        if (cursor_.at_end() || stops.find(cursor_.peek()) != std::string_view::npos) {
            return local;
        }
        if (cursor_.peek() == '"') {
            local.append(cursor_.quoted_string());
        } else if (!is_special(cursor_.peek())) {
            local.append(atom());
        } else {
            local.push_back(cursor_.peek());
            cursor_.advance();
        }
    }
}

/// domain = dot-atom / domain-literal / obs-domain
std::string AddressParser::domain() {
    std::string host;
    cursor_.skip_cfws(&comment_);
    if (cursor_.peek() == '[') {
        while (!cursor_.at_end()) {
            const char c = cursor_.peek();
            cursor_.advance();
            if (!is_blank(c) && !is_line_break(c)) {
                host.push_back(c);
            }
            if (c == ']') {
                break;
            }
        }
        return host;
    }
    while (!cursor_.at_end() && !is_special(cursor_.peek())) {
        host.append(atom());
        cursor_.skip_cfws(&comment_);
        // obs-domain allows white space around the dots, and nowhere else.
        if (cursor_.peek() != '.' && !host.ends_with('.')) {
            break;
        }
    }
    return host;
}

void AddressParser::take_domain_after_words() {
    cursor_.advance();
    if (address_) {
        end_item();
    }
    Address address;
    address.mailbox = words_.empty() ? std::string(kMissingMailbox) : words_;
    std::string host = domain();
    address.host = host.empty() ? std::string(kMissingHost) : std::move(host);
    address_ = std::move(address);
    words_.clear();
    has_words_ = false;
}

void AddressParser::end_item() {
    if (!address_ && has_words_) {
        address_.emplace();
        address_->mailbox = words_.empty() ? std::string(kMissingMailbox) : words_;
        address_->host = kMissingHost;
    }
    if (address_) {
        if (!address_->name && !comment_.empty()) {
            address_->name = std::string(trim(comment_));
        }
        add(std::move(*address_));
    }
    reset_item();
}

void AddressParser::begin_group() {
    if (address_ || in_group_) {
        return;  // a stray colon
    }
    Address start;
    start.mailbox = words_;
    in_group_ = add(std::move(start));
    reset_item();
}

void AddressParser::end_group() {
    if (in_group_) {
        // Its room was kept by add(): a group that is not closed would swallow what follows.
        out_.emplace_back();
        in_group_ = false;
    }
}

bool AddressParser::add(Address address) {
    const std::size_t needed = address.is_group_start() ? 2 : 1;
    if (left_ < needed) {
        left_ = 0;
        return false;
    }
    left_ -= needed;
    out_.push_back(std::move(address));
    return true;
}

void AddressParser::reset_item() {
    words_.clear();
    has_words_ = false;
    comment_.clear();
    address_.reset();
}

}  // namespace

void parse_address_list(std::string_view value, std::size_t& addresses_max,
                        std::vector<Address>& out) {
    AddressParser(value, addresses_max, out).run();
}

std::vector<Address> parse_address_list(std::string_view value) {
    std::vector<Address> out;
    std::size_t left = kAddressesMax;
    parse_address_list(value, left, out);
    return out;
}

const Address* first_mailbox(const std::vector<Address>& addresses) {
    const auto found = std::find_if(addresses.begin(), addresses.end(), [](const Address& address) {
        return address.host.has_value();
    });
    return found == addresses.end() ? nullptr : &*found;
}

}  // namespace tidemark::protocol::message
