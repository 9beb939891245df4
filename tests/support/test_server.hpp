// The whole server in one process: memory streams for the network, a file system in memory for the
// disk, a clock that stands still until told. Its threads are real, so a client waits for answers
// (kPatience only guards against hanging).
#pragma once

#include "actors/server.hpp"
#include "tests/support/faulty_file_system.hpp"
#include "tests/support/memory_peer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::test {

// One IMAP client, as lines of text. Every expectation that fails fails the test with what came
// instead.
class ImapClient {
  public:
    explicit ImapClient(std::unique_ptr<actors::MemoryStream> stream);

    void send(std::string_view text);
    // The next line without its CRLF. A line that announces a literal is continued with the literal
    // and what follows.
    std::string line();
    // Lines up to and including the one that begins with `tag` and a space.
    std::vector<std::string> until_tagged(std::string_view tag);
    // Sends "tag command" CRLF with a tag of its own; the untagged lines, then the tagged one
    // without its tag.
    std::vector<std::string> run(std::string_view command);
    // The same, and the tagged answer must begin with `status`.
    std::vector<std::string> ok(std::string_view command);
    std::vector<std::string> no(std::string_view command);
    std::vector<std::string> bad(std::string_view command);
    // Whether the connection ends next.
    bool at_end();
    // Whether something, or the end, has come; waits a moment for it.
    bool has_input();
    void login(std::string_view user);
    void append(std::string_view mailbox, std::string_view message, std::string_view flags = "");

  private:
    bool fill();
    std::vector<std::string> expect(std::string_view command, std::string_view status);

    std::unique_ptr<actors::MemoryStream> stream_;
    std::string buffer_;
    unsigned next_tag_ = 1;
};

class TestServer {
  public:
    struct Options {
        unsigned threads = 2;
        std::uint64_t append_bytes_max = 8u << 20;
        std::uint64_t account_memory_bytes_max = 64u << 20;
        std::uint64_t connections_per_account_max = 0;
        std::chrono::seconds login_timeout{60};
        std::chrono::seconds idle_timeout{30 * 60};
        // So long a removed message's segment is kept for sessions that still show it.
        std::chrono::microseconds expunged_kept = storage::StoreOptions().expunged_kept;
        std::uint32_t store_format = storage::kFormat;
        actors::BackupScheduleOptions backup_schedule;
        // Runs once, before the first start: for a data directory that exists already (/data).
        std::function<void(testing::FaultyFileSystem&)> before_start;
    };
    TestServer() : TestServer(Options{}) {}
    explicit TestServer(Options options);
    ~TestServer();

    // Account with the password "secret". `credentials`: a stored form of another one.
    void add_account(std::string_view name, std::uint64_t quota_bytes = 0,
                     std::string_view credentials = "");
    // Runs a task on the first core to its end. `task` makes the coroutine and is no coroutine
    // itself.
    void run(std::function<actors::Awaitable<void>()> task);
    // All that compaction can do now.
    void compact();
    // Greeted and, with a user, logged in.
    ImapClient connect(std::string_view user = "");
    // The client's end of a new connection, to be used on the client's core.
    std::unique_ptr<actors::MemoryStream> connect_stream(actors::Core& client);
    // Ends the server in order and opens it again on the same files.
    void restart();
    // Folds every idle account and drops log entries older than `horizon_micros` (0: none).
    void maintain(std::int64_t horizon_micros);
    // Loses what was not synced, as a power cut does, and opens it again.
    void crash(std::uint64_t seed);
    void stop();

    actors::Server& server() { return *server_; }
    actors::ManualClock clock;
    testing::FaultyFileSystem files;

  private:
    void open();

    Options options_;
    std::unique_ptr<actors::Server> server_;
    unsigned next_core_ = 0;
};

// Lines that begin with `prefix`.
std::vector<std::string> with_prefix(const std::vector<std::string>& lines,
                                     std::string_view prefix);
bool has_line(const std::vector<std::string>& lines, std::string_view line);

inline constexpr std::string_view kSmallMessage =
    "From: Ann <ann@example.org>\r\n"
    "To: bob@example.org\r\n"
    "Subject: hello\r\n"
    "Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n"
    "Message-ID: <1@example.org>\r\n"
    "\r\n"
    "Text of the message.\r\n";

}  // namespace tidemark::test
