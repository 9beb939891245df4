// Counts of latencies with three significant digits, from one microsecond to more than an hour, in
// memory of a fixed size.
//
// Buckets are log-linear: below 2048 every value has its own; from there on each doubling of the
// value has 1024, so a bucket is never wider than a thousandth of what it holds. record() is a few
// instructions and allocates nothing. One thread; merge() brings threads together.
#pragma once

#include "tools/loadtest/result.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark::loadtest {

class Histogram {
  public:
    static constexpr unsigned kSubBucketBits = 10;
    static constexpr unsigned kValueBits = 33;  // 2^33 us: 2 hours 23 minutes
    static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;

    Histogram();

    // Larger values count as kValueMax.
    void record(std::uint64_t value_us, std::uint64_t times = 1);
    void merge(const Histogram& other);
    void reset();

    std::uint64_t count() const { return count_; }
    std::uint64_t max() const { return max_; }
    double mean() const;
    // The smallest bucket that at least `fraction` of the values do not exceed: its highest value,
    // but never more than max(). 0 for an empty histogram.
    std::uint64_t percentile(double fraction) const;
    Latency latency() const;
    // Those that are not empty, ascending.
    std::vector<Bucket> buckets() const;

    static std::size_t index_of(std::uint64_t value_us);
    static std::uint64_t highest_of(std::size_t index);

  private:
    // Two halves for the values below 2^11, one for each further bit.
    static constexpr std::size_t kBuckets = (kValueBits - kSubBucketBits + 1) << kSubBucketBits;

    std::vector<std::uint32_t> counts_;
    std::size_t used_from_ = kBuckets;  // what lies outside is zero
    std::size_t used_to_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

}  // namespace tidemark::loadtest
