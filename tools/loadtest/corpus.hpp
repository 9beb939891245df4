// Mail made up by rule: the same seed and number give the same message on every machine.
//
// Sizes are log-normal (median about 8 KiB, cut at 4 MiB), kinds as in real mailboxes: plain text,
// text with HTML, HTML with pictures, attachments in base64, forwarded messages. About half of the
// messages answer an earlier one, with its subject and its References. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::loadtest {

class Corpus {
  public:
    explicit Corpus(std::uint64_t seed) : seed_(seed) {}

    // Message `number` without a marker, lines ended by CRLF. bytes > 0: a plain one of just this
    // size (at least its header).
    std::string message(std::uint64_t number, std::uint64_t bytes = 0) const;

  private:
    std::uint64_t seed_;
};

}  // namespace tidemark::loadtest
