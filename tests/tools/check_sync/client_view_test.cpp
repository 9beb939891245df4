// The client rules that the checkers build on.
#include "tools/check_sync/client_view.hpp"

#include <doctest/doctest.h>

using namespace tidemark::check_sync;
using Mode = tidemark::protocol::command::Store::Mode;

TEST_CASE("flags are compared without order, case and \\Recent") {
    tidemark::protocol::Response response;
    REQUIRE(
        tidemark::protocol::parse_response("* 1 FETCH (FLAGS (b \\Seen A \\Recent))", response));
    CHECK(canonical_flags(response.fetch) == "\\seen a b");
    CHECK(has_flag("\\seen a b", "a"));
    CHECK_FALSE(has_flag("\\seen ab", "a"));
}

TEST_CASE("a STORE is applied as the server applies it") {
    CHECK(apply_store("a b", Mode::add, "b c") == "a b c");
    CHECK(apply_store("a b", Mode::remove, "b c") == "a");
    CHECK(apply_store("a b", Mode::replace, "c") == "c");
}
