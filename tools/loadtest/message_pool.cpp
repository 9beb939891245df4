#include "tools/loadtest/message_pool.hpp"

#include "tools/loadtest/corpus.hpp"
#include "tools/loadtest/lmtp_client.hpp"
#include "tools/loadtest/marker.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::loadtest {

PooledMessage make_pooled(std::string text) {
    PooledMessage message;
    message.hash = hash_of(text);
    if (text.starts_with('.') || text.find("\n.") != std::string::npos)
        message.stuffed = dot_stuffed(text);
    message.text = std::move(text);
    return message;
}

void MessagePool::add(std::uint64_t seed, std::uint64_t size) {
    auto& messages = by_size_[size];
    if (!messages.empty()) return;
    const Corpus corpus(seed);
    // The marker counts.
    const std::uint64_t bytes =
        size == 0 ? 0 : size - std::min<std::uint64_t>(size - 1, kMarkerBytes);
    for (std::uint64_t i = 0; i < kMessages; ++i)
        messages.push_back(make_pooled(corpus.message(i, bytes)));
}

const PooledMessage& MessagePool::get(std::uint64_t size, std::uint64_t number) const {
    const auto& messages = by_size_.at(size);
    return messages[number % messages.size()];
}

}  // namespace tidemark::loadtest
