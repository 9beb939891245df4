#include "protocol/parse_command.hpp"
#include "protocol/write_command.hpp"
#include "tests/support/command_generator.hpp"
#include "tests/support/fragmenter_trace.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <random>

namespace {

using namespace tidemark::protocol;
using namespace tidemark::protocol::testing;

// TEST_SEED=n repeats a run.
std::uint64_t random_seed() {
    const char* const text = std::getenv("TEST_SEED");
    return text == nullptr ? std::random_device()() : std::strtoull(text, nullptr, 10);
}

constexpr FragmenterLimits kCollecting{.line_bytes_max = kLineBytesMax,
                                       .command_bytes_max = kCommandBytesMax};

// The bytes of the one command in `written`, which may hold literals.
std::string cut_out(std::string_view written, std::size_t piece_bytes) {
    const std::string trace = trace_pieces(written, piece_bytes, {.limits = &kCollecting});
    constexpr std::string_view kHead = "command [";
    REQUIRE(trace.starts_with(kHead));
    REQUIRE(trace.ends_with("]\n"));
    return trace.substr(kHead.size(), trace.size() - kHead.size() - 2);
}

}  // namespace

TEST_CASE("any command survives the wire, seeded at random") {
    const std::uint64_t seed = random_seed();
    CAPTURE(seed);
    CommandGenerator generator(seed);
    std::array<bool, kVerbCount> is_seen{};
    for (int round = 0; round < 3'000; ++round) {
        const Command command = generator.next();
        is_seen[static_cast<std::size_t>(verb_of(command.body))] = true;
        const std::string written = write_command(command);
        CAPTURE(written);
        const auto parsed = parse_command(cut_out(written, 1 + generator.below(40)));
        REQUIRE(parsed);
        REQUIRE(*parsed == command);

        // The same in parts; the announcements differ and nothing else.
        std::string parts;
        for (const std::string& part : write_command_parts(command, LiteralStyle::synchronising))
            parts += part;
        parts.resize(parts.size() - 2);
        const auto again = parse_command(parts);
        REQUIRE(again);
        REQUIRE(*again == command);
    }
    for (std::size_t i = 0; i < kVerbCount; ++i) {
        CAPTURE(verb_name(static_cast<Verb>(i)));
        CHECK(is_seen[i]);
    }
}

TEST_CASE("damaged commands never do harm, seeded at random") {
    const std::uint64_t seed = random_seed();
    CAPTURE(seed);
    CommandGenerator generator(seed);
    std::size_t refused = 0;
    for (int round = 0; round < 3'000; ++round) {
        std::string bytes = write_command(generator.next());
        bytes.resize(bytes.size() - 2);
        const std::size_t at = generator.below(bytes.size());
        switch (generator.below(3)) {
            case 0:
                bytes[at] = static_cast<char>(generator.below(256));
                break;
            case 1:
                bytes.erase(at, 1);
                break;
            default:
                bytes.resize(at);
                break;
        }
        CAPTURE(bytes);
        const auto parsed = parse_command(bytes);
        if (!parsed) {
            ++refused;
            CHECK(parsed.error().error.offset <= bytes.size());
            CHECK_FALSE(parsed.error().error.rule.empty());
            continue;
        }
        std::string written = write_command(*parsed);
        written.resize(written.size() - 2);
        const auto again = parse_command(written);
        REQUIRE(again);
        CHECK(*again == *parsed);
    }
    CHECK(refused > 1'000);
}
