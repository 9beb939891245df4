#include "tools/loadtest/result.hpp"

#include "tools/loadtest/result_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <thread>

namespace tidemark::loadtest {

// Members of the same names, both ways.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ServerAddress, address, transport, lmtp, greeting)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunSettings, loop, rate, connections, warmup_seconds,
                                   duration_seconds, threads, users, seed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Machine, system, processor, cores, memory_bytes, build)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ServerUse, pid, processes, cpu_seconds, cpu_us_per_operation,
                                   pss_bytes_before, pss_bytes_peak, pss_bytes_end, connections,
                                   bytes_per_connection)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HarnessUse, cpu_max, cpu_mean, cpu_seconds, lag_p99_us,
                                   lag_max_us)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Checks, answers, bodies, messages, wrong, examples)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Verdict, ok, harness_was_bottleneck, reasons)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Figure, name, unit, more_is_better, value)

namespace {

using Json = nlohmann::json;

Json encode(const CommandFigures& command) {
    Json histogram = Json::array();
    for (const Bucket& bucket : command.histogram)
        histogram.push_back(Json::array({bucket.value_us, bucket.count}));
    const Latency& latency = command.latency;
    return {{"name", command.name},
            {"count", command.count},
            {"errors", command.errors},
            {"per_second", command.per_second},
            {"latency_us",
             {{"p50", latency.p50_us},
              {"p90", latency.p90_us},
              {"p99", latency.p99_us},
              {"p999", latency.p999_us},
              {"max", latency.max_us},
              {"mean", latency.mean_us}}},
            {"histogram", std::move(histogram)}};
}

CommandFigures decode_command(const Json& json) {
    CommandFigures command;
    command.name = json.at("name").get<std::string>();
    command.count = json.at("count").get<std::uint64_t>();
    json.at("errors").get_to(command.errors);
    command.per_second = json.at("per_second").get<double>();
    const Json& latency = json.at("latency_us");
    command.latency = {
        latency.at("p50").get<std::uint64_t>(), latency.at("p90").get<std::uint64_t>(),
        latency.at("p99").get<std::uint64_t>(), latency.at("p999").get<std::uint64_t>(),
        latency.at("max").get<std::uint64_t>(), latency.at("mean").get<double>()};
    for (const Json& pair : json.at("histogram"))
        command.histogram.push_back(
            {pair.at(0).get<std::uint64_t>(), pair.at(1).get<std::uint64_t>()});
    return command;
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

template <class T>
std::optional<T> unless_null(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

Json encode(const Second& second) {
    Json commands = Json::object();
    for (const auto& [name, figures] : second.commands)
        commands[name] = {{"rate", figures.rate},
                          {"p50", figures.p50_us},
                          {"p99", figures.p99_us},
                          {"max", figures.max_us}};
    return {{"t", second.t},
            {"connections", second.connections},
            {"errors", second.errors},
            {"wrong", second.wrong},
            {"server_cpu_seconds", or_null(second.server_cpu_seconds)},
            {"server_pss_bytes", or_null(second.server_pss_bytes)},
            {"harness_cpu", second.harness_cpu},
            {"harness_lag_us", second.harness_lag_us},
            {"commands", std::move(commands)}};
}

Second decode_second(const Json& json) {
    Second second;
    json.at("t").get_to(second.t);
    json.at("connections").get_to(second.connections);
    json.at("errors").get_to(second.errors);
    json.at("wrong").get_to(second.wrong);
    second.server_cpu_seconds = unless_null<double>(json.at("server_cpu_seconds"));
    second.server_pss_bytes = unless_null<std::uint64_t>(json.at("server_pss_bytes"));
    json.at("harness_cpu").get_to(second.harness_cpu);
    json.at("harness_lag_us").get_to(second.harness_lag_us);
    for (const auto& [name, figures] : json.at("commands").items())
        second.commands[name] = {
            figures.at("rate").get<double>(), figures.at("p50").get<std::uint64_t>(),
            figures.at("p99").get<std::uint64_t>(), figures.at("max").get<std::uint64_t>()};
    return second;
}

void decode_head(const Json& json, Result& result) {
    json.at("version").get_to(result.version);
    json.at("label").get_to(result.label);
    json.at("scenario").get_to(result.scenario);
    json.at("server").get_to(result.server);
    json.at("start").get_to(result.start);
    json.at("settings").get_to(result.settings);
    json.at("machine").get_to(result.machine);
}

void decode_findings(const Json& json, Result& result) {
    for (const Json& command : json.at("commands"))
        result.commands.push_back(decode_command(command));
    for (const Json& second : json.at("seconds")) result.seconds.push_back(decode_second(second));
    if (const Json& use = json.at("server_use"); !use.is_null())
        result.server_use = use.get<ServerUse>();
    json.at("harness").get_to(result.harness);
    json.at("checks").get_to(result.checks);
    json.at("verdict").get_to(result.verdict);
    if (const auto found = json.find("figures"); found != json.end()) found->get_to(result.figures);
}

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("model name")) continue;
        const auto colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

}  // namespace

std::uint64_t CommandFigures::error_count() const {
    std::uint64_t sum = 0;
    for (const auto& [kind, number] : errors) sum += number;
    return sum;
}

const CommandFigures* Result::command(std::string_view name) const {
    for (const CommandFigures& one : commands) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

Json json_of(const Machine& machine) {
    return machine;
}

Machine machine_of(const Json& json) {
    return json.get<Machine>();
}

Json json_of(const Result& result) {
    Json commands = Json::array();
    for (const CommandFigures& command : result.commands) commands.push_back(encode(command));
    Json seconds = Json::array();
    for (const Second& second : result.seconds) seconds.push_back(encode(second));
    return {{"format", kResultFormat},
            {"version", result.version},
            {"label", result.label},
            {"scenario", result.scenario},
            {"server", result.server},
            {"start", result.start},
            {"settings", result.settings},
            {"machine", result.machine},
            {"commands", std::move(commands)},
            {"seconds", std::move(seconds)},
            {"server_use", result.server_use ? Json(*result.server_use) : Json()},
            {"harness", result.harness},
            {"checks", result.checks},
            {"verdict", result.verdict},
            {"figures", result.figures}};
}

std::string text_of(const Json& json) {
    // What a server said may be no UTF-8.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string encode_result(const Result& result) {
    return text_of(json_of(result));
}

Result result_of(const Json& json) {
    Result result;
    decode_head(json, result);
    decode_findings(json, result);
    return result;
}

tl::expected<Result, std::string> decode_result(std::string_view text) {
    // The library throws for a member that is missing or of another type; this is its one place.
    try {
        const Json json = Json::parse(text);
        if (const auto format = json.at("format").get<unsigned>(); format != kResultFormat)
            return tl::unexpected(fmt::format("format {} is not known; this program reads {}",
                                              format, kResultFormat));
        return result_of(json);
    } catch (const Json::exception& error) {
        return tl::unexpected(fmt::format("no result of loadtest run: {}", error.what()));
    }
}

Machine describe_machine() {
    Machine machine;
    utsname system{};
    if (::uname(&system) == 0)
        machine.system = fmt::format("{} {}", system.sysname, system.release);
    machine.processor = processor_name();
    machine.cores = std::thread::hardware_concurrency();
    struct sysinfo memory{};
    if (::sysinfo(&memory) == 0)
        machine.memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    machine.build = "sanitizer";
#elif defined(__OPTIMIZE__)
    machine.build = "release";
#else
    machine.build = "debug";
#endif
    return machine;
}

std::string utc_text(std::int64_t unix_seconds) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace tidemark::loadtest
