// `tidemark restore --into` as it is typed, on the real file system.
#include "storage/store.hpp"
#include "tests/tools/mail/scratch.hpp"
#include "tests/tools/run_command.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;

namespace {

// What a restore brings back of each message, by mailbox: size, date with zone, flags.
using Contents = std::map<std::string, std::vector<std::string>>;
Contents contents(const std::string& data, const std::string& account) {
    storage::StoreOptions options;
    options.read_only = true;
    const auto store = storage::Store::open(data, options, storage::posix_file_system());
    REQUIRE(store);
    const auto id = (*store)->find_account(account);
    REQUIRE(id);
    const auto loaded = (*store)->load_account(*id);
    Contents found;
    for (const storage::MailboxRecord& record : loaded->mailboxes) {
        const auto view = (*store)->load_mailbox(*id, record)->view;
        auto& messages = found[record.name];
        for (const auto& page : view->pages()) {
            for (std::size_t i = 0; i < page->count(); ++i) {
                const storage::Message message = page->at(i);
                std::string text = std::to_string(message.size) + ' ' +
                                   std::to_string(message.internal_date.unix_seconds) + ' ' +
                                   std::to_string(message.internal_date.zone_minutes);
                for (std::size_t bit = 0; bit < storage::kKeywordShift; ++bit)
                    text += (message.flags >> bit & 1U) != 0 ? " f" + std::to_string(bit) : "";
                // Each mailbox numbers its keywords as they came.
                std::set<std::string> keywords;
                for (std::size_t k = 0; k < record.keywords.size(); ++k) {
                    if ((message.flags >> (storage::kKeywordShift + k) & 1U) != 0)
                        keywords.insert(record.keywords[k]);
                }
                for (const std::string& keyword : keywords) text += ' ' + keyword;
                messages.push_back(text);
            }
        }
    }
    return found;
}

}  // namespace

TEST_CASE("an account of a backup is put below a name, and nothing that exists is touched") {
    const tidemark::tools::test::Scratch scratch;
    testdata::GenerateOptions options;
    options.directory = scratch.path("old");
    options.accounts = 2;
    options.messages = 5;
    REQUIRE(testdata::generate(options));
    options.directory = scratch.path("new");
    REQUIRE(testdata::generate(options));
    const Contents before = contents(scratch.path("old"), "anna");
    REQUIRE(before.size() > 2);

    const std::vector<std::string> all = {"restore",           scratch.path("old"), "--into",
                                          scratch.path("new"), "--account",         "anna"};
    const Run refused = run(all);
    CHECK(refused.exit == ExitCode::kNo);
    CHECK(refused.err.find("already") != std::string::npos);
    CHECK(contents(scratch.path("new"), "anna") == before);

    std::vector<std::string> elsewhere = all;
    elsewhere.insert(elsewhere.end(), {"--as", "Restored"});
    const Run done = run(elsewhere);
    INFO(done.err);
    CHECK(done.exit == ExitCode::kWell);
    const Contents after = contents(scratch.path("new"), "anna");
    for (const auto& [name, messages] : before) {
        CAPTURE(name);
        CHECK(after.at(name) == messages);
        CHECK(after.at("Restored/" + name) == messages);
    }
    CHECK(run(elsewhere).exit == ExitCode::kNo);
}

TEST_CASE("a restore of a part says what it can not do") {
    const tidemark::tools::test::Scratch scratch;
    testdata::GenerateOptions options;
    options.directory = scratch.path("data");
    options.accounts = 1;
    options.messages = 3;
    REQUIRE(testdata::generate(options));
    const std::string data = scratch.path("data");
    const auto restore = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments = {"restore", data};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments).exit;
    };
    CHECK(restore({}) == ExitCode::kUsage);
    CHECK(restore({"--into", data}) == ExitCode::kUsage);
    for (const char* name : {"--mailbox", "--as", "--at", "--account", "--data", "--admin"}) {
        CAPTURE(name);
        CHECK(restore({name, "1"}) == ExitCode::kUsage);
        CHECK(restore({data, name, "1"}) == ExitCode::kUsage);
    }
    CHECK(restore({"--online", "--account", "anna"}) == ExitCode::kUsage);
    CHECK(restore({"--online", "--data", data}) == ExitCode::kUsage);
    CHECK(restore({"--into", data, "--data", data, "--account", "anna"}) == ExitCode::kUsage);
    CHECK(restore({"--into", data, "--admin", data, "--account", "anna"}) == ExitCode::kUsage);
    CHECK(restore({data, "--into", data, "--account", "anna"}) == ExitCode::kUsage);
    for (const char* whole : {"--copy", "--quick", "--accept-findings", "--uid-gap=1"}) {
        CAPTURE(whole);
        CHECK(restore({"--into", data, "--account", "anna", whole}) == ExitCode::kUsage);
    }
    CHECK(restore({"--into", data, "--account", "anna", "--at", "noon"}) == ExitCode::kUsage);
    CHECK(restore({"--into", data, "--account", "nobody"}) == ExitCode::kNo);
    CHECK(restore({"--into", data, "--account", "anna", "--mailbox", "none"}) == ExitCode::kNo);
    CHECK(restore({"--into", data, "--account", "anna", "--mailbox", "INBOX", "--at",
                   "1999-01-01T00:00:00Z", "--as", "x"}) == ExitCode::kNo);
    CHECK(restore({"--into", data, "--account", "anna", "--online"}) == ExitCode::kCouldNotRun);
    CHECK(restore({"--online", "--data", data, "--account", "anna"}) == ExitCode::kCouldNotRun);
}
