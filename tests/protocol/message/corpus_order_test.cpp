#include "protocol/message/summary.hpp"
#include "protocol/message/thread.hpp"
#include "tests/protocol/message/corpus.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace tidemark::protocol::message::testing {
namespace {

using nlohmann::json;

/// 2020-01-01 00:00 UTC: the INTERNALDATE of the first message, the others follow by a minute each.
constexpr std::int64_t kFirstInternalDate = 1'577'836'800;

struct Entry {
    std::string file;
    std::uint32_t number = 0;
    std::uint64_t size = 0;
    std::int64_t sent_seconds = 0;
    MessageSummary summary;
};

std::vector<Entry> load_entries(const std::string& directory, const json& order) {
    const std::set<std::string> wanted = order.at("messages");
    std::vector<Entry> entries;
    std::uint32_t line = 0;
    for (const CorpusMessage& message : load_corpus(directory)) {
        Entry entry;
        entry.number = ++line;
        if (!wanted.contains(message.file)) {
            continue;
        }
        entry.file = message.file;
        entry.size = message.bytes.size();
        entry.summary = make_summary(message.bytes);
        entry.sent_seconds =
            entry.summary.sent_seconds.value_or(kFirstInternalDate + (line - 1) * 60);
        entries.push_back(std::move(entry));
    }
    return entries;
}

/// Files of `agreed` that would have to move for our order to be theirs: all but a longest common
/// run.
std::vector<std::string> out_of_order(const std::vector<std::string>& ours, const json& agreed) {
    std::map<std::string, std::size_t> place;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        place[ours[i]] = i;
    }
    // Longest increasing subsequence of our places, by its last elements.
    std::vector<std::size_t> places;
    for (const auto& file : agreed) {
        places.push_back(place.at(file));
    }
    std::vector<std::size_t> tails;
    std::vector<std::size_t> before(places.size(), places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto tail =
            std::lower_bound(tails.begin(), tails.end(), places[i],
                             [&](std::size_t t, std::size_t p) { return places[t] < p; });
        if (tail != tails.begin()) {
            before[i] = *(tail - 1);
        }
        if (tail == tails.end()) {
            tails.push_back(i);
        } else {
            *tail = i;
        }
    }
    std::set<std::size_t> kept;
    for (std::size_t i = tails.empty() ? places.size() : tails.back(); i < places.size();
         i = before[i]) {
        kept.insert(i);
    }
    std::vector<std::string> moved;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (!kept.contains(i)) {
            moved.push_back(agreed[i]);
        }
    }
    return moved;
}

template <class Key>
std::vector<std::string> sorted_by(const std::vector<Entry>& entries, Key key) {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries) {
        order.push_back(&entry);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&key](const Entry* a, const Entry* b) { return key(*a) < key(*b); });
    std::vector<std::string> files;
    for (const Entry* entry : order) {
        files.push_back(entry->file);
    }
    return files;
}

ThreadInput thread_input(const Entry& entry) {
    ThreadInput input;
    input.number = entry.number;
    input.sent_seconds = entry.sent_seconds;
    input.subject_key = entry.summary.subject_key;
    input.is_reply_or_forward = entry.summary.is_reply_or_forward;
    input.message_id = entry.summary.message_id;
    input.references.assign(entry.summary.references.begin(), entry.summary.references.end());
    return input;
}

struct Parents {
    std::map<std::string, std::string> parent;  // file -> file, "" for a root
    std::map<std::string, std::uint32_t> group;
};

Parents parents_of(const ThreadResult& threads, const std::vector<Entry>& entries) {
    std::map<std::uint32_t, std::string> files;
    for (const Entry& entry : entries) {
        files[entry.number] = entry.file;
    }
    Parents parents;
    for (const std::uint32_t root : threads.roots) {
        std::vector<std::pair<std::uint32_t, std::string>> todo{{root, ""}};
        while (!todo.empty()) {
            const auto [index, parent] = todo.back();
            todo.pop_back();
            const ThreadNode& node = threads.nodes[index];
            const std::string file = node.number == 0 ? "" : files.at(node.number);
            if (!file.empty()) {
                parents.parent[file] = parent;
                parents.group[file] = root;
            }
            for (const std::uint32_t child : node.children) {
                todo.emplace_back(child, file);
            }
        }
    }
    return parents;
}

/// Dates on which we and the references do not agree, and why. They are left out of SORT DATE and
/// of the threads, where one moves others.
const std::map<std::string, std::string> kDateDifferences{
    {"messages/0152-mikelmail-raw-email-bad-time.eml",
     "the year 3609 is a valid date (RFC 5322 §3.3), so the message is the last; the references "
     "put it first"},
    {"messages/0277-notmuch-encrypted-signed.eml",
     "'06:09:22 PM EDT' is read; the references take INTERNALDATE instead"},
};

/// The references disagree about dates before 1970 (README.md); RFC 5256 sorts by time.
bool has_agreed_date(const Entry& entry) {
    return entry.sent_seconds >= 0 && !kDateDifferences.contains(entry.file);
}

void check_threads(const ThreadResult& threads, const std::vector<Entry>& entries,
                   const json& expected) {
    const Parents ours = parents_of(threads, entries);
    CHECK(ours.parent.size() == entries.size());
    std::size_t different = 0;
    for (const auto& [file, value] : expected.at("agreed_parent").items()) {
        const std::string parent = value;
        if (ours.parent.contains(file) && ours.parent.at(file) != parent) {
            ++different;
            CAPTURE(file);
            CHECK(ours.parent.at(file) == parent);
        }
    }
    for (const auto& group : expected.at("agreed_groups")) {
        std::set<std::uint32_t> groups;
        for (const std::string file : group) {
            if (ours.group.contains(file)) {
                groups.insert(ours.group.at(file));
            }
        }
        CAPTURE(group.dump());
        CHECK(groups.size() <= 1);
    }
    std::printf("corpus threads: %zu agreed parents, %zu differ\n",
                expected.at("agreed_parent").size(), different);
}

}  // namespace

TEST_CASE("real messages sort and thread as Dovecot and Cyrus agree") {
    const auto directory = corpus_directory("order of real messages");
    if (!directory) {
        return;
    }
    std::ifstream file(*directory + "/expected-order.json");
    const json order = json::parse(file);
    const std::vector<Entry> entries = load_entries(*directory, order);
    REQUIRE(entries.size() == order.at("messages").size());

    const auto check_sort = [&](const char* key, const std::vector<std::string>& ours) {
        std::vector<std::string> moved = out_of_order(ours, order.at(key).at("agreed"));
        if (std::string_view(key) == "SORT DATE") {
            std::erase_if(moved,
                          [](const std::string& name) { return kDateDifferences.contains(name); });
        }
        std::printf("corpus %s: %zu agreed, %zu elsewhere\n", key,
                    order.at(key).at("agreed").size(), moved.size());
        CAPTURE(key);
        CHECK_MESSAGE(moved.empty(), json(moved).dump());
    };
    check_sort("SORT DATE", sorted_by(entries, [](const Entry& e) { return e.sent_seconds; }));
    check_sort("SORT SUBJECT",
               sorted_by(entries, [](const Entry& e) { return e.summary.subject_key; }));
    check_sort("SORT FROM", sorted_by(entries, [](const Entry& e) { return e.summary.from_key; }));
    check_sort("SORT TO", sorted_by(entries, [](const Entry& e) { return e.summary.to_key; }));
    check_sort("SORT CC", sorted_by(entries, [](const Entry& e) { return e.summary.cc_key; }));
    check_sort("SORT SIZE", sorted_by(entries, [](const Entry& e) { return e.size; }));
    check_sort("SORT DISPLAYFROM",
               sorted_by(entries, [](const Entry& e) { return e.summary.from_display_key; }));
    check_sort("SORT DISPLAYTO",
               sorted_by(entries, [](const Entry& e) { return e.summary.to_display_key; }));

    std::vector<Entry> dated;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(dated), has_agreed_date);
    std::vector<ThreadInput> inputs;
    for (const Entry& entry : dated) {
        inputs.push_back(thread_input(entry));
    }
    check_threads(thread_ordered_subject(inputs), dated, order.at("THREAD ORDEREDSUBJECT"));
    check_threads(thread_references(inputs), dated, order.at("THREAD REFERENCES"));
}

}  // namespace tidemark::protocol::message::testing
