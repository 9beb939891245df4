// APPEND (RFC 9051 §6.3.12; several messages at once: RFC 3502; UTF8: RFC 9755 §4). The message
// literals are streamed: small ones are collected, large ones go to a file of their own in the
// store.
#include "actors/commands/commands.hpp"
#include "actors/commands/flag_names.hpp"
#include "actors/incoming_message.hpp"

namespace tidemark::actors {

using protocol::CodeKind;
using protocol::Tag;

Awaitable<void> ImapSession::run_append(std::string head, std::uint64_t bytes, bool is_sync,
                                        bool is_literal8) {
    auto start = protocol::parse_append_start(head);
    const auto give_up = [this] {
        if (!fragmenter_.refuse_stream()) {
            protocol::write_untagged(out_, protocol::Condition::bye,
                                     "too much of a refused message to read");
            set_state(SessionState::kLogout);
        }
    };
    if (!start) {
        if (start.error().tag) {
            bad(*start.error().tag, protocol::describe(start.error().error.kind));
        } else {
            protocol::write_untagged(out_, protocol::Condition::bad,
                                     "this APPEND can not be understood");
        }
        give_up();
        co_return;
    }
    const Tag tag = start->tag;
    auto name = mailbox_name(tag, start->mailbox);
    if (name && account_->find_mailbox(*name) == nullptr) {
        // RFC 9051 §6.3.12: told before the client sends it all.
        no(tag, CodeKind::try_create, "there is no such mailbox");
        name.reset();
    }
    if (!name) {
        give_up();
        co_return;
    }

    AppendRequest request;
    request.mailbox = std::move(*name);
    protocol::AppendOptions options = std::move(start->options);
    for (;;) {
        IncomingMessage message(account_->store().store(), account_->workers(), bytes);
        fragmenter_.accept_stream();
        if (is_sync) {
            protocol::write_continuation(out_, "send it");
            if (!(co_await flush())) co_return;
        }
        std::optional<AccountError> failed;
        bool has_nul = false;
        for (bool ended = false; !ended;) {
            auto rest = input();
            auto event = fragmenter_.next(rest);
            if (const auto* data = std::get_if<protocol::StreamData>(&event)) {
                if (!failed) message.take(data->bytes);
            }
            pending_at_ = pending_.size() - rest.size();
            if (const auto* end = std::get_if<protocol::StreamEnd>(&event)) {
                has_nul = end->has_nul;
                ended = true;
            } else if (std::holds_alternative<protocol::NeedMore>(event)) {
                // What was taken is written out while the client sends the next piece.
                if (!failed) {
                    if (auto error = co_await message.flush()) failed = error;
                }
                if (!(co_await read_more())) co_return;
            } else if (const auto* rejected = std::get_if<protocol::Rejected>(&event)) {
                reject(*rejected);
                co_return;
            }
        }
        if (!failed && has_nul)
            failed = AccountError{AccountErrorKind::kCannot, "a NUL needs a literal8"};
        if (!failed && bytes > 0) {
            commands::AppendDate date{options.internal_date, core_->clock().wall_microseconds()};
            auto ready =
                co_await message.finish(commands::to_flag_names(options.flags), date.value());
            if (ready) {
                request.messages.push_back(std::move(*ready));
            } else {
                failed = ready.error();
            }
        }
        // RFC 3502 §6.3.11: an empty message cancels the whole command.
        if (!failed && bytes == 0)
            failed = AccountError{AccountErrorKind::kCannot, "an empty message is none"};

        // What comes next: the end of the command, or another message.
        bool more = false;
        for (bool known = false; !known;) {
            auto rest = input();
            auto event = fragmenter_.next(rest);
            pending_at_ = pending_.size() - rest.size();
            if (const auto* end = std::get_if<protocol::StreamCommandEnd>(&event)) {
                if (!failed && !protocol::parse_append_end(end->tail, options)) {
                    bad(tag, "there is something behind the message");
                    co_return;
                }
                known = true;
            } else if (const auto* next = std::get_if<protocol::StreamStart>(&event)) {
                auto parsed = protocol::parse_append_next(next->head, options);
                if (failed || !parsed) {
                    failed ? no(tag, *failed) : bad(tag, "this message can not be understood");
                    give_up();
                    co_return;
                }
                options = std::move(*parsed);
                bytes = next->bytes;
                is_sync = next->is_sync;
                is_literal8 = next->is_literal8;
                more = known = true;
            } else if (std::holds_alternative<protocol::NeedMore>(event)) {
                if (!(co_await read_more())) co_return;
            } else if (const auto* rejected = std::get_if<protocol::Rejected>(&event)) {
                bad(tag, "the command is too large");
                if (rejected->must_close) set_state(SessionState::kLogout);
                co_return;
            }
        }
        if (failed && !more) {
            no(tag, *failed);
            co_return;
        }
        if (!more) break;
        if (request.messages.size() >= protocol::kAppendMessagesMax) {
            no(tag, CodeKind::limit, "too many messages in one APPEND");
            give_up();
            co_return;
        }
    }
    (void)is_literal8;
    auto done = co_await account_->call(std::move(request));
    if (!done) {
        sync(true);
        no(tag, done.error(), true);
        co_return;
    }
    protocol::OrderedRanges uids;
    for (const auto& range : done->uids) uids.push_back({range.first, range.last});
    sync(true);
    ok(tag, protocol::ResponseCode::append_uid(done->uidvalidity, std::move(uids)), "appended");
}

}  // namespace tidemark::actors

namespace tidemark::actors::commands {

Awaitable<void> append_whole(ImapSession* session, Tag tag, command::Append) {
    // Quoted strings and literals that are no message: the grammar wants a literal.
    session->bad(tag, "the message must be a literal");
    co_return;
}

}  // namespace tidemark::actors::commands
