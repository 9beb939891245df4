#pragma once

// The server's certificates and TLS settings. Immutable once loaded; a reload makes a new TlsConfig
// and swaps it in, connections keep the one they began with.
//
// Thread: TlsContext::current(), load() and reload() from any thread. Loading reads files: not on a
// network thread.

#include <openssl/base.h>
#include <tl/expected.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors {

struct TlsError {
    std::string file;    // which file, or empty
    std::string reason;  // what is wrong with it, for the administrator
    [[nodiscard]] std::string text() const { return file.empty() ? reason : file + ": " + reason; }
};

struct CertificateFiles {
    std::string certificate_path;  // PEM: the certificate, then its chain
    std::string key_path;          // PEM, not encrypted: ECDSA, RSA or Ed25519
};

struct CertificatePem {
    std::string certificate;
    std::string key;
};

// One immutable set of certificates. The first one is used for clients that name no host or one
// that none matches.
class TlsConfig {
  public:
    [[nodiscard]] static tl::expected<std::shared_ptr<const TlsConfig>, TlsError> load(
        const std::vector<CertificateFiles>& files);
    [[nodiscard]] static tl::expected<std::shared_ptr<const TlsConfig>, TlsError> from_pem(
        const std::vector<CertificatePem>& certificates);
    ~TlsConfig();

    [[nodiscard]] SSL_CTX* context_for(std::string_view server_name) const;
    [[nodiscard]] SSL_CTX* default_context() const;
    // The names of all certificates, for the log and the status page.
    [[nodiscard]] std::string summary() const;

  private:
    TlsConfig();
    struct Entry;
    [[nodiscard]] tl::expected<std::unique_ptr<Entry>, TlsError> make_entry(
        const CertificatePem& pem, const CertificateFiles& files) const;

    std::vector<std::unique_ptr<Entry>> entries_;
};

class TlsContext {
  public:
    explicit TlsContext(std::shared_ptr<const TlsConfig> config) : config_(std::move(config)) {}

    [[nodiscard]] std::shared_ptr<const TlsConfig> current() const {
        const std::lock_guard lock(mutex_);
        return config_;
    }
    void replace(std::shared_ptr<const TlsConfig> config) {
        const std::lock_guard lock(mutex_);
        config_ = std::move(config);
    }
    // On failure the old certificates stay in use.
    [[nodiscard]] tl::expected<void, TlsError> reload(const std::vector<CertificateFiles>& files);

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const TlsConfig> config_;
};

// A new ECDSA P-256 key and a certificate that it signs itself, valid from `not_before` (Unix
// seconds) for `days`. Names that are IP addresses become iPAddress entries, the others dNSName;
// the first is also the common name.
[[nodiscard]] tl::expected<CertificatePem, TlsError> make_self_signed(
    std::vector<std::string> names, std::int64_t not_before_unix_seconds, unsigned days);

}  // namespace tidemark::actors
