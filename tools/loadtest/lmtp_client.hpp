// One LMTP connection that delivers messages (RFC 2033). Lives on one core; one call at a time.
#pragma once

#include "tools/loadtest/imap_client.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

class LmtpClient {
  public:
    explicit LmtpClient(ThreadState& thread);
    ~LmtpClient();

    [[nodiscard]] actors::Awaitable<ErrorKind> open();
    bool is_open() const { return stream_ != nullptr; }
    void close();

    // MAIL, RCPT and DATA in one go where the server takes that; `marker` and `rest` are the
    // message, its lines dot-stuffed, and stay where they are until this returns. The answer for
    // each recipient is in outcomes(). `pushes`, where not null, are told of the sending.
    [[nodiscard]] actors::Awaitable<ErrorKind> deliver(const std::vector<std::string>* recipients,
                                                       std::string_view marker,
                                                       std::string_view rest,
                                                       const std::vector<PushSlot*>* pushes);
    const std::vector<ErrorKind>& outcomes() const { return outcomes_; }

  private:
    // The code of the next reply; 0: the connection ended.
    [[nodiscard]] actors::Awaitable<unsigned> reply();
    [[nodiscard]] actors::Awaitable<ErrorKind> write(std::string text);
    ErrorKind lose(ErrorKind why);
    void on_deadline();

    ThreadState& thread_;
    std::unique_ptr<actors::Stream> stream_;
    std::string input_;
    std::vector<ErrorKind> outcomes_;
    bool has_pipelining_ = false;
    bool timed_out_ = false;
    actors::Timer deadline_;
};

// RFC 5321 §4.5.2.
std::string dot_stuffed(std::string_view text);

}  // namespace tidemark::loadtest
