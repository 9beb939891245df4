#include "tools/loadtest/step_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

namespace tidemark::loadtest {

namespace {

using Kind = TextPart::Kind;
constexpr std::array<std::pair<std::string_view, Kind>, 14> kVariables = {{
    {"user", Kind::user},
    {"password", Kind::password},
    {"client", Kind::client},
    {"n", Kind::n},
    {"all", Kind::all},
    {"page", Kind::page},
    {"one", Kind::one},
    {"random", Kind::random},
    {"exists", Kind::exists},
    {"uidvalidity", Kind::uidvalidity},
    {"uidnext", Kind::uidnext},
    {"modseq", Kind::modseq},
    {"old_modseq", Kind::old_modseq},
    {"old_uidnext", Kind::old_uidnext},
}};

tl::expected<TextPart, std::string> parse_variable(std::string_view text) {
    const auto colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const auto found = std::find_if(kVariables.begin(), kVariables.end(),
                                    [name](const auto& one) { return one.first == name; });
    if (found == kVariables.end())
        return tl::unexpected(fmt::format("there is no variable {{{}}}", text));
    TextPart part;
    part.kind = found->second;
    const bool has_count = part.kind == Kind::page || part.kind == Kind::random;
    if (has_count != (colon != std::string_view::npos))
        return tl::unexpected(
            fmt::format("{{{}}} {}", text, has_count ? "needs a number: {page:50}" : "takes none"));
    if (has_count) {
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, part.count);
        if (error != std::errc{} || stop != end || part.count == 0)
            return tl::unexpected(fmt::format("{{{}}} needs a number above 0", text));
    }
    return part;
}

std::uint64_t at_least_one(std::uint64_t value) {
    return std::max<std::uint64_t>(value, 1);
}

}  // namespace

tl::expected<Text, std::string> parse_text(std::string_view text) {
    Text result;
    const auto add_literal = [&result](std::string_view piece) {
        if (!piece.empty()) result.push_back({Kind::literal, std::string(piece), 0});
    };
    while (!text.empty()) {
        const auto open = text.find('{');
        add_literal(text.substr(0, open));
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        if (close == std::string_view::npos)
            return tl::unexpected(std::string("a { without its }"));
        auto part = parse_variable(text.substr(open + 1, close - open - 1));
        if (!part) return tl::unexpected(part.error());
        result.push_back(std::move(*part));
        text.remove_prefix(close + 1);
    }
    return result;
}

std::uint64_t write_text(const Text& text, const TextValues& values, std::mt19937_64& random,
                         std::string& out) {
    std::uint64_t named = values.exists;
    const auto number = [&out](std::uint64_t value) {
        fmt::format_to(std::back_inserter(out), "{}", value);
    };
    for (const TextPart& part : text) {
        switch (part.kind) {
            case Kind::literal:
                out += part.text;
                break;
            case Kind::user:
                out += values.user;
                break;
            case Kind::password:
                out += values.password;
                break;
            case Kind::client:
                number(values.client);
                break;
            case Kind::n:
                number(values.n);
                break;
            case Kind::all:
                out += "1:*";
                named = values.exists;
                break;
            case Kind::page: {
                const std::uint64_t last = at_least_one(values.exists);
                const std::uint64_t first = last >= part.count ? last - part.count + 1 : 1;
                fmt::format_to(std::back_inserter(out), "{}:{}", first, last);
                named = values.exists == 0 ? 0 : last - first + 1;
                break;
            }
            case Kind::one:
                number(random() % at_least_one(values.exists) + 1);
                named = values.exists == 0 ? 0 : 1;
                break;
            case Kind::random:
                number(random() % part.count + 1);
                break;
            case Kind::exists:
                number(values.exists);
                named = values.exists == 0 ? 0 : 1;
                break;
            case Kind::uidvalidity:
                number(values.uidvalidity);
                break;
            case Kind::uidnext:
                number(values.uidnext);
                break;
            case Kind::modseq:
                number(values.modseq);
                break;
            case Kind::old_modseq:
                number(values.old_modseq);
                break;
            case Kind::old_uidnext:
                number(values.old_uidnext);
                break;
        }
    }
    return named;
}

void write_quoted(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

}  // namespace tidemark::loadtest
