// Who is connected, and ending connections. A session that moves between cores at the very moment
// is on neither of them: it is missing from the list, and is not ended.
#include "actors/admin_methods.hpp"
#include "actors/auth/account_name.hpp"

#include <algorithm>
#include <numeric>

namespace tidemark::actors::admin {

namespace {

constexpr std::string_view kDisconnected = "disconnected by the administrator";

}  // namespace

Awaitable<std::size_t> disconnect_user(Server* server, std::string user, std::string reason) {
    auto counts = co_await ask_every_core<std::size_t>(
        server, [server, user = std::move(user), reason = std::move(reason)](unsigned core) {
            return server->disconnect_user_here(core, user, reason);
        });
    co_return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

Awaitable<AdminResult> list_connections(AdminCall* call) {
    Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    Server* server = &call->server;
    auto by_core = co_await ask_every_core<std::vector<Server::SessionInfo>>(
        server, [server](unsigned core) { return server->sessions_here(core); });
    std::vector<Server::SessionInfo> sessions;
    for (auto& here : by_core) {
        std::move(here.begin(), here.end(), std::back_inserter(sessions));
    }
    std::sort(sessions.begin(), sessions.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    auto list = Json::array();
    for (const auto& session : sessions) {
        list.push_back({{"id", session.id},
                        {"kind", session.kind},
                        {"user", session.user},
                        {"peer", session.peer},
                        {"state", session.state},
                        {"client", session.client},
                        {"tls", session.tls}});
    }
    co_return list;
}

Awaitable<AdminResult> disconnect(AdminCall* call) {
    Params params(call->params);
    const auto id = params.optional_number("id");
    const auto user = params.optional_text("user");
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (id.has_value() == user.has_value())
        co_return fail(ErrorCode::invalid_params, "give either \"id\" or \"user\"");
    Server* server = &call->server;
    std::size_t count = 0;
    if (user) {
        auto name = normalize_account_name(*user);
        if (!name) co_return fail(ErrorCode::invalid_params, std::string(name.error().detail));
        count = co_await disconnect_user(server, std::move(*name), std::string(kDisconnected));
    } else {
        auto found = co_await ask_every_core<bool>(server, [server, id](unsigned core) {
            return server->disconnect_here(core, *id, std::string(kDisconnected));
        });
        count = static_cast<std::size_t>(std::count(found.begin(), found.end(), true));
        if (count == 0) co_return fail(ErrorCode::not_found, "there is no such connection");
    }
    co_return Json{{"disconnected", count}};
}

}  // namespace tidemark::actors::admin
