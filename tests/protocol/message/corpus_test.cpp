#include "tests/protocol/message/corpus.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace tidemark::protocol::message::testing {
namespace {

using nlohmann::json;

/// The least share of agreed values that must be ours too.
constexpr double kAgreedShareMin = 0.98;

bool accepts(const json& expected, const json& actual);

bool accepts_object(const json& expected, const json& actual) {
    if (expected.contains("placeholder")) {
        return actual.is_string();  // any made-up mailbox or host
    }
    if (!actual.is_object()) {
        // Only what is optional may be missing, and then a list without entries is NIL.
        for (const auto& [name, value] : expected.items()) {
            if (!value.is_object() || !value.contains("optional")) {
                return false;
            }
        }
        return actual.is_null();
    }
    for (const auto& [name, value] : expected.items()) {
        const bool is_optional = value.is_object() && value.contains("optional");
        if (is_optional ? actual.contains(name) && actual[name] != value["optional"]
                        : !actual.contains(name) || !accepts(value, actual[name])) {
            return false;
        }
    }
    for (const auto& [name, value] : actual.items()) {
        if (!expected.contains(name)) {
            return false;
        }
    }
    return true;
}

/// README.md's rules of comparison: placeholders, the optional default charset.
bool accepts(const json& expected, const json& actual) {
    if (expected.is_object()) {
        return accepts_object(expected, actual);
    }
    if (expected.is_array()) {
        if (!actual.is_array() || actual.size() != expected.size()) {
            return false;
        }
        for (std::size_t i = 0; i < expected.size(); ++i) {
            if (!accepts(expected[i], actual[i])) {
                return false;
            }
        }
        return true;
    }
    return expected == actual;
}

/// For a part that does not exist the references give NIL or an empty string.
bool is_empty_text(const json& value) {
    return value.is_null() || (value.is_object() && value.value("bytes", 1) == 0);
}

bool is_accepted(const CorpusMessage& message, const std::string& item, const json& agreed,
                 const json& actual) {
    if (accepts(agreed, actual)) {
        return true;
    }
    if (item.starts_with("BODY[") || item.starts_with("BINARY[")) {
        return is_empty_text(agreed) && is_empty_text(actual);
    }
    const json both = message.expected.value("nil_vs_empty", json::object());
    if (both.contains(item)) {
        for (const auto& [server, value] : both[item].items()) {
            if (accepts(value, actual)) {
                return true;
            }
        }
    }
    return false;
}

struct Comparison {
    std::size_t agreed_count = 0;
    json differences = json::object();  // file -> item -> {agreed, ours}
};

Comparison compare_corpus(const std::string& directory) {
    Comparison comparison;
    for (const CorpusMessage& message : load_corpus(directory)) {
        const json& agreed = message.expected.at("agreed");
        const json actual = corpus_items(message.bytes, agreed);
        for (const auto& [item, value] : agreed.items()) {
            ++comparison.agreed_count;
            const json ours = actual.contains(item) ? actual[item] : json("(no such item)");
            if (!is_accepted(message, item, value, ours)) {
                comparison.differences[message.file][item] = {{"agreed", value}, {"ours", ours}};
            }
        }
    }
    return comparison;
}

std::size_t count_items(const json& by_file) {
    std::size_t count = 0;
    for (const auto& [file, items] : by_file.items()) {
        count += items.size();
    }
    return count;
}

}  // namespace

TEST_CASE("real messages are read as Dovecot and Cyrus agree, but for the listed differences") {
    const auto directory = corpus_directory("corpus of real messages");
    if (!directory) {
        return;
    }
    const Comparison comparison = compare_corpus(*directory);
    const std::size_t different = count_items(comparison.differences);
    std::printf("corpus: %zu agreed values, %zu differ\n", comparison.agreed_count, different);
    if (const char* dump = std::getenv("TIDEMARK_CORPUS_DUMP")) {
        std::ofstream(dump) << comparison.differences.dump(1) << '\n';
    }
    REQUIRE(comparison.agreed_count > 0);
    CHECK(static_cast<double>(different) <=
          static_cast<double>(comparison.agreed_count) * (1 - kAgreedShareMin));

    std::ifstream file(TIDEMARK_SOURCE_ROOT "/tests/protocol/message/corpus_differences.json");
    const json listed = json::parse(file);
    for (const auto& [name, items] : comparison.differences.items()) {
        for (const auto& [item, values] : items.items()) {
            CAPTURE(name);
            CAPTURE(item);
            CAPTURE(values.dump());
            const bool is_listed = listed.contains(name) && listed[name].contains(item);
            CHECK_MESSAGE(is_listed, "a difference that corpus_differences.json does not explain");
        }
    }
    for (const auto& [name, items] : listed.items()) {
        for (const auto& [item, reason] : items.items()) {
            CAPTURE(name);
            CAPTURE(item);
            const bool still_differs = comparison.differences.contains(name) &&
                                       comparison.differences[name].contains(item);
            CHECK_MESSAGE(still_differs, "corpus_differences.json lists what no longer differs");
        }
    }
}

}  // namespace tidemark::protocol::message::testing
