#pragma once

#include "protocol/fragmenter.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

// What a fragmenter made of an input, as text that does not depend on where the input was cut.

namespace tidemark::protocol::testing {

struct TraceOptions {
    const FragmenterLimits* limits = &kFragmenterLimitsAfterLogin;
    // Refuse streams: at their start, or after this many bytes.
    bool refuse_streams = false;
    std::size_t refuse_after_bytes = 0;
};

class FragmenterTrace {
  public:
    explicit FragmenterTrace(TraceOptions options = {})
        : options_(options), fragmenter_(*options.limits) {}

    // Feeds one piece of input. Every line of the trace is one event.
    void feed(std::string_view piece) {
        std::string_view input = piece;
        while (!is_closed_) {
            const bool is_used_up = std::visit([this](const auto& event) { return on(event); },
                                               fragmenter_.next(input));
            if (is_used_up) return;
        }
    }

    const std::string& text() const { return text_; }
    Fragmenter& fragmenter() { return fragmenter_; }
    bool is_closed() const { return is_closed_; }

  private:
    bool on(const NeedMore&) { return true; }
    bool on(const CommandReady& event) { return line("command", event.bytes); }
    bool on(const LineReady& event) { return line("line", event.bytes); }
    bool on(const NeedContinuation& event) {
        return line("continue", std::to_string(event.literal_bytes));
    }
    bool on(const StreamStart& event) {
        line(event.is_first ? "stream" : "stream again", event.head);
        text_ += "  " + std::to_string(event.bytes) + (event.is_sync ? " sync" : " nonsync") +
                 (event.is_literal8 ? " literal8" : "") + "\n";
        streamed_.clear();
        if (options_.refuse_streams && options_.refuse_after_bytes == 0) {
            refuse();
        } else {
            fragmenter_.accept_stream();
        }
        return false;
    }
    bool on(const StreamData& event) {
        streamed_ += event.bytes;
        if (options_.refuse_streams && streamed_.size() >= options_.refuse_after_bytes) refuse();
        return false;
    }
    bool on(const StreamEnd& event) {
        return line(event.has_nul ? "streamed with NUL" : "streamed", streamed_);
    }
    bool on(const StreamCommandEnd& event) { return line("stream command end", event.tail); }
    bool on(const Rejected& event) {
        constexpr std::string_view kReasons[] = {"line too long", "command too large",
                                                 "literal too large", "message too large"};
        line(event.must_close ? "rejected, close" : "rejected",
             kReasons[static_cast<std::size_t>(event.reason)]);
        text_ += "  head " + std::string(event.head) + "\n";
        is_closed_ = event.must_close;
        return false;
    }
    void refuse() {
        is_closed_ = !fragmenter_.refuse_stream();
        line("refused", is_closed_ ? "close" : "");
    }
    bool line(std::string_view what, std::string_view bytes) {
        text_.append(what).append(" [").append(bytes).append("]\n");
        return false;
    }

    TraceOptions options_;
    Fragmenter fragmenter_;
    std::string text_;
    std::string streamed_;
    bool is_closed_ = false;
};

inline std::string trace_whole(std::string_view input, TraceOptions options = {}) {
    FragmenterTrace trace(options);
    trace.feed(input);
    return trace.text();
}

// Every piece in memory of its own, so that a view kept too long is seen by the sanitizer.
inline std::string trace_pieces(std::string_view input, std::size_t piece_bytes,
                                TraceOptions options = {}) {
    FragmenterTrace trace(options);
    for (std::size_t at = 0; at < input.size(); at += piece_bytes) {
        trace.feed(std::string(input.substr(at, piece_bytes)));
    }
    return trace.text();
}

inline std::string trace_cut(std::string_view input, std::size_t at, TraceOptions options = {}) {
    FragmenterTrace trace(options);
    trace.feed(std::string(input.substr(0, at)));
    trace.feed(std::string(input.substr(at)));
    return trace.text();
}

}  // namespace tidemark::protocol::testing
