#pragma once

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// JSON-RPC 2.0 (https://www.jsonrpc.org/specification), one object a line, as the admin socket
// speaks it. Batches are refused: a line is one request. Values only, any thread.

namespace tidemark::protocol::json_rpc {

// Bytes of a line. The longest request imports a list of accounts.
inline constexpr std::size_t kLineBytesMax = 1024 * 1024;
// Levels of arrays and objects, the request itself included.
inline constexpr std::size_t kDepthMax = 32;
// Values in one request, keys included: each costs 16 bytes or more of memory for two bytes of
// text.
inline constexpr std::size_t kValuesMax = 100'000;

using Json = nlohmann::json;

// §5.1; from -32000 down to -32099 is ours.
enum class ErrorCode : std::int32_t {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
    refused = -32000,      // understood, and the answer is no
    not_found = -32001,    // the thing named in the parameters does not exist
    unavailable = -32002,  // not now: shutting down, read-only, busy
    limit = -32003,        // a limit was reached
};

// §4 "id": a string, a number or null. Fractions are refused.
using Id = std::variant<std::nullptr_t, std::int64_t, std::string>;

struct Error {
    ErrorCode code = ErrorCode::internal_error;
    std::string message;
    std::optional<Json> data;
};

struct Request {
    std::optional<Id> id;  // nothing: a notification, never answered
    std::string method;
    Json params;  // an object, an array, or null where there were none
    bool is_notification() const { return !id.has_value(); }
};

// What could not be read, and under which id to say so (§5: null when it could not be told).
struct RequestError {
    Id id;
    Error error;
};

// A line without its line end. Duplicate keys: the last one counts.
[[nodiscard]] tl::expected<Request, RequestError> parse_request(std::string_view line);

// What a client reads: an answer or a notification (progress).
struct Response {
    Id id;
    tl::expected<Json, Error> result;
};
struct Notification {
    std::string method;
    Json params;
};
[[nodiscard]] tl::expected<std::variant<Response, Notification>, Error> parse_reply(
    std::string_view line);

// Each gives one line with its "\n". Text that is not UTF-8 is replaced, never refused.
std::string write_request(const Id& id, std::string_view method, const Json& params = nullptr);
std::string write_notification(std::string_view method, const Json& params = nullptr);
std::string write_result(const Id& id, const Json& result);
std::string write_error(const Id& id, const Error& error);

}  // namespace tidemark::protocol::json_rpc
