#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

/// The mail corpus beside the repository (../shared/corpus/README.md says what it holds).
namespace tidemark::protocol::message::testing {

struct CorpusMessage {
    std::string file;
    std::string bytes;  // bare LF made CRLF, as the reference servers got it
    nlohmann::json expected;
};

/// Where it is: $TIDEMARK_CORPUS, else ../shared/corpus of the source tree. Nothing, and a line on
/// stdout that names the test as skipped, when it is not there.
std::optional<std::string> corpus_directory(const std::string& test_name);

/// All messages, in the order of expected.jsonl.
std::vector<CorpusMessage> load_corpus(const std::string& directory);

/// Every item of README.md's list that can be computed from the message, flattened as
/// expected.jsonl has them.
nlohmann::json corpus_items(const std::string& bytes, const nlohmann::json& wanted);

}  // namespace tidemark::protocol::message::testing
