#pragma once

#include "protocol/ascii.hpp"
#include "protocol/types.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// A reading position in the bytes of one command, and the first error that was met.
//
// Parse functions take a Cursor&, return bool and leave their value in an out parameter; false
// means that the cursor holds the error and that neither position nor value matter any more.
// Nothing backtracks over more than one token, so parsing is linear. The public functions
// (parse_command.hpp) turn the error into a Result.

namespace tidemark::protocol {

class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool at_end() const { return position_ == text_.size(); }
    // '\0' at the end, which no rule accepts.
    char peek() const { return at_end() ? '\0' : text_[position_]; }
    std::size_t position() const { return position_; }
    std::string_view rest() const { return text_.substr(position_); }
    void advance(std::size_t bytes) { position_ += bytes; }

    bool accept(char c) {
        if (peek() != c || at_end()) return false;
        ++position_;
        return true;
    }
    [[nodiscard]] bool expect(char c, std::string_view rule) {
        return accept(c) || fail(ParseErrorKind::syntax, rule);
    }
    // RFC 5234 SP: exactly one space.
    [[nodiscard]] bool expect_space(std::string_view rule) { return expect(' ', rule); }

    // Only spaces are left: the end of a command.
    // deviation: RFC 9051 §9 has no space before CRLF; several clients send one (RFC 2683 §3.4.1
    // tells them not to).
    bool at_command_end() const {
        for (const char c : rest()) {
            if (c != ' ') return false;
        }
        return true;
    }

    // The longest run of characters of a class; may be empty.
    template <class Predicate>
    std::string_view take_while(Predicate is) {
        const std::size_t start = position_;
        while (position_ < text_.size() && is(text_[position_])) ++position_;
        return text_.substr(start, position_ - start);
    }
    // The words of the grammar: letters, digits, '.', '-', '_'. Stops before '[', '(' and the like.
    std::string_view take_word() { return take_while(is_word_char); }
    std::string_view peek_word() const {
        Cursor copy = *this;
        return copy.take_word();
    }
    // Takes `word` in any case if it is the whole next word.
    bool accept_word(std::string_view word) {
        if (!ascii_iequals(peek_word(), word)) return false;
        position_ += word.size();
        return true;
    }

    // Records the error at the present position; the first one stays.
    bool fail(ParseErrorKind kind, std::string_view rule) { return fail_at(position_, kind, rule); }
    bool fail_at(std::size_t position, ParseErrorKind kind, std::string_view rule) {
        if (!has_error_) {
            has_error_ = true;
            error_ = {kind, static_cast<std::uint32_t>(position), rule};
        }
        return false;
    }
    const ParseError& error() const { return error_; }

  private:
    static constexpr bool is_word_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' ||
               c == '-' || c == '_';
    }

    std::string_view text_;
    std::size_t position_ = 0;
    ParseError error_;
    bool has_error_ = false;
};

}  // namespace tidemark::protocol
