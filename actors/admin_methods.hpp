// The methods of the admin socket: their names, and what they share.
//
// A handler answers with a JSON value or an error of json_rpc; it runs on the home core of its
// session, which keeps the AdminCall alive until it returns. Parameters are always given by name;
// unknown names are refused, so that a mistyped one is not silently without effect.
//
//     status                                       the server's state, see admin_status.cpp
//     accounts.list                                [{name, id, enabled, messages, bytes,
//                                                  quota_bytes}]
//     accounts.add     {name, password, quota_bytes?}
//     accounts.passwd  {name, password}
//     accounts.remove  {name}
//     accounts.import  {line} | {lines}            NAME:PASSWORD or NAME:{SCHEME}HASH
//     accounts.set     {name, quota_bytes?, enabled?}
//     mailboxes.list   {account}
//     mailboxes.create {account, mailbox, special_use?, subscribed?}
//                                                  refused where there is one; a special use that
//                                                  another mailbox has is left out
//     mailboxes.subscribe {account, mailbox}       a mailbox, or a name that is none
//     mail.append      {account, mailbox, file?, messages: [{bytes, internal_date, zone?, flags}]}
//                                                  the bytes are in DIR/imports/<file>; zone:
//                                                  minutes east of UTC; the mailbox is made where
//                                                  it does not exist
//     backup           {destination, since?, omit_unchanged?, with_keys?, bytes_per_second_max?}
//                                                  written by the server, see admin_backup.cpp;
//                                                  progress tells bytes_done and bytes_total
//     verify           {quick?, threads?}          checks the store, see verify_json.hpp; progress
//                                                  tells what, unit, done and total
//     connections.list                             [{id, kind, user, peer, state, client, tls}]
//     connections.disconnect {id} | {user}
//     log.level        {component?, level?}        without a level: only tells
//     reload                                       configuration and certificates
//     maintain         {compact?}                  folds and trims all loaded accounts
//     shutdown
//     methods                                      their names
#pragma once

#include "actors/account_messages.hpp"
#include "actors/actor.hpp"
#include "actors/awaitable.hpp"
#include "actors/server.hpp"
#include "protocol/json_rpc.hpp"
#include "protocol/secret_string.hpp"
#include "storage/types.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::actors {

class AdminSession;

using AdminResult = tl::expected<protocol::json_rpc::Json, protocol::json_rpc::Error>;

struct AdminCall {
    AdminSession& session;
    Server& server;
    protocol::json_rpc::Json& params;  // the handler may move out of it
};
using AdminHandler = Awaitable<AdminResult> (*)(AdminCall* call);

// Null: there is no such method. Besides its name a method may have an older spelling
// ("account_add", "log_level").
AdminHandler find_admin_method(std::string_view name);

namespace admin {

using protocol::json_rpc::ErrorCode;
using protocol::json_rpc::Json;

tl::unexpected<protocol::json_rpc::Error> fail(ErrorCode code, std::string message);
tl::unexpected<protocol::json_rpc::Error> fail(const AccountError& error);
tl::unexpected<protocol::json_rpc::Error> fail(const storage::StoreError& error);

// Takes parameters out of a call by name. The first thing that is wrong is remembered; ask error()
// after taking everything.
class Params {
  public:
    explicit Params(Json& object);

    std::string text(std::string_view name);
    std::optional<std::string> optional_text(std::string_view name);
    // Overwritten in the JSON value.
    protocol::SecretString secret(std::string_view name);
    std::optional<std::uint64_t> optional_number(std::string_view name);
    std::optional<std::int64_t> optional_integer(std::string_view name);
    std::optional<bool> optional_flag(std::string_view name);
    // Null with an error remembered when it is missing or no array. Valid as long as the object.
    Json* array(std::string_view name);
    bool has(std::string_view name) const;

    // Also: something is there that nobody asked for.
    std::optional<protocol::json_rpc::Error> error();

  private:
    Json* find(std::string_view name, bool is_required);
    void wrong(std::string message);

    Json& object_;
    std::vector<std::string_view> known_;
    std::optional<std::string> wrong_;
};

// Overwrites every string of the value.
void wipe_strings(Json& value);

// The account of a name as an administrator writes it.
tl::expected<storage::AccountId, protocol::json_rpc::Error> find_account(Server& server,
                                                                         std::string_view name);

// Runs `work` on the account's home core and waits for it.
Awaitable<AdminResult> run_on(Server* server, Core* core,
                              std::function<Awaitable<AdminResult>()> work);

// Asks every core at once; the answers by core.
template <class T>
Awaitable<std::vector<T>> ask_every_core(Server* server, std::function<T(unsigned core)> question) {
    std::vector<Reply<T>> replies;
    for (unsigned i = 0; i < server->cores().size(); ++i) {
        replies.emplace_back(*Core::current());
        server->cores()[i].post(
            [question, i, to = replies.back().to()]() mutable { to.send(question(i)); });
    }
    std::vector<T> answers;
    for (auto& reply : replies) {
        auto answer = co_await reply.wait();
        answers.push_back(answer ? std::move(*answer) : T());
    }
    co_return answers;
}

// Ends all IMAP sessions of a user, on every core; how many there were.
Awaitable<std::size_t> disconnect_user(Server* server, std::string user, std::string reason);

// admin_status.cpp
Awaitable<AdminResult> status(AdminCall* call);
Awaitable<AdminResult> log_level(AdminCall* call);
Awaitable<AdminResult> reload(AdminCall* call);
Awaitable<AdminResult> maintain(AdminCall* call);
Awaitable<AdminResult> shut_down(AdminCall* call);
// admin_backup.cpp
Awaitable<AdminResult> back_up(AdminCall* call);
Json backup_status_json(const BackupStatus& status);
// admin_verify.cpp
Awaitable<AdminResult> verify(AdminCall* call);
// admin_accounts.cpp
Awaitable<AdminResult> list_accounts(AdminCall* call);
Awaitable<AdminResult> add_account(AdminCall* call);
Awaitable<AdminResult> change_password(AdminCall* call);
Awaitable<AdminResult> remove_account(AdminCall* call);
Awaitable<AdminResult> import_accounts(AdminCall* call);
Awaitable<AdminResult> set_account(AdminCall* call);
// admin_connections.cpp
Awaitable<AdminResult> list_connections(AdminCall* call);
Awaitable<AdminResult> disconnect(AdminCall* call);
// admin_mail.cpp
Awaitable<AdminResult> append_mail(AdminCall* call);
// admin_mailboxes.cpp
Awaitable<AdminResult> list_mailboxes(AdminCall* call);
Awaitable<AdminResult> create_mailbox(AdminCall* call);
Awaitable<AdminResult> subscribe(AdminCall* call);

}  // namespace admin

}  // namespace tidemark::actors
