#include "protocol/parse_command.hpp"

#include "protocol/cursor.hpp"
#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

#include <algorithm>
#include <array>

namespace tidemark::protocol {

namespace {

// In the order of Verb, which is the order of the alphabet.
constexpr std::array<std::string_view, kVerbCount> kVerbNames = {
    "APPEND",      "AUTHENTICATE", "CAPABILITY", "CHECK",          "CLOSE",
    "COMPRESS",    "COPY",         "CREATE",     "DELETE",         "ENABLE",
    "EXAMINE",     "EXPUNGE",      "FETCH",      "GETQUOTA",       "GETQUOTAROOT",
    "ID",          "IDLE",         "LIST",       "LOGIN",          "LOGOUT",
    "LSUB",        "MOVE",         "NAMESPACE",  "NOOP",           "RENAME",
    "SEARCH",      "SELECT",       "SORT",       "STARTTLS",       "STATUS",
    "STORE",       "SUBSCRIBE",    "THREAD",     "UNAUTHENTICATE", "UNSELECT",
    "UNSUBSCRIBE",
};
static_assert(std::is_sorted(kVerbNames.begin(), kVerbNames.end()));
static_assert(static_cast<std::size_t>(Verb::unsubscribe) + 1 == kVerbCount);

// RFC 9051 §9:
//   uid = "UID" SP (copy / move / fetch / search / store / uid-expunge)
// and RFC 5256 §5 adds sort and thread.
bool parse_uid_command(Cursor& cursor, Verb verb, command::Body& body) {
    switch (verb) {
        case Verb::copy: {
            auto& copy = body.emplace<command::Copy>();
            copy.by_uid = true;
            return parse_set_and_mailbox(cursor, copy.set, copy.mailbox);
        }
        case Verb::move: {
            auto& move = body.emplace<command::Move>();
            move.by_uid = true;
            return parse_set_and_mailbox(cursor, move.set, move.mailbox);
        }
        case Verb::fetch: {
            auto& fetch = body.emplace<command::Fetch>();
            fetch.by_uid = true;
            return parse_fetch(cursor, fetch);
        }
        case Verb::store: {
            auto& store = body.emplace<command::Store>();
            store.by_uid = true;
            return parse_store(cursor, store);
        }
        case Verb::search: {
            auto& search = body.emplace<command::Search>();
            search.by_uid = true;
            return parse_search(cursor, search);
        }
        case Verb::sort: {
            auto& sort = body.emplace<command::Sort>();
            sort.by_uid = true;
            return parse_sort(cursor, sort);
        }
        case Verb::thread: {
            auto& thread = body.emplace<command::Thread>();
            thread.by_uid = true;
            return parse_thread(cursor, thread);
        }
        case Verb::expunge:
            // RFC 9051 §9: uid-expunge = "EXPUNGE" SP sequence-set
            return cursor.expect_space("uid-expunge") &&
                   parse_sequence_set(cursor, body.emplace<command::Expunge>().uids.emplace());
        default:
            return cursor.fail(ParseErrorKind::unknown_command, "uid");
    }
}

// RFC 9051 §9 "command-any", "command-auth", "command-nonauth", "command-select": what follows the
// verb.
bool parse_arguments(Cursor& cursor, Verb verb, command::Body& body) {
    using namespace command;
    switch (verb) {
        case Verb::append:
            return parse_append(cursor, body.emplace<Append>());
        case Verb::authenticate:
            return parse_authenticate(cursor, body.emplace<Authenticate>());
        case Verb::capability:
            body.emplace<Capability>();
            return true;
        case Verb::check:
            body.emplace<Check>();
            return true;
        case Verb::close:
            body.emplace<Close>();
            return true;
        case Verb::compress:
            return parse_compress(cursor, body.emplace<Compress>());
        case Verb::copy: {
            auto& copy = body.emplace<Copy>();
            return parse_set_and_mailbox(cursor, copy.set, copy.mailbox);
        }
        case Verb::create:
            return parse_create(cursor, body.emplace<Create>());
        case Verb::delete_mailbox:
            return parse_mailbox_argument(cursor, body.emplace<Delete>().mailbox);
        case Verb::enable:
            return parse_enable(cursor, body.emplace<Enable>());
        case Verb::examine: {
            auto& select = body.emplace<Select>();
            select.is_read_only = true;
            return parse_select(cursor, select);
        }
        case Verb::expunge:
            body.emplace<Expunge>();
            return true;
        case Verb::fetch:
            return parse_fetch(cursor, body.emplace<Fetch>());
        case Verb::get_quota:
            return parse_get_quota(cursor, body.emplace<GetQuota>());
        case Verb::get_quota_root:
            return parse_mailbox_argument(cursor, body.emplace<GetQuotaRoot>().mailbox);
        case Verb::id:
            return parse_id(cursor, body.emplace<Id>());
        case Verb::idle:
            body.emplace<Idle>();
            return true;
        case Verb::list:
            return parse_list(cursor, body.emplace<List>());
        case Verb::login:
            return parse_login(cursor, body.emplace<Login>());
        case Verb::logout:
            body.emplace<Logout>();
            return true;
        case Verb::lsub:
            return parse_lsub(cursor, body.emplace<Lsub>());
        case Verb::move: {
            auto& move = body.emplace<Move>();
            return parse_set_and_mailbox(cursor, move.set, move.mailbox);
        }
        case Verb::name_space:
            body.emplace<Namespace>();
            return true;
        case Verb::noop:
            body.emplace<Noop>();
            return true;
        case Verb::rename:
            return parse_rename(cursor, body.emplace<Rename>());
        case Verb::search:
            return parse_search(cursor, body.emplace<Search>());
        case Verb::select:
            return parse_select(cursor, body.emplace<Select>());
        case Verb::sort:
            return parse_sort(cursor, body.emplace<Sort>());
        case Verb::start_tls:
            body.emplace<StartTls>();
            return true;
        case Verb::status:
            return parse_status(cursor, body.emplace<Status>());
        case Verb::store:
            return parse_store(cursor, body.emplace<Store>());
        case Verb::subscribe:
            return parse_mailbox_argument(cursor, body.emplace<Subscribe>().mailbox);
        case Verb::thread:
            return parse_thread(cursor, body.emplace<Thread>());
        case Verb::unauthenticate:
            body.emplace<Unauthenticate>();
            return true;
        case Verb::unselect:
            body.emplace<Unselect>();
            return true;
        case Verb::unsubscribe:
            return parse_mailbox_argument(cursor, body.emplace<Unsubscribe>().mailbox);
    }
    return cursor.fail(ParseErrorKind::unknown_command, "command");
}

// The verb and its arguments; `verb` is set as soon as it is known.
bool parse_body(Cursor& cursor, std::optional<Verb>& verb, command::Body& body) {
    if (!cursor.expect_space("command")) return false;
    std::string_view word = cursor.take_word();
    const bool is_uid = ascii_iequals(word, "UID");
    if (is_uid) {
        if (!cursor.expect_space("uid")) return false;
        word = cursor.take_word();
    }
    if (word.empty()) return cursor.fail(ParseErrorKind::syntax, "command");
    verb = find_verb(word);
    if (!verb) return cursor.fail(ParseErrorKind::unknown_command, "command");
    const bool is_parsed =
        is_uid ? parse_uid_command(cursor, *verb, body) : parse_arguments(cursor, *verb, body);
    return is_parsed && (cursor.at_command_end() || cursor.fail(ParseErrorKind::syntax, "command"));
}

}  // namespace

std::string_view verb_name(Verb verb) {
    return kVerbNames[static_cast<std::size_t>(verb)];
}

std::optional<Verb> find_verb(std::string_view name) {
    const auto found = std::lower_bound(
        kVerbNames.begin(), kVerbNames.end(), name,
        [](std::string_view a, std::string_view b) { return ascii_icompare(a, b) < 0; });
    if (found == kVerbNames.end() || !ascii_iequals(*found, name)) return std::nullopt;
    return static_cast<Verb>(found - kVerbNames.begin());
}

std::optional<Tag> find_tag(std::string_view bytes) {
    Cursor cursor(bytes);
    auto tag = Tag::parse(cursor.take_while(is_tag_char));
    if (!tag || (!cursor.at_end() && cursor.peek() != ' ')) return std::nullopt;
    return *std::move(tag);
}

// RFC 9051 §9:
//   command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
//   tag     = 1*<any ASTRING-CHAR except "+">
tl::expected<Command, CommandError> parse_command(std::string_view bytes) {
    Cursor cursor(bytes);
    const auto failed = [&](std::optional<Tag> tag, std::optional<Verb> verb) {
        return tl::unexpected(CommandError{cursor.error(), std::move(tag), verb});
    };
    if (cursor.at_command_end()) {
        (void)cursor.fail(ParseErrorKind::empty, "command");
        return failed({}, {});
    }
    auto tag = Tag::parse(cursor.take_while(is_tag_char));
    if (!tag || (!cursor.at_end() && cursor.peek() != ' ')) {
        (void)cursor.fail_at(0, tag ? ParseErrorKind::syntax : tag.error().kind, "tag");
        return failed({}, {});
    }
    std::optional<Verb> verb;
    command::Body body;
    if (!parse_body(cursor, verb, body)) return failed(*std::move(tag), verb);
    return Command{*std::move(tag), std::move(body)};
}

namespace {

struct VerbOf {
    Verb operator()(const command::Append&) const { return Verb::append; }
    Verb operator()(const command::Authenticate&) const { return Verb::authenticate; }
    Verb operator()(const command::Capability&) const { return Verb::capability; }
    Verb operator()(const command::Check&) const { return Verb::check; }
    Verb operator()(const command::Close&) const { return Verb::close; }
    Verb operator()(const command::Compress&) const { return Verb::compress; }
    Verb operator()(const command::Copy&) const { return Verb::copy; }
    Verb operator()(const command::Create&) const { return Verb::create; }
    Verb operator()(const command::Delete&) const { return Verb::delete_mailbox; }
    Verb operator()(const command::Enable&) const { return Verb::enable; }
    Verb operator()(const command::Expunge&) const { return Verb::expunge; }
    Verb operator()(const command::Fetch&) const { return Verb::fetch; }
    Verb operator()(const command::GetQuota&) const { return Verb::get_quota; }
    Verb operator()(const command::GetQuotaRoot&) const { return Verb::get_quota_root; }
    Verb operator()(const command::Id&) const { return Verb::id; }
    Verb operator()(const command::Idle&) const { return Verb::idle; }
    Verb operator()(const command::List&) const { return Verb::list; }
    Verb operator()(const command::Login&) const { return Verb::login; }
    Verb operator()(const command::Logout&) const { return Verb::logout; }
    Verb operator()(const command::Lsub&) const { return Verb::lsub; }
    Verb operator()(const command::Move&) const { return Verb::move; }
    Verb operator()(const command::Namespace&) const { return Verb::name_space; }
    Verb operator()(const command::Noop&) const { return Verb::noop; }
    Verb operator()(const command::Rename&) const { return Verb::rename; }
    Verb operator()(const command::Search&) const { return Verb::search; }
    Verb operator()(const command::Select& select) const {
        return select.is_read_only ? Verb::examine : Verb::select;
    }
    Verb operator()(const command::Sort&) const { return Verb::sort; }
    Verb operator()(const command::StartTls&) const { return Verb::start_tls; }
    Verb operator()(const command::Status&) const { return Verb::status; }
    Verb operator()(const command::Store&) const { return Verb::store; }
    Verb operator()(const command::Subscribe&) const { return Verb::subscribe; }
    Verb operator()(const command::Thread&) const { return Verb::thread; }
    Verb operator()(const command::Unauthenticate&) const { return Verb::unauthenticate; }
    Verb operator()(const command::Unselect&) const { return Verb::unselect; }
    Verb operator()(const command::Unsubscribe&) const { return Verb::unsubscribe; }
};

}  // namespace

Verb verb_of(const command::Body& body) {
    return std::visit(VerbOf{}, body);
}

}  // namespace tidemark::protocol
