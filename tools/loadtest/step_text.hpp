// The text of a step with its {variables}.
#pragma once

#include "tools/loadtest/scenario.hpp"

#include <cstdint>
#include <random>
#include <string>

namespace tidemark::loadtest {

[[nodiscard]] tl::expected<Text, std::string> parse_text(std::string_view text);

// What the variables stand for.
struct TextValues {
    std::string_view user;
    std::string_view password;
    std::uint64_t client = 0;
    std::uint64_t n = 0;
    std::uint64_t exists = 0;
    std::uint64_t uidvalidity = 0;
    std::uint64_t uidnext = 0;
    std::uint64_t modseq = 0;
    std::uint64_t old_modseq = 0;
    std::uint64_t old_uidnext = 0;
};

// Appends to `out`. Gives how many messages the last range names; `exists` if there is none.
std::uint64_t write_text(const Text& text, const TextValues& values, std::mt19937_64& random,
                         std::string& out);

// RFC 9051 §9 "quoted".
void write_quoted(std::string_view text, std::string& out);

}  // namespace tidemark::loadtest
