// Mail for tests: sound, odd and broken. The same for the same seed, everywhere.
#pragma once

#include "tools/testdata/random.hpp"

#include <cstdint>
#include <string>

namespace tidemark::tools::testdata {

// A message as received; `number` makes it one of a kind. Mostly small and sound, now and then one
// of all that mail in the wild gets wrong.
std::string any_message(Random& random, std::uint64_t number);
// At least `bytes_min` bytes that compress well.
std::string large_message(std::uint64_t number, std::size_t bytes_min);

}  // namespace tidemark::tools::testdata
