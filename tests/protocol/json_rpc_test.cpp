#include "protocol/json_rpc.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::json_rpc {
namespace {

ErrorCode refused(std::string_view line) {
    CAPTURE(line.substr(0, 80));
    const auto request = parse_request(line);
    REQUIRE_FALSE(request);
    return request.error().error.code;
}

std::string nested(std::size_t depth) {
    return R"({"jsonrpc":"2.0","id":1,"method":"m","params":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
}

TEST_CASE("a request is read with its id, method and parameters") {
    const auto request = parse_request(
        R"({"jsonrpc": "2.0", "method": "status", "params": {"deep": true}, "id": 7})");
    REQUIRE(request);
    CHECK(request->method == "status");
    CHECK(std::get<std::int64_t>(*request->id) == 7);
    CHECK(request->params["deep"] == true);
    CHECK_FALSE(request->is_notification());
    CHECK(std::get<std::string>(*parse_request(R"({"jsonrpc":"2.0","method":"m","id":"x"})")->id) ==
          "x");
    CHECK(std::holds_alternative<std::nullptr_t>(
        *parse_request(R"({"jsonrpc":"2.0","method":"m","id":null})")->id));
    CHECK(parse_request(R"({"jsonrpc":"2.0","method":"m"})")->is_notification());
    CHECK(parse_request(R"({"jsonrpc":"2.0","method":"m"})")->params.is_null());
    CHECK(parse_request(R"({"jsonrpc":"2.0","method":"m","params":[1,2]})")->params.size() == 2);
}

TEST_CASE("a line that is no request is refused with the standard code") {
    CHECK(refused("") == ErrorCode::parse_error);
    CHECK(refused("{") == ErrorCode::parse_error);
    CHECK(refused(R"({"jsonrpc":"2.0","method":"m"} x)") == ErrorCode::parse_error);
    CHECK(refused("{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}") == ErrorCode::parse_error);
    CHECK(refused("[]") == ErrorCode::invalid_request);
    CHECK(refused(R"([{"jsonrpc":"2.0","method":"m","id":1}])") == ErrorCode::invalid_request);
    CHECK(refused("1") == ErrorCode::invalid_request);
    CHECK(refused(R"({"method":"m","id":1})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"1.0","method":"m","id":1})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":2.0,"method":"m","id":1})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","id":1})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","method":1,"id":1})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","method":"m","id":1,"params":1})") ==
          ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","method":"m","id":1.5})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","method":"m","id":{}})") == ErrorCode::invalid_request);
    CHECK(refused(R"({"jsonrpc":"2.0","method":"m","id":18446744073709551615})") ==
          ErrorCode::invalid_request);
}

TEST_CASE("the id of a wrong request is named where it could be read") {
    const auto wrong = parse_request(R"({"jsonrpc":"2.0","id":9})");
    CHECK(std::get<std::int64_t>(wrong.error().id) == 9);
    CHECK(std::holds_alternative<std::nullptr_t>(parse_request("{").error().id));
}

TEST_CASE("requests beyond a limit are refused before memory is spent") {
    CHECK(parse_request(nested(kDepthMax - 1)));
    CHECK(refused(nested(kDepthMax)) == ErrorCode::limit);
    CHECK(refused(std::string(500'000, '[')) == ErrorCode::limit);
    CHECK(refused(std::string(kLineBytesMax + 1, ' ')) == ErrorCode::limit);
    std::string many = R"({"jsonrpc":"2.0","method":"m","params":[0)";
    for (std::size_t i = 0; i < kValuesMax; ++i) {
        many += ",0";
    }
    CHECK(refused(many + "]}") == ErrorCode::limit);
}

TEST_CASE("what is written is read again") {
    const auto line = write_request(Id(std::int64_t{3}), "accounts", {{"name", "jo\n"}});
    CHECK(line.ends_with("\n"));
    CHECK(line.find('\n') == line.size() - 1);
    const auto request = parse_request(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(request);
    CHECK(request->method == "accounts");
    CHECK(request->params["name"] == "jo\n");

    const auto result = parse_reply(write_result(Id(std::string("a")), {1, 2}));
    REQUIRE(result);
    CHECK(std::get<Response>(*result).result->size() == 2);
    CHECK(std::get<std::string>(std::get<Response>(*result).id) == "a");

    const auto error = parse_reply(
        write_error(nullptr, {ErrorCode::not_found, "no such account", Json{{"name", "jo"}}}));
    REQUIRE(error);
    const auto& told = std::get<Response>(*error).result.error();
    CHECK(told.code == ErrorCode::not_found);
    CHECK(told.message == "no such account");
    CHECK((*told.data)["name"] == "jo");

    const auto progress = parse_reply(write_notification("progress", {{"done", 5}}));
    REQUIRE(progress);
    CHECK(std::get<Notification>(*progress).params["done"] == 5);
    CHECK(std::get<Notification>(*parse_reply(write_notification("m"))).params.is_null());
}

TEST_CASE("text that is not UTF-8 never breaks an answer") {
    const auto line = write_error(nullptr, {ErrorCode::refused, "bad \xff name", std::nullopt});
    const auto reply = parse_reply(line);
    REQUIRE(reply);
    CHECK(std::get<Response>(*reply).result.error().message == "bad \xef\xbf\xbd name");
}

TEST_CASE("a reply that is neither answer nor notification is refused") {
    for (const auto* line :
         {"", "[]", "{}", R"({"jsonrpc":"2.0","id":1})",
          R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})",
          R"({"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}})",
          R"({"jsonrpc":"2.0","id":1,"error":[]})", R"({"jsonrpc":"2.0","result":1})",
          R"({"jsonrpc":"2.0","method":"m","id":1})", R"({"id":1,"result":1})"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_reply(line));
    }
}

}  // namespace
}  // namespace tidemark::protocol::json_rpc
