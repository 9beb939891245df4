// make_self_signed() of tls_context.hpp.

#include "actors/tls_context.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <ctime>

namespace tidemark::actors {

namespace {

constexpr std::int64_t kSecondsPerDay = 86400;
// X.520's upper bound of a common name; a longer name is still in the subjectAltName.
constexpr std::size_t kCommonNameMax = 64;

bssl::UniquePtr<EVP_PKEY> new_p256_key() {
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    if (!ec || !key || !EC_KEY_generate_key(ec.get()) ||
        !EVP_PKEY_set1_EC_KEY(key.get(), ec.get())) {
        return nullptr;
    }
    return key;
}

bool add_extension(X509* certificate, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    bssl::UniquePtr<X509_EXTENSION> extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
    return extension && X509_add_ext(certificate, extension.get(), -1);
}

bool add_name(GENERAL_NAMES* names, const std::string& name) {
    std::array<unsigned char, 16> address{};
    bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
    if (!entry) return false;
    std::size_t address_bytes = 0;
    if (inet_pton(AF_INET, name.c_str(), address.data()) == 1) address_bytes = 4;
    if (inet_pton(AF_INET6, name.c_str(), address.data()) == 1) address_bytes = 16;
    bssl::UniquePtr<ASN1_STRING> value(
        ASN1_STRING_type_new(address_bytes > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING));
    if (!value) return false;
    const void* data = name.data();
    std::size_t size = name.size();
    if (address_bytes > 0) {
        data = address.data();
        size = address_bytes;
    }
    if (!ASN1_STRING_set(value.get(), data, static_cast<int>(size))) return false;
    GENERAL_NAME_set0_value(entry.get(), address_bytes > 0 ? GEN_IPADD : GEN_DNS, value.release());
    return bssl::PushToStack(names, std::move(entry));
}

bool add_alternative_names(X509* certificate, const std::vector<std::string>& names) {
    bssl::UniquePtr<GENERAL_NAMES> list(sk_GENERAL_NAME_new_null());
    if (!list) return false;
    for (const std::string& name : names) {
        if (!add_name(list.get(), name)) return false;
    }
    return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0) == 1;
}

bool set_serial(X509* certificate) {
    std::array<std::uint8_t, 16> random{};
    RAND_bytes(random.data(), random.size());
    // RFC 5280 §4.1.2.2: positive, at most 20 octets.
    random[0] = static_cast<std::uint8_t>((random[0] & 0x7f) | 0x40);
    bssl::UniquePtr<BIGNUM> number(BN_bin2bn(random.data(), random.size(), nullptr));
    bssl::UniquePtr<ASN1_INTEGER> serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
    return serial && X509_set_serialNumber(certificate, serial.get());
}

bool set_subject(X509* certificate, const std::string& name) {
    const std::string common = name.size() <= kCommonNameMax ? name : "tidemark";
    X509_NAME* subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common.data()),
                                      static_cast<int>(common.size()), -1, 0) &&
           X509_set_issuer_name(certificate, subject);
}

template <class Write>
std::string to_pem(Write write) {
    bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    if (!bio || !write(bio.get()) || !BIO_mem_contents(bio.get(), &data, &size)) return {};
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

tl::expected<CertificatePem, TlsError> make_self_signed(std::vector<std::string> names,
                                                        std::int64_t not_before_unix_seconds,
                                                        unsigned days) {
    const auto failed = [] {
        return tl::unexpected(TlsError{{}, "the certificate could not be made"});
    };
    if (names.empty()) return tl::unexpected(TlsError{{}, "a certificate needs a name"});
    const auto key = new_p256_key();
    bssl::UniquePtr<X509> certificate(X509_new());
    if (!key || !certificate) return failed();
    X509* raw = certificate.get();
    const std::int64_t not_after = not_before_unix_seconds + kSecondsPerDay * days;
    const bool filled =
        X509_set_version(raw, X509_VERSION_3) && set_serial(raw) &&
        ASN1_TIME_set(X509_getm_notBefore(raw), static_cast<time_t>(not_before_unix_seconds)) &&
        ASN1_TIME_set(X509_getm_notAfter(raw), static_cast<time_t>(not_after)) &&
        set_subject(raw, names.front()) && X509_set_pubkey(raw, key.get()) &&
        add_extension(raw, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(raw, NID_key_usage, "critical,digitalSignature") &&
        // Apple's clients refuse a server certificate without it.
        add_extension(raw, NID_ext_key_usage, "serverAuth") && add_alternative_names(raw, names);
    if (!filled || !X509_sign(raw, key.get(), EVP_sha256())) return failed();

    CertificatePem pem;
    pem.certificate = to_pem([raw](BIO* bio) { return PEM_write_bio_X509(bio, raw) == 1; });
    pem.key = to_pem([&key](BIO* bio) {
        return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1;
    });
    if (pem.certificate.empty() || pem.key.empty()) return failed();
    return pem;
}

}  // namespace tidemark::actors
