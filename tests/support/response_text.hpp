#pragma once

#include "protocol/parse_response.hpp"
#include "protocol/write_fetch.hpp"
#include "protocol/write_response.hpp"

#include <span>
#include <string>
#include <string_view>

// Responses written back from what was read, for round trips and for comparing two ways of reading.

namespace tidemark::protocol::test {

template <class Write>
std::string written(Write write) {
    ChunkPool pool(0);
    OutputBuffer out(pool);
    write(out);
    return out.to_string();
}

inline std::string flag_list(const FetchData& fetch) {
    std::string list = "(";
    for (std::size_t i = 0; i < kSystemFlagCount; ++i) {
        if (fetch.system_flags.contains(static_cast<SystemFlag>(i))) {
            list.append(list.size() > 1 ? " " : "").append(flag_name(static_cast<SystemFlag>(i)));
        }
    }
    for (const auto keyword : fetch.keywords) {
        list.append(list.size() > 1 ? " " : "").append(keyword);
    }
    return list + ")";
}

inline void write_section(FetchWriter& writer, const FetchSection& section) {
    std::string label(section.label);
    if (section.origin) {
        label += "<" + std::to_string(*section.origin) + ">";
    }
    if (section.is_nil) {
        writer.nil(label);
    } else if (section.is_streamed) {
        writer.text(label, "streamed:" + std::to_string(section.size));
    } else {
        writer.literal(label, nullptr, section.bytes);
    }
}

inline void write_fetch(OutputBuffer& out, const FetchData& fetch) {
    FetchWriter writer(out, fetch.number);
    if (fetch.uid) writer.uid(*fetch.uid);
    if (fetch.has_flags) writer.flags(flag_list(fetch));
    if (fetch.modseq) writer.modseq(*fetch.modseq);
    if (fetch.internal_date) writer.internal_date(*fetch.internal_date);
    if (fetch.size) writer.rfc822_size(*fetch.size);
    for (const auto& section : fetch.sections) write_section(writer, section);
    for (const auto& [name, value] : fetch.others) writer.text(name, value);
    writer.finish();
}

inline std::string joined(std::span<const std::string_view> words) {
    std::string out;
    for (const auto word : words) {
        out.append(out.empty() ? "" : " ").append(word);
    }
    return out;
}

// External pieces without an owner: `response` must still be valid when the result is made.
inline std::string rewritten(const Response& response) {
    constexpr auto kEncoding = NameEncoding::utf8;
    return written([&](OutputBuffer& out) {
        switch (response.kind) {
            case ResponseKind::continuation:
                return write_continuation(out, response.text);
            case ResponseKind::tagged:
                return write_tagged(out, response.tag, response.condition, response.code,
                                    response.text);
            case ResponseKind::condition:
                return write_untagged(out, response.condition, response.code, response.text);
            case ResponseKind::exists:
                return write_exists(out, response.number);
            case ResponseKind::recent:
                return write_recent(out, response.number);
            case ResponseKind::expunge:
                return write_expunge(out, response.number);
            case ResponseKind::vanished:
                return write_vanished(out, RangeSet::from_unsorted(response.vanished.uids),
                                      response.vanished.is_earlier);
            case ResponseKind::fetch:
                return write_fetch(out, response.fetch);
            case ResponseKind::list:
                return write_list(out, response.list, kEncoding);
            case ResponseKind::status:
                return write_status(out, response.status, kEncoding);
            case ResponseKind::search:
                return response.search.is_sort
                           ? write_sort(out, response.search.numbers, response.search.modseq)
                           : write_search(out, response.search.numbers, response.search.modseq);
            case ResponseKind::esearch:
                return write_esearch(out, response.esearch);
            case ResponseKind::flags:
                return write_flags(out, "(" + joined(response.words) + ")");
            case ResponseKind::capability:
                return write_capability(out, joined(response.words));
            case ResponseKind::enabled:
                return write_enabled(out, response.words);
            case ResponseKind::name_space:
                return write_namespace(out, response.name_space, kEncoding);
            case ResponseKind::id:
                return write_id(out, response.id);
            case ResponseKind::quota:
                return write_quota(out, response.quota, kEncoding);
            case ResponseKind::quota_root:
                return write_quota_root(out, response.quota_root, kEncoding);
            case ResponseKind::other:
                out.append("* ");
                out.append(response.text);
                return out.append("\r\n");
        }
    });
}

}  // namespace tidemark::protocol::test
