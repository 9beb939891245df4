// A message on its way in (APPEND, LMTP): takes its bytes piece by piece and makes of them what
// AppendRequest wants. Below the store's stage_bytes they are kept in memory, above they go to a
// file of the store, written on a worker, so that a large upload holds one piece at a time. Home
// core of the connection; one coroutine.
#pragma once

#include "actors/account_messages.hpp"
#include "actors/awaitable.hpp"
#include "actors/worker_pool.hpp"
#include "protocol/date.hpp"
#include "storage/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::actors {

class IncomingMessage {
  public:
    // `expected_bytes`: what the client announced; 0 when it did not.
    IncomingMessage(storage::Store& store, WorkerPool& workers, std::uint64_t expected_bytes);

    // Copies; flush() decides what becomes of it. Call flush() at least after every
    // kReadBufferBytes.
    void take(std::string_view bytes) { piece_ += bytes; }
    // Writes out what is too much for memory. An error ends the message.
    Awaitable<std::optional<AccountError>> flush();
    // The whole message was taken: parses it (on a worker when it is large) and gives it its body
    // id.
    Awaitable<Outcome<AppendMessage>> finish(FlagNames flags, storage::Date internal_date);

    std::uint64_t bytes() const { return bytes_ + piece_.size(); }

  private:
    storage::Store& store_;
    WorkerPool& workers_;
    std::uint64_t expected_bytes_;
    storage::BodyId id_;
    std::uint64_t bytes_ = 0;  // written to staged_
    std::string piece_;
    std::shared_ptr<storage::StagedBody> staged_;
};

// The same for a message that is there as a whole (imports). Blocking: not on a core. The date and
// flags are the caller's.
Outcome<AppendMessage> make_append_message(storage::Store& store, std::string bytes);

namespace commands {

// INTERNALDATE of an appended message: as given, or now (RFC 9051 §6.3.12).
struct AppendDate {
    std::optional<protocol::DateTime> given;
    std::int64_t now_micros;
    storage::Date value() const {
        return given ? storage::Date{given->unix_seconds, given->zone_minutes}
                     : storage::Date{now_micros / 1'000'000, 0};
    }
};

}  // namespace commands

}  // namespace tidemark::actors
