#include "actors/commands/table.hpp"

#include "actors/commands/commands.hpp"

#include <array>
#include <utility>

namespace tidemark::actors::commands {

namespace {

template <class Body, Awaitable<void> (*Handler)(ImapSession*, Tag, Body)>
Awaitable<void> call(ImapSession* session, protocol::Command command) {
    co_await Handler(session, std::move(command.tag), std::move(std::get<Body>(command.body)));
}

template <class Body, Awaitable<void> (*Handler)(ImapSession*, Tag, Body)>
constexpr Entry entry(Needs needs) {
    return {needs, &call<Body, Handler>};
}

constexpr std::array<Entry, protocol::kVerbCount> make_table() {
    using protocol::Verb;
    std::array<Entry, protocol::kVerbCount> table{};
    const auto set = [&table](Verb verb, Entry value) {
        table[static_cast<std::size_t>(verb)] = value;
    };
    set(Verb::append, entry<command::Append, append_whole>(Needs::kAuthenticated));
    set(Verb::authenticate, entry<command::Authenticate, authenticate>(Needs::kNotAuthenticated));
    set(Verb::capability, entry<command::Capability, capability>(Needs::kAny));
    set(Verb::check, entry<command::Check, check>(Needs::kSelected));
    set(Verb::close, entry<command::Close, close>(Needs::kSelected));
    set(Verb::compress, entry<command::Compress, compress>(Needs::kAuthenticated));
    set(Verb::copy, entry<command::Copy, copy>(Needs::kMessages));
    set(Verb::create, entry<command::Create, create>(Needs::kAuthenticated));
    set(Verb::delete_mailbox, entry<command::Delete, delete_mailbox>(Needs::kAuthenticated));
    set(Verb::enable, entry<command::Enable, enable>(Needs::kAuthenticated));
    set(Verb::examine, entry<command::Select, select>(Needs::kAuthenticated));
    set(Verb::expunge, entry<command::Expunge, expunge>(Needs::kMessages));
    set(Verb::fetch, entry<command::Fetch, fetch>(Needs::kMessages));
    set(Verb::get_quota, entry<command::GetQuota, get_quota>(Needs::kAuthenticated));
    set(Verb::get_quota_root, entry<command::GetQuotaRoot, get_quota_root>(Needs::kAuthenticated));
    set(Verb::id, entry<command::Id, id>(Needs::kAny));
    set(Verb::idle, entry<command::Idle, idle>(Needs::kAuthenticated));
    set(Verb::list, entry<command::List, list>(Needs::kAuthenticated));
    set(Verb::login, entry<command::Login, login>(Needs::kNotAuthenticated));
    set(Verb::logout, entry<command::Logout, logout>(Needs::kAny));
    set(Verb::lsub, entry<command::Lsub, lsub>(Needs::kAuthenticated));
    set(Verb::move, entry<command::Move, move>(Needs::kMessages));
    set(Verb::name_space, entry<command::Namespace, name_space>(Needs::kAuthenticated));
    set(Verb::noop, entry<command::Noop, noop>(Needs::kAny));
    set(Verb::rename, entry<command::Rename, rename>(Needs::kAuthenticated));
    set(Verb::search, entry<command::Search, search>(Needs::kMessages));
    set(Verb::select, entry<command::Select, select>(Needs::kAuthenticated));
    set(Verb::sort, entry<command::Sort, sort>(Needs::kMessages));
    set(Verb::start_tls, entry<command::StartTls, start_tls>(Needs::kNotAuthenticated));
    set(Verb::status, entry<command::Status, status>(Needs::kAuthenticated));
    set(Verb::store, entry<command::Store, store>(Needs::kMessages));
    set(Verb::subscribe, entry<command::Subscribe, subscribe>(Needs::kAuthenticated));
    set(Verb::thread, entry<command::Thread, thread>(Needs::kMessages));
    set(Verb::unauthenticate,
        entry<command::Unauthenticate, unauthenticate>(Needs::kAuthenticated));
    set(Verb::unselect, entry<command::Unselect, unselect>(Needs::kSelected));
    set(Verb::unsubscribe, entry<command::Unsubscribe, unsubscribe>(Needs::kAuthenticated));
    return table;
}

constexpr auto kTable = make_table();

constexpr bool is_complete() {
    for (const Entry& entry : kTable) {
        if (entry.run == nullptr) return false;
    }
    return true;
}
static_assert(is_complete());

}  // namespace

const Entry& find(protocol::Verb verb) {
    return kTable[static_cast<std::size_t>(verb)];
}

}  // namespace tidemark::actors::commands
