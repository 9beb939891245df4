#include "actors/admin_methods.hpp"

#include "actors/admin_session.hpp"
#include "actors/auth/account_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace tidemark::actors {

namespace json_rpc = protocol::json_rpc;

namespace {

struct Method {
    std::string_view name;
    std::string_view other_name;
    AdminHandler handler;
};

Awaitable<AdminResult> list_methods(AdminCall* call);

constexpr std::array kMethods = {
    Method{"accounts.add", "account_add", &admin::add_account},
    Method{"accounts.import", "account_import", &admin::import_accounts},
    Method{"accounts.list", "accounts", &admin::list_accounts},
    Method{"accounts.passwd", "account_passwd", &admin::change_password},
    Method{"accounts.remove", "account_remove", &admin::remove_account},
    Method{"accounts.set", "account_set", &admin::set_account},
    Method{"backup", "", &admin::back_up},
    Method{"connections.disconnect", "disconnect", &admin::disconnect},
    Method{"connections.list", "connections", &admin::list_connections},
    Method{"log.level", "log_level", &admin::log_level},
    Method{"mail.append", "", &admin::append_mail},
    Method{"mailboxes.create", "", &admin::create_mailbox},
    Method{"mailboxes.list", "mailboxes", &admin::list_mailboxes},
    Method{"mailboxes.subscribe", "", &admin::subscribe},
    Method{"maintain", "", &admin::maintain},
    Method{"methods", "", &list_methods},
    Method{"reload", "", &admin::reload},
    Method{"shutdown", "", &admin::shut_down},
    Method{"status", "", &admin::status},
    Method{"verify", "", &admin::verify},
};

Awaitable<AdminResult> list_methods(AdminCall* call) {
    admin::Params params(call->params);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    auto names = json_rpc::Json::array();
    for (const Method& method : kMethods) names.push_back(method.name);
    co_return names;
}

Awaitable<void> forward(std::function<Awaitable<AdminResult>()> work,
                        std::shared_ptr<ReplyTo<AdminResult>> reply) {
    reply->send(co_await work());
}

}  // namespace

AdminHandler find_admin_method(std::string_view name) {
    const auto found = std::find_if(kMethods.begin(), kMethods.end(), [name](const Method& one) {
        return one.name == name || (!one.other_name.empty() && one.other_name == name);
    });
    return found == kMethods.end() ? nullptr : found->handler;
}

namespace admin {

tl::unexpected<json_rpc::Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected(json_rpc::Error{code, std::move(message), {}});
}

tl::unexpected<json_rpc::Error> fail(const AccountError& error) {
    switch (error.kind) {
        case AccountErrorKind::kNonexistent:
            return fail(ErrorCode::not_found, error.text);
        case AccountErrorKind::kLimit:
        case AccountErrorKind::kOverQuota:
            return fail(ErrorCode::limit, error.text);
        case AccountErrorKind::kUnavailable:
        case AccountErrorKind::kNoSpace:
        case AccountErrorKind::kBusy:
            return fail(ErrorCode::unavailable, error.text);
        case AccountErrorKind::kServerBug:
            return fail(ErrorCode::internal_error, error.text);
        case AccountErrorKind::kAlreadyExists:
        case AccountErrorKind::kCannot:
        case AccountErrorKind::kExpungeIssued:
            break;
    }
    return fail(ErrorCode::refused, error.text);
}

tl::unexpected<json_rpc::Error> fail(const storage::StoreError& error) {
    switch (error.kind) {
        case storage::StoreErrorKind::kNotFound:
            return fail(ErrorCode::not_found, error.detail);
        case storage::StoreErrorKind::kExists:
            return fail(ErrorCode::refused, error.detail);
        case storage::StoreErrorKind::kLimit:
        case storage::StoreErrorKind::kNoSpace:
            return fail(ErrorCode::limit, error.detail);
        case storage::StoreErrorKind::kUnavailable:
        case storage::StoreErrorKind::kFenced:
        case storage::StoreErrorKind::kLocked:
            return fail(ErrorCode::unavailable, error.detail);
        case storage::StoreErrorKind::kCorrupt:
        case storage::StoreErrorKind::kIo:
        case storage::StoreErrorKind::kTooNew:
        case storage::StoreErrorKind::kTooOld:
            break;
    }
    return fail(ErrorCode::internal_error, error.detail);
}

Params::Params(Json& object) : object_(object) {}

void Params::wrong(std::string message) {
    if (!wrong_) wrong_ = std::move(message);
}

bool Params::has(std::string_view name) const {
    return object_.find(name) != object_.end();
}

Json* Params::find(std::string_view name, bool is_required) {
    known_.push_back(name);
    const auto found = object_.find(name);
    if (found != object_.end()) return &*found;
    if (is_required) wrong(fmt::format("\"{}\" is missing", name));
    return nullptr;
}

std::optional<std::string> Params::optional_text(std::string_view name) {
    const Json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return value->get_ref<const std::string&>();
    wrong(fmt::format("\"{}\" must be a string", name));
    return std::nullopt;
}

std::string Params::text(std::string_view name) {
    if (!has(name)) wrong(fmt::format("\"{}\" is missing", name));
    return optional_text(name).value_or(std::string());
}

protocol::SecretString Params::secret(std::string_view name) {
    Json* value = find(name, true);
    if (value == nullptr) return {};
    if (value->is_string()) return protocol::SecretString::take(value->get_ref<std::string&>());
    wrong(fmt::format("\"{}\" must be a string", name));
    return {};
}

std::optional<std::uint64_t> Params::optional_number(std::string_view name) {
    const Json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    wrong(fmt::format("\"{}\" must be a whole number, not negative", name));
    return std::nullopt;
}

std::optional<std::int64_t> Params::optional_integer(std::string_view name) {
    const Json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    // What is above the range of int64_t is kept as unsigned.
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX))
        return value->get<std::int64_t>();
    wrong(fmt::format("\"{}\" must be a whole number", name));
    return std::nullopt;
}

std::optional<bool> Params::optional_flag(std::string_view name) {
    const Json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    if (value->is_boolean()) return value->get<bool>();
    wrong(fmt::format("\"{}\" must be true or false", name));
    return std::nullopt;
}

Json* Params::array(std::string_view name) {
    Json* value = find(name, true);
    if (value == nullptr || value->is_array()) return value;
    wrong(fmt::format("\"{}\" must be an array", name));
    return nullptr;
}

std::optional<json_rpc::Error> Params::error() {
    for (const auto& item : object_.items()) {
        if (std::find(known_.begin(), known_.end(), item.key()) == known_.end())
            wrong(fmt::format("\"{}\" is no parameter of this method", item.key()));
    }
    if (!wrong_) return std::nullopt;
    return json_rpc::Error{ErrorCode::invalid_params, *wrong_, {}};
}

// A stack of its own, though the depth of a request is bounded.
void wipe_strings(Json& value) {
    std::vector<Json*> waiting{&value};
    while (!waiting.empty()) {
        Json* one = waiting.back();
        waiting.pop_back();
        if (one->is_string()) protocol::wipe(one->get_ref<std::string&>());
        if (!one->is_structured()) continue;
        for (Json& inner : *one) waiting.push_back(&inner);
    }
}

tl::expected<storage::AccountId, json_rpc::Error> find_account(Server& server,
                                                               std::string_view name) {
    const auto normal = normalize_account_name(name);
    if (!normal) return fail(ErrorCode::invalid_params, std::string(normal.error().detail));
    const auto id = server.store().find_account(*normal);
    if (!id && id.error().kind == storage::StoreErrorKind::kNotFound)
        return fail(ErrorCode::not_found, fmt::format("there is no account \"{}\"", *normal));
    if (!id) return fail(id.error());
    return *id;
}

Awaitable<AdminResult> run_on(Server* server, Core* core,
                              std::function<Awaitable<AdminResult>()> work) {
    Reply<AdminResult> reply(*Core::current());
    auto to = std::make_shared<ReplyTo<AdminResult>>(reply.to());
    server->spawn_on(*core, [work = std::move(work), to] { return forward(work, to); });
    to.reset();
    auto result = co_await reply.wait();
    if (!result) co_return fail(ErrorCode::internal_error, "the work was given up");
    co_return std::move(*result);
}

}  // namespace admin

}  // namespace tidemark::actors
