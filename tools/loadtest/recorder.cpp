#include "tools/loadtest/recorder.hpp"

namespace tidemark::loadtest {

std::string_view name_of(ErrorKind kind) {
    static constexpr std::array<std::string_view, kErrorKinds> kNames = {
        "none",    "no",  "bad",       "bye",       "closed", "timeout",
        "refused", "tls", "temporary", "permanent", "failed"};
    return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace tidemark::loadtest
