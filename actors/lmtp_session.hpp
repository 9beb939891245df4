// One LMTP connection (RFC 2033): takes messages from a mail system and answers for each recipient
// when the message is durable in its mailbox, or why it is not.
//
// Speaks PIPELINING (RFC 2920), 8BITMIME, SIZE, SMTPUTF8 and ENHANCEDSTATUSCODES; recipients are
// checked at RCPT. Home core only; one transaction at a time. Limits: recipients of a transaction,
// bytes of a message and lines by limits.hpp and protocol/lmtp.hpp; of a large message one piece is
// in memory.
#pragma once

#include "actors/delivery.hpp"
#include "actors/incoming_message.hpp"
#include "actors/server_context.hpp"
#include "actors/service_session.hpp"
#include "protocol/lmtp.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors {

class LmtpSession final : public ServiceSession {
  public:
    LmtpSession(ServerContext& server, std::unique_ptr<Stream> stream, std::uint64_t id);
    ~LmtpSession() override;

    Awaitable<void> run() override;
    std::string_view kind() const override { return "lmtp"; }
    std::string describe_state() const override;

  private:
    struct Recipient {
        DeliveryTarget target;
        std::string address;
    };

    // False: this was the end of the session.
    Awaitable<bool> run_lines();
    Awaitable<bool> handle(protocol::lmtp::Command command);
    void greet_client(protocol::lmtp::Lhlo lhlo);
    void begin(protocol::lmtp::MailFrom mail);
    void add_recipient(const protocol::lmtp::RcptTo& rcpt);
    Awaitable<bool> receive();
    // Reads the message to its end, also when it is not wanted any more. Nothing: the connection is
    // gone.
    Awaitable<std::optional<protocol::lmtp::DataReader::End>> read_message(
        IncomingMessage* message, std::optional<AccountError>* failed);
    Awaitable<void> answer_recipients(IncomingMessage* message);
    std::string trace_header();
    void reset();
    void say(std::uint16_t code, std::string_view enhanced, std::string_view text);
    void say(const protocol::lmtp::Reply& reply);

    ServerContext& server_;
    protocol::lmtp::LineReader lines_;
    std::string client_name_;  // of LHLO
    std::optional<protocol::lmtp::MailFrom> mail_;
    std::vector<Recipient> recipients_;
    unsigned bad_commands_ = 0;
};

}  // namespace tidemark::actors
