// mailboxes.* of the admin socket. Listed as the store has them, so that loads no account.
#include "actors/admin_methods.hpp"
#include "actors/mailbox_admin.hpp"
#include "actors/server.hpp"
#include "actors/special_use.hpp"
#include "protocol/mailbox_name.hpp"

#include <fmt/format.h>

#include <utility>

namespace tidemark::actors::admin {

namespace {

// As the server writes it.
tl::expected<std::string, protocol::json_rpc::Error> valid_name(const std::string& text) {
    const auto name = protocol::MailboxName::from_utf8(text);
    if (!name)
        return fail(ErrorCode::invalid_params,
                    fmt::format("\"mailbox\": {}", protocol::describe(name.error())));
    return name->utf8();
}

}  // namespace

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
                            {"special_use", special_use_name(mailbox.special_use)},
                            {"subscribed", mailbox.subscribed}});
    }
    co_return list;
}

Awaitable<AdminResult> create_mailbox(AdminCall* call) {
    Params params(call->params);
    const std::string name = params.text("account");
    const std::string mailbox = params.text("mailbox");
    const std::string use = params.optional_text("special_use").value_or("");
    NewMailbox made;
    made.subscribed = params.optional_flag("subscribed").value_or(false);
    if (auto wrong = params.error()) co_return tl::unexpected(std::move(*wrong));
    const auto account = find_account(call->server, name);
    if (!account) co_return tl::unexpected(account.error());
    auto valid = valid_name(mailbox);
    if (!valid) co_return tl::unexpected(std::move(valid.error()));
    made.name = std::move(*valid);
    if (!use.empty()) {
        const auto found = find_special_use(use);
        if (!found)
            co_return fail(ErrorCode::invalid_params, "\"special_use\": there is none such");
        made.special_use = *found;
    }
    const auto done = co_await make_mailbox(&call->server.context(), *account, std::move(made));
    if (!done) co_return fail(done.error());
    co_return Json{{"id", done->object_id},
                   {"uidvalidity", done->uidvalidity},
                   {"special_use", special_use_name(done->special_use)}};
}

Awaitable<AdminResult> subscribe(AdminCall* call) {
    Params params(call->params);
    const std::string name = params.text("account");
    const std::string mailbox = params.text("mailbox");
    if (auto wrong = params.error()) co_return tl::unexpected(std::move(*wrong));
    const auto account = find_account(call->server, name);
    if (!account) co_return tl::unexpected(account.error());
    auto valid = valid_name(mailbox);
    if (!valid) co_return tl::unexpected(std::move(valid.error()));
    const auto done =
        co_await subscribe_mailbox(&call->server.context(), *account, std::move(*valid));
    if (!done) co_return fail(done.error());
    co_return Json::object();
}

}  // namespace tidemark::actors::admin
