#include "tests/actors/restore/random_writer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>

namespace tidemark::test {

namespace {

constexpr std::array<const char*, 5> kFlags = {"\\Seen", "\\Flagged", "\\Answered", "$Label",
                                               "\\Draft"};
// Names are few, so that one that was deleted comes back.
constexpr unsigned kNames = 4;

std::size_t exists(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        if (line.ends_with(" EXISTS")) return std::stoul(line.substr(2));
    }
    return 0;
}

}  // namespace

void RandomWriter::run(TestServer& server, unsigned commands) {
    ImapClient imap = server.connect(account_);
    for (unsigned i = 0; i < commands; ++i) step(imap);
    imap.ok("LOGOUT");
}

std::vector<std::string> RandomWriter::mailboxes(ImapClient& imap) {
    std::vector<std::string> names{"INBOX", "Archive"};
    for (const std::string& line : with_prefix(imap.ok("LIST \"\" Work%"), "* LIST ")) {
        std::string name = line.substr(line.rfind(' ') + 1);
        std::erase(name, '"');
        names.push_back(std::move(name));
    }
    return names;
}

std::string RandomWriter::any_mailbox(ImapClient& imap) {
    const std::vector<std::string> names = mailboxes(imap);
    return random_() % 2 == 0 ? "INBOX" : names[random_() % names.size()];
}

std::string RandomWriter::some(std::size_t count, unsigned one_in) {
    std::string set;
    for (std::size_t i = 1; i <= count; ++i) {
        if (random_() % one_in == 0) set += (set.empty() ? "" : ",") + std::to_string(i);
    }
    return set;
}

void RandomWriter::append(ImapClient& imap) {
    std::string text = fmt::format("Subject: {}-{}\r\n\r\n", account_, ++messages_);
    text.append(random_() % 2000, static_cast<char>('a' + messages_ % 26));
    imap.append(any_mailbox(imap), text + "\r\n",
                random_() % 2 == 0 ? kFlags[random_() % kFlags.size()] : "");
}

void RandomWriter::change_mailboxes(ImapClient& imap) {
    const std::vector<std::string> names = mailboxes(imap);
    const std::string fresh = fmt::format("Work{}", ++names_ % kNames);
    if (names.size() < 4) {
        imap.run("CREATE " + fresh);
        return;
    }
    const std::string old = names[2 + random_() % (names.size() - 2)];
    switch (random_() % 3) {
        case 0:
            imap.ok("DELETE " + old);
            return;
        case 1:
            imap.ok("DELETE " + old);
            imap.ok("CREATE " + old);
            return;
        default:
            imap.run("RENAME " + old + " " + fresh);
    }
}

void RandomWriter::step(ImapClient& imap) {
    const unsigned what = random_() % 16;
    if (what < 5) return append(imap);
    if (what < 7) return change_mailboxes(imap);
    const std::size_t count = exists(imap.ok("SELECT " + any_mailbox(imap)));
    const std::string set = some(count, what < 11 ? 3 : 8);
    if (set.empty()) return append(imap);
    if (what < 11) {
        imap.ok(fmt::format("STORE {} {}FLAGS ({})", set, random_() % 2 == 0 ? "+" : "-",
                            kFlags[random_() % kFlags.size()]));
    } else if (what < 13) {
        imap.ok("STORE " + set + " +FLAGS.SILENT (\\Deleted)");
        imap.ok("EXPUNGE");
    } else {
        const std::string to = any_mailbox(imap);
        imap.run(fmt::format("{} {} {}", what < 15 ? "MOVE" : "COPY", set, to));
    }
    imap.ok("UNSELECT");
}

}  // namespace tidemark::test
