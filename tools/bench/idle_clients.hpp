// Many connections that log in and then stay silent, held by a process of their own, so that only
// the server's side is in this one. Made before the server: fork() and threads do not mix.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tidemark::bench {

enum class IdleKind { kPlain, kPlainIdle, kTls };

class IdleClients {
  public:
    // Connection i logs in as user number i modulo `accounts`.
    IdleClients(IdleKind kind, unsigned count, unsigned accounts);
    ~IdleClients();
    IdleClients(const IdleClients&) = delete;
    IdleClients& operator=(const IdleClients&) = delete;

    // Returns when all are logged in (and in IDLE on INBOX where that was asked for).
    void connect(std::uint16_t port);

  private:
    int to_child_ = -1;
    int from_child_ = -1;
    pid_t child_ = 0;
};

}  // namespace tidemark::bench
