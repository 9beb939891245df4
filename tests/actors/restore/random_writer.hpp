// Random commands of one client on one account: appends, flags, expunges, moves, copies, mailboxes
// that are made, renamed and deleted. The same seed gives the same commands for the same answers.
#pragma once

#include "tests/support/test_server.hpp"

#include <random>
#include <string>
#include <vector>

namespace tidemark::test {

class RandomWriter {
  public:
    RandomWriter(std::string account, unsigned seed)
        : account_(std::move(account)), random_(seed) {}

    void run(TestServer& server, unsigned commands);

  private:
    void step(ImapClient& imap);
    void append(ImapClient& imap);
    void change_mailboxes(ImapClient& imap);
    std::vector<std::string> mailboxes(ImapClient& imap);
    std::string any_mailbox(ImapClient& imap);
    // About one in so many of 1 … count, as a set; empty where that is none.
    std::string some(std::size_t count, unsigned one_in);

    std::string account_;
    std::mt19937 random_;
    unsigned messages_ = 0;  // no two have the same text
    unsigned names_ = 0;
};

}  // namespace tidemark::test
