// A whole session: the input is what a client sends, in one of the states of RFC 9051 §3. The first
// byte chooses it. Property: the server answers lines that begin as RFC 9051 §7 says, ends the
// connection when its client does, and goes on serving others with what they stored before.

#include "actors/account_admin.hpp"
#include "actors/memory_stream.hpp"
#include "actors/server.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

using namespace tidemark;

namespace {

[[noreturn]] void broken(const char* what, const std::string& seen) {
    std::fprintf(stderr, "session fuzz: %s; the server said:\n%s\n", what, seen.c_str());
    std::abort();
}

class Harness {
    // Of 20 ms, each with a second of the server's time.
    static constexpr int kWaitsMax = 1500;

  public:
    Harness() {
        actors::ServerOptions options;
        options.directory = "/data";
        options.threads = 1;
        options.workers = 2;
        options.store.create_if_missing = true;
        options.store.disk_reserve_bytes = 1u << 20;
        options.store.ballast_bytes = 1u << 20;
        options.imap_options.allow_plaintext = true;
        options.imap_options.append_bytes_max = 64u << 10;
        auto opened = actors::Server::open(std::move(options), clock_, files_);
        if (!opened) broken("the server does not open", opened.error());
        server_ = std::move(*opened);
        actors::NewAccount account;
        account.name = "ann";
        account.credentials = actors::stored_password_text(*actors::make_credentials("secret"));
        // Before the store's own thread runs, this one may commit.
        if (!actors::add_account(server_->store(), account, clock_.wall_microseconds()))
            broken("no account", "");
        server_->start();
        const std::string text = talk(
            "a LOGIN ann secret\r\nb CREATE kept\r\nc APPEND kept {33+}\r\nSubject: "
            "one\r\n\r\nFirst message.\r\n\r\n"
            "d LOGOUT\r\n");
        if (text.find("c OK") == std::string::npos) broken("the first message was not taken", text);
    }
    ~Harness() {
        server_->request_stop();
        server_->wait();
    }

    // Sends everything, ends its side and returns all that came until the server ended its own.
    std::string talk(std::string_view text) {
        actors::Core& core = server_->cores()[0];
        auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
        server_->attach_imap(core, std::move(theirs));
        std::string seen;
        std::array<char, 16384> buffer;
        bool sent = false;
        int waits = 0;
        for (;;) {
            if (!text.empty()) {
                const std::array<std::string_view, 1> chunks{text};
                const auto written = ours->try_write(chunks);
                if (written.status == actors::IoStatus::error) text = {};
                text.remove_prefix(std::min(written.bytes, text.size()));
            } else if (!sent) {
                ours->shutdown_send();
                sent = true;
            }
            const auto read = ours->read_some(buffer);
            if (read.status == actors::IoStatus::ok) {
                seen.append(buffer.data(), read.bytes);
            } else if (read.status != actors::IoStatus::would_block) {
                return seen;
            } else if (text.empty() && sent &&
                       !ours->block_until_readable(std::chrono::milliseconds(20))) {
                // Nothing happens by itself: the answer to a failed login waits for time to pass.
                clock_.advance(std::chrono::seconds(1));
                if (++waits > kWaitsMax) broken("the connection does not end", seen);
            }
        }
    }

    void check_others() {
        const std::string text = talk(
            "a LOGIN ann secret\r\nb EXAMINE kept\r\nc FETCH 1 BODY.PEEK[TEXT]\r\nd LOGOUT\r\n");
        // Somebody may have deleted what was kept: then it is made anew.
        if (text.find("b NO") != std::string::npos || text.find("* 0 EXISTS") != std::string::npos)
            return;
        if (text.find("c OK") == std::string::npos) broken("others are no longer served", text);
    }

  private:
    actors::ManualClock clock_;
    testing::FaultyFileSystem files_;
    std::unique_ptr<actors::Server> server_;
};

Harness& harness() {
    static Harness instance;
    return instance;
}

// Literals may hold anything, so only the first line after the greeting's end is looked at closely:
// every response begins with "* ", "+ " or a tag.
void check_begin(const std::string& seen) {
    if (seen.compare(0, 5, "* OK ") != 0) broken("no greeting", seen);
    if (seen.size() < 2 || seen.compare(seen.size() - 2, 2, "\r\n") != 0)
        broken("half a line at the end", seen);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static unsigned runs = 0;
    if (size == 0) return 0;
    static constexpr std::string_view kPreludes[] = {
        "",
        "p LOGIN ann secret\r\n",
        "p LOGIN ann secret\r\nq SELECT INBOX\r\n",
        "p LOGIN ann secret\r\nq ENABLE QRESYNC IMAP4rev2\r\nr SELECT kept\r\n",
        "p LOGIN ann secret\r\nq SELECT INBOX\r\nr IDLE\r\n",
        "p AUTHENTICATE PLAIN\r\n",
    };
    std::string text(kPreludes[data[0] % std::size(kPreludes)]);
    text.append(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_begin(harness().talk(text));
    if (++runs % 50 == 0) harness().check_others();
    return 0;
}
