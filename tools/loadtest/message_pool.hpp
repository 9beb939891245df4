// Messages made before the run, so that making them costs it nothing: some of each size that the
// scenario asks for. Filled by one thread, then read by all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tidemark::loadtest {

struct PooledMessage {
    std::string text;     // without the marker
    std::string stuffed;  // for LMTP; empty: as `text`
    std::uint64_t hash = 0;
    const std::string& for_lmtp() const { return stuffed.empty() ? text : stuffed; }
};

class MessagePool {
  public:
    // Enough that servers see no pattern, little enough to be made in a moment.
    static constexpr std::uint64_t kMessages = 64;

    // size 0: as the corpus has them.
    void add(std::uint64_t seed, std::uint64_t size);
    const PooledMessage& get(std::uint64_t size, std::uint64_t number) const;

  private:
    std::map<std::uint64_t, std::vector<PooledMessage>> by_size_;
};

PooledMessage make_pooled(std::string text);

}  // namespace tidemark::loadtest
