#include "tools/loadtest/report.hpp"

namespace tidemark::loadtest {

namespace {

// JSON inside <script>: no "<" may be there, whatever a server said; in JSON it is only in strings,
// where it may be escaped.
void append_escaped(std::string& text, std::string_view json) {
    for (const char c : json) {
        if (c == '<')
            text += "\\u003c";
        else
            text += c;
    }
}

}  // namespace

std::string make_report(const std::vector<Result>& results) {
    std::string text(kReportBefore);
    text += '[';
    bool first = true;
    for (const Result& result : results) {
        if (!first) text += ',';
        first = false;
        append_escaped(text, encode_result(result));
    }
    text += ']';
    text += kReportAfter;
    return text;
}

}  // namespace tidemark::loadtest
