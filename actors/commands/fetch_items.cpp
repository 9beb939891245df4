#include "actors/commands/fetch_items.hpp"

#include "protocol/message/section.hpp"
#include "protocol/message/summary.hpp"

#include <fmt/format.h>

namespace tidemark::actors::commands {

using protocol::FetchAttribute;
using protocol::FetchItem;
using protocol::FetchWriter;

namespace {

bool is_from_body(FetchAttribute attribute) {
    switch (attribute) {
        case FetchAttribute::rfc822:
        case FetchAttribute::rfc822_header:
        case FetchAttribute::rfc822_text:
        case FetchAttribute::body_section:
        case FetchAttribute::binary:
        case FetchAttribute::binary_size:
            return true;
        default:
            return false;
    }
}

bool is_whole_body(const FetchItem& item) {
    return item.attribute == FetchAttribute::rfc822 ||
           (item.attribute == FetchAttribute::body_section && item.section.path.empty() &&
            item.section.kind == protocol::message::SectionKind::kAll);
}

void write_text(FetchWriter& writer, std::string_view label, const FetchSources& from,
                const std::optional<protocol::message::SectionText>& section,
                const std::optional<protocol::Partial>& partial) {
    if (!section) return writer.nil(label);
    std::string_view text = section->text();
    if (partial) text = protocol::message::partial(text, partial->offset, partial->count);
    if (!section->is_assembled()) return writer.literal(label, from.body, text);
    auto copy = std::make_shared<const std::string>(text);
    const std::string_view view = *copy;
    writer.literal(label, std::move(copy), view);
}

// RFC 3516 §4.4: a literal8 where there is a NUL, else a literal. False: UNKNOWN-CTE.
bool write_binary(FetchWriter& writer, std::string_view label, FetchSources& from,
                  const FetchItem& item) {
    auto found = protocol::message::fetch_binary(from.structure(), item.section.path);
    if (!found.text) {
        if (found.error == protocol::message::BinaryError::kUnknownCte) return false;
        if (item.attribute == FetchAttribute::binary_size) {
            writer.number(label, 0);
        } else {
            writer.nil(label);
        }
        return true;
    }
    if (item.attribute == FetchAttribute::binary_size) {
        writer.number(label, found.text->text().size());
        return true;
    }
    std::string_view text = found.text->text();
    if (item.partial)
        text = protocol::message::partial(text, item.partial->offset, item.partial->count);
    auto copy = std::make_shared<const std::string>(text);
    const std::string_view view = *copy;
    if (view.find('\0') != std::string_view::npos) {
        writer.literal8(label, std::move(copy), view);
    } else {
        writer.literal(label, std::move(copy), view);
    }
    return true;
}

void write_section(FetchWriter& writer, std::string_view label, FetchSources& from,
                   const FetchItem& item) {
    protocol::message::SectionSpec spec = item.section;
    if (item.attribute == FetchAttribute::rfc822_header)
        spec.kind = protocol::message::SectionKind::kHeader;
    if (item.attribute == FetchAttribute::rfc822_text)
        spec.kind = protocol::message::SectionKind::kText;
    if (spec.path.empty() && spec.kind == protocol::message::SectionKind::kAll) {
        std::string_view text = *from.body;
        if (item.partial)
            text = protocol::message::partial(text, item.partial->offset, item.partial->count);
        return writer.literal(label, from.body, text);
    }
    // With nothing parsed yet only as much is parsed as the section needs.
    const auto section = from.parsed
                             ? protocol::message::fetch_section(*from.parsed, spec)
                             : protocol::message::fetch_section(std::string_view(*from.body), spec);
    write_text(writer, label, from, section, item.partial);
}

}  // namespace

std::optional<TextKind> text_kind(FetchAttribute attribute) {
    switch (attribute) {
        case FetchAttribute::envelope:
            return TextKind::kEnvelope;
        case FetchAttribute::body_structure:
            return TextKind::kBodyStructure;
        case FetchAttribute::body:
            return TextKind::kBody;
        case FetchAttribute::preview:
            return TextKind::kPreview;
        default:
            return std::nullopt;
    }
}

FetchPlan make_plan(ImapSession* session, const command::Fetch& fetch) {
    FetchPlan plan;
    // RFC 9051 §6.4.9: UID FETCH answers with the UID, asked for or not; RFC 7162 §3.1.4.1:
    // CHANGEDSINCE with MODSEQ.
    plan.uid = fetch.by_uid;
    plan.modseq = fetch.changed_since.has_value();
    for (const FetchItem& item : fetch.items) {
        switch (item.attribute) {
            case FetchAttribute::uid:
                plan.uid = true;
                continue;
            case FetchAttribute::flags:
                plan.flags = true;
                continue;
            case FetchAttribute::modseq:
                plan.modseq = true;
                continue;
            default:
                break;
        }
        plan.only_flags = false;
        const auto text = text_kind(item.attribute);
        if (text) plan.texts.add(*text);
        plan.only_texts = plan.only_texts && text && text != TextKind::kPreview;
        plan.needs_body = plan.needs_body || is_from_body(item.attribute);
        plan.sets_seen = plan.sets_seen || item.sets_seen();
        plan.items.push_back(item);
        plan.labels.push_back(protocol::fetch_label(item));
    }
    if (session->selected()->is_read_only) plan.sets_seen = false;
    std::size_t bodies = 0;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
        if (!is_from_body(plan.items[i].attribute)) continue;
        ++bodies;
        if (is_whole_body(plan.items[i])) plan.whole_body = i;
    }
    if (bodies != 1) plan.whole_body.reset();
    return plan;
}

bool write_item(ImapSession* session, FetchWriter& writer, const std::string& label,
                const FetchItem& item, FetchSources& from) {
    const storage::Message& message = from.message;
    switch (item.attribute) {
        case FetchAttribute::rfc822_size:
            writer.rfc822_size(message.size);
            return true;
        case FetchAttribute::internal_date:
            writer.internal_date(
                {message.internal_date.unix_seconds, message.internal_date.zone_minutes});
            return true;
        case FetchAttribute::save_date:
            writer.save_date(protocol::DateTime{message.save_date, 0});
            return true;
        case FetchAttribute::email_id:
            writer.object_id(label, fmt::format("E{:x}", storage::raw(message.body)));
            return true;
        case FetchAttribute::thread_id:
            writer.nil(label);
            return true;  // RFC 8474 §5.2: not supported
        case FetchAttribute::envelope:
        case FetchAttribute::body:
        case FetchAttribute::body_structure:
        case FetchAttribute::preview: {
            const auto text = from.text(*text_kind(item.attribute));
            if (item.attribute == FetchAttribute::preview) {
                writer.string(label, text, session->encoding());
            } else {
                writer.text(label, text.value_or("NIL"));
            }
            return true;
        }
        case FetchAttribute::binary:
        case FetchAttribute::binary_size:
            return write_binary(writer, label, from, item);
        case FetchAttribute::rfc822:
        case FetchAttribute::rfc822_header:
        case FetchAttribute::rfc822_text:
        case FetchAttribute::body_section:
            write_section(writer, label, from, item);
            return true;
        case FetchAttribute::uid:
        case FetchAttribute::flags:
        case FetchAttribute::modseq:
            return true;  // not among the items of a plan
    }
    return true;
}

}  // namespace tidemark::actors::commands
