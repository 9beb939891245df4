// Properties: whatever the line, parsing ends with a value or an error that can be answered in one
// line; a request that parses is written as one line that parses to the same.

#include "protocol/json_rpc.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol::json_rpc;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void require_one_line(const std::string& line) {
    require(line.find('\n') == line.size() - 1);
    require(parse_reply(line).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto request = parse_request(line);
    if (!request) {
        require_one_line(write_error(request.error().id, request.error().error));
    } else if (request->is_notification()) {
        const auto again = parse_request(write_notification(request->method, request->params));
        require(again && again->method == request->method && again->params == request->params);
    } else {
        const auto again =
            parse_request(write_request(*request->id, request->method, request->params));
        require(again && again->id == request->id && again->method == request->method &&
                again->params == request->params);
        require_one_line(write_result(*request->id, request->params));
    }
    if (const auto reply = parse_reply(line)) {
        if (const auto* response = std::get_if<Response>(&*reply)) {
            require_one_line(response->result
                                 ? write_result(response->id, *response->result)
                                 : write_error(response->id, response->result.error()));
        }
    }
    return 0;
}
