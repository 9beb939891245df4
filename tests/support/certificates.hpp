#pragma once

// Certificates made for one test run; nothing secret is in the repository.

#include "actors/clock.hpp"
#include "actors/tls_context.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace tidemark::test {

inline actors::CertificatePem new_certificate(std::vector<std::string> names) {
    auto made = actors::make_self_signed(std::move(names),
                                         actors::ManualClock::kDefaultStart / 1'000'000, 365);
    REQUIRE(made.has_value());
    return std::move(*made);
}

inline std::shared_ptr<const actors::TlsConfig> new_tls_config(std::vector<std::string> names) {
    auto config = actors::TlsConfig::from_pem({new_certificate(std::move(names))});
    REQUIRE(config.has_value());
    return std::move(*config);
}

}  // namespace tidemark::test
