// A running server with some mail and a backup of it, and what clients see of both.
#pragma once

#include "tests/tools/mail/scratch.hpp"
#include "tests/tools/run_command.hpp"
#include "tests/tools/running_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace tidemark::tools::test {

using Lines = std::vector<std::string>;

inline void append(tidemark::test::ImapClient& client, const std::string& mailbox,
                   const std::string& subject, const std::string& flags, const std::string& date) {
    const std::string text = "Subject: " + subject + "\r\n\r\ntext of " + subject + "\r\n";
    client.ok("APPEND " + mailbox + " (" + flags + ") \"" + date + "\" {" +
              std::to_string(text.size()) + "+}\r\n" + text);
}

// All that a client sees of a mailbox, but the numbers that a restore gives anew. Flags in the
// order of the alphabet.
inline Lines seen(tidemark::test::ImapClient& client, const std::string& mailbox) {
    client.ok("EXAMINE " + mailbox);
    Lines found;
    for (const std::string& line :
         tidemark::test::with_prefix(client.ok("FETCH 1:* (FLAGS INTERNALDATE BODY[])"), "* ")) {
        if (line.find(" FETCH ") == std::string::npos) continue;
        const std::size_t first = line.find("FLAGS (") + 7;
        const std::size_t last = line.find(')', first);
        std::istringstream words(line.substr(first, last - first));
        Lines flags;
        for (std::string word; words >> word;) {
            if (word != "\\Recent") flags.push_back(word);
        }
        std::sort(flags.begin(), flags.end());
        std::string text;
        for (const std::string& flag : flags) text += flag + ' ';
        found.push_back(text + line.substr(last));
    }
    return found;
}

// INBOX, Work and Work/Old of anna, with flags, keywords and dates, and a backup of them.
struct BackedServer {
    BackedServer() {
        make_data(data());
        server.emplace(data());
        tidemark::test::ImapClient client = server->connect();
        client.ok("CREATE Work");
        client.ok("CREATE Work/Old");
        append(client, "INBOX", "one", "\\Seen $Label1", "17-Jul-1996 02:44:25 -0700");
        append(client, "INBOX", "two", "\\Flagged \\Answered", " 1-Feb-2024 23:59:59 +0530");
        append(client, "INBOX", "three", "", "31-Dec-1999 00:00:00 +0000");
        append(client, "Work", "plan", "\\Draft zebra apple", " 1-Jan-2026 12:00:00 +0000");
        back_up("backup");
    }
    std::string data() const { return scratch.path("data"); }
    void back_up(const std::string& name, const Lines& more = {}) const {
        Lines line = {"backup", scratch.path(name), "--data", data()};
        line.insert(line.end(), more.begin(), more.end());
        const Run backed = run(line);
        INFO(backed.err);
        REQUIRE(backed.exit == ExitCode::kWell);
    }
    Run restore(const Lines& more, const std::string& name = "backup") const {
        Lines line = {"restore", scratch.path(name), "--online", "--data",
                      data(),    "--account",        "anna"};
        line.insert(line.end(), more.begin(), more.end());
        return run(line);
    }

    Scratch scratch;
    std::optional<RunningServer> server;
};

}  // namespace tidemark::tools::test
