// Numbers that are the same everywhere for the same seed: SplitMix64. The standard's distributions
// may differ from library to library, so there are none here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidemark::tools::testdata {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    // 0 … count - 1; count > 0. The bias is far below what test mail could show.
    std::uint64_t below(std::uint64_t count) { return next() % count; }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    template <class T>
    const T& pick(std::span<const T> from) {
        return from[static_cast<std::size_t>(below(from.size()))];
    }

  private:
    std::uint64_t state_;
};

}  // namespace tidemark::tools::testdata
