// Random operations of several sessions on one account against a model that is simple enough to be
// right. The model knows each mailbox's messages and flags; every session is checked at random
// moments: what it was told, folded together, must be what a fresh session sees. The seed is
// printed; TEST_SEED repeats a run.
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

using namespace tidemark::test;

namespace {

using Flags = std::set<std::string>;

struct ModelMessage {
    Flags flags;
    std::string body;
};
struct ModelMailbox {
    unsigned uidnext = 1;
    std::map<unsigned, ModelMessage> messages;
};

Flags parse_flags(const std::string& line) {
    const auto begin = line.find("FLAGS (");
    REQUIRE(begin != std::string::npos);
    const auto end = line.find(')', begin);
    Flags flags;
    std::string word;
    for (const char c : line.substr(begin + 7, end - begin - 7) + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            if (word != "\\Recent") flags.insert(word);
            word.clear();
        }
    }
    return flags;
}

// A client with a cache that only knows what it was told.
class CachingClient {
  public:
    CachingClient(TestServer& server, bool qresync)
        : server_(&server), qresync_(qresync), client_(connect()) {}

    void select(const std::string& mailbox) {
        mailbox_ = mailbox;
        cache_.clear();
        highest_ = 0;
        for (const auto& line : client_.ok("SELECT " + mailbox)) learn_select(line);
        // The cache is filled by a full fetch.
        cache_.assign(exists_, {0, {}});
        absorb(client_.ok("UID FETCH 1:* (UID FLAGS)"));
    }
    // Runs a command and takes in everything that it tells.
    std::vector<std::string> run(const std::string& command) {
        auto lines = client_.run(command);
        absorb(lines);
        // New messages were only counted. Before it believes a modseq above theirs, a client has to
        // fetch them.
        if (std::any_of(cache_.begin(), cache_.end(),
                        [](const auto& one) { return one.first == 0; })) {
            absorb(client_.ok("UID FETCH 1:* (UID FLAGS)"));
        }
        return lines;
    }
    // Goes away and comes back with what it knows (RFC 7162 §3.2.5), if it can.
    void reconnect() {
        client_ = connect();
        // Without known uids the server names everything that it ever expunged.
        if (!qresync_ || cache_.empty()) {
            select(mailbox_);
            return;
        }
        std::string known;
        for (const auto& [uid, flags] : cache_) {
            known += (known.empty() ? "" : ",") + std::to_string(uid);
        }
        std::string command = "SELECT " + mailbox_ + " (QRESYNC (" + std::to_string(uidvalidity_) +
                              " " + std::to_string(highest_) + (known.empty() ? "" : " " + known) +
                              "))";
        const auto lines = client_.ok(command);
        std::map<unsigned, Flags> by_uid(cache_.begin(), cache_.end());
        std::vector<std::string> fetches;
        for (const auto& line : lines) {
            if (line.find("* VANISHED (EARLIER) ") == 0) {
                for (const unsigned uid : parse_set(line.substr(21))) {
                    REQUIRE_MESSAGE(by_uid.erase(uid) == 1,
                                    "VANISHED names what was not known or not asked: " << line);
                }
            } else if (line.find(" FETCH (") != std::string::npos) {
                REQUIRE_MESSAGE(by_uid.count(uid_of(line)) == 1, "a FETCH not asked for: " << line);
                by_uid[uid_of(line)] = parse_flags(line);
            }
            learn_select(line);
        }
        // Only what it named is told; it asks for what is new itself (RFC 7162 §6, step 2).
        const unsigned last = cache_.back().first;
        for (const auto& line :
             client_.ok("UID FETCH " + std::to_string(last + 1) + ":* (UID FLAGS)")) {
            if (line.find(" FETCH (") != std::string::npos)
                by_uid[uid_of(line)] = parse_flags(line);
            if (line.find(" EXISTS") != std::string::npos) exists_ = std::stoul(line.substr(2));
            learn_modseq(line);
        }
        cache_.assign(by_uid.begin(), by_uid.end());
        REQUIRE_MESSAGE(cache_.size() == exists_,
                        "after a resynchronisation EXISTS is not what the client knows");
    }

    // What a silent STORE does to the flags that the client knows, before it hears of others'
    // changes.
    template <class Change>
    void assume(const std::set<unsigned>& uids, Change change) {
        for (auto& [uid, flags] : cache_) {
            if (uids.contains(uid)) change(flags);
        }
    }

    const std::vector<std::pair<unsigned, Flags>>& cache() const { return cache_; }
    const std::string& mailbox() const { return mailbox_; }

  private:
    ImapClient connect() {
        ImapClient client = server_->connect("ann");
        if (qresync_) client.ok("ENABLE QRESYNC");
        return client;
    }
    static unsigned uid_of(const std::string& line) {
        const auto at = line.find("UID ");
        REQUIRE_MESSAGE(at != std::string::npos, "no UID in: " << line);
        return static_cast<unsigned>(std::stoul(line.substr(at + 4)));
    }
    static std::vector<unsigned> parse_set(const std::string& text) {
        std::vector<unsigned> uids;
        std::size_t at = 0;
        while (at < text.size()) {
            std::size_t used = 0;
            const auto first = std::stoul(text.substr(at), &used);
            at += used;
            auto last = first;
            if (at < text.size() && text[at] == ':') {
                last = std::stoul(text.substr(at + 1), &used);
                at += used + 1;
            }
            for (auto uid = first; uid <= last; ++uid) uids.push_back(static_cast<unsigned>(uid));
            ++at;
        }
        return uids;
    }
    void learn_select(const std::string& line) {
        if (line.find(" EXISTS") != std::string::npos) exists_ = std::stoul(line.substr(2));
        learn_modseq(line);
        if (const auto at = line.find("UIDVALIDITY "); at != std::string::npos) {
            uidvalidity_ = std::stoull(line.substr(at + 12));
        }
    }
    void learn_modseq(const std::string& line) {
        if (const auto at = line.find("HIGHESTMODSEQ "); at != std::string::npos) {
            highest_ = std::max<std::uint64_t>(highest_, std::stoull(line.substr(at + 14)));
        }
        if (const auto at = line.find("MODSEQ ("); at != std::string::npos) {
            highest_ = std::max<std::uint64_t>(highest_, std::stoull(line.substr(at + 8)));
        }
    }
    void absorb(const std::vector<std::string>& lines) {
        for (const auto& line : lines) {
            learn_modseq(line);
            if (line.find("* ") != 0) continue;
            if (line.find("* VANISHED ") == 0 && line.find("EARLIER") == std::string::npos) {
                for (const unsigned uid : parse_set(line.substr(11))) {
                    auto it = std::find_if(cache_.begin(), cache_.end(),
                                           [uid](const auto& one) { return one.first == uid; });
                    // A message that was only counted by EXISTS: which one of those does not
                    // matter.
                    if (it == cache_.end() && !cache_.empty() && cache_.back().first == 0)
                        it = std::prev(cache_.end());
                    REQUIRE_MESSAGE(it != cache_.end(),
                                    "VANISHED names an unknown message: " << line);
                    cache_.erase(it);
                }
            } else if (line.find(" EXPUNGE") != std::string::npos) {
                const auto seq = std::stoul(line.substr(2));
                REQUIRE(seq >= 1);
                REQUIRE(seq <= cache_.size());
                cache_.erase(cache_.begin() + static_cast<std::ptrdiff_t>(seq - 1));
            } else if (line.find(" EXISTS") != std::string::npos) {
                const auto count = std::stoul(line.substr(2));
                REQUIRE(count >= cache_.size());
                cache_.resize(count, {0, {}});
            } else if (line.find(" FETCH (") != std::string::npos &&
                       line.find("FLAGS (") != std::string::npos) {
                const auto seq = std::stoul(line.substr(2));
                REQUIRE(seq >= 1);
                REQUIRE(seq <= cache_.size());
                auto& [uid, flags] = cache_[seq - 1];
                const unsigned told = uid_of(line);
                REQUIRE_MESSAGE((uid == 0 || uid == told),
                                "a sequence number has another UID: " << line);
                uid = told;
                flags = parse_flags(line);
            }
        }
    }

    TestServer* server_;
    bool qresync_;
    ImapClient client_;
    std::string mailbox_;
    std::size_t exists_ = 0;
    std::uint64_t uidvalidity_ = 0;
    std::uint64_t highest_ = 0;
    std::vector<std::pair<unsigned, Flags>> cache_;  // by sequence number; uid 0: not known yet
};

class Run {
  public:
    explicit Run(std::uint64_t seed) : random_(seed) {
        server_.add_account("ann");
        ImapClient setup = server_.connect("ann");
        for (const char* name : {"INBOX", "one", "two"}) {
            if (std::string(name) != "INBOX") setup.ok("CREATE " + std::string(name));
            boxes_[name];
        }
        for (int i = 0; i < 4; ++i) clients_.emplace_back(server_, i % 2 == 0);
        for (auto& client : clients_) client.select(pick_box());
    }

    void step() {
        CachingClient& client = clients_[below(clients_.size())];
        ModelMailbox& box = boxes_[client.mailbox()];
        switch (below(12)) {
            case 0:
            case 1:
                append(client);
                break;
            case 2:
            case 3:
            case 4:
                store(client, box);
                break;
            case 5:
                copy(client, box, false);
                break;
            case 6:
                copy(client, box, true);
                break;
            case 7:
                expunge(client, box);
                break;
            case 8:
                client.reconnect();
                break;
            case 9:
                client.select(pick_box());
                break;
            case 10:
                client.run("NOOP");
                break;
            default:
                check(client);
                break;
        }
    }
    void restart(std::uint64_t seed) {
        below(2) == 0 ? server_.restart() : server_.crash(seed);
        for (auto& client : clients_) client.reconnect();
    }
    void check_all() {
        for (auto& client : clients_) check(client);
        ImapClient fresh = server_.connect("ann");
        for (auto& [name, box] : boxes_) {
            const auto status =
                fresh.ok("STATUS " + name + " (MESSAGES UIDNEXT UNSEEN DELETED SIZE)");
            std::size_t unseen = 0, deleted = 0, size = 0;
            for (const auto& [uid, message] : box.messages) {
                unseen += message.flags.contains("\\Seen") ? 0 : 1;
                deleted += message.flags.contains("\\Deleted") ? 1 : 0;
                size += message.body.size();
            }
            CHECK(status[0] == "* STATUS " + name + " (MESSAGES " +
                                   std::to_string(box.messages.size()) + " UIDNEXT " +
                                   std::to_string(box.uidnext) + " UNSEEN " +
                                   std::to_string(unseen) + " DELETED " + std::to_string(deleted) +
                                   " SIZE " + std::to_string(size) + ")");
            fresh.ok("EXAMINE " + name);
            for (const auto& [uid, message] : box.messages) {
                const auto lines = fresh.ok("UID FETCH " + std::to_string(uid) + " BODY.PEEK[]");
                CHECK(lines[0].find(message.body) != std::string::npos);
            }
        }
    }

  private:
    std::size_t below(std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
    }
    std::string pick_box() {
        return std::next(boxes_.begin(), static_cast<std::ptrdiff_t>(below(boxes_.size())))->first;
    }
    Flags pick_flags() {
        static const char* kNames[] = {"\\Seen",     "\\Deleted", "\\Flagged",
                                       "\\Answered", "red",       "blue"};
        Flags flags;
        for (const char* name : kNames) {
            if (below(3) == 0) flags.insert(name);
        }
        return flags;
    }
    static std::string text(const Flags& flags) {
        std::string result;
        for (const auto& flag : flags) result += (result.empty() ? "" : " ") + flag;
        return "(" + result + ")";
    }
    // A random set of uids as the client would write it, not only of those that exist.
    std::pair<std::string, std::set<unsigned>> pick_uids(const ModelMailbox& box) {
        std::set<unsigned> uids;
        const unsigned first = 1 + static_cast<unsigned>(below(box.uidnext + 1));
        const unsigned last = first + static_cast<unsigned>(below(4));
        for (unsigned uid = first; uid <= last; ++uid) uids.insert(uid);
        return {std::to_string(first) + ":" + std::to_string(last), uids};
    }

    void append(CachingClient& client) {
        const std::string name = pick_box();
        ModelMailbox& box = boxes_[name];
        const Flags flags = pick_flags();
        std::string body = "Subject: " + std::to_string(++bodies_) + "\r\n\r\n" +
                           std::string(below(3000), 'x') + "\r\n";
        const auto lines = client.run("APPEND " + name + " " + text(flags) + " {" +
                                      std::to_string(body.size()) + "+}\r\n" + body);
        REQUIRE(lines.back().find("OK [APPENDUID ") == 0);
        box.messages[box.uidnext++] = {flags, std::move(body)};
    }
    void store(CachingClient& client, ModelMailbox& box) {
        const auto [set, uids] = pick_uids(box);
        const Flags flags = pick_flags();
        const auto mode = below(3);
        static const char* kModes[] = {"FLAGS", "+FLAGS", "-FLAGS"};
        const bool silent = below(2) == 0;
        const auto change = [&flags, mode](Flags& now) {
            if (mode == 0) now = flags;
            if (mode == 1) now.insert(flags.begin(), flags.end());
            if (mode == 2) {
                for (const auto& flag : flags) now.erase(flag);
            }
        };
        // The client makes the change in its cache; what the server tells meanwhile counts more.
        if (silent) client.assume(uids, change);
        const auto lines = client.run("UID STORE " + set + " " + kModes[mode] +
                                      (silent ? ".SILENT " : " ") + text(flags));
        REQUIRE(lines.back().find("OK") == 0);
        for (const unsigned uid : uids) {
            const auto it = box.messages.find(uid);
            if (it != box.messages.end()) change(it->second.flags);
        }
    }
    void copy(CachingClient& client, ModelMailbox& box, bool move) {
        const auto [set, uids] = pick_uids(box);
        const std::string name = pick_box();
        const auto lines =
            client.run(std::string(move ? "UID MOVE " : "UID COPY ") + set + " " + name);
        REQUIRE(lines.back().find("OK") == 0);
        ModelMailbox& to = boxes_[name];
        std::vector<ModelMessage> copies;
        for (const unsigned uid : uids) {
            const auto it = box.messages.find(uid);
            if (it == box.messages.end()) continue;
            copies.push_back(it->second);
        }
        if (move) {
            for (const unsigned uid : uids) box.messages.erase(uid);
        }
        for (auto& message : copies) to.messages[to.uidnext++] = std::move(message);
    }
    void expunge(CachingClient& client, ModelMailbox& box) {
        const auto [set, uids] = pick_uids(box);
        const bool all = below(2) == 0;
        const auto lines = client.run(all ? std::string("EXPUNGE") : "UID EXPUNGE " + set);
        REQUIRE(lines.back().find("OK") == 0);
        for (auto it = box.messages.begin(); it != box.messages.end();) {
            const bool gone =
                it->second.flags.contains("\\Deleted") && (all || uids.contains(it->first));
            it = gone ? box.messages.erase(it) : std::next(it);
        }
    }
    // After a NOOP the client knows everything.
    void check(CachingClient& client) {
        client.run("NOOP");
        // New messages were only counted; a client fetches what it does not know.
        if (std::any_of(client.cache().begin(), client.cache().end(),
                        [](const auto& one) { return one.first == 0; })) {
            client.run("UID FETCH 1:* (UID FLAGS)");
        }
        const ModelMailbox& box = boxes_[client.mailbox()];
        REQUIRE(client.cache().size() == box.messages.size());
        auto known = client.cache().begin();
        for (const auto& [uid, message] : box.messages) {
            CAPTURE(uid);
            REQUIRE(known->first == uid);
            REQUIRE(known->second == message.flags);
            ++known;
        }
    }

    std::mt19937_64 random_;
    TestServer server_;
    std::map<std::string, ModelMailbox> boxes_;
    std::vector<CachingClient> clients_;
    unsigned bodies_ = 0;
};

}  // namespace

TEST_CASE("random operations of four sessions agree with a model, over restarts and power cuts") {
    const char* given = std::getenv("TEST_SEED");
    const std::uint64_t first =
        given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    const int rounds = given != nullptr ? 1 : 4;
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t seed = first + static_cast<std::uint64_t>(round);
        CAPTURE(seed);
        Run run(seed);
        for (int phase = 0; phase < 3; ++phase) {
            for (int i = 0; i < 150; ++i) run.step();
            run.check_all();
            run.restart(seed);
        }
        run.check_all();
    }
}
