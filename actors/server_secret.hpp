// The random bytes behind what unknown users are shown as their SCRAM salt: kept in
// the data directory, because a salt that changes with a restart tells that there is no such user.
#pragma once

#include "storage/file_system.hpp"

#include <tl/expected.hpp>

#include <string>

namespace tidemark::actors {

inline constexpr std::size_t kServerSecretBytes = 32;
inline constexpr const char* kServerSecretFile = "auth-secret";

// Of `directory`, which exists; made and written durably when there is none. When it can not be
// written (a full disk must not keep a server from starting) it is random for this process, and the
// log says so. An error is a text for the person who started the program. Blocking.
tl::expected<std::string, std::string> load_server_secret(storage::FileSystem& file_system,
                                                          const std::string& directory);

}  // namespace tidemark::actors
