// Many threads' records as one: a second's figures, a run's figures, and the verdict.
#pragma once

#include "tools/loadtest/recorder.hpp"
#include "tools/loadtest/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::loadtest {

// The commands of a run by number.
class CommandNames {
  public:
    unsigned index(const std::string& name);
    // Its errors are expected.
    void set_bad(unsigned command) { is_bad_[command] = true; }
    std::size_t size() const { return names_.size(); }
    const std::string& name(unsigned command) const { return names_[command]; }
    bool is_bad(unsigned command) const { return is_bad_[command]; }

  private:
    std::vector<std::string> names_;
    std::vector<bool> is_bad_;
};

class SecondSum {
  public:
    explicit SecondSum(std::size_t commands) : commands_(commands) {}
    // Takes what `recorder` has of this second and resets that.
    void add(Recorder& recorder, double cpu_share);
    Second to_second(const CommandNames& names) const;

  private:
    std::vector<Histogram> commands_;
    std::uint64_t connections_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t wrong_ = 0;
    double cpu_ = 0;
    std::uint64_t lag_us_ = 0;
};

// Fills commands, checks and harness of `result`; its seconds are there already.
void sum_up(const std::vector<const Recorder*>& recorders, const CommandNames& names,
            double measured_seconds, Result& result);

// A run with a wrong answer, or with more errors than allowed, is not well. That the harness was
// the bottleneck spoils the figures, not the server's name.
void decide(const CommandNames& names, std::uint64_t errors_allowed,
            std::uint64_t clients_not_ready, Result& result);

}  // namespace tidemark::loadtest
