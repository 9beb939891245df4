// Properties: the events of the fragmenter do not depend on where the input was cut, with small
// limits and with large ones, accepting and refusing streams; a command that parses is written as
// bytes that the fragmenter takes for exactly one command, and that parse to the same value. A
// streamed APPEND has the same meaning as a collected one.

#include "protocol/parse_command.hpp"
#include "protocol/write_command.hpp"
#include "tests/support/fragmenter_trace.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol;
using namespace tidemark::protocol::testing;

constexpr FragmenterLimits kSmallLimits{.line_bytes_max = 300,
                                        .command_bytes_max = 400,
                                        .swallow_bytes_max = 500,
                                        .stream_append = true,
                                        .append_bytes_max = 64};
constexpr FragmenterLimits kCollectingLimits{.line_bytes_max = kLineBytesMax,
                                             .command_bytes_max = kCommandBytesMax,
                                             .swallow_bytes_max = kSwallowBytesMax};

void require(bool condition) {
    if (!condition) std::abort();
}

void check_cuts(std::string_view input) {
    const TraceOptions kOptions[] = {
        {.limits = &kFragmenterLimitsAfterLogin},
        {.limits = &kCollectingLimits},
        {.limits = &kSmallLimits},
        {.limits = &kSmallLimits, .refuse_streams = true},
    };
    std::size_t cut = input.size();
    for (const char c : input) cut = cut * 31 + static_cast<unsigned char>(c);
    for (const TraceOptions& options : kOptions) {
        const std::string whole = trace_whole(input, options);
        require(trace_pieces(input, 1, options) == whole);
        require(trace_pieces(input, 3 + cut % 29, options) == whole);
        require(trace_cut(input, input.empty() ? 0 : cut % input.size(), options) == whole);
    }
}

void check_round_trip(std::string_view bytes) {
    const auto command = parse_command(bytes);
    if (!command) {
        require(command.error().error.offset <= bytes.size());
        return;
    }
    const std::string written = write_command(*command);
    Fragmenter fragmenter(kCollectingLimits);
    std::string_view input = written;
    const auto event = fragmenter.next(input);
    require(std::holds_alternative<CommandReady>(event) && input.empty());
    const auto again = parse_command(std::get<CommandReady>(event).bytes);
    require(again.has_value());
    require(*again == *command);
    require(write_command(*again) == written);
}

void check_commands(std::string_view input) {
    Fragmenter fragmenter(kCollectingLimits);
    for (;;) {
        const auto event = fragmenter.next(input);
        if (std::holds_alternative<NeedMore>(event)) return;
        if (const auto* rejected = std::get_if<Rejected>(&event)) {
            (void)find_tag(rejected->head);
            if (rejected->must_close) return;
        }
        if (const auto* ready = std::get_if<CommandReady>(&event)) check_round_trip(ready->bytes);
    }
}

// Puts a streamed APPEND together. Nothing when a piece is malformed.
class StreamedAppends {
  public:
    explicit StreamedAppends(std::string_view input) {
        Fragmenter fragmenter(kFragmenterLimitsAfterLogin);
        for (;;) {
            const auto event = fragmenter.next(input);
            if (std::holds_alternative<NeedMore>(event)) return;
            if (const auto* rejected = std::get_if<Rejected>(&event);
                rejected && rejected->must_close) {
                return;
            }
            if (std::holds_alternative<StreamStart>(event)) fragmenter.accept_stream();
            std::visit([this](const auto& any) { on(any); }, event);
        }
    }
    const std::string& text() const { return text_; }

  private:
    void on(const StreamStart& start) {
        if (start.is_first) {
            auto head = parse_append_start(start.head);
            is_good_ = head.has_value();
            if (!is_good_) return;
            append_.messages.clear();
            append_.mailbox = head->mailbox;
            tag_ = head->tag.text();
            append_.messages.push_back({head->options, {}});
        } else if (is_good_) {
            auto options = parse_append_next(start.head, append_.messages.back().options);
            is_good_ = options.has_value() && append_.messages.size() < kAppendMessagesMax;
            if (is_good_) append_.messages.push_back({*options, {}});
        }
        if (is_good_) require(append_.messages.back().options.is_literal8 == start.is_literal8);
    }
    void on(const StreamData& data) {
        if (is_good_) append_.messages.back().bytes += data.bytes;
    }
    void on(const StreamEnd& end) { is_good_ = is_good_ && !end.has_nul; }
    void on(const StreamCommandEnd& end) {
        if (!is_good_ || !parse_append_end(end.tail, append_.messages.back().options)) return;
        text_ += write_command(Command{*Tag::parse(tag_), append_});
    }
    void on(const CommandReady& ready) {
        if (auto command = parse_command(ready.bytes)) text_ += write_command(*command);
    }
    template <class Other>
    void on(const Other&) {}

    command::Append append_;
    std::string tag_;
    std::string text_;
    bool is_good_ = false;
};

std::string collected(std::string_view input) {
    std::string text;
    Fragmenter fragmenter(kCollectingLimits);
    for (;;) {
        const auto event = fragmenter.next(input);
        if (std::holds_alternative<NeedMore>(event)) return text;
        if (const auto* rejected = std::get_if<Rejected>(&event))
            return rejected->must_close ? text : "?";
        if (const auto* ready = std::get_if<CommandReady>(&event)) {
            if (auto command = parse_command(ready->bytes)) text += write_command(*command);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    check_cuts(input);
    check_commands(input);
    check_round_trip(input);
    // Where nothing was refused for its size, which depends on the way of reading.
    const std::string expected = collected(input);
    if (size < kLineBytesMax && expected.find('?') == std::string::npos &&
        trace_whole(input).find("rejected") == std::string::npos) {
        require(StreamedAppends(input).text() == expected);
    }
    return 0;
}
