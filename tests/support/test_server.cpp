#include "tests/support/test_server.hpp"

#include "actors/account_admin.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace tidemark::test {

namespace {

constexpr std::chrono::seconds kPatience{120};

// As a password is hashed once for all tests: the hash is meant to be slow.
const std::string& secret_credentials() {
    static const std::string text =
        actors::stored_password_text(*actors::make_credentials("secret"));
    return text;
}

}  // namespace

ImapClient::ImapClient(std::unique_ptr<actors::MemoryStream> stream) : stream_(std::move(stream)) {}

void ImapClient::send(std::string_view text) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!text.empty()) {
        const std::array<std::string_view, 1> chunks{text};
        const auto result = stream_->try_write(chunks);
        if (result.status == actors::IoStatus::error) return;
        text.remove_prefix(result.bytes);
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < give_up, "the server does not read");
    }
}

bool ImapClient::fill() {
    std::array<char, 65536> piece;
    for (;;) {
        const auto result = stream_->read_some(piece);
        if (result.status == actors::IoStatus::ok) {
            buffer_.append(piece.data(), result.bytes);
            return true;
        }
        if (result.status != actors::IoStatus::would_block) return false;
        REQUIRE_MESSAGE(stream_->block_until_readable(
                            std::chrono::duration_cast<std::chrono::milliseconds>(kPatience)),
                        "no answer; so far: " << buffer_);
    }
}

std::string ImapClient::line() {
    std::string result;
    for (;;) {
        std::size_t end = buffer_.find("\r\n");
        while (end == std::string::npos) {
            if (!fill()) {
                FAIL("the connection ended; before that: " << result << buffer_);
            }
            end = buffer_.find("\r\n");
        }
        std::string part = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        const auto brace = part.rfind('{');
        result += part;
        if (brace == std::string::npos || part.back() != '}' ||
            part.find_first_not_of("0123456789", brace + 1) != part.size() - 1) {
            return result;
        }
        const std::size_t bytes = std::stoul(part.substr(brace + 1));
        while (buffer_.size() < bytes) REQUIRE(fill());
        result += "\r\n" + buffer_.substr(0, bytes);
        buffer_.erase(0, bytes);
    }
}

std::vector<std::string> ImapClient::until_tagged(std::string_view tag) {
    std::vector<std::string> lines;
    const std::string prefix = std::string(tag) + ' ';
    do {
        lines.push_back(line());
    } while (lines.back().compare(0, prefix.size(), prefix) != 0);
    return lines;
}

std::vector<std::string> ImapClient::run(std::string_view command) {
    const std::string tag = "a" + std::to_string(next_tag_++);
    send(tag + ' ' + std::string(command) + "\r\n");
    auto lines = until_tagged(tag);
    if (std::getenv("TEST_TRACE") != nullptr) {
        std::printf("%p C: %.200s\n", static_cast<const void*>(stream_.get()),
                    std::string(command).c_str());
        for (const auto& one : lines)
            std::printf("%p S: %.200s\n", static_cast<const void*>(stream_.get()), one.c_str());
    }
    lines.back().erase(0, tag.size() + 1);
    return lines;
}

std::vector<std::string> ImapClient::expect(std::string_view command, std::string_view status) {
    auto lines = run(command);
    INFO("command: " << command);
    INFO("answer: " << lines.back());
    REQUIRE(lines.back().compare(0, status.size(), status) == 0);
    return lines;
}

std::vector<std::string> ImapClient::ok(std::string_view command) {
    return expect(command, "OK");
}
std::vector<std::string> ImapClient::no(std::string_view command) {
    return expect(command, "NO");
}
std::vector<std::string> ImapClient::bad(std::string_view command) {
    return expect(command, "BAD");
}

bool ImapClient::has_input() {
    return !buffer_.empty() || stream_->block_until_readable(std::chrono::milliseconds(20));
}

bool ImapClient::at_end() {
    return buffer_.empty() && !fill();
}

void ImapClient::login(std::string_view user) {
    ok("LOGIN " + std::string(user) + " secret");
}

void ImapClient::append(std::string_view mailbox, std::string_view message,
                        std::string_view flags) {
    ok("APPEND " + std::string(mailbox) + (flags.empty() ? "" : " (" + std::string(flags) + ")") +
       " {" + std::to_string(message.size()) + "+}\r\n" + std::string(message));
}

TestServer::TestServer(Options options) : options_(std::move(options)) {
    if (options_.before_start) options_.before_start(files);
    open();
}

TestServer::~TestServer() {
    stop();
}

void TestServer::open() {
    actors::ServerOptions settings;
    settings.directory = "/data";
    settings.threads = options_.threads;
    settings.workers = 2;
    settings.store.create_if_missing = true;
    settings.store.format = options_.store_format;
    settings.store.segment_bytes = 256u << 10;
    settings.store.disk_reserve_bytes = 1u << 20;
    settings.store.expunged_kept = options_.expunged_kept;
    settings.store.ballast_bytes = 1u << 20;
    settings.store.block_cache_bytes = 4u << 20;
    settings.backup_schedule = options_.backup_schedule;
    settings.imap_options.allow_plaintext = true;
    settings.imap_options.append_bytes_max = options_.append_bytes_max;
    settings.imap_options.version = "test";
    settings.imap_options.connections_per_account_max = options_.connections_per_account_max;
    settings.imap_options.login_timeout = options_.login_timeout;
    settings.imap_options.idle_timeout = options_.idle_timeout;
    settings.account_memory_bytes_max = options_.account_memory_bytes_max;
    auto opened = actors::Server::open(std::move(settings), clock, files);
    if (!opened) FAIL("the server does not open: " << opened.error());
    server_ = std::move(*opened);
    server_->start();
}

void TestServer::stop() {
    if (!server_) return;
    server_->request_stop();
    server_->wait();
    server_.reset();
}

void TestServer::restart() {
    stop();
    open();
}

void TestServer::crash(std::uint64_t seed) {
    files.cut_power();
    stop();
    files.restart(seed);
    open();
}

void TestServer::run(std::function<actors::Awaitable<void>()> task) {
    struct State {
        std::mutex mutex;
        std::condition_variable done;
        bool finished = false;
    };
    struct Task {
        static actors::Awaitable<void> run(std::function<actors::Awaitable<void>()> inner,
                                           std::shared_ptr<State> state) {
            co_await inner();
            const std::lock_guard guard(state->mutex);
            state->finished = true;
            state->done.notify_all();
        }
    };
    auto state = std::make_shared<State>();
    server_->spawn_on(server_->cores()[0],
                      [task = std::move(task), state] { return Task::run(task, state); });
    std::unique_lock lock(state->mutex);
    REQUIRE(state->done.wait_for(lock, kPatience, [&state] { return state->finished; }));
}

void TestServer::compact() {
    struct Task {
        static actors::Awaitable<void> run(actors::Server* server) {
            auto& store = server->store();
            for (bool more = true; more;) {
                const auto step = co_await server->store_actor().run_between_rounds(
                    [&store] { return store.compact_step(1U << 20); });
                more = step && *step;
            }
        }
    };
    run([this] { return Task::run(server_.get()); });
}

void TestServer::add_account(std::string_view name, std::uint64_t quota_bytes,
                             std::string_view credentials) {
    actors::NewAccount account;
    account.name = name;
    account.credentials = credentials.empty() ? secret_credentials() : credentials;
    account.quota_bytes = quota_bytes;
    auto transaction =
        actors::new_account_transaction(server_->store(), account, clock.wall_microseconds());
    REQUIRE(transaction.has_value());
    // The store's thread is the only one that commits: the transaction goes through its actor.
    std::mutex mutex;
    std::condition_variable done;
    bool finished = false;
    struct Task {
        static actors::Awaitable<void> run(actors::Server* server,
                                           std::unique_ptr<storage::Transaction> to_commit,
                                           std::mutex* lock, std::condition_variable* signal,
                                           bool* flag) {
            auto result = co_await server->store_actor().commit(std::move(to_commit));
            const std::lock_guard guard(*lock);
            *flag = result.has_value();
            signal->notify_all();
        }
    };
    const auto id = storage::raw((*transaction)->account());
    auto shared = std::make_shared<std::unique_ptr<storage::Transaction>>(std::move(*transaction));
    server_->spawn_on(server_->cores()[0], [this, shared, &mutex, &done, &finished] {
        return Task::run(server_.get(), std::move(*shared), &mutex, &done, &finished);
    });
    std::unique_lock lock(mutex);
    REQUIRE(done.wait_for(lock, kPatience, [&finished] { return finished; }));
    server_->auth().account_changed(id);
}

void TestServer::maintain(std::int64_t horizon_micros) {
    std::mutex mutex;
    std::condition_variable done;
    std::size_t finished = 0;
    struct Task {
        static actors::Awaitable<void> run(actors::AccountDirectory* accounts, std::int64_t horizon,
                                           std::mutex* lock, std::condition_variable* signal,
                                           std::size_t* count) {
            co_await accounts->maintain(horizon);
            const std::lock_guard guard(*lock);
            ++*count;
            signal->notify_all();
        }
    };
    auto& cores = server_->cores();
    for (std::size_t i = 0; i < cores.size(); ++i) {
        actors::AccountDirectory* accounts = &server_->context().on(cores[i]).accounts;
        server_->spawn_on(cores[i], [accounts, horizon_micros, &mutex, &done, &finished] {
            return Task::run(accounts, horizon_micros, &mutex, &done, &finished);
        });
    }
    std::unique_lock lock(mutex);
    REQUIRE(done.wait_for(lock, kPatience, [&] { return finished == cores.size(); }));
}

std::unique_ptr<actors::MemoryStream> TestServer::connect_stream(actors::Core& client) {
    actors::Core& core = server_->cores()[next_core_++ % server_->cores().size()];
    auto [theirs, ours] = actors::MemoryStream::make_pair(core, client);
    server_->attach_imap(core, std::move(theirs));
    return std::move(ours);
}

ImapClient TestServer::connect(std::string_view user) {
    actors::Core& core = server_->cores()[next_core_++ % server_->cores().size()];
    auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
    server_->attach_imap(core, std::move(theirs));
    ImapClient client(std::move(ours));
    const std::string greeting = client.line();
    REQUIRE(greeting.compare(0, 4, "* OK") == 0);
    if (!user.empty()) client.login(user);
    return client;
}

std::vector<std::string> with_prefix(const std::vector<std::string>& lines,
                                     std::string_view prefix) {
    std::vector<std::string> result;
    for (const auto& line : lines) {
        if (line.compare(0, prefix.size(), prefix) == 0) result.push_back(line);
    }
    return result;
}

bool has_line(const std::vector<std::string>& lines, std::string_view line) {
    for (const auto& one : lines) {
        if (one == line) return true;
    }
    return false;
}

}  // namespace tidemark::test
