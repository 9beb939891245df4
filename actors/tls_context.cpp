#include "actors/tls_context.hpp"

#include "actors/limits.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <system_error>

namespace tidemark::actors {

namespace {

// RFC 9325 §4.2: with TLS 1.2 only ephemeral key exchange and authenticated encryption. AES-128 and
// ChaCha20 are left to the client's choice, which knows whether it has AES in hardware.
constexpr const char* kTls12Ciphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"
    "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

// RFC 7301 identification sequence of IMAP, in wire form.
constexpr std::array<std::uint8_t, 5> kImapAlpn{4, 'i', 'm', 'a', 'p'};

tl::expected<std::string, TlsError> read_file(const std::string& path) {
    const auto failed = [&path] {
        return tl::unexpected(TlsError{path, std::system_category().message(errno)});
    };
    std::FILE* file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr) return failed();
    std::string content(kTlsFileBytesMax + 1, '\0');
    const std::size_t bytes = std::fread(content.data(), 1, content.size(), file);
    const bool error = std::ferror(file) != 0;
    const int code = errno;
    std::fclose(file);
    errno = code;
    if (error) return failed();
    if (bytes > kTlsFileBytesMax) return tl::unexpected(TlsError{path, "too large"});
    content.resize(bytes);
    return content;
}

std::string library_reason() {
    const std::uint32_t code = ERR_peek_last_error();
    const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return text != nullptr ? text : "unknown reason";
}

int no_password(char*, int, int, void*) {
    return -1;
}

bssl::UniquePtr<BIO> bio_of(const std::string& text) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

tl::expected<std::vector<bssl::UniquePtr<X509>>, std::string> parse_chain(const std::string& pem) {
    std::vector<bssl::UniquePtr<X509>> chain;
    const auto bio = bio_of(pem);
    ERR_clear_error();
    while (true) {
        bssl::UniquePtr<X509> one(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
        if (!one) break;
        chain.push_back(std::move(one));
        if (chain.size() > kTlsChainMax)
            return tl::unexpected(std::string("too many certificates"));
    }
    const std::uint32_t error = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (chain.empty() && at_end) return tl::unexpected(std::string("no PEM certificate in it"));
    if (!at_end) return tl::unexpected("damaged certificate: " + library_reason());
    ERR_clear_error();
    return chain;
}

tl::expected<bssl::UniquePtr<EVP_PKEY>, std::string> parse_key(const std::string& pem) {
    ERR_clear_error();
    const auto bio = bio_of(pem);
    bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    if (key) return key;
    if (pem.find("ENCRYPTED") != std::string::npos) {
        ERR_clear_error();
        return tl::unexpected(
            std::string("the key is encrypted; Tidemark needs it without a passphrase"));
    }
    if (pem.find("PRIVATE KEY-----") == std::string::npos) {
        ERR_clear_error();
        return tl::unexpected(std::string("no PEM private key in it"));
    }
    return tl::unexpected("damaged key: " + library_reason());
}

// The DNS names that the certificate is for, in lower case; the common name only where there are
// none.
std::vector<std::string> names_of(X509* certificate) {
    std::vector<std::string> names;
    const auto add = [&names](const ASN1_STRING* text) {
        std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text)));
        for (char& c : name) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        names.push_back(std::move(name));
    };
    bssl::UniquePtr<GENERAL_NAMES> alternatives(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    if (alternatives) {
        for (const GENERAL_NAME* name : alternatives.get()) {
            if (name->type == GEN_DNS) add(name->d.dNSName);
        }
    }
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (names.empty() && at >= 0) {
        add(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    }
    return names;
}

// RFC 6125 §6.4.3: a wildcard stands for exactly the leftmost label.
bool matches(std::string_view pattern, std::string_view name) {
    if (!pattern.starts_with("*.")) return pattern == name;
    const std::size_t dot = name.find('.');
    return dot != std::string_view::npos && dot > 0 && name.substr(dot) == pattern.substr(1);
}

int select_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* in,
                unsigned in_size, void*) {
    std::span<const std::uint8_t> offered(in, in_size);
    while (!offered.empty()) {
        const std::size_t size = std::min<std::size_t>(offered[0] + 1U, offered.size());
        if (std::ranges::equal(offered.first(size), kImapAlpn)) {
            *out = offered.data() + 1;
            *out_size = offered[0];
            return SSL_TLSEXT_ERR_OK;
        }
        offered = offered.subspan(size);
    }
    // RFC 7301 §3.2 wants an alert here; clients that offer only something else exist, and nothing
    // is gained by turning them away on a port that speaks only IMAP.
    return SSL_TLSEXT_ERR_NOACK;
}

int select_certificate(SSL* ssl, int* /*alert*/, void* arg) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const auto* config = static_cast<const TlsConfig*>(arg);
    SSL_CTX* context = config->context_for(name);
    if (context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

struct TlsConfig::Entry {
    bssl::UniquePtr<SSL_CTX> context;
    std::vector<std::string> names;
};

TlsConfig::TlsConfig() = default;
TlsConfig::~TlsConfig() = default;

tl::expected<std::unique_ptr<TlsConfig::Entry>, TlsError> TlsConfig::make_entry(
    const CertificatePem& pem, const CertificateFiles& files) const {
    const auto failed = [](const std::string& file, std::string reason) {
        return tl::unexpected(TlsError{file, std::move(reason)});
    };
    auto chain = parse_chain(pem.certificate);
    if (!chain) return failed(files.certificate_path, chain.error());
    auto key = parse_key(pem.key);
    if (!key) return failed(files.key_path, key.error());

    auto entry = std::make_unique<Entry>();
    entry->context.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX* context = entry->context.get();
    if (context == nullptr) return failed({}, "out of memory");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_strict_cipher_list(context, kTls12Ciphers);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, select_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, const_cast<TlsConfig*>(this));
    // Sessions are resumed from tickets; a cache would hold memory per client.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // One ticket: IMAP clients keep one connection, and every ticket is another 200 bytes and a key
    // derivation.
    SSL_CTX_set_num_tickets(context, 1);

    if (!SSL_CTX_use_certificate(context, chain->front().get())) {
        return failed(files.certificate_path, "unusable certificate: " + library_reason());
    }
    for (std::size_t at = 1; at < chain->size(); ++at) {
        if (!SSL_CTX_add1_chain_cert(context, (*chain)[at].get())) {
            return failed(files.certificate_path, "unusable chain: " + library_reason());
        }
    }
    if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
        ERR_clear_error();
        return failed(files.key_path, files.certificate_path.empty()
                                          ? "the key does not belong to the certificate"
                                          : "the key does not belong to the certificate in " +
                                                files.certificate_path);
    }
    if (!SSL_CTX_use_PrivateKey(context, key->get())) {
        return failed(files.key_path, "unusable key: " + library_reason());
    }
    entry->names = names_of(chain->front().get());
    return entry;
}

tl::expected<std::shared_ptr<const TlsConfig>, TlsError> TlsConfig::load(
    const std::vector<CertificateFiles>& files) {
    std::shared_ptr<TlsConfig> config(new TlsConfig);
    if (files.empty()) return tl::unexpected(TlsError{{}, "no certificate is configured"});
    for (const CertificateFiles& one : files) {
        auto certificate = read_file(one.certificate_path);
        if (!certificate) return tl::unexpected(certificate.error());
        auto key = read_file(one.key_path);
        if (!key) return tl::unexpected(key.error());
        auto entry = config->make_entry({std::move(*certificate), std::move(*key)}, one);
        if (!entry) return tl::unexpected(entry.error());
        config->entries_.push_back(std::move(*entry));
    }
    return config;
}

tl::expected<std::shared_ptr<const TlsConfig>, TlsError> TlsConfig::from_pem(
    const std::vector<CertificatePem>& certificates) {
    std::shared_ptr<TlsConfig> config(new TlsConfig);
    if (certificates.empty()) return tl::unexpected(TlsError{{}, "no certificate is configured"});
    for (const CertificatePem& one : certificates) {
        auto entry = config->make_entry(one, {});
        if (!entry) return tl::unexpected(entry.error());
        config->entries_.push_back(std::move(*entry));
    }
    return config;
}

SSL_CTX* TlsConfig::default_context() const {
    return entries_.front()->context.get();
}

SSL_CTX* TlsConfig::context_for(std::string_view server_name) const {
    std::string name(server_name);
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    // A certificate that has the very name goes before one that only covers it with a wildcard.
    for (const bool wildcards : {false, true}) {
        for (const auto& entry : entries_) {
            for (const std::string& pattern : entry->names) {
                if (pattern.starts_with("*.") != wildcards) continue;
                if (matches(pattern, name)) return entry->context.get();
            }
        }
    }
    return default_context();
}

std::string TlsConfig::summary() const {
    std::string text;
    for (const auto& entry : entries_) {
        if (!text.empty()) text += "; ";
        const char* separator = "";
        for (const std::string& name : entry->names) {
            text += separator + name;
            separator = ", ";
        }
    }
    return text;
}

tl::expected<void, TlsError> TlsContext::reload(const std::vector<CertificateFiles>& files) {
    auto config = TlsConfig::load(files);
    if (!config) return tl::unexpected(config.error());
    replace(std::move(*config));
    return {};
}

}  // namespace tidemark::actors
