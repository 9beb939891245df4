#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// THREAD (RFC 5256 §3): pure functions from summaries to trees.
namespace tidemark::protocol::message {

/// One message to be threaded. Strings point into what the caller keeps alive; they are as
/// MessageSummary has them.
struct ThreadInput {
    std::uint32_t number = 0;  // what the answer names: sequence number or uid
    std::int64_t sent_seconds =
        0;  // INTERNALDATE where the message has no valid Date (RFC 5256 §2.2)
    std::string_view subject_key;
    bool is_reply_or_forward = false;
    std::string_view message_id;
    std::vector<std::string_view> references;
};

/// Threads in order. A node's children are threads that branch from it; number 0 is a parent that
/// is not there (RFC 5256 §4: written as the opening parenthesis only).
struct ThreadNode {
    std::uint32_t number = 0;
    std::vector<std::uint32_t> children;  // indexes into ThreadResult::nodes
};
struct ThreadResult {
    std::vector<ThreadNode> nodes;
    std::vector<std::uint32_t> roots;
};

[[nodiscard]] ThreadResult thread_ordered_subject(const std::vector<ThreadInput>& messages);
[[nodiscard]] ThreadResult thread_references(const std::vector<ThreadInput>& messages);

/// Appends the thread-lists of the answer: "(1)(2 3 (4)(5 6))", nothing for no threads.
void write_threads(const ThreadResult& threads, std::string& out);

}  // namespace tidemark::protocol::message
