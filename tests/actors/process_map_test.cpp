// BoringSSL's symbols have OpenSSL's names. If any library of the server pulled in OpenSSL, calls
// would be bound to whichever came first and fail in ways that no other test explains.

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <fstream>
#include <set>
#include <string>

namespace {

bool is_tls_library(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    for (const char* library : {"libssl", "libcrypto", "libgnutls", "libboringssl"}) {
        if (name.starts_with(library)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("the only TLS library in the process is BoringSSL") {
    CHECK(std::string(OPENSSL_VERSION_TEXT).find("BoringSSL") != std::string::npos);
    Dl_info ssl_info{};
    REQUIRE(dladdr(reinterpret_cast<const void*>(&SSL_set_shed_handshake_config), &ssl_info) != 0);
    Dl_info crypto_info{};
    REQUIRE(dladdr(reinterpret_cast<const void*>(&OPENSSL_malloc), &crypto_info) != 0);
    const std::string ssl = ssl_info.dli_fname;
    const std::string crypto = crypto_info.dli_fname;

    std::set<std::string> loaded;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        const std::size_t at = line.find('/');
        if (at != std::string::npos && is_tls_library(line.substr(at))) {
            loaded.insert(line.substr(line.rfind('/')));
        }
    }
    const std::set<std::string> expected{ssl.substr(ssl.rfind('/')),
                                         crypto.substr(crypto.rfind('/'))};
    CHECK(loaded == expected);
}
