#include "protocol/output_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::protocol {
namespace {

std::string gathered(const OutputBuffer& buffer) {
    std::vector<std::string_view> pieces(20'000);
    const auto count = buffer.gather(pieces);
    REQUIRE(count < pieces.size());
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        CHECK_FALSE(pieces[i].empty());
        out += pieces[i];
    }
    return out;
}

std::shared_ptr<const std::string> body_of(char fill, std::size_t bytes) {
    return std::make_shared<const std::string>(bytes, fill);
}

TEST_CASE("an empty output buffer holds no chunk") {
    ChunkPool pool;
    OutputBuffer out(pool);
    CHECK(out.empty());
    out.append("* OK\r\n");
    CHECK(pool.kept_chunks() == 0);
    CHECK(out.size() == 6);
    out.consume(6);
    CHECK(out.empty());
    CHECK(pool.kept_chunks() == 1);
    out.append("again");
    CHECK(pool.kept_chunks() == 0);
    out.clear();
    CHECK(pool.kept_chunks() == 1);
}

TEST_CASE("a pool keeps no more chunks than it was told") {
    ChunkPool pool(2);
    {
        OutputBuffer out(pool);
        out.append(std::string(10 * kOutputChunkBytes, 'x'));
    }
    CHECK(pool.kept_chunks() == 2);
    pool.trim();
    CHECK(pool.kept_chunks() == 0);
}

TEST_CASE("numbers are written in decimal without leading zeros") {
    ChunkPool pool;
    OutputBuffer out(pool);
    out.append_number(0);
    out.append_char(' ');
    out.append_number(4294967295);
    out.append_char(' ');
    out.append_number(std::numeric_limits<std::uint64_t>::max());
    CHECK(out.to_string() == "0 4294967295 18446744073709551615");
}

TEST_CASE("reserved bytes count only when they are committed") {
    ChunkPool pool;
    OutputBuffer out(pool);
    char* place = out.reserve(10);
    place[0] = 'a';
    CHECK(out.empty());
    CHECK(out.reserve(5) == place);
    out.commit(1);
    CHECK(out.to_string() == "a");
    char* large = out.reserve(100'000);
    std::fill_n(large, 100'000, 'b');
    out.commit(100'000);
    CHECK(out.to_string() == "a" + std::string(100'000, 'b'));
}

TEST_CASE("a large body is sent without a copy and kept alive until it is consumed") {
    ChunkPool pool;
    OutputBuffer out(pool);
    auto body = body_of('m', 5000);
    const std::weak_ptr<const std::string> watch = body;
    out.append("* 1 FETCH (BODY[] {5000}\r\n");
    out.append_external(body, *body);
    out.append(")\r\n");
    std::array<std::string_view, 4> pieces;
    REQUIRE(out.gather(pieces) == 3);
    CHECK(pieces[1].data() == body->data());
    body.reset();
    CHECK_FALSE(watch.expired());
    CHECK(gathered(out) == "* 1 FETCH (BODY[] {5000}\r\n" + std::string(5000, 'm') + ")\r\n");
    out.consume(26 + 4999);
    CHECK_FALSE(watch.expired());
    out.consume(1);
    CHECK(watch.expired());
    CHECK(out.to_string() == ")\r\n");
}

TEST_CASE("small answers with a body each share one chunk") {
    ChunkPool pool;
    OutputBuffer out(pool);
    const auto body = body_of('m', 2000);
    for (int i = 0; i < 20; ++i) {
        out.append("* FETCH {2000}\r\n");
        out.append_external(body, *body);
        out.append(")\r\n");
    }
    out.clear();
    CHECK(pool.kept_chunks() == 1);
}

TEST_CASE("a small external piece is copied") {
    ChunkPool pool;
    OutputBuffer out(pool);
    auto body = body_of('s', OutputBuffer::kExternalBytesMin - 1);
    out.append_external(body, *body);
    CHECK(body.use_count() == 1);
    CHECK(out.to_string() == *body);
}

TEST_CASE("bytes that were gathered stay in place while more is appended") {
    ChunkPool pool;
    OutputBuffer out(pool);
    out.append("first");
    std::array<std::string_view, 1> pieces;
    REQUIRE(out.gather(pieces) == 1);
    for (int i = 0; i < 100; ++i) {
        out.append(std::string(1000, 'x'));
    }
    CHECK(pieces[0] == "first");
    CHECK(out.gather(pieces) == 1);
}

TEST_CASE("a buffer may be moved and spliced behind another") {
    ChunkPool pool;
    ChunkPool other_pool;
    OutputBuffer first(pool);
    OutputBuffer second(other_pool);
    first.append("one ");
    second.append("two ");
    first.splice(second);
    CHECK(second.empty());
    first.append("three");
    second.append("four");
    CHECK(first.to_string() == "one two three");
    OutputBuffer moved(std::move(first));
    CHECK(moved.to_string() == "one two three");
    moved = std::move(second);
    CHECK(moved.to_string() == "four");
    OutputBuffer empty(pool);
    empty.splice(moved);
    moved.splice(empty);
    moved.splice(moved);
    CHECK(moved.to_string() == "four");
}

TEST_CASE("a buffer that changes its thread gives its chunks to the new pool") {
    ChunkPool first_pool;
    ChunkPool second_pool;
    OutputBuffer out(first_pool);
    out.append("BYE");
    out.rebind(second_pool);
    out.clear();
    CHECK(first_pool.kept_chunks() == 0);
    CHECK(second_pool.kept_chunks() == 1);
}

TEST_CASE("the output buffer behaves like a string under random operations") {
    constexpr std::uint64_t kSeed = 7;
    CAPTURE(kSeed);
    std::mt19937_64 random(kSeed);
    ChunkPool pool(4);
    OutputBuffer out(pool);
    std::string model;
    const auto fill = [&](std::size_t bytes) {
        std::string text(bytes, ' ');
        std::ranges::generate(text, [&] { return static_cast<char>('a' + random() % 26); });
        return text;
    };
    for (int step = 0; step < 6000; ++step) {
        CAPTURE(step);
        const auto size = static_cast<std::size_t>(random() % (random() % 8 == 0 ? 40'000 : 600));
        switch (random() % 8) {
            case 0: {
                const auto text = fill(size);
                out.append(text);
                model += text;
                break;
            }
            case 1:
            case 2: {
                const auto text = std::make_shared<const std::string>(fill(size * 4));
                out.append_external(text, *text);
                model += *text;
                break;
            }
            case 3: {
                const auto text = fill(size);
                std::ranges::copy(text, out.reserve(size));
                out.commit(size);
                model += text;
                break;
            }
            case 4: {
                OutputBuffer more(pool);
                const auto text = fill(size);
                more.append(text);
                const auto body = std::make_shared<const std::string>(fill(1500));
                more.append_external(body, *body);
                out.splice(more);
                model += text + *body;
                break;
            }
            case 5: {
                const auto keep = model.size() - std::min<std::size_t>(model.size(), size * 2);
                out.truncate(keep);
                model.resize(keep);
                break;
            }
            default: {
                const auto part = std::min<std::size_t>(model.size(), size * 3);
                out.consume(part);
                model.erase(0, part);
                break;
            }
        }
        REQUIRE(out.size() == model.size());
        if (step % 16 == 0) {
            REQUIRE(gathered(out) == model);
            REQUIRE(out.to_string() == model);
        }
    }
}

}  // namespace
}  // namespace tidemark::protocol
