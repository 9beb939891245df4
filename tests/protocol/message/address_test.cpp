#include "protocol/message/address.hpp"

#include "protocol/message/limits.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tidemark::protocol::message {
namespace {

/// One address as "name|route|mailbox|host", "-" for null.
std::string shown(const Address& address) {
    std::string out;
    for (const auto* field : {&address.name, &address.route, &address.mailbox, &address.host}) {
        out += (out.empty() ? "" : "|") + field->value_or("-");
    }
    return out;
}

std::vector<std::string> parsed(std::string_view text) {
    std::vector<std::string> out;
    for (const Address& address : parse_address_list(text)) {
        out.push_back(shown(address));
    }
    return out;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("address lists of RFC 5322 appendix A are read") {
    const struct {
        std::string_view text;
        List addresses;
    } cases[] = {
        {"John Doe <jdoe@machine.example>", {"John Doe|-|jdoe|machine.example"}},
        {"\"Joe Q. Public\" <john.q.public@example.com>",
         {"Joe Q. Public|-|john.q.public|example.com"}},
        {"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
         {"Mary Smith|-|mary|x.test", "-|-|jdoe|example.org", "Who?|-|one|y.test"}},
        {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
         {"-|-|boss|nil.test", "Giant; \"Big\" Box|-|sysservices|example.net"}},
        {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
         {"-|-|A Group|-", "Ed Jones|-|c|a.test", "-|-|joe|where.test", "John|-|jdoe|one.test",
          "-|-|-|-"}},
        {"Undisclosed recipients:;", {"-|-|Undisclosed recipients|-", "-|-|-|-"}},
        {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         {"Pete|-|pete|silly.test"}},
        {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
         {"Mary Smith|@node.test|mary|example.net", "-|-|jdoe|test.example"}},
        {"Joe <@a.test , @b.test:j@c.test>", {"Joe|@a.test,@b.test|j|c.test"}},
        {"jdoe@example.com (John \"X\" Doe)", {"John \"X\" Doe|-|jdoe|example.com"}},
        {"user@[IPv6:2001:db8::1]", {"-|-|user|[IPv6:2001:db8::1]"}},
        {"\"quoted local\"@example.com", {"-|-|quoted local|example.com"}},
        {"J\xC3\xB6hn <jd\xC3\xB6\x65@m\xC3\xA4.example>",
         {"J\xC3\xB6hn|-|jd\xC3\xB6\x65|m\xC3\xA4.example"}},
    };
    for (const auto& item : cases) {
        CAPTURE(item.text);
        CHECK(parsed(item.text) == item.addresses);
    }
}

TEST_CASE("what is no address gets a placeholder, never a null host") {
    const std::string host(kMissingHost);
    const std::string mailbox(kMissingMailbox);
    const struct {
        std::string_view text;
        List addresses;
    } cases[] = {
        {"", {}},
        {" , ,", {}},
        {"root", {"-|-|root|" + host}},
        {"MAILER-DAEMON <>", {"MAILER-DAEMON|-|" + mailbox + "|" + host}},
        {"<root>", {"-|-|root|" + host}},
        {"@example.com", {"-|-|" + mailbox + "|example.com"}},
        {"a@", {"-|-|a|" + host}},
        {"Name <a@b.c", {"Name|-|a|b.c"}},
        {"\"open <a@b.c>", {"-|-|open <a@b.c>|" + host}},
        {"<a@b> <c@d>", {"-|-|a|b", "-|-|c|d"}},
        {";;;", {}},
        {"group:a@b", {"-|-|group|-", "-|-|a|b", "-|-|-|-"}},
    };
    for (const auto& item : cases) {
        CAPTURE(item.text);
        CHECK(parsed(item.text) == item.addresses);
    }
}

TEST_CASE("addresses past the limit are left out and groups are still closed") {
    std::string many;
    for (std::size_t i = 0; i < kAddressesMax + 5; ++i) {
        many += "a,";
    }
    CHECK(parse_address_list(many).size() == kAddressesMax);
    std::size_t left = 3;
    std::vector<Address> out;
    parse_address_list("g:a@b,c@d,e@f;", left, out);
    REQUIRE(out.size() == 3);
    CHECK(out.front().is_group_start());
    CHECK(out.back().is_group_end());
    CHECK(left == 0);
}

TEST_CASE("the first mailbox may be in a group") {
    const auto addresses = parse_address_list("g:a@b;");
    REQUIRE(first_mailbox(addresses) != nullptr);
    CHECK(first_mailbox(addresses)->mailbox == "a");
    CHECK(first_mailbox(parse_address_list("g:;")) == nullptr);
}

}  // namespace tidemark::protocol::message
