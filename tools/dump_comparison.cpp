#include "tools/dump_comparison.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace tidemark::tools {

namespace {

constexpr std::size_t kShownBytes = 300;

std::uint64_t digest(std::string_view line) {
    return XXH3_64bits(line.data(), line.size());
}

}  // namespace

DumpSink DumpComparison::expected() {
    return [this](std::string_view line) -> CommandResult<void> {
        digests_.push_back(digest(line));
        return {};
    };
}

DumpSink DumpComparison::found() {
    return [this](std::string_view line) -> CommandResult<void> {
        const std::size_t index = compared_++;
        if (difference_) return {};
        if (index >= digests_.size() || digests_[index] != digest(line)) {
            difference_ = fmt::format("line {} of the dump is another: {}", index + 1,
                                      line.substr(0, kShownBytes));
        }
        return {};
    };
}

std::optional<std::string> DumpComparison::differs() const {
    if (!difference_ && compared_ < digests_.size())
        return fmt::format("the dump ends after {} lines of {}", compared_, digests_.size());
    return difference_;
}

}  // namespace tidemark::tools
