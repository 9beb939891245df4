// The accounts: list, add, change, remove, import. Passwords are hashed on the worker pool and are
// overwritten as soon as they are.
#include "actors/account_admin.hpp"
#include "actors/admin_methods.hpp"
#include "actors/admin_session.hpp"
#include "actors/auth/account_name.hpp"
#include "actors/auth/password.hpp"
#include "actors/auth/password_import.hpp"
#include "actors/limits.hpp"

#include <algorithm>
#include <memory>

namespace tidemark::actors::admin {

namespace {

using protocol::SecretString;
namespace json_rpc = protocol::json_rpc;

template <class T>
using Expected = tl::expected<T, json_rpc::Error>;

tl::unexpected<json_rpc::Error> too_busy() {
    return fail(ErrorCode::unavailable, "the server is too busy now");
}

// The text form of new credentials.
Awaitable<Expected<std::string>> hash(Server* server, SecretString password) {
    auto made = co_await server->context().workers.run(
        WorkPriority::interactive, [password = std::move(password)]() -> AuthExpected<std::string> {
            auto credentials = make_credentials(password.view());
            if (!credentials) return tl::unexpected(credentials.error());
            return stored_password_text(*credentials);
        });
    if (!made) co_return too_busy();
    if (!*made) co_return fail(ErrorCode::invalid_params, std::string(made->error().detail));
    co_return std::move(**made);
}

Expected<std::string> account_name(std::string_view name) {
    auto normal = normalize_account_name(name);
    if (!normal) return fail(ErrorCode::invalid_params, std::string(normal.error().detail));
    return std::move(*normal);
}

Expected<Json> list_of(const storage::Store& store) {
    auto accounts = store.accounts();
    if (!accounts) return fail(accounts.error());
    std::sort(accounts->begin(), accounts->end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    auto list = Json::array();
    for (const auto& record : *accounts) {
        auto loaded = store.load_account(record.id);
        if (!loaded) {
            // Removed meanwhile.
            if (loaded.error().kind == storage::StoreErrorKind::kNotFound) continue;
            return fail(loaded.error());
        }
        list.push_back({{"name", record.name},
                        {"enabled", record.enabled},
                        {"messages", loaded->counters.used_messages},
                        {"bytes", loaded->counters.used_bytes},
                        {"quota_bytes", record.quota_bytes},
                        {"id", storage::raw(record.id)},
                        {"created", record.created_seconds}});
    }
    return list;
}

Awaitable<AdminResult> set_credentials(Server* server, std::string name, std::string credentials) {
    auto done = co_await actors::change_account(
        &server->context(), std::move(name),
        [credentials = std::move(credentials)](storage::AccountRecord& record) {
            record.credentials = credentials;
        });
    if (!done) co_return fail(done.error());
    co_return Json::object();
}

// An account that exists gets the password.
Awaitable<Expected<bool>> import_line(Server* server, SecretString line) {
    auto parsed = co_await server->context().workers.run(
        WorkPriority::interactive,
        [line = std::move(line)] { return parse_import_line(line.view()); });
    if (!parsed) co_return too_busy();
    if (!*parsed) co_return fail(ErrorCode::invalid_params, std::string(parsed->error().detail));
    if (!**parsed) co_return false;
    ImportedAccount& account = ***parsed;
    std::string credentials = stored_password_text(account.password);
    if (server->store().find_account(account.name)) {
        auto changed =
            co_await set_credentials(server, std::move(account.name), std::move(credentials));
        if (!changed) co_return tl::unexpected(std::move(changed.error()));
    } else {
        NewAccount added;
        added.name = std::move(account.name);
        added.credentials = std::move(credentials);
        auto done = co_await actors::add_account(&server->context(), std::move(added));
        if (!done) co_return fail(done.error());
    }
    co_return true;
}

}  // namespace

Awaitable<AdminResult> list_accounts(AdminCall* call) {
    Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    const storage::Store* store = &call->server.store();
    auto list = co_await call->server.context().workers.run(WorkPriority::heavy,
                                                            [store] { return list_of(*store); });
    if (!list) co_return too_busy();
    co_return std::move(*list);
}

Awaitable<AdminResult> add_account(AdminCall* call) {
    Params params(call->params);
    NewAccount account;
    account.name = params.text("name");
    auto password = params.secret("password");
    account.quota_bytes = params.optional_number("quota_bytes").value_or(0);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    auto name = account_name(account.name);
    if (!name) co_return tl::unexpected(std::move(name.error()));
    account.name = std::move(*name);
    auto credentials = co_await hash(&call->server, std::move(password));
    if (!credentials) co_return tl::unexpected(std::move(credentials.error()));
    account.credentials = std::move(*credentials);
    auto done = co_await actors::add_account(&call->server.context(), std::move(account));
    if (!done) co_return fail(done.error());
    co_return Json::object();
}

Awaitable<AdminResult> change_password(AdminCall* call) {
    Params params(call->params);
    std::string name = params.text("name");
    auto password = params.secret("password");
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (auto id = find_account(call->server, name); !id)
        co_return tl::unexpected(std::move(id.error()));
    auto credentials = co_await hash(&call->server, std::move(password));
    if (!credentials) co_return tl::unexpected(std::move(credentials.error()));
    co_return co_await set_credentials(&call->server, std::move(name), std::move(*credentials));
}

Awaitable<AdminResult> remove_account(AdminCall* call) {
    Params params(call->params);
    std::string name = params.text("name");
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (auto id = find_account(call->server, name); !id)
        co_return tl::unexpected(std::move(id.error()));
    auto done = co_await actors::remove_account(&call->server.context(), std::move(name));
    if (!done) co_return fail(done.error());
    co_return Json::object();
}

// One line: its error is the call's. Several: each stands for itself, and the answer says which
// were refused (counted from 0).
Awaitable<AdminResult> import_accounts(AdminCall* call) {
    Params params(call->params);
    const bool is_single = params.has("line");
    SecretString line;
    Json* lines = nullptr;
    if (is_single) {
        line = params.secret("line");
    } else {
        lines = params.array("lines");
    }
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (is_single) {
        auto done = co_await import_line(&call->server, std::move(line));
        if (!done) co_return tl::unexpected(std::move(done.error()));
        co_return Json{{"imported", *done ? 1 : 0}};
    }
    if (lines->size() > kAdminImportLinesMax)
        co_return fail(ErrorCode::limit, "too many lines in one call");
    std::size_t imported = 0;
    auto refused = Json::array();
    for (std::size_t i = 0; i < lines->size(); ++i) {
        Json& item = (*lines)[i];
        if (!item.is_string()) {
            refused.push_back({{"line", i}, {"reason", "not a string"}});
            continue;
        }
        auto done =
            co_await import_line(&call->server, SecretString::take(item.get_ref<std::string&>()));
        if (!done && done.error().code == ErrorCode::unavailable)
            co_return tl::unexpected(std::move(done.error()));
        if (!done) refused.push_back({{"line", i}, {"reason", done.error().message}});
        if (done && *done) ++imported;
    }
    co_return Json{{"imported", imported}, {"refused", std::move(refused)}};
}

Awaitable<AdminResult> set_account(AdminCall* call) {
    Params params(call->params);
    const std::string name = params.text("name");
    const auto quota_bytes = params.optional_number("quota_bytes");
    const auto enabled = params.optional_flag("enabled");
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (!quota_bytes && !enabled)
        co_return fail(ErrorCode::invalid_params, "neither \"quota_bytes\" nor \"enabled\" is set");
    auto normal = account_name(name);
    if (!normal) co_return tl::unexpected(std::move(normal.error()));
    auto done = co_await actors::change_account(
        &call->server.context(), *normal, [quota_bytes, enabled](storage::AccountRecord& record) {
            if (quota_bytes) record.quota_bytes = *quota_bytes;
            if (enabled) record.enabled = *enabled;
        });
    if (!done) co_return fail(done.error());
    // Nobody logs in again; who is in must go.
    if (enabled && !*enabled)
        co_await disconnect_user(&call->server, std::move(*normal), "the account was disabled");
    co_return Json::object();
}

}  // namespace tidemark::actors::admin
