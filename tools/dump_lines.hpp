// The lines of a dump (dump.md), one function for each kind. Pure.
#pragma once

#include "storage/store.hpp"
#include "tools/dump.hpp"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools::dump_lines {

// Raised when the same content would give other lines.
constexpr unsigned kDumpVersion = 1;

std::string digest(std::string_view bytes);  // XXH3, 128 bits, as 32 hex digits
std::string digest_text(XXH128_hash_t hash);

nlohmann::ordered_json head();
nlohmann::ordered_json account(const storage::LoadedAccount& account);
nlohmann::ordered_json subscription(storage::AccountId account, std::string_view name);
nlohmann::ordered_json mailbox(storage::AccountId account, const storage::MailboxRecord& record);
// `body_digest`: missing when bodies are not read.
nlohmann::ordered_json message(storage::AccountId account, const storage::MailboxRecord& mailbox,
                               const storage::Message& message, std::string_view summary,
                               const std::optional<std::string>& body_digest);
nlohmann::ordered_json change(storage::AccountId account, const storage::MailboxRecord& mailbox,
                              storage::ModSeq modseq, const storage::ChangeRecord& change);
nlohmann::ordered_json body(storage::BodyId id, const storage::BodyRecord& record);
nlohmann::ordered_json end(const DumpCounts& counts);

}  // namespace tidemark::tools::dump_lines
