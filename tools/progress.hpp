// A progress bar on a terminal; where the output is no terminal it says nothing. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

class Progress {
  public:
    using Now = std::function<std::chrono::steady_clock::time_point()>;

    // `what` names the work: "importing". `unit` is counted: "messages". A total of 0 is unknown: a
    // counter instead of a bar. Draws to stderr if that is a terminal.
    Progress(std::string what, std::string unit, std::uint64_t total);
    // For tests: draws to `output` with `columns`, as if it was a terminal.
    Progress(std::string what, std::string unit, std::uint64_t total, std::FILE* output,
             unsigned columns, Now now);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Draws at most ten times a second, however often it is called.
    void update(std::uint64_t done);
    void set_total(std::uint64_t total) { total_ = total; }
    // Draws the last state and ends the line. Nothing is drawn after that.
    void finish();

    // The line for a state; `elapsed` gives the rate.
    static std::string line(const std::string& what, const std::string& unit, std::uint64_t done,
                            std::uint64_t total, std::chrono::milliseconds elapsed,
                            unsigned columns);

  private:
    void draw(std::chrono::steady_clock::time_point now);

    std::string what_;
    std::string unit_;
    std::uint64_t total_;
    std::FILE* output_;  // null: silent
    unsigned columns_;
    Now now_;
    std::uint64_t done_ = 0;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point next_draw_;
    bool drawn_ = false;
};

// One bar after another, for work with several parts: a new `what` begins a new one. A total
// may become another while the work goes on.
class ProgressBars {
  public:
    void draw(std::string_view what, std::string_view unit, std::uint64_t done,
              std::uint64_t total);
    void finish() { bar_.reset(); }

  private:
    std::string what_;
    std::optional<Progress> bar_;
};

}  // namespace tidemark::tools
