// A server that checks its own store while it serves.
#include "actors/admin_session.hpp"
#include "actors/verifier.hpp"
#include "actors/verify_json.hpp"
#include "protocol/json_rpc.hpp"
#include "tests/support/admin_peer.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <thread>

using namespace tidemark;
using namespace tidemark::test;
using protocol::json_rpc::ErrorCode;
using protocol::json_rpc::Json;

namespace {

void append(ImapClient& client, const std::string& text) {
    const auto lines = client.run(fmt::format("APPEND INBOX {{{}+}}\r\n{}", text.size(), text));
    REQUIRE(lines.back().starts_with("OK "));
}

}  // namespace

TEST_CASE("a server that is written to finds nothing wrong with its store") {
    TestServer server;
    server.add_account("ann");
    // The slower the machine, the more would be written while one verification runs, and the longer
    // the next would take: so many messages for each of them.
    constexpr unsigned kMessagesEach = 200;
    std::atomic<unsigned> allowed = 0;
    std::atomic<bool> enough = false;
    std::thread writer([&] {
        auto client = server.connect("ann");
        client.ok("SELECT INBOX");
        for (unsigned i = 1; !enough; ++i) {
            const unsigned now_allowed = allowed;
            if (i > now_allowed) allowed.wait(now_allowed);
            append(client, fmt::format("Subject: {}\r\n\r\n{}\r\n", i, std::string(i % 5000, 'x')));
            if (i % 3 == 0) {
                client.ok("STORE 1 +FLAGS (\\Deleted)");
                client.ok("EXPUNGE");
            }
        }
    });
    const auto allow = [&allowed](unsigned count) {
        allowed += count;
        allowed.notify_all();
    };
    const std::shared_ptr<void> joined(nullptr, [&](void*) {
        enough = true;
        allow(1);
        writer.join();
    });
    AdminPeer admin(server);
    for (int i = 0; i < 10; ++i) {
        CAPTURE(i);
        allow(kMessagesEach);
        const Json answer = admin.call("verify", {{"quick", i % 2 == 1}, {"threads", 1 + i % 3}});
        CAPTURE(answer.dump());
        REQUIRE(answer.contains("result"));
        CHECK(answer["result"]["well"] == true);
        CHECK(answer["result"]["findings"].empty());
        CHECK(answer["result"]["counts"]["accounts"] == 1);
        // Nothing of it stays.
        CHECK(server.files.list("/data/verification").error().code == ENOENT);
    }
}

TEST_CASE("a server tells what is wrong with its store, and goes on") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    append(client, "Subject: whole\r\n\r\nthe text that is to be changed\r\n");
    const auto segments = server.files.list("/data/mail");
    REQUIRE(segments.has_value());
    REQUIRE(segments->size() == 1);
    const std::string path = "/data/mail/" + segments->front();
    std::string bytes = server.files.contents(path);
    const auto at = bytes.find("to be changed");
    REQUIRE(at != std::string::npos);
    bytes[at] = 'T';
    server.files.replace_contents(path, bytes);

    AdminPeer admin(server);
    const Json quick = admin.call("verify", {{"quick", true}});
    REQUIRE(quick.contains("result"));
    CHECK(quick["result"]["well"] == true);  // which reads no mail
    const Json answer = admin.call("verify", Json::object());
    CAPTURE(answer.dump());
    REQUIRE(answer.contains("result"));
    CHECK(answer["result"]["well"] == false);
    const auto finding = actors::finding_from_json(answer["result"]["findings"].at(0));
    REQUIRE(finding.has_value());
    CHECK(finding->code == storage::FindingCode::kBodyCrc);
    CHECK(finding->account == "ann");
    CHECK(finding->mailbox == "INBOX");
    CHECK(finding->uid == 1);
    CHECK(finding->file == "mail/" + segments->front());
    client.ok("NOOP");
}

TEST_CASE("a server that nothing was stored in yet is well") {
    TestServer server;
    AdminPeer admin(server);
    const Json answer = admin.call("verify", Json::object());
    CAPTURE(answer.dump());
    REQUIRE(answer.contains("result"));
    CHECK(answer["result"]["well"] == true);
}

TEST_CASE("what a verification is asked for is checked") {
    TestServer server;
    AdminPeer admin(server);
    for (const Json& params : {Json{{"threads", 0}}, Json{{"threads", 257}}, Json{{"quick", 1}},
                               Json{{"directory", "/data"}}}) {
        CAPTURE(params.dump());
        CHECK(admin.call("verify", params)["error"]["code"] ==
              static_cast<int>(ErrorCode::invalid_params));
    }
}

TEST_CASE("a start removes what a killed verification left") {
    TestServer server;
    for (const char* name : {"/data/verification", "/data/verification/db"})
        REQUIRE(server.files.make_directory(name).has_value());
    server.files.replace_contents("/data/verification/db/000001.sst", "table");
    server.restart();
    CHECK(server.files.list("/data/verification").error().code == ENOENT);
}

TEST_CASE("findings survive the way to who asked for them") {
    storage::Finding finding;
    finding.code = storage::FindingCode::kTombstone;
    finding.account = "ann";
    finding.mailbox = "Old";
    finding.uid = 7;
    finding.file = "mail/x";
    finding.offset = 0;
    finding.text = "alive";
    storage::VerifyReport report;
    report.findings = {finding, storage::Finding{}};
    const Json json = actors::to_json(report);
    for (std::size_t i = 0; i < report.findings.size(); ++i) {
        const auto back = actors::finding_from_json(json["findings"].at(i));
        REQUIRE(back.has_value());
        CHECK(*back == report.findings[i]);
    }
    CHECK(!actors::finding_from_json(Json{{"code", "of-a-later-version"}}).has_value());
    CHECK(!actors::finding_from_json(Json("text")).has_value());
}
