// Commands through the parser and back through the writer.
#pragma once

#include "protocol/parse_command.hpp"
#include "protocol/write_command.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tidemark::protocol::test {

inline Command parsed(std::string_view bytes) {
    auto command = parse_command(bytes);
    CAPTURE(bytes);
    if (!command) {
        CAPTURE(command.error().error.offset);
        CAPTURE(command.error().error.rule);
        REQUIRE(command);
    }
    return *std::move(command);
}

// The command without its line end: it is written so, and read back as the same value.
inline std::string rewritten(std::string_view bytes) {
    const Command command = parsed(bytes);
    std::string written = write_command(command);
    REQUIRE(written.ends_with("\r\n"));
    written.resize(written.size() - 2);
    CAPTURE(written);
    CHECK(parsed(written) == command);
    return written;
}

template <class Body>
Body body_of(std::string_view bytes) {
    Command command = parsed(bytes);
    REQUIRE(std::holds_alternative<Body>(command.body));
    return std::get<Body>(std::move(command.body));
}

}  // namespace tidemark::protocol::test
