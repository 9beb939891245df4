#include "tools/loadtest/live_view.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace tidemark::loadtest {

namespace {

std::string milliseconds(std::uint64_t us) {
    return fmt::format("{:.3g}", static_cast<double>(us) / 1000);
}

std::string head(const Second& second) {
    std::string text = fmt::format("{:+.0f} s  {} connections, {} errors, {} wrong", second.t,
                                   second.connections, second.errors, second.wrong);
    if (second.server_cpu_seconds)
        text += fmt::format(", server {:.0f} % cpu", *second.server_cpu_seconds * 100);
    if (second.server_pss_bytes)
        text +=
            fmt::format(", {:.1f} MiB", static_cast<double>(*second.server_pss_bytes) / (1 << 20));
    return text + fmt::format(", harness {:.0f} % cpu, {} ms late", second.harness_cpu * 100,
                              milliseconds(second.harness_lag_us));
}

// A line that wraps, or a picture that scrolls, could not be drawn over. Everything where the
// terminal does not tell its size.
std::string cut_to_terminal(std::string_view picture, int descriptor) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return std::string(picture);
    std::string cut;
    // The cursor's own line is below.
    for (unsigned row = 1; row < size.ws_row && !picture.empty(); ++row) {
        const auto end = std::min(picture.find('\n'), picture.size() - 1);
        cut += picture.substr(0, std::min<std::size_t>(end, size.ws_col));
        cut += '\n';
        picture.remove_prefix(end + 1);
    }
    return cut;
}

}  // namespace

LiveView::LiveView(std::ostream& out, int descriptor)
    : out_(out), descriptor_(descriptor), is_terminal_(::isatty(descriptor) == 1) {}

void LiveView::begin(const std::string& what) {
    headline_ = what + '\n';
    told_ready_ = 0;
    last_second_.clear();
    if (!is_terminal_) out_ << headline_ << std::flush;
}

void LiveView::draw(const std::string& picture) {
    const std::string text = cut_to_terminal(headline_ + picture, descriptor_);
    // Up over the last picture, then clear to the end of the screen.
    if (is_terminal_ && lines_drawn_ > 0) out_ << fmt::format("\x1b[{}A\x1b[J", lines_drawn_);
    out_ << text << std::flush;
    lines_drawn_ = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n'));
}

void LiveView::preparing(std::uint64_t ready, std::uint64_t clients) {
    if (is_terminal_) {
        draw(fmt::format("{} of {} clients are ready\n", ready, clients));
    } else if (ready == clients && told_ready_ != ready) {
        out_ << fmt::format("{} clients are ready\n", ready) << std::flush;
    }
    told_ready_ = ready;
}

void LiveView::passed(const Second& second) {
    if (is_terminal_) {
        std::string text = head(second) + '\n';
        text += fmt::format("{:<28} {:>10} {:>10} {:>10} {:>10}\n", "", "per s", "p50 ms", "p99 ms",
                            "max ms");
        for (const auto& [name, one] : second.commands)
            text += fmt::format("{:<28} {:>10.0f} {:>10} {:>10} {:>10}\n", name, one.rate,
                                milliseconds(one.p50_us), milliseconds(one.p99_us),
                                milliseconds(one.max_us));
        draw(text);
        last_second_ = text;
        return;
    }
    std::string text = head(second);
    for (const auto& [name, one] : second.commands)
        text += fmt::format("; {} {:.0f}/s p99 {} ms", name, one.rate, milliseconds(one.p99_us));
    out_ << text << '\n' << std::flush;
}

void LiveView::checking() {
    if (is_terminal_) {
        draw(last_second_ + "counting what was delivered\n");
    } else {
        out_ << "counting what was delivered\n" << std::flush;
    }
}

void LiveView::end() {
    lines_drawn_ = 0;
}

std::string describe(const Result& result) {
    std::string text = fmt::format(
        "{}: {} loop, {} connections, {:.1f} s\n{:<28} {:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} "
        "{:>7}\n",
        result.scenario, result.settings.loop, result.settings.connections,
        result.settings.duration_seconds, "", "count", "per s", "p50 ms", "p90 ms", "p99 ms",
        "p99.9 ms", "max ms", "errors");
    for (const CommandFigures& one : result.commands) {
        const Latency& latency = one.latency;
        text += fmt::format("{:<28} {:>10} {:>10.1f} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}\n",
                            one.name, one.count, one.per_second, milliseconds(latency.p50_us),
                            milliseconds(latency.p90_us), milliseconds(latency.p99_us),
                            milliseconds(latency.p999_us), milliseconds(latency.max_us),
                            one.error_count());
    }
    if (const auto& use = result.server_use)
        text += fmt::format(
            "server: {:.2f} s cpu, {:.1f} us an operation, {:.1f} MiB at most, {:.0f} bytes a "
            "connection\n",
            use->cpu_seconds, use->cpu_us_per_operation,
            static_cast<double>(use->pss_bytes_peak) / (1 << 20), use->bytes_per_connection);
    text += fmt::format(
        "harness: {:.0f} % of a core, p99 {} ms late\nchecked: {} answers, {} bodies, {} delivered "
        "messages; {} wrong\n",
        result.harness.cpu_mean * 100, milliseconds(result.harness.lag_p99_us),
        result.checks.answers, result.checks.bodies, result.checks.messages, result.checks.wrong);
    for (const auto& example : result.checks.examples) text += fmt::format("wrong: {}\n", example);
    for (const auto& reason : result.verdict.reasons) text += reason + '\n';
    return text;
}

}  // namespace tidemark::loadtest
