#include "storage/verify/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace tidemark::storage {
namespace {

constexpr std::array<std::string_view, kFindingCodeCount> kNames = {
    "manifest",
    "manifest-digest",
    "format",
    "database-open",
    "database-block",
    "store-state",
    "store-seq",
    "id-limit",
    "key",
    "value",
    "account",
    "account-usage",
    "mailbox",
    "mailbox-name",
    "subscription",
    "special-use",
    "keywords",
    "uid-order",
    "uidnext",
    "highestmodseq",
    "create-modseq",
    "counts",
    "fold",
    "tombstone",
    "body-missing",
    "body-frame",
    "body-crc",
    "body-length",
    "references",
    "segment-missing",
    "segment-length",
    "segment-live",
    "segment-frame",
    "segment-dead",
    "unknown-file",
    "summary",
    "read",
};

}  // namespace

std::string_view name_of(FindingCode code) {
    return kNames.at(static_cast<std::size_t>(code));
}

std::optional<FindingCode> finding_code_of(std::string_view name) {
    const auto at = std::find(kNames.begin(), kNames.end(), name);
    if (at == kNames.end()) return std::nullopt;
    return static_cast<FindingCode>(at - kNames.begin());
}

bool is_note(FindingCode code) {
    return code == FindingCode::kSegmentDead || code == FindingCode::kUnknownFile;
}

std::string to_string(const Finding& finding) {
    std::string line(name_of(finding.code));
    const auto out = std::back_inserter(line);
    if (!finding.account.empty()) fmt::format_to(out, " {}", finding.account);
    if (!finding.mailbox.empty()) fmt::format_to(out, "/{}", finding.mailbox);
    if (finding.uid != 0) fmt::format_to(out, " uid {}", finding.uid);
    if (!finding.file.empty()) fmt::format_to(out, " {}", finding.file);
    if (finding.offset) fmt::format_to(out, " at {}", *finding.offset);
    fmt::format_to(out, ": {}", finding.text);
    // What is damaged may hold anything; a finding stays one line.
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }, '?');
    return line;
}

bool VerifyReport::well() const {
    return findings_left_out == 0 &&
           std::all_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return is_note(finding.code); });
}

}  // namespace tidemark::storage
