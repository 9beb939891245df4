#include "actors/tls_context.hpp"

#include "tests/support/certificates.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

std::filesystem::path directory() {
    static const std::filesystem::path made = [] {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        return std::filesystem::path(pattern);
    }();
    return made;
}

std::string write_file(const std::string& name, const std::string& content) {
    const auto path = directory() / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
}

CertificateFiles write_pair(const std::string& name, const CertificatePem& pem) {
    return {write_file(name + ".crt", pem.certificate), write_file(name + ".key", pem.key)};
}

bssl::UniquePtr<X509> parse(const std::string& pem) {
    bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    REQUIRE(certificate);
    return certificate;
}

std::string reason_of(std::vector<CertificateFiles> files) {
    const auto loaded = TlsConfig::load(std::move(files));
    REQUIRE_FALSE(loaded.has_value());
    return loaded.error().text();
}

std::string encrypted_key() {
    bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
    EVP_PKEY* raw = nullptr;
    EVP_PKEY_keygen_init(context.get());
    REQUIRE(EVP_PKEY_keygen(context.get(), &raw) == 1);
    bssl::UniquePtr<EVP_PKEY> key(raw);
    bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    char password[] = "secret";
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_128_cbc(), password, 6,
                                          nullptr, nullptr) == 1);
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    REQUIRE(BIO_mem_contents(bio.get(), &data, &size) == 1);
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

TEST_CASE("a self-signed certificate names every host and address it was made for") {
    const auto pem = new_certificate({"mail.example.org", "*.example.org", "127.0.0.1", "::1"});
    const auto certificate = parse(pem.certificate);
    X509* raw = certificate.get();
    CHECK(X509_check_host(raw, "mail.example.org", 16, 0, nullptr) == 1);
    CHECK(X509_check_host(raw, "other.example.org", 17, 0, nullptr) == 1);
    CHECK(X509_check_host(raw, "example.com", 11, 0, nullptr) == 0);
    CHECK(X509_check_ip_asc(raw, "127.0.0.1", 0) == 1);
    CHECK(X509_check_ip_asc(raw, "::1", 0) == 1);
    CHECK(X509_check_ip_asc(raw, "127.0.0.2", 0) == 0);
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(raw));
    CHECK(X509_verify(raw, key.get()) == 1);
    time_t start = ManualClock::kDefaultStart / 1'000'000 + 1;
    time_t end = start + 365 * 86400;
    CHECK(X509_cmp_time(X509_get0_notBefore(raw), &start) < 0);
    CHECK(X509_cmp_time(X509_get0_notAfter(raw), &start) > 0);
    CHECK(X509_cmp_time(X509_get0_notAfter(raw), &end) < 0);
    CHECK(new_certificate({"a"}).key != new_certificate({"a"}).key);
    CHECK_FALSE(make_self_signed({}, 0, 1).has_value());
}

TEST_CASE(
    "the certificate with the very name goes before a wildcard, and the first is the default") {
    auto config = TlsConfig::from_pem({new_certificate({"default.example.org"}),
                                       new_certificate({"*.example.net"}),
                                       new_certificate({"imap.example.net"})});
    REQUIRE(config.has_value());
    SSL_CTX* fallback = (*config)->default_context();
    SSL_CTX* wildcard = (*config)->context_for("smtp.example.net");
    SSL_CTX* exact = (*config)->context_for("imap.example.net");
    CHECK((*config)->context_for("default.example.org") == fallback);
    CHECK((*config)->context_for("unknown.example.com") == fallback);
    CHECK((*config)->context_for("") == fallback);
    CHECK(wildcard != fallback);
    CHECK(exact != fallback);
    CHECK(exact != wildcard);
    CHECK((*config)->context_for("IMAP.Example.NET") == exact);
    CHECK((*config)->context_for("a.b.example.net") == fallback);  // one label only
    CHECK((*config)->context_for("example.net") == fallback);
    CHECK((*config)->context_for(".example.net") == fallback);
    CHECK((*config)->summary() == "default.example.org; *.example.net; imap.example.net");
}

TEST_CASE("what is wrong with a certificate or key is said with the file's name") {
    const auto good = new_certificate({"a.example.org"});
    const auto other = new_certificate({"b.example.org"});
    const auto files = write_pair("good", good);
    CHECK(TlsConfig::load({files}).has_value());

    const std::string missing = (directory() / "missing.pem").string();
    CHECK(reason_of({{missing, files.key_path}}) == missing + ": No such file or directory");
    CHECK(reason_of({{files.certificate_path, missing}}) ==
          missing + ": No such file or directory");

    const std::string text = write_file("text.pem", "this is not PEM\n");
    CHECK(reason_of({{text, files.key_path}}) == text + ": no PEM certificate in it");
    CHECK(reason_of({{files.certificate_path, text}}) == text + ": no PEM private key in it");
    CHECK(reason_of({{files.key_path, files.key_path}}) ==
          files.key_path + ": no PEM certificate in it");

    std::string cut = good.certificate;
    cut.erase(100, 30);
    const std::string damaged = write_file("damaged.pem", cut);
    CHECK(reason_of({{damaged, files.key_path}}).starts_with(damaged + ": damaged certificate"));

    const auto wrong = write_file("wrong.key", other.key);
    CHECK(reason_of({{files.certificate_path, wrong}}) ==
          wrong + ": the key does not belong to the certificate in " + files.certificate_path);

    const auto locked = write_file("locked.key", encrypted_key());
    CHECK(reason_of({{files.certificate_path, locked}}) ==
          locked + ": the key is encrypted; Tidemark needs it without a passphrase");

    CHECK(reason_of({}) == "no certificate is configured");
    CHECK(reason_of({{"/dev/zero", files.key_path}}) == "/dev/zero: too large");
}

TEST_CASE("a chain is loaded behind the server's certificate") {
    const auto leaf = new_certificate({"leaf.example.org"});
    const auto issuer = new_certificate({"issuer.example.org"});
    const auto config = TlsConfig::from_pem({{leaf.certificate + issuer.certificate, leaf.key}});
    REQUIRE(config.has_value());
    STACK_OF(X509)* chain = nullptr;
    REQUIRE(SSL_CTX_get0_chain_certs((*config)->default_context(), &chain) == 1);
    CHECK(sk_X509_num(chain) == 1);
    // The order counts: the key must belong to the first.
    CHECK_FALSE(
        TlsConfig::from_pem({{issuer.certificate + leaf.certificate, leaf.key}}).has_value());
}

TEST_CASE("a reload swaps the certificates, and a bad one leaves the old in use") {
    const auto files = write_pair("reload", new_certificate({"old.example.org"}));
    auto first = TlsConfig::load({files});
    REQUIRE(first.has_value());
    TlsContext context(*first);
    CHECK(context.current() == *first);
    write_file("reload.crt", "broken");
    const auto failed = context.reload({files});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().file == files.certificate_path);
    CHECK(context.current() == *first);
    write_pair("reload", new_certificate({"new.example.org"}));
    CHECK(context.reload({files}).has_value());
    CHECK(context.current() != *first);
    CHECK(context.current()->summary() == "new.example.org");
}
