// What the layers above storage know of what is stored, for verify(): legal names, and what a
// summary must be.
#pragma once

#include "storage/verify/verify.hpp"

namespace tidemark::actors {

void set_verify_checks(storage::VerifyOptions& verify);

}  // namespace tidemark::actors
