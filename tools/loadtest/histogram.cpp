#include "tools/loadtest/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidemark::loadtest {

namespace {

constexpr std::uint64_t kHalf = std::uint64_t{1} << Histogram::kSubBucketBits;

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

std::size_t Histogram::index_of(std::uint64_t value_us) {
    const std::uint64_t value = std::min(value_us, kValueMax);
    if (value < 2 * kHalf) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - (kSubBucketBits + 1);
    // value >> shift is in [kHalf, 2 * kHalf).
    return (std::size_t{shift} << kSubBucketBits) + (value >> shift);
}

std::uint64_t Histogram::highest_of(std::size_t index) {
    if (index < 2 * kHalf) return index;
    const std::size_t shift = (index >> kSubBucketBits) - 1;
    const std::uint64_t top = index - (shift << kSubBucketBits);
    return ((top + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t value_us, std::uint64_t times) {
    if (times == 0) return;
    const std::size_t index = index_of(value_us);
    counts_[index] += static_cast<std::uint32_t>(times);
    used_from_ = std::min(used_from_, index);
    used_to_ = std::max(used_to_, index + 1);
    count_ += times;
    max_ = std::max(max_, std::min(value_us, kValueMax));
    sum_ += static_cast<double>(value_us) * static_cast<double>(times);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t i = other.used_from_; i < other.used_to_; ++i) counts_[i] += other.counts_[i];
    used_from_ = std::min(used_from_, other.used_from_);
    used_to_ = std::max(used_to_, other.used_to_);
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

void Histogram::reset() {
    if (used_from_ < used_to_)
        std::fill(counts_.begin() + static_cast<std::ptrdiff_t>(used_from_),
                  counts_.begin() + static_cast<std::ptrdiff_t>(used_to_), 0);
    used_from_ = kBuckets;
    used_to_ = 0;
    count_ = 0;
    max_ = 0;
    sum_ = 0;
}

double Histogram::mean() const {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double fraction) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
    const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
    std::uint64_t seen = 0;
    for (std::size_t i = used_from_; i < used_to_; ++i) {
        seen += counts_[i];
        if (seen >= rank) return std::min(highest_of(i), max_);
    }
    return max_;
}

Latency Histogram::latency() const {
    return {percentile(0.5), percentile(0.9), percentile(0.99), percentile(0.999), max_, mean()};
}

std::vector<Bucket> Histogram::buckets() const {
    std::vector<Bucket> result;
    for (std::size_t i = used_from_; i < used_to_; ++i) {
        if (counts_[i] != 0) result.push_back({highest_of(i), counts_[i]});
    }
    return result;
}

}  // namespace tidemark::loadtest
