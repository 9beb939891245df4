#include "protocol/json_rpc.hpp"

#include <utility>
#include <vector>

namespace tidemark::protocol::json_rpc {
namespace {

Error make_error(ErrorCode code, std::string message) {
    return {code, std::move(message), std::nullopt};
}

// Reads a text without building anything: is it JSON within the limits? Each SAX event is one value
// or key, so that the text is refused before memory is spent on it.
class LimitCheck : public nlohmann::json_sax<Json> {
  public:
    bool is_over_limit() const { return is_over_limit_; }

    bool null() override { return count(); }
    bool boolean(bool /*value*/) override { return count(); }
    bool number_integer(number_integer_t /*value*/) override { return count(); }
    bool number_unsigned(number_unsigned_t /*value*/) override { return count(); }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
        return count();
    }
    bool string(string_t& /*value*/) override { return count(); }
    bool binary(binary_t& /*value*/) override { return count(); }
    bool start_object(std::size_t /*elements*/) override { return enter(); }
    bool key(string_t& /*value*/) override { return count(); }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t /*elements*/) override { return enter(); }
    bool end_array() override { return leave(); }
    bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return false;
    }

  private:
    bool count() {
        is_over_limit_ = is_over_limit_ || ++values_ > kValuesMax;
        return !is_over_limit_;
    }
    bool enter() {
        is_over_limit_ = is_over_limit_ || ++depth_ > kDepthMax;
        return count();
    }
    bool leave() {
        --depth_;
        return true;
    }

    std::size_t values_ = 0;
    std::size_t depth_ = 0;
    bool is_over_limit_ = false;
};

tl::expected<Json, Error> parse_line(std::string_view line) {
    if (line.size() > kLineBytesMax) {
        return tl::unexpected(make_error(ErrorCode::limit, "the line is longer than 1 MiB"));
    }
    LimitCheck check;
    if (!Json::sax_parse(line, &check)) {
        return tl::unexpected(check.is_over_limit()
                                  ? make_error(ErrorCode::limit, "too many or too deep values")
                                  : make_error(ErrorCode::parse_error, "not valid JSON"));
    }
    auto value = Json::parse(line, nullptr, false);
    if (value.is_discarded()) {
        return tl::unexpected(make_error(ErrorCode::parse_error, "not valid JSON"));
    }
    return value;
}

// The id of an object, null where there is none that could be one.
std::optional<Id> id_of(const Json& object) {
    const auto found = object.find("id");
    if (found == object.end()) {
        return std::nullopt;
    }
    if (found->is_string()) {
        return Id(found->get<std::string>());
    }
    if (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX) {
        return std::nullopt;
    }
    if (found->is_number_integer()) {
        return Id(found->get<std::int64_t>());
    }
    return found->is_null() ? std::optional<Id>(nullptr) : std::nullopt;
}

bool is_version_2(const Json& object) {
    const auto found = object.find("jsonrpc");
    return found != object.end() && *found == "2.0";
}

// §4.2: by position or by name.
std::optional<Json> params_of(Json& object) {
    const auto found = object.find("params");
    if (found == object.end()) {
        return Json();
    }
    if (!found->is_structured()) {
        return std::nullopt;
    }
    return std::move(*found);
}

Json id_value(const Id& id) {
    return std::visit([](const auto& value) { return Json(value); }, id);
}

std::string write_line(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json envelope(std::string_view method, const Json& params) {
    Json object = {{"jsonrpc", "2.0"}, {"method", method}};
    if (params.is_structured()) {
        object["params"] = params;
    }
    return object;
}

// §5.1
std::optional<Error> error_of(const Json& value) {
    const auto code = value.find("code");
    const auto message = value.find("message");
    if (!value.is_object() || code == value.end() || !code->is_number_integer() ||
        message == value.end() || !message->is_string()) {
        return std::nullopt;
    }
    Error error;
    error.code = static_cast<ErrorCode>(code->get<std::int32_t>());
    error.message = message->get<std::string>();
    if (const auto data = value.find("data"); data != value.end()) {
        error.data = *data;
    }
    return error;
}

}  // namespace

tl::expected<Request, RequestError> parse_request(std::string_view line) {
    auto value = parse_line(line);
    if (!value) {
        return tl::unexpected(RequestError{nullptr, std::move(value.error())});
    }
    const auto invalid = [](Id id, std::string message) {
        return tl::unexpected(RequestError{
            std::move(id), make_error(ErrorCode::invalid_request, std::move(message))});
    };
    if (!value->is_object()) {
        return invalid(nullptr, "a request is one object");
    }
    Request request;
    request.id = id_of(*value);
    const Id answer_id = request.id.value_or(nullptr);
    if (!request.id && value->contains("id")) {
        return invalid(nullptr, "the id must be a string, an integer or null");
    }
    if (!is_version_2(*value)) {
        return invalid(answer_id, "jsonrpc must be \"2.0\"");
    }
    const auto method = value->find("method");
    if (method == value->end() || !method->is_string()) {
        return invalid(answer_id, "method must be a string");
    }
    request.method = method->get<std::string>();
    auto params = params_of(*value);
    if (!params) {
        return invalid(answer_id, "params must be an object or an array");
    }
    request.params = std::move(*params);
    return request;
}

tl::expected<std::variant<Response, Notification>, Error> parse_reply(std::string_view line) {
    auto value = parse_line(line);
    if (!value) {
        return tl::unexpected(std::move(value.error()));
    }
    const auto invalid = tl::unexpected(
        make_error(ErrorCode::invalid_request, "neither an answer nor a notification"));
    if (!value->is_object() || !is_version_2(*value)) {
        return invalid;
    }
    if (const auto method = value->find("method"); method != value->end()) {
        auto params = params_of(*value);
        if (!method->is_string() || value->contains("id") || !params) {
            return invalid;
        }
        return Notification{method->get<std::string>(), std::move(*params)};
    }
    auto id = id_of(*value);
    const auto result = value->find("result");
    const auto error = value->find("error");
    if (!id || (result == value->end()) == (error == value->end())) {
        return invalid;
    }
    if (result != value->end()) {
        return Response{std::move(*id), std::move(*result)};
    }
    auto told = error_of(*error);
    if (!told) {
        return invalid;
    }
    return Response{std::move(*id), tl::unexpected(std::move(*told))};
}

std::string write_request(const Id& id, std::string_view method, const Json& params) {
    auto object = envelope(method, params);
    object["id"] = id_value(id);
    return write_line(object);
}

std::string write_notification(std::string_view method, const Json& params) {
    return write_line(envelope(method, params));
}

std::string write_result(const Id& id, const Json& result) {
    return write_line({{"jsonrpc", "2.0"}, {"id", id_value(id)}, {"result", result}});
}

std::string write_error(const Id& id, const Error& error) {
    Json value = {{"code", static_cast<std::int32_t>(error.code)}, {"message", error.message}};
    if (error.data) {
        value["data"] = *error.data;
    }
    return write_line({{"jsonrpc", "2.0"}, {"id", id_value(id)}, {"error", value}});
}

}  // namespace tidemark::protocol::json_rpc
