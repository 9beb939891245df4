#include "actors/tls_stream.hpp"

#include "actors/listener.hpp"
#include "actors/memory_stream.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/streams.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <utility>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

Awaitable<void> shake(TlsStream* stream, std::error_code* error, bool* done) {
    *error = co_await stream->handshake();
    *done = true;
}

struct Ends {
    std::unique_ptr<TlsStream> server;
    std::unique_ptr<TlsStream> client;
    MemoryStream* server_pipe = nullptr;
    MemoryStream* client_pipe = nullptr;
    std::error_code server_error;
    std::error_code client_error;
    bool server_done = false;
    bool client_done = false;

    void wrap(MemoryStream::Pair pair, std::shared_ptr<const TlsConfig> config,
              std::shared_ptr<TlsClientContext> context) {
        server_pipe = pair.first.get();
        client_pipe = pair.second.get();
        server = TlsStream::server(std::move(pair.first), std::move(config));
        client = TlsStream::client(std::move(pair.second), std::move(context));
        REQUIRE(server);
        REQUIRE(client);
    }
    void start(TestCore& test) {
        test.spawn(shake(server.get(), &server_error, &server_done));
        test.spawn(shake(client.get(), &client_error, &client_done));
    }
    void connect(TestCore& test, std::shared_ptr<const TlsConfig> config,
                 std::shared_ptr<TlsClientContext> context,
                 std::size_t capacity = MemoryStream::kDefaultCapacityBytes) {
        wrap(MemoryStream::make_pair(test.core, test.core, capacity), std::move(config),
             std::move(context));
        start(test);
        REQUIRE(server_done);
        REQUIRE(client_done);
        REQUIRE_MESSAGE(!server_error, server->last_failure());
        REQUIRE_MESSAGE(!client_error, client->last_failure());
    }
};

// Bytes that a lost, doubled or misplaced piece would show in.
std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::mt19937 random(42);
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

void check_echo(TestCore& test, Ends& ends) {
    test.spawn(write_all(ends.client.get(), "a NOOP\r\n"));
    CHECK(test.run(read_exactly(ends.server.get(), 8)) == "a NOOP\r\n");
    test.spawn(write_all(ends.server.get(), "a OK\r\n"));
    CHECK(test.run(read_exactly(ends.client.get(), 6)) == "a OK\r\n");
}

IoResult write_now(Stream& stream, std::string_view text) {
    const std::array<std::string_view, 1> chunks{text};
    return stream.try_write(chunks);
}

std::string to_pem(const bssl::UniquePtr<BIO>& bio) {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    REQUIRE(BIO_mem_contents(bio.get(), &data, &size) == 1);
    return {reinterpret_cast<const char*>(data), size};
}

// A certificate of another kind than the program makes itself.
CertificatePem certificate_of_kind(int kind) {
    bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(kind, nullptr));
    REQUIRE(EVP_PKEY_keygen_init(context.get()) == 1);
    if (kind == EVP_PKEY_RSA) EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048);
    EVP_PKEY* raw = nullptr;
    REQUIRE(EVP_PKEY_keygen(context.get(), &raw) == 1);
    bssl::UniquePtr<EVP_PKEY> key(raw);
    bssl::UniquePtr<X509> certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 0);
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), 4'000'000'000);
    X509_set_pubkey(certificate.get(), key.get());
    const EVP_MD* digest = kind == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    REQUIRE(X509_sign(certificate.get(), key.get(), digest) > 0);
    bssl::UniquePtr<BIO> certificate_bio(BIO_new(BIO_s_mem()));
    bssl::UniquePtr<BIO> key_bio(BIO_new(BIO_s_mem()));
    REQUIRE(PEM_write_bio_X509(certificate_bio.get(), certificate.get()) == 1);
    REQUIRE(PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1);
    return {to_pem(certificate_bio), to_pem(key_bio)};
}

Awaitable<void> write_pieces(Stream* stream, const std::string* text, std::size_t piece) {
    std::vector<std::string_view> chunks;
    for (std::size_t at = 0; at < text->size(); at += piece) {
        chunks.push_back(std::string_view(*text).substr(at, piece));
    }
    co_await stream->write(chunks);
}

struct WaitingTls {
    std::error_code error;
    bool done = false;
};

}  // namespace

TEST_CASE("client and server agree on TLS 1.3, or 1.2 where the client has no more") {
    TestCore test;
    Ends ends;
    TlsClientOptions options{.server_name = "mail.example.org"};
    SUBCASE("1.3") {
        options.tls12_only = false;
    }
    SUBCASE("1.2") {
        options.tls12_only = true;
    }
    ends.connect(test, new_tls_config({"mail.example.org"}), make_tls_client_context(options));
    CHECK(ends.server->is_tls());
    const TlsInfo info = ends.server->tls_info();
    CHECK(info.version == (options.tls12_only ? "TLSv1.2" : "TLSv1.3"));
    CHECK(info.cipher.starts_with("TLS_"));
    CHECK(info.alpn == "imap");
    CHECK(info.server_name == "mail.example.org");
    CHECK_FALSE(info.resumed);
    check_echo(test, ends);

    // RFC 9266: both ends compute the same binding, and it is this connection's own.
    const auto binding = ends.server->tls_exporter();
    REQUIRE(binding.has_value());
    CHECK(binding == ends.client->tls_exporter());
    Ends other;
    other.connect(test, new_tls_config({"mail.example.org"}), make_tls_client_context(options));
    CHECK(other.server->tls_exporter() != binding);
}

TEST_CASE("RSA and Ed25519 certificates work too") {
    TestCore test;
    Ends ends;
    int kind = 0;
    SUBCASE("RSA") {
        kind = EVP_PKEY_RSA;
    }
    SUBCASE("Ed25519") {
        kind = EVP_PKEY_ED25519;
    }
    auto config = TlsConfig::from_pem({certificate_of_kind(kind)});
    REQUIRE_MESSAGE(config.has_value(), config.error().text());
    ends.connect(test, *config, make_tls_client_context({}));
    check_echo(test, ends);
}

TEST_CASE("a client that offers no ALPN or another protocol is served") {
    TestCore test;
    Ends ends;
    TlsClientOptions options;
    SUBCASE("none") {
        options.alpn = "";
    }
    SUBCASE("another") {
        options.alpn = "http/1.1";
    }
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context(options));
    CHECK(ends.server->tls_info().alpn.empty());
    check_echo(test, ends);
}

TEST_CASE("large data survives small pipes, short reads and writes and any piece size") {
    TestCore test;
    Ends ends;
    std::size_t capacity = 0;
    std::size_t piece = 0;
    bool old = false;
    SUBCASE("roomy, small pieces") {
        capacity = 1 << 20, piece = 13;
    }
    SUBCASE("tight, large pieces") {
        capacity = 1000, piece = 100'000;
    }
    SUBCASE("tight, record-sized pieces, TLS 1.2") {
        capacity = 16384, piece = 16384, old = true;
    }
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({.tls12_only = old}),
                 capacity);
    ends.server_pipe->set_faults({.read_bytes_max = 700, .write_bytes_max = 900});
    const std::string text = pattern(400'000);
    test.tasks.spawn(write_pieces(ends.server.get(), &text, piece));
    test.tasks.spawn(write_pieces(ends.client.get(), &text, piece));
    CHECK(test.run(read_exactly(ends.client.get(), text.size())) == text);
    CHECK(test.run(read_exactly(ends.server.get(), text.size())) == text);
}

TEST_CASE("a reader with a small buffer is not left waiting for what is already decrypted") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    CHECK(write_now(*ends.client, "0123456789").bytes == 10);
    CHECK(write_now(*ends.client, "abcdefghij").bytes == 10);
    for (const char* expected : {"012", "345", "678", "9", "abc", "def", "ghi", "j"}) {
        WaitingTls waiting;
        test.spawn(wait_readable(ends.server.get(), &waiting.error, &waiting.done));
        REQUIRE(waiting.done);
        std::array<char, 3> buffer;
        const IoResult result = ends.server->read_some(buffer);
        CHECK(std::string(buffer.data(), result.bytes) == expected);
    }
    std::array<char, 3> buffer;
    CHECK(ends.server->read_some(buffer).status == IoStatus::would_block);
    WaitingTls waiting;
    test.spawn(wait_readable(ends.server.get(), &waiting.error, &waiting.done));
    CHECK_FALSE(waiting.done);
    ends.server->cancel();
    test.core.run_until_idle();
    CHECK(waiting.done);
}

TEST_CASE("a writer whose peer does not read holds a bounded amount and is told to wait") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}), 4096);
    const std::string big = pattern(1 << 20);
    const IoResult first = write_now(*ends.server, big);
    CHECK(first.status == IoStatus::ok);
    CHECK(first.bytes < big.size());
    CHECK(write_now(*ends.server, big).status == IoStatus::would_block);
    CHECK(ends.server->try_write({}).status == IoStatus::would_block);
    // What is held goes out, in the right order, as the peer makes room.
    std::error_code error = make_error_code(StreamErrc::closed);
    test.spawn(write_all(ends.server.get(), "", &error));
    CHECK(error == StreamErrc::closed);
    CHECK(test.run(read_exactly(ends.client.get(), first.bytes)) == big.substr(0, first.bytes));
    test.core.run_until_idle();
    CHECK_FALSE(error);
}

TEST_CASE("close_notify ends the peer's reading in order") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    CHECK(write_now(*ends.server, "* BYE\r\n").bytes == 7);
    ends.server->shutdown_send();
    CHECK(test.run(read_to_end(ends.client.get())) == "* BYE\r\n");
    std::array<char, 8> buffer;
    CHECK(ends.client->read_some(buffer).status == IoStatus::eof);
}

TEST_CASE("a peer that closes without close_notify is an end too, and a reset is an error") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    std::array<char, 8> buffer;
    SUBCASE("closed") {
        ends.client->close();
        CHECK(ends.server->read_some(buffer).status == IoStatus::eof);
    }
    SUBCASE("reset") {
        ends.client_pipe->reset();
        CHECK(ends.server->read_some(buffer).error == std::errc::connection_reset);
    }
}

TEST_CASE("a record that was tampered with is refused") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    // Application data, version 1.2, 20 bytes that nobody encrypted.
    CHECK(
        write_now(*ends.client_pipe, std::string("\x17\x03\x03\x00\x14", 5) + std::string(20, 'x'))
            .status == IoStatus::ok);
    std::array<char, 64> buffer;
    CHECK(ends.server->read_some(buffer).error == StreamErrc::tls_protocol);
    CHECK_FALSE(ends.server->last_failure().empty());
}

TEST_CASE("a client that does not speak TLS fails the handshake") {
    TestCore test;
    auto [server_pipe, client_pipe] = MemoryStream::make_pair(test.core, test.core);
    auto server = TlsStream::server(std::move(server_pipe), new_tls_config({"a"}));
    std::error_code error;
    bool done = false;
    test.spawn(shake(server.get(), &error, &done));
    CHECK_FALSE(done);
    SUBCASE("plain IMAP") {
        CHECK(write_now(*client_pipe, "a1 LOGIN user password\r\n").bytes > 0);
        test.core.run_until_idle();
        CHECK(error == StreamErrc::handshake_failed);
        CHECK(server->last_failure().find("WRONG_VERSION") != std::string::npos);
    }
    SUBCASE("nothing, then the end") {
        client_pipe->close();
        test.core.run_until_idle();
        CHECK(error == std::errc::connection_reset);
    }
    SUBCASE("nothing, until the deadline") {
        server->cancel(StreamErrc::timed_out);
        test.core.run_until_idle();
        CHECK(error == StreamErrc::timed_out);
    }
    CHECK(done);
}

TEST_CASE("handshakes cut at any byte go on") {
    TestCore test;
    Ends ends;
    ends.wrap(MemoryStream::make_pair(test.core, test.core), new_tls_config({"a"}),
              make_tls_client_context({}));
    ends.server_pipe->set_faults({.read_bytes_max = 1, .write_bytes_max = 1});
    ends.client_pipe->set_faults({.read_bytes_max = 1, .write_bytes_max = 1});
    ends.start(test);
    CHECK(ends.server_done);
    CHECK(ends.client_done);
    CHECK_FALSE(ends.server_error);
    CHECK_FALSE(ends.client_error);
    check_echo(test, ends);
}

TEST_CASE("a client that comes back resumes its session, and does not after a reload") {
    TestCore test;
    auto context = make_tls_client_context({.server_name = "a", .resume = true});
    const auto config = new_tls_config({"a"});
    Ends first;
    first.connect(test, config, context);
    check_echo(test, first);  // in TLS 1.3 the ticket comes with the first answer
    Ends second;
    second.connect(test, config, context);
    CHECK(second.server->tls_info().resumed);
    check_echo(test, second);
    CHECK(second.server->tls_exporter() != first.server->tls_exporter());
    Ends third;
    third.connect(test, new_tls_config({"a"}), context);
    CHECK_FALSE(third.server->tls_info().resumed);
    check_echo(test, third);
    check_echo(test, first);  // connections that began with the old certificate go on
}

TEST_CASE("an interrupt reaches a session that waits below TLS") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    WaitingTls waiting;
    test.spawn(wait_readable(ends.server.get(), &waiting.error, &waiting.done));
    CHECK_FALSE(waiting.done);
    ends.server->interrupt();
    test.core.run_until_idle();
    CHECK(waiting.error == StreamErrc::interrupted);
    check_echo(test, ends);
}

TEST_CASE("a TLS stream moves to another core with its state") {
    TestCore test;
    Ends ends;
    ends.connect(test, new_tls_config({"a"}), make_tls_client_context({}));
    CHECK(write_now(*ends.client, "first").bytes == 5);
    std::array<char, 2> two;
    CHECK(ends.server->read_some(two).bytes == 2);  // the rest is decrypted and moves along
    const auto binding = ends.server->tls_exporter();
    Core other(1, test.clock);
    std::unique_ptr<Stream> arrived;
    rehome(std::move(ends.server), other,
           [&arrived](std::unique_ptr<Stream> stream) { arrived = std::move(stream); });
    other.run_until_idle();
    REQUIRE(arrived);
    CHECK(arrived->tls_exporter() == binding);
    TaskGroup group(other);
    WaitingTls waiting;
    group.spawn(wait_readable(arrived.get(), &waiting.error, &waiting.done));
    other.run_until_idle();
    CHECK(waiting.done);
    std::array<char, 8> buffer;
    CHECK(arrived->read_some(buffer).bytes == 3);
    CHECK(write_now(*arrived, "answer").bytes == 6);
    CHECK(test.run(read_exactly(ends.client.get(), 6)) == "answer");
}

TEST_CASE("TLS over a real socket, server threads and client apart") {
    SystemClock clock;
    CoreSet cores(2, clock);
    auto listener = Listener::open("127.0.0.1:0");
    REQUIRE(listener.has_value());
    const auto config = new_tls_config({"127.0.0.1"});
    struct Echo {
        static Awaitable<void> run(std::unique_ptr<Stream> stream,
                                   std::shared_ptr<const TlsConfig> config) {
            auto tls = TlsStream::server(std::move(stream), std::move(config));
            if (co_await tls->handshake()) co_return;
            const std::string text = co_await read_exactly(tls.get(), 100'000);
            co_await tls->write(text);
            tls->shutdown_send();
        }
    };
    std::array<std::unique_ptr<TaskGroup>, 2> groups;
    for (unsigned i = 0; i < 2; ++i) groups[i] = std::make_unique<TaskGroup>(cores[i]);
    (*listener)->start(cores, [&](Core& core, std::unique_ptr<TcpStream> stream) {
        groups[core.index()]->spawn(Echo::run(std::move(stream), config));
    });
    cores.start();
    TestCore test;
    const std::string text = pattern(100'000);
    auto context = make_tls_client_context({});
    for (int i = 0; i < 10; ++i) {
        auto connected = test.run(TcpStream::connect(&test.core, (*listener)->address()));
        REQUIRE(connected.stream);
        auto client = TlsStream::client(std::move(connected.stream), context);
        CHECK_FALSE(test.run(client->handshake()));
        test.spawn(write_all(client.get(), text));
        CHECK(test.run(read_to_end(client.get())) == text);
        test.core.run_until_idle();
    }
    (*listener)->stop();
    cores.stop();
    cores.join();
    CHECK(groups[0]->size() + groups[1]->size() == 0);
}
