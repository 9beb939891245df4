#include "tools/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tidemark::tools {

namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr unsigned kColumnsDefault = 80;
constexpr unsigned kBarColumnsMax = 40;
constexpr unsigned kBarColumnsMin = 5;

unsigned terminal_columns(int descriptor) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return kColumnsDefault;
}

std::string duration(std::uint64_t seconds) {
    if (seconds >= 3600)
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

}  // namespace

Progress::Progress(std::string what, std::string unit, std::uint64_t total)
    : Progress(std::move(what), std::move(unit), total,
               isatty(STDERR_FILENO) == 1 ? stderr : nullptr, terminal_columns(STDERR_FILENO),
               [] { return std::chrono::steady_clock::now(); }) {}

Progress::Progress(std::string what, std::string unit, std::uint64_t total, std::FILE* output,
                   unsigned columns, Now now)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      output_(output),
      columns_(columns),
      now_(std::move(now)),
      start_(now_()),
      next_draw_(start_) {}

Progress::~Progress() {
    finish();
}

void Progress::update(std::uint64_t done) {
    done_ = done;
    if (output_ == nullptr) return;
    const auto now = now_();
    if (now >= next_draw_) draw(now);
}

void Progress::finish() {
    if (output_ == nullptr) return;
    // Work that ended before anything was drawn leaves the terminal alone.
    if (drawn_) {
        draw(now_());
        std::fputc('\n', output_);
        std::fflush(output_);
    }
    output_ = nullptr;
}

void Progress::draw(std::chrono::steady_clock::time_point now) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
    const std::string text = line(what_, unit_, done_, total_, elapsed, columns_ - 1);
    // "\r" to the start, "ESC [ K" clears what an earlier, longer line left.
    fmt::print(output_, "\r{}\x1b[K", text);
    std::fflush(output_);
    drawn_ = true;
    next_draw_ = now + kRedraw;
}

std::string Progress::line(const std::string& what, const std::string& unit, std::uint64_t done,
                           std::uint64_t total, std::chrono::milliseconds elapsed,
                           unsigned columns) {
    const auto millis = static_cast<std::uint64_t>(std::max<std::int64_t>(elapsed.count(), 0));
    const std::uint64_t rate = millis == 0 ? 0 : done * 1000 / millis;
    std::string text;
    if (total == 0) {
        text = fmt::format("{} {} {}, {}/s, {}", what, done, unit, rate, duration(millis / 1000));
    } else {
        const std::uint64_t shown = std::min(done, total);
        const std::uint64_t percent = static_cast<std::uint64_t>(
            100.0 * static_cast<double>(shown) / static_cast<double>(total));
        const std::string left =
            rate == 0 ? "" : fmt::format(", {} left", duration((total - shown + rate - 1) / rate));
        const std::string tail =
            fmt::format(" {}% {}/{} {}, {}/s{}", percent, done, total, unit, rate, left);
        const std::size_t rest = what.size() + tail.size() + 3;
        text = what;
        if (rest + kBarColumnsMin <= columns) {
            const auto width = std::min<std::size_t>(columns - rest, kBarColumnsMax);
            const std::size_t full = width * percent / 100;
            text += fmt::format(" [{}{}]", std::string(full, '#'), std::string(width - full, '.'));
        }
        text += tail;
    }
    if (text.size() > columns) text.resize(columns);
    return text;
}

void ProgressBars::draw(std::string_view what, std::string_view unit, std::uint64_t done,
                        std::uint64_t total) {
    if (!bar_ || what != what_) {
        what_ = what;
        bar_.reset();
        bar_.emplace(what_, std::string(unit), total);
    }
    bar_->set_total(total);
    bar_->update(done);
}

}  // namespace tidemark::tools
