#pragma once

#include "protocol/command.hpp"
#include "protocol/write_command.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Only the write_*.cpp files of commands include this.

namespace tidemark::protocol {

// Builds the parts of one command. Each method is the inverse of the parse function of the same
// rule.
class CommandWriter {
  public:
    explicit CommandWriter(LiteralStyle style) : style_(style) {}

    std::vector<std::string> finish() && {
        out_ += "\r\n";
        parts_.push_back(std::move(out_));
        return std::move(parts_);
    }

    CommandWriter& text(std::string_view bytes) {
        out_ += bytes;
        return *this;
    }
    CommandWriter& number(std::uint64_t value) {
        char digits[20];
        out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
        return *this;
    }
    void literal(std::string_view bytes, bool is_literal8);
    void quoted(std::string_view bytes);
    void string(std::string_view bytes);
    CommandWriter& astring(std::string_view bytes);
    void list_mailbox(std::string_view bytes);
    CommandWriter& mailbox(const WireMailbox& name) { return astring(name.bytes); }
    CommandWriter& set(const SequenceSet& numbers) {
        numbers.append_to(out_);
        return *this;
    }

    // Writes `items` with a space between them.
    template <class Items, class Write>
    void joined(const Items& items, Write write) {
        bool is_first = true;
        for (const auto& item : items) {
            if (!is_first) out_ += ' ';
            is_first = false;
            write(item);
        }
    }
    void flag_list(const std::vector<Flag>& flags);

    void status_items(StatusItems items);
    void search_return(const SearchReturn& returns);
    void search_program(const SearchProgram& program);
    void search_key(const SearchKey& key, bool is_nested);
    void section(const message::SectionSpec& section);
    void fetch_item(const FetchItem& item);
    void append_message(const AppendMessage& message);

  private:
    std::string out_;
    std::vector<std::string> parts_;
    LiteralStyle style_;
};

}  // namespace tidemark::protocol
