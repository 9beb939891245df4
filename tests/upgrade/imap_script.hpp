// A fixed session over all that accounts of test data hold, as a transcript: what a client is told
// of mailboxes, messages, the past (QRESYNC), searches and threads.
#pragma once

#include "tests/support/test_server.hpp"

#include <string>
#include <vector>

namespace tidemark::test {

// "C: " before what was said and "S: " before what was answered. Literals and long lines are given
// as their length and digest. Nothing in it changes what the server holds.
std::string imap_transcript(TestServer& server, const std::vector<std::string>& accounts,
                            const std::string& password);

}  // namespace tidemark::test
