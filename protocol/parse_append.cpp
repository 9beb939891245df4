#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

// What stands before a message, up to its "{" or "~{". RFC 4466 §3, RFC 6855 §4, RFC 3516 §7:
//   append-message = append-opts SP append-data
//   append-opts    = [SP flag-list] [SP date-time] *(SP append-ext)
//   append-data    = literal / literal8 / append-data-ext
//   append-data    =/ "UTF8" SP "(" literal8 ")"
// No append-ext is defined here.
bool parse_append_options(Cursor& cursor, AppendOptions& options) {
    constexpr std::string_view kRule = "append-message";
    if (!cursor.expect_space(kRule)) return false;
    if (cursor.peek() == '(') {
        if (!parse_flag_list(cursor, options.flags) || !cursor.expect_space(kRule)) return false;
    }
    if (cursor.peek() == '"') {
        if (!parse_date_time_argument(cursor, options.internal_date.emplace()) ||
            !cursor.expect_space(kRule)) {
            return false;
        }
    }
    if (cursor.accept_word("UTF8")) {
        if (!cursor.expect_space(kRule) || !cursor.expect('(', kRule)) return false;
        options.is_utf8 = true;
    }
    options.is_literal8 = cursor.peek() == '~';
    if (options.is_utf8 && !options.is_literal8)
        return cursor.fail(ParseErrorKind::syntax, "literal8");
    if (cursor.peek() != '{' && cursor.peek() != '~') {
        return cursor.fail(
            cursor.peek_word().empty() ? ParseErrorKind::syntax : ParseErrorKind::unknown_option,
            "append-data");
    }
    return true;
}

namespace {

bool parse_append_close(Cursor& cursor, const AppendOptions& options) {
    return !options.is_utf8 || cursor.expect(')', "append-data");
}

// The announcement at the end of a streamed head; its bytes are elsewhere.
bool parse_head_end(Cursor& cursor, const AppendOptions& options) {
    std::uint64_t size = 0;
    return parse_literal_size(cursor, options.is_literal8, size) &&
           (cursor.at_end() || cursor.fail(ParseErrorKind::syntax, "literal"));
}

}  // namespace

// RFC 4466 §3: append = "APPEND" SP mailbox 1*append-message; RFC 3502 "append-message" allows
// several.
bool parse_append(Cursor& cursor, command::Append& append) {
    if (!parse_mailbox_argument(cursor, append.mailbox)) return false;
    do {
        if (append.messages.size() == kAppendMessagesMax) {
            return cursor.fail(ParseErrorKind::too_many, "append-message");
        }
        AppendMessage& message = append.messages.emplace_back();
        if (!parse_append_options(cursor, message.options) ||
            !parse_literal(cursor, message.options.is_literal8, message.bytes) ||
            !parse_append_close(cursor, message.options)) {
            return false;
        }
    } while (!cursor.at_command_end());
    return true;
}

Result<AppendOptions> parse_append_next(std::string_view head, const AppendOptions& previous) {
    Cursor cursor(head);
    AppendOptions options;
    if (!parse_append_close(cursor, previous) || !parse_append_options(cursor, options) ||
        !parse_head_end(cursor, options)) {
        return tl::unexpected(cursor.error());
    }
    return options;
}

Result<void> parse_append_end(std::string_view tail, const AppendOptions& previous) {
    Cursor cursor(tail);
    if (!parse_append_close(cursor, previous)) return tl::unexpected(cursor.error());
    if (!cursor.at_command_end()) {
        return tl::unexpected(ParseError{ParseErrorKind::syntax,
                                         static_cast<std::uint32_t>(cursor.position()),
                                         "append-message"});
    }
    return {};
}

tl::expected<AppendStart, CommandError> parse_append_start(std::string_view head) {
    auto tag = find_tag(head);
    if (!tag) return tl::unexpected(CommandError{{ParseErrorKind::syntax, 0, "tag"}, {}, {}});
    Cursor cursor(head);
    cursor.advance(tag->text().size());
    AppendStart start{*tag, {}, {}};
    const bool is_parsed =
        cursor.expect_space("command") &&
        (cursor.accept_word("APPEND") || cursor.fail(ParseErrorKind::unknown_command, "command")) &&
        parse_mailbox_argument(cursor, start.mailbox) &&
        parse_append_options(cursor, start.options) && parse_head_end(cursor, start.options);
    if (!is_parsed)
        return tl::unexpected(CommandError{cursor.error(), std::move(tag), Verb::append});
    return start;
}

}  // namespace tidemark::protocol
