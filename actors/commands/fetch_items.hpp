// The items of a FETCH (RFC 9051 §6.4.5, §7.5.2): what a command asks for, and each item of one
// message written from where it comes from. fetch.cpp says which messages, and gets the sources.
#pragma once

#include "actors/commands/commands.hpp"
#include "actors/page_texts.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/write_fetch.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors::commands {

struct FetchPlan {
    std::vector<protocol::FetchItem> items;
    std::vector<std::string> labels;  // of items, where they have one of their own
    bool uid = false;
    bool flags = false;
    bool modseq = false;
    TextKinds texts;  // that some item needs
    bool needs_body = false;
    bool sets_seen = false;
    bool only_flags = true;  // UID, FLAGS, MODSEQ and nothing else
    bool only_texts = true;  // these, and items that are such a text as it is
    // The one item that needs the body, when that is the whole message: it can be sent in pieces.
    std::optional<std::size_t> whole_body;
};

FetchPlan make_plan(ImapSession* session, const command::Fetch& fetch);

// Nothing for an item that is no text of the summary.
std::optional<TextKind> text_kind(protocol::FetchAttribute attribute);

// The sources of one message's items.
struct FetchSources {
    storage::Message message;
    std::uint32_t seq = 0;
    const SummaryTexts* texts = nullptr;
    std::size_t text_index = 0;
    std::string made;  // the summary, where a text is missing
    std::shared_ptr<const std::string> body;
    std::optional<protocol::message::ParsedMessage> parsed;

    std::optional<std::string_view> text(TextKind kind) const {
        if (made.empty()) return (*texts)[static_cast<std::size_t>(kind)]->at(text_index);
        const auto summary = protocol::message::SummaryView::read(made);
        return summary ? std::optional(text_of(*summary, kind)) : std::nullopt;
    }
    const protocol::message::ParsedMessage& structure() {
        if (!parsed) parsed = protocol::message::parse_message(*body);
        return *parsed;
    }
};

// False: the item can not be given (UNKNOWN-CTE); the response must be taken back. `from` has the
// texts and the body, as far as the item needs them.
bool write_item(ImapSession* session, protocol::FetchWriter& writer, const std::string& label,
                const protocol::FetchItem& item, FetchSources& from);

}  // namespace tidemark::actors::commands
