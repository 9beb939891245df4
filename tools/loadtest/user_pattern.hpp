// The accounts of a run: "u{1..1000}@example.org", or one name without braces.
//
// Names are made when they are asked for, so a million accounts cost nothing. "{001..100}" keeps
// the zeros.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::loadtest {

class UserPattern {
  public:
    // The error is a sentence.
    [[nodiscard]] static tl::expected<UserPattern, std::string> parse(std::string_view text);

    std::uint64_t size() const { return last_ - first_ + 1; }
    std::string name(std::uint64_t index) const;  // index < size()
    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::string before_;
    std::string after_;
    bool has_number_ = false;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::size_t digits_ = 0;
};

}  // namespace tidemark::loadtest
