#include "tests/upgrade/imap_script.hpp"

#include "protocol/base64.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemark::test {

namespace {

constexpr std::size_t kLineMax = 1000;

std::string digest(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// What a person can read of an answer, and a digest of the rest.
std::string shown(const std::string& line) {
    if (line.size() <= kLineMax && line.find_first_of("\r\n") == std::string::npos) return line;
    const std::string_view start =
        std::string_view(line).substr(0, std::min<std::size_t>(line.find('\r'), 60));
    return fmt::format("{} … {} bytes {}", start, line.size(), digest(line));
}

// The number behind `name` in the answers; 0 when there is none.
std::uint64_t number_of(const std::vector<std::string>& lines, std::string_view name) {
    for (const std::string& line : lines) {
        const std::size_t at = line.find(name);
        if (at != std::string::npos) return std::stoull(line.substr(at + name.size()));
    }
    return 0;
}

// The name in a LIST answer, spelled so that it can be sent.
std::optional<std::string> listed_name(const std::string& line) {
    constexpr std::string_view kDelimiter = " \"/\" ";
    const std::size_t at = line.find(kDelimiter);
    if (!line.starts_with("* LIST ") || at == std::string::npos) return std::nullopt;
    std::string name = line.substr(at + kDelimiter.size());
    const std::size_t literal = name.find("}\r\n");
    if (name.starts_with('{') && literal != std::string::npos) name.insert(literal, "+");
    if (const std::size_t old = name.find(" (\"OLDNAME\""); old != std::string::npos)
        name.resize(old);
    return name;
}

class Script {
  public:
    Script(ImapClient client, std::string& transcript)
        : client_(std::move(client)), transcript_(transcript) {}

    std::vector<std::string> say(const std::string& command) {
        auto lines = client_.run(command);
        transcript_ += "C: " + shown(command) + '\n';
        for (const std::string& line : lines) transcript_ += "S: " + shown(line) + '\n';
        return lines;
    }

    void log_in(const std::string& account, const std::string& password) {
        using std::string_literals::operator""s;
        const std::string proof = "\0"s + account + "\0"s + password;
        transcript_ += "account " + account + '\n';
        client_.ok("AUTHENTICATE PLAIN " + protocol::base64_encode(proof));
        say("ENABLE CONDSTORE QRESYNC");
    }

    void overview() {
        say("NAMESPACE");
        say("LIST (SUBSCRIBED) \"\" \"*\"");
        say("LIST (SPECIAL-USE) \"\" \"*\"");
        say("GETQUOTAROOT INBOX");
        const auto lines =
            say("LIST \"\" \"*\" RETURN (CHILDREN SUBSCRIBED SPECIAL-USE STATUS (MESSAGES RECENT "
                "UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID))");
        for (const std::string& line : lines) {
            if (auto name = listed_name(line)) mailbox(*name);
        }
    }

  private:
    void mailbox(const std::string& name) {
        const auto opened = say("EXAMINE " + name);
        if (!opened.back().starts_with("OK") || number_of(opened, "[UIDNEXT ") <= 1) return;
        say("UID FETCH 1:* (FLAGS MODSEQ INTERNALDATE SAVEDATE RFC822.SIZE EMAILID)");
        say("UID FETCH 1:* (ENVELOPE BODYSTRUCTURE)");
        say("UID FETCH 1:* (PREVIEW BODY.PEEK[])");
        say("UID FETCH 1:* (BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.40>)");
        say("UID SORT (SUBJECT REVERSE DATE FROM) UTF-8 ALL");
        say("UID THREAD REFERENCES UTF-8 ALL");
        say("UID SEARCH RETURN (ALL COUNT) OR TEXT \"harbour\" SUBJECT \"lunch\"");
        say("UID SEARCH KEYWORD custom UNSEEN SINCE 1-Jan-2000");
        const std::uint64_t highest = number_of(opened, "[HIGHESTMODSEQ ");
        for (const std::uint64_t since : {std::uint64_t{1}, highest / 2, highest - 1}) {
            say(fmt::format("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)", since));
            say(fmt::format("EXAMINE {} (QRESYNC ({} {}))", name,
                            number_of(opened, "[UIDVALIDITY "), since));
        }
    }

    ImapClient client_;
    std::string& transcript_;
};

}  // namespace

std::string imap_transcript(TestServer& server, const std::vector<std::string>& accounts,
                            const std::string& password) {
    std::string transcript;
    for (const std::string& account : accounts) {
        Script script(server.connect(), transcript);
        script.log_in(account, password);
        script.overview();
    }
    return transcript;
}

}  // namespace tidemark::test
