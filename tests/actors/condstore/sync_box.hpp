// One account with messages in its INBOX, and sessions of every kind that RFC 7162 tells apart. A
// scenario runs once in each kind and states the difference that the kind makes.
#pragma once

#include "tests/support/test_server.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

struct Kind {
    const char* name;
    const char* enable;  // the command that makes a session one of this kind
    bool modseq;         // unsolicited FETCH names the modseq (RFC 7162 §3.1)
    bool vanished;       // VANISHED instead of EXPUNGE (RFC 7162 §3.2.10)
    bool rev2;           // IMAP4rev2: ESEARCH instead of SEARCH, no RECENT
};
inline constexpr Kind kKinds[] = {
    {"plain", "", false, false, false},
    {"CONDSTORE", "ENABLE CONDSTORE", true, false, false},
    {"QRESYNC", "ENABLE QRESYNC", true, true, false},
    {"IMAP4rev2", "ENABLE IMAP4rev2", false, false, true},
    {"UTF8=ACCEPT", "ENABLE UTF8=ACCEPT", false, false, false},
    {"everything", "ENABLE IMAP4rev2 UTF8=ACCEPT QRESYNC", true, true, true},
};
inline constexpr const Kind& kPlain = kKinds[0];
inline constexpr const Kind& kCondstore = kKinds[1];
inline constexpr const Kind& kQresync = kKinds[2];

// The number that follows `word`; the test fails when `word` is not there.
std::uint64_t number_after(const std::string& text, std::string_view word);
// Of the first line that has one.
std::uint64_t highest_modseq(const std::vector<std::string>& lines);
std::uint64_t uid_validity(const std::vector<std::string>& lines);
// Untagged lines one below the other, without RECENT and \Recent, which one session gets and
// another does not.
std::string told(const std::vector<std::string>& lines);
// Whether `word` is in any line.
bool mentions(const std::vector<std::string>& lines, std::string_view word);

class SyncBox : public TestServer {
  public:
    // Messages with the uids 1 … `messages`, one modseq each.
    explicit SyncBox(int messages) : SyncBox(messages, Options{}) {}
    SyncBox(int messages, Options options);

    // Logged in, enabled, and with `mailbox` selected unless that is empty.
    ImapClient open(const Kind& kind, std::string_view mailbox = "INBOX");
    // What is true now, asked by a session of its own.
    std::uint64_t modseq(unsigned uid);
    std::uint64_t highest(std::string_view mailbox = "INBOX");
    // By another session: flags stored, messages marked and expunged.
    void change(std::string_view uids, std::string_view how);
    void remove(std::string_view uids);
};

// "* seq FETCH (UID uid FLAGS (flags) MODSEQ (modseq))", as a session of this kind is told.
std::string flags_line(const Kind& kind, unsigned seq, unsigned uid, std::string_view flags,
                       std::uint64_t modseq);
// "* VANISHED uids", or "* seq EXPUNGE" for each of `seqs` in the order given.
std::string gone_lines(const Kind& kind, std::string_view uids, const std::vector<unsigned>& seqs);

template <class Scenario>
void in_each_kind(int messages, Scenario scenario);

}  // namespace tidemark::test

#include <doctest/doctest.h>

template <class Scenario>
void tidemark::test::in_each_kind(int messages, Scenario scenario) {
    for (const Kind& kind : kKinds) {
        const std::string session_kind = kind.name;
        CAPTURE(session_kind);
        SyncBox box(messages);
        scenario(box, kind);
    }
}
