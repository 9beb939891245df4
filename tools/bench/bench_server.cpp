#include "tools/bench/bench_server.hpp"

#include "actors/account_admin.hpp"
#include "actors/tls_context.hpp"
#include "protocol/message/summary.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

namespace tidemark::bench {

namespace {

constexpr unsigned kCertificateDays = 30;

// Hashed once: the hash is meant to be slow.
const std::string& credentials() {
    static const std::string text =
        actors::stored_password_text(*actors::make_credentials(kPassword));
    return text;
}

double thread_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

actors::CertificateFiles write_certificate(const std::string& directory, std::int64_t now_seconds) {
    const auto pem = actors::make_self_signed({"localhost"}, now_seconds, kCertificateDays);
    if (!pem) fail("no certificate");
    actors::CertificateFiles files{directory + ".cert.pem", directory + ".key.pem"};
    std::ofstream(files.certificate_path) << pem->certificate;
    std::ofstream(files.key_path) << pem->key;
    return files;
}

struct Fill {
    storage::AccountId account{};
    unsigned count = 0;
    unsigned batch = 0;
    std::function<std::string(unsigned)> make;
};

actors::Awaitable<void> run_fill(actors::Server* server, const Fill* fill) {
    auto lease =
        co_await server->context().on(*actors::Core::current()).accounts.acquire(fill->account);
    if (!lease) bench::fail("account", lease.error().text);
    for (unsigned done = 0; done < fill->count;) {
        actors::AppendRequest request;
        request.mailbox = actors::kInbox;
        for (unsigned i = 0; i < fill->batch && done < fill->count; ++i, ++done) {
            auto text = std::make_shared<const std::string>(fill->make(done));
            actors::AppendMessage message;
            message.flags.system = done % 3 == 0 ? 0 : storage::kSeen;
            message.internal_date = {1'600'000'000 + done, 60};
            message.size = static_cast<std::uint32_t>(text->size());
            message.body = server->store().next_body_id();
            message.summary = std::make_shared<const std::string>(
                protocol::message::encode_summary(protocol::message::make_summary(*text)));
            message.bytes = std::move(text);
            request.messages.push_back(std::move(message));
        }
        auto answer = co_await (*lease)->call(std::move(request));
        if (!answer) bench::fail("append", answer.error().text);
    }
}

}  // namespace

void fail(std::string_view what, std::string_view detail) {
    std::fprintf(stderr, "imap_bench: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(detail.size()), detail.data());
    std::_Exit(1);
}

BenchServer::BenchServer(BenchServerOptions options) : options_(std::move(options)) {
    if (!options_.keep_directory) std::filesystem::remove_all(options_.directory);
    std::filesystem::create_directories(std::filesystem::path(options_.directory).parent_path());
    open();
}

BenchServer::~BenchServer() {
    stop();
}

void BenchServer::open() {
    actors::ServerOptions settings;
    settings.directory = options_.directory;
    settings.threads = options_.threads;
    settings.imap = {"127.0.0.1:0"};
    if (options_.tls) {
        settings.imaps = {"127.0.0.1:0"};
        settings.certificates = {
            write_certificate(options_.directory, clock_.wall_microseconds() / 1'000'000)};
    }
    settings.store.create_if_missing = true;
    if (options_.forget_expunged) settings.store.expunged_kept = {};
    settings.imap_options.allow_plaintext = true;
    settings.imap_options.version = "bench";
    auto opened = actors::Server::open(std::move(settings), clock_, storage::posix_file_system());
    if (!opened) fail("open", opened.error());
    server_ = std::move(*opened);
}

void BenchServer::add_accounts(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        actors::NewAccount account;
        account.name = user_name(i);
        account.credentials = credentials();
        const auto added =
            actors::add_account(server_->store(), account, clock_.wall_microseconds());
        if (!added) fail("account", added.error().detail);
    }
}

void BenchServer::start() {
    server_->start();
}

void BenchServer::stop() {
    if (!server_) return;
    server_->request_stop();
    server_->wait();
    server_.reset();
}

void BenchServer::restart() {
    stop();
    open();
    start();
}

void BenchServer::run_on(actors::Core& core, std::function<actors::Awaitable<void>()> task) {
    std::promise<void> done;
    struct Task {
        static actors::Awaitable<void> run(std::function<actors::Awaitable<void>()> inner,
                                           std::promise<void>* ended) {
            co_await inner();
            ended->set_value();
        }
    };
    server_->spawn_on(core, [&] { return Task::run(task, &done); });
    done.get_future().wait();
}

void BenchServer::fill(std::string_view user, unsigned count, unsigned batch,
                       const std::function<std::string(unsigned)>& make) {
    const auto id = server_->store().find_account(user);
    if (!id) fail("account", user);
    const Fill order{*id, count, batch, make};
    run_on(server_->context().home_of(*id), [&] { return run_fill(server_.get(), &order); });
}

double BenchServer::core_cpu_seconds() {
    double sum = 0;
    for (unsigned i = 0; i < server_->cores().size(); ++i) {
        std::promise<double> used;
        server_->cores()[i].post([&used] { used.set_value(thread_cpu_seconds()); });
        sum += used.get_future().get();
    }
    return sum;
}

std::uint16_t BenchServer::port(std::string_view kind) const {
    for (const auto& address : server_->addresses()) {
        if (address.kind != kind) continue;
        return static_cast<std::uint16_t>(
            std::stoul(address.address.substr(address.address.rfind(':') + 1)));
    }
    fail("no port", kind);
}

std::string make_message(unsigned number, std::size_t bytes) {
    std::string text = fmt::format(
        "Return-Path: <ann@example.org>\r\n"
        "Received: from mx.example.org (mx.example.org [192.0.2.7]) by mail.example.com with "
        "ESMTPS\r\n"
        " id {0:08x} for <bob@example.com>; Mon, 1 Jan 2024 10:00:00 +0000\r\n"
        "From: \"Ann Example\" <ann{1}@example.org>\r\n"
        "To: Bob Example <bob@example.com>, Carol <carol@example.net>\r\n"
        "Cc: list@lists.example.org\r\n"
        "Subject: Re: the quarterly figures, part {0}\r\n"
        "Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n"
        "Message-ID: <{0}.bench@example.org>\r\n"
        "In-Reply-To: <{2}.bench@example.org>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n",
        number, number % 97, number / 2);
    for (unsigned line = 0; text.size() + 2 < bytes; ++line) {
        const std::size_t room = bytes - text.size() - 2;
        text.append(fmt::format("{:06} The text goes on for as long as it has to.", line + number)
                        .substr(0, room));
        text += "\r\n";
    }
    return text;
}

}  // namespace tidemark::bench
