#include "actors/tls_stream.hpp"

#include "actors/limits.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <mutex>
#include <utility>

namespace tidemark::actors {

// BoringSSL's view of the stream below. Reading takes what is there at once, because BoringSSL asks
// for the five bytes of a record header and then for the record, and every question would be a
// system call. Writing never blocks: it goes to `outgoing_`, which flush() passes on.
struct TlsStream::Bio {
    static int read(BIO* bio, char* out, int size) {
        BIO_clear_retry_flags(bio);
        auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
        const IoResult result =
            stream.read_inner(std::span(out, static_cast<std::size_t>(std::max(size, 0))));
        switch (result.status) {
            case IoStatus::ok:
                return static_cast<int>(result.bytes);
            case IoStatus::would_block:
                BIO_set_retry_read(bio);
                return -1;
            case IoStatus::eof:
                stream.inner_error_ = std::error_code();
                return 0;
            case IoStatus::error:
                stream.inner_error_ = result.error;
                return -1;
        }
        return -1;
    }

    static int write(BIO* bio, const char* data, int size) {
        auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
        stream.outgoing_.append(data, static_cast<std::size_t>(size));
        return size;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }

    static const BIO_METHOD* method() {
        static const BIO_METHOD* const instance = [] {
            BIO_METHOD* made = BIO_meth_new(0, "tidemark stream");
            BIO_meth_set_read(made, &Bio::read);
            BIO_meth_set_write(made, &Bio::write);
            BIO_meth_set_ctrl(made, &Bio::control);
            return made;
        }();
        return instance;
    }
};

class TlsClientContext {
  public:
    explicit TlsClientContext(TlsClientOptions chosen) : options(std::move(chosen)) {
        context.reset(SSL_CTX_new(TLS_method()));
        SSL_CTX* raw = context.get();
        SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
        if (options.tls12_only) SSL_CTX_set_max_proto_version(raw, TLS1_2_VERSION);
        static constexpr std::array<std::uint16_t, 6> kVerify{SSL_SIGN_ECDSA_SECP256R1_SHA256,
                                                              SSL_SIGN_ECDSA_SECP384R1_SHA384,
                                                              SSL_SIGN_ED25519,
                                                              SSL_SIGN_RSA_PSS_RSAE_SHA256,
                                                              SSL_SIGN_RSA_PSS_RSAE_SHA384,
                                                              SSL_SIGN_RSA_PKCS1_SHA256};
        SSL_CTX_set_verify_algorithm_prefs(raw, kVerify.data(), kVerify.size());
        SSL_CTX_set_session_cache_mode(raw,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_set_ex_data(raw, index(), this);
        SSL_CTX_sess_set_new_cb(raw, &TlsClientContext::keep_session);
    }

    bssl::UniquePtr<SSL> new_ssl() {
        bssl::UniquePtr<SSL> ssl(SSL_new(context.get()));
        if (!ssl) return nullptr;
        SSL_set_connect_state(ssl.get());
        if (!options.server_name.empty()) {
            SSL_set_tlsext_host_name(ssl.get(), options.server_name.c_str());
        }
        const std::string alpn = options.alpn.empty() ? std::string()
                                                      : static_cast<char>(options.alpn.size()) +
                                                            options.alpn.substr(0, 255);
        SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const std::uint8_t*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
        const std::lock_guard lock(mutex);
        // RFC 8446 §C.4: a ticket is used once.
        if (session) SSL_set_session(ssl.get(), session.get());
        session.reset();
        return ssl;
    }

  private:
    static int index() {
        static const int value = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return value;
    }
    static int keep_session(SSL* ssl, SSL_SESSION* fresh) {
        auto* self =
            static_cast<TlsClientContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index()));
        if (!self->options.resume) return 0;
        const std::lock_guard lock(self->mutex);
        self->session.reset(fresh);
        return 1;  // the reference is ours now
    }

    const TlsClientOptions options;
    bssl::UniquePtr<SSL_CTX> context;
    std::mutex mutex;
    bssl::UniquePtr<SSL_SESSION> session;
};

std::shared_ptr<TlsClientContext> make_tls_client_context(TlsClientOptions options) {
    return std::make_shared<TlsClientContext>(std::move(options));
}

std::unique_ptr<TlsStream> TlsStream::server(std::unique_ptr<Stream> inner,
                                             std::shared_ptr<const TlsConfig> config) {
    bssl::UniquePtr<SSL> ssl(SSL_new(config->default_context()));
    if (!ssl) return nullptr;
    SSL_set_accept_state(ssl.get());
    return std::unique_ptr<TlsStream>(
        new TlsStream(std::move(inner), ssl.release(), std::move(config)));
}

std::unique_ptr<TlsStream> TlsStream::client(std::unique_ptr<Stream> inner,
                                             std::shared_ptr<TlsClientContext> context) {
    auto ssl = context->new_ssl();
    if (!ssl) return nullptr;
    return std::unique_ptr<TlsStream>(
        new TlsStream(std::move(inner), ssl.release(), std::move(context)));
}

TlsStream::TlsStream(std::unique_ptr<Stream> inner, SSL* ssl,
                     std::shared_ptr<const void> keep_alive)
    : inner_(std::move(inner)), ssl_(ssl), keep_alive_(std::move(keep_alive)) {
    BIO* bio = BIO_new(Bio::method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_shed_handshake_config(ssl_, 1);
}

TlsStream::~TlsStream() {
    SSL_free(ssl_);
}

IoResult TlsStream::read_inner(std::span<char> out) {
    if (read_ahead_.empty()) {
        if (out.size() >= kTlsRecordBytesMax) return inner_->read_some(out);
        static thread_local std::array<char, kTlsRecordBytesMax> scratch;
        const IoResult result = inner_->read_some(scratch);
        if (result.status != IoStatus::ok) return result;
        const std::size_t taken = std::min(out.size(), result.bytes);
        std::memcpy(out.data(), scratch.data(), taken);
        read_ahead_.assign(scratch.data() + taken, result.bytes - taken);
        return {IoStatus::ok, taken, {}};
    }
    const std::size_t taken = std::min(out.size(), read_ahead_.size() - read_ahead_used_);
    std::memcpy(out.data(), read_ahead_.data() + read_ahead_used_, taken);
    read_ahead_used_ += taken;
    if (read_ahead_used_ == read_ahead_.size()) {
        read_ahead_ = std::string();
        read_ahead_used_ = 0;
    }
    return {IoStatus::ok, taken, {}};
}

// Passes on what is encrypted. ok: nothing is held any more.
IoResult TlsStream::flush() {
    std::size_t sent = 0;
    IoResult result;
    while (sent < outgoing_.size()) {
        const std::array<std::string_view, 1> rest{std::string_view(outgoing_).substr(sent)};
        result = inner_->try_write(rest);
        if (result.status != IoStatus::ok) break;
        sent += result.bytes;
    }
    if (sent == outgoing_.size()) {
        outgoing_ = std::string();  // gives the memory back
        return {};
    }
    outgoing_.erase(0, sent);
    return {result.status, 0, result.error};
}

// What a call of the library that did not succeed means. Also sends the alert it may have written.
IoResult TlsStream::failure(int result) {
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
            return {IoStatus::would_block, 0, {}};
        case SSL_ERROR_ZERO_RETURN:
            return {IoStatus::eof, 0, {}};
        case SSL_ERROR_SYSCALL:
            // Most clients just close; IMAP ends commands with CRLF, so a cut-off is not mistaken
            // for a command.
            if (!inner_error_) return {IoStatus::eof, 0, {}};
            return {IoStatus::error, 0, inner_error_};
        default:
            failure_code_ = ERR_peek_error();
            ERR_clear_error();
            static_cast<void>(flush());
            return {IoStatus::error, 0, StreamErrc::tls_protocol};
    }
}

std::string TlsStream::last_failure() const {
    const char* text = failure_code_ != 0 ? ERR_reason_error_string(failure_code_) : nullptr;
    return text != nullptr ? text : "";
}

Awaitable<std::error_code> TlsStream::handshake() {
    while (true) {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl_);
        if (result != 1) {
            const IoResult reason = failure(result);
            if (reason.status == IoStatus::eof) {
                co_return std::make_error_code(std::errc::connection_reset);
            }
            if (reason.status == IoStatus::error) {
                co_return reason.error == StreamErrc::tls_protocol
                    ? make_error_code(StreamErrc::handshake_failed)
                    : reason.error;
            }
        }
        const IoResult flushed = flush();
        if (flushed.status == IoStatus::error) co_return flushed.error;
        const bool write_first = flushed.status == IoStatus::would_block;
        if (result == 1 && !write_first) co_return std::error_code();
        const std::error_code error =
            write_first ? co_await inner_->wait_writable() : co_await inner_->wait_readable();
        if (error) co_return error;
    }
}

Awaitable<std::error_code> TlsStream::at_once() {
    co_return std::error_code();
}

Awaitable<std::error_code> TlsStream::wait_readable() {
    // Not a coroutine itself: an idle session has no frame here. Bytes read ahead may be only a
    // part of a record; read_some() then takes them into the library and says would_block.
    if (SSL_pending(ssl_) > 0 || !read_ahead_.empty()) return at_once();
    return inner_->wait_readable();
}

IoResult TlsStream::read_some(std::span<char> buffer) {
    ERR_clear_error();
    const int bytes = SSL_read(ssl_, buffer.data(),
                               static_cast<int>(std::min<std::size_t>(buffer.size(), INT_MAX)));
    if (bytes <= 0) return failure(bytes);
    return {IoStatus::ok, static_cast<std::size_t>(bytes), {}};
}

Awaitable<std::error_code> TlsStream::wait_writable() {
    return inner_->wait_writable();
}

IoResult TlsStream::try_write(std::span<const std::string_view> chunks) {
    if (const IoResult held = flush(); held.status != IoStatus::ok) return held;
    static thread_local std::array<char, kTlsRecordBytesMax> scratch;
    std::size_t accepted = 0;
    std::size_t chunk = 0;
    std::size_t offset = 0;
    while (accepted < kTlsWriteBytesMax) {
        // Small chunks share a record; a whole record's worth of one chunk is encrypted from where
        // it is.
        std::string_view record;
        std::size_t gathered = 0;
        while (chunk < chunks.size() && gathered < scratch.size()) {
            const std::string_view rest = chunks[chunk].substr(offset);
            if (gathered == 0 && rest.size() >= scratch.size()) {
                record = rest.substr(0, scratch.size());
                offset += record.size();
                break;
            }
            const std::size_t taken = std::min(rest.size(), scratch.size() - gathered);
            std::memcpy(scratch.data() + gathered, rest.data(), taken);
            gathered += taken;
            offset += taken;
            if (offset == chunks[chunk].size()) {
                ++chunk;
                offset = 0;
            }
        }
        if (record.empty()) record = std::string_view(scratch.data(), gathered);
        if (record.empty()) break;
        ERR_clear_error();
        const int bytes = SSL_write(ssl_, record.data(), static_cast<int>(record.size()));
        if (bytes <= 0) {
            const IoResult reason = failure(bytes);
            return {IoStatus::error, 0,
                    reason.error ? reason.error : make_error_code(StreamErrc::tls_protocol)};
        }
        accepted += record.size();
    }
    const IoResult flushed = flush();
    if (flushed.status == IoStatus::error) return flushed;
    return {IoStatus::ok, accepted, {}};
}

void TlsStream::interrupt() {
    inner_->interrupt();
}

void TlsStream::cancel(std::error_code reason) {
    inner_->cancel(reason);
}

void TlsStream::shutdown_send() {
    if (!inner_->is_open()) return;
    ERR_clear_error();
    if (!SSL_in_init(ssl_)) SSL_shutdown(ssl_);
    if (flush().status == IoStatus::ok) inner_->shutdown_send();
}

void TlsStream::close() {
    inner_->close();
}

bool TlsStream::is_open() const {
    return inner_->is_open();
}

std::error_code TlsStream::detach() {
    return inner_->detach();
}

std::error_code TlsStream::attach(Core& core) {
    return inner_->attach(core);
}

std::string TlsStream::peer_address() const {
    return inner_->peer_address();
}

std::string TlsStream::local_address() const {
    return inner_->local_address();
}

std::optional<PeerCredentials> TlsStream::peer_credentials() const {
    return inner_->peer_credentials();
}

TlsInfo TlsStream::tls_info() const {
    TlsInfo info;
    info.version = SSL_get_version(ssl_);
    if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_)) {
        info.cipher = SSL_CIPHER_standard_name(cipher);
    }
    const std::uint8_t* alpn = nullptr;
    unsigned alpn_size = 0;
    SSL_get0_alpn_selected(ssl_, &alpn, &alpn_size);
    info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
    if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) {
        info.server_name = name;
    }
    info.resumed = SSL_session_reused(ssl_) == 1;
    return info;
}

std::optional<std::array<char, 32>> TlsStream::tls_exporter() const {
    if (SSL_in_init(ssl_)) return std::nullopt;
    if (SSL_version(ssl_) < TLS1_3_VERSION && SSL_get_extms_support(ssl_) != 1) {
        return std::nullopt;
    }
    static constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    std::array<char, 32> key{};
    // RFC 9266 §2: the context is a zero-length string. TLS 1.3 does not distinguish that from no
    // context; TLS 1.2 does (RFC 5705 §4), and there the clients that exist (GnuTLS, Go, OpenSSL
    // users) compute it without one.
    if (SSL_export_keying_material(ssl_, reinterpret_cast<std::uint8_t*>(key.data()), key.size(),
                                   kLabel.data(), kLabel.size(), nullptr, 0, 0) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    return key;
}

}  // namespace tidemark::actors
