#include "tests/actors/condstore/sync_box.hpp"

namespace tidemark::test {

std::uint64_t number_after(const std::string& text, std::string_view word) {
    const auto at = text.find(word);
    REQUIRE_MESSAGE(at != std::string::npos, word << " is not in: " << text);
    return std::stoull(text.substr(at + word.size()));
}

namespace {
std::uint64_t number_in(const std::vector<std::string>& lines, std::string_view word) {
    for (const auto& line : lines) {
        if (line.find(word) != std::string::npos) return number_after(line, word);
    }
    FAIL(word << " is in no line");
    return 0;
}
}  // namespace

std::uint64_t highest_modseq(const std::vector<std::string>& lines) {
    return number_in(lines, "HIGHESTMODSEQ ");
}
std::uint64_t uid_validity(const std::vector<std::string>& lines) {
    return number_in(lines, "UIDVALIDITY ");
}

std::string told(const std::vector<std::string>& lines) {
    std::string result;
    for (std::string line : lines) {
        if (line.compare(0, 2, "* ") != 0 || line.find(" RECENT") != std::string::npos) continue;
        for (const std::string_view word : {" \\Recent", "\\Recent"}) {
            if (const auto at = line.find(word); at != std::string::npos)
                line.erase(at, word.size());
        }
        result += (result.empty() ? "" : "\n") + line;
    }
    return result;
}

bool mentions(const std::vector<std::string>& lines, std::string_view word) {
    for (const auto& line : lines) {
        if (line.find(word) != std::string::npos) return true;
    }
    return false;
}

SyncBox::SyncBox(int messages, Options options) : TestServer(options) {
    add_account("ann");
    auto client = connect("ann");
    for (int i = 0; i < messages; ++i) client.append("INBOX", kSmallMessage);
    client.ok("SELECT INBOX");  // takes what is recent
    client.ok("LOGOUT");
}

ImapClient SyncBox::open(const Kind& kind, std::string_view mailbox) {
    auto client = connect("ann");
    if (*kind.enable != '\0') client.ok(kind.enable);
    if (!mailbox.empty()) client.ok("SELECT " + std::string(mailbox));
    return client;
}

std::uint64_t SyncBox::modseq(unsigned uid) {
    auto client = open(kCondstore);
    const auto lines = client.ok("UID FETCH " + std::to_string(uid) + " MODSEQ");
    REQUIRE(lines.size() == 2);
    return number_after(lines[0], "MODSEQ (");
}

std::uint64_t SyncBox::highest(std::string_view mailbox) {
    auto client = connect("ann");
    return highest_modseq(client.ok("STATUS " + std::string(mailbox) + " (HIGHESTMODSEQ)"));
}

void SyncBox::change(std::string_view uids, std::string_view how) {
    auto client = open(kPlain);
    client.ok("UID STORE " + std::string(uids) + " " + std::string(how));
}

void SyncBox::remove(std::string_view uids) {
    auto client = open(kPlain);
    client.ok("UID STORE " + std::string(uids) + " +FLAGS.SILENT (\\Deleted)");
    client.ok("UID EXPUNGE " + std::string(uids));
}

std::string flags_line(const Kind& kind, unsigned seq, unsigned uid, std::string_view flags,
                       std::uint64_t modseq) {
    std::string line = "* " + std::to_string(seq) + " FETCH (UID " + std::to_string(uid) +
                       " FLAGS (" + std::string(flags) + ")";
    if (kind.modseq) line += " MODSEQ (" + std::to_string(modseq) + ")";
    return line + ")";
}

std::string gone_lines(const Kind& kind, std::string_view uids, const std::vector<unsigned>& seqs) {
    if (kind.vanished) return "* VANISHED " + std::string(uids);
    std::string lines;
    for (const unsigned seq : seqs) {
        lines += (lines.empty() ? "* " : "\n* ") + std::to_string(seq) + " EXPUNGE";
    }
    return lines;
}

}  // namespace tidemark::test
