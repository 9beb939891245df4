// How a run goes, for people: redrawn in place on a terminal, a line a second elsewhere; and the
// result as text.
#pragma once

#include "tools/loadtest/run.hpp"

#include <ostream>
#include <string>

namespace tidemark::loadtest {

class LiveView final : public RunObserver {
  public:
    // `descriptor` is where `out` ends; if that is a terminal, pictures are cut to its size.
    LiveView(std::ostream& out, int descriptor);
    void preparing(std::uint64_t ready, std::uint64_t clients) override;
    void passed(const Second& second) override;
    void checking() override;
    // A further run begins; `what` is its headline.
    void begin(const std::string& what);
    // Leaves the last picture where it is.
    void end();

  private:
    void draw(const std::string& picture);

    std::ostream& out_;
    int descriptor_;
    bool is_terminal_;
    std::string headline_;
    std::string last_second_;  // as drawn, on a terminal
    unsigned lines_drawn_ = 0;
    std::uint64_t told_ready_ = 0;
};

// The table that `run` prints.
std::string describe(const Result& result);

}  // namespace tidemark::loadtest
