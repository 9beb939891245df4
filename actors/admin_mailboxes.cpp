// mailboxes.list of the admin socket: as the store has them, so it loads no account.
#include "actors/admin_methods.hpp"
#include "actors/server.hpp"

#include <utility>

namespace tidemark::actors::admin {

Awaitable<AdminResult> list_mailboxes(AdminCall* call) {
    Params params(call->params);
    const std::string name = params.text("account");
    if (auto wrong = params.error()) co_return tl::unexpected(std::move(*wrong));
    const auto account = find_account(call->server, name);
    if (!account) co_return tl::unexpected(account.error());
    const storage::Store* store = &call->server.store();
    auto loaded = co_await call->server.context().workers.run(
        WorkPriority::heavy, [store, id = *account] { return store->load_account(id); });
    if (!loaded) co_return fail(ErrorCode::unavailable, "the server is too busy");
    if (!*loaded) co_return fail(loaded->error());
    Json list = Json::array();
    for (const storage::MailboxRecord& mailbox : (*loaded)->mailboxes) {
        list.push_back(Json{{"name", mailbox.name},
                            {"id", mailbox.object_id},
                            {"uidvalidity", mailbox.uidvalidity},
                            {"uidnext", mailbox.uidnext},
                            {"highestmodseq", mailbox.highestmodseq},
                            {"messages", mailbox.counts.messages},
                            {"unseen", mailbox.counts.unseen},
                            {"bytes", mailbox.counts.bytes},
                            {"keywords", mailbox.keywords},
                            {"subscribed", mailbox.subscribed}});
    }
    co_return list;
}

}  // namespace tidemark::actors::admin
