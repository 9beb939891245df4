#pragma once

#include "protocol/command.hpp"

#include <random>
#include <string>
#include <vector>

// Random commands, valid by construction, for round-trip tests and for load.

namespace tidemark::protocol::testing {

class CommandGenerator {
  public:
    explicit CommandGenerator(std::uint64_t seed) : random_(seed) {}

    Command next();

    bool chance(unsigned one_in) { return below(one_in) == 0; }
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  private:
    template <class... Choices>
    auto one_of(Choices... choices) {
        const std::common_type_t<Choices...> all[] = {choices...};
        return all[below(sizeof...(choices))];
    }

    std::string word(std::size_t bytes_max = 8);
    // What an astring can hold: anything without NUL.
    std::string text();
    std::string flag_text() { return one_of("$Junk", "$Forwarded", "Label1", "x-y_z"); }
    Flag flag();
    WireMailbox mailbox() { return {chance(3) ? "INBOX" : text()}; }
    std::uint32_t number() {
        return chance(10) ? UINT32_MAX
                          : static_cast<std::uint32_t>(1 + below(chance(2) ? 20 : 1'000'000));
    }
    std::uint64_t number64() { return chance(10) ? kNumber64Max : random_() >> (1 + below(62)); }
    SequenceSet set(bool is_known = false);
    Date date() { return {static_cast<std::int32_t>(below(30'000)) - 5'000}; }
    DateTime date_time();
    StatusItems status_items();
    SearchReturn search_return();
    SearchKey leaf();
    SearchKey key(unsigned depth);
    SearchProgram program(bool needs_charset);
    FetchItem fetch_item();
    message::SectionSpec section(bool is_binary);
    AppendMessage append_message();
    command::Body plain();
    command::Body session();
    command::Body on_mailbox();
    command::Body on_messages();

    std::mt19937_64 random_;
};

}  // namespace tidemark::protocol::testing
