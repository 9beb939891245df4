// Whether two dumps are the same, without holding either: a digest for each line of the first one,
// 8 bytes, and the second is compared as it comes.
#pragma once

#include "tools/dump.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

class DumpComparison {
  public:
    // Of the dump that is right.
    DumpSink expected();
    // Of the other one; call differs() after it.
    DumpSink found();
    std::size_t lines() const { return digests_.size(); }
    // The first line that is not the same, as a sentence.
    std::optional<std::string> differs() const;

  private:
    std::vector<std::uint64_t> digests_;
    std::size_t compared_ = 0;
    std::optional<std::string> difference_;
};

}  // namespace tidemark::tools
