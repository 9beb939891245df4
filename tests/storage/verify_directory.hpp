// A small directory of which the tests of the verification break one thing at a time.
#pragma once

#include "storage/keys.hpp"
#include "storage/verify/verify.hpp"
#include "tests/storage/raw_database.hpp"
#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::storage::testing {

using Codes = std::vector<std::string>;

inline VerifyOptions test_options() {
    VerifyOptions options;
    options.threads = 2;
    options.summary_matches = [](BodyId body, std::string_view, std::string_view stored) {
        return stored == fmt::format("summary of {}", raw(body));
    };
    options.mailbox_name_is_legal = [](std::string_view name) {
        return name.find('*') == std::string_view::npos;
    };
    options.account_name_is_legal = options.mailbox_name_is_legal;
    options.keyword_is_legal = [](std::string_view name) { return name != "("; };
    return options;
}

// Two accounts with a little of everything; uid 3 of "me" is expunged, the pages are the fold up to
// modseq 5, the log goes on to 7.
struct VerifyDirectory {
    static constexpr const char* kPath = TestStore::kDirectory;

    VerifyDirectory() {
        TestAccount first = store.account("me");
        TestAccount second = store.account("other");
        me = first.id();
        other = second.id();
        store.run(first, first.append({"Subject: a\r\n\r\none", "two", "three", "four"}));
        store.run(first, first.set_flags({1}, kSeen));
        store.run(first, first.copy({2}));
        store.run(first, first.expunge({3}));
        store.run(first, first.fold());
        store.run(first, first.append({"six"}));
        store.run(first, first.set_flags({2}, kFlagged));
        store.run(second, second.append({"another account's"}));
        message = first.message(1);
        REQUIRE(first.state().mailbox.folded_modseq == 5);
        REQUIRE(first.state().mailbox.highestmodseq == 7);
        store.store.reset();
    }

    FaultyFileSystem& files() { return store.files; }
    RawDatabase open() { return {files(), kPath}; }

    template <class Decode, class Change>
    void edit(Family family, const std::string& key, Decode decode, const Change& change) {
        RawDatabase database(files(), kPath);
        auto record = decode(database.get(family, key));
        REQUIRE(record.has_value());
        change(*record);
        database.put(family, key, encode(*record));
    }
    void edit_state(const std::function<void(StoreState&)>& change) {
        edit(Family::kMeta, keys::state(), decode_state, [&](StoreState& state) {
            ++state.store_seq;
            change(state);
        });
    }
    void edit_counters(const std::function<void(AccountCounters&)>& change) {
        edit(Family::kAccounts, keys::counters(me), decode_counters, change);
    }
    void edit_mailbox(const std::function<void(MailboxRecord&)>& change) {
        edit(Family::kMailboxes, keys::mailbox(me, inbox), decode_mailbox, change);
    }
    void edit_change(ModSeq modseq, const std::function<void(ChangeRecord&)>& change) {
        edit(Family::kChanges, keys::change(me, inbox, modseq), decode_change, change);
    }
    void edit_body(BodyId body, const std::function<void(BodyRecord&)>& change) {
        edit(Family::kBodies, keys::body(body), decode_body, change);
    }
    void edit_segment(const std::function<void(SegmentRecord&)>& change) {
        edit(Family::kMeta, keys::segment(SegmentId{1}), decode_segment, change);
    }
    void edit_page(const std::function<void(Page&, FixedColumns&)>& change) {
        RawDatabase database(files(), kPath);
        const std::string key = keys::page(me, inbox, 1);
        Page page = *decode_page(database.get(Family::kPages, key));
        auto fixed = std::make_shared<FixedColumns>(*page.fixed);
        change(page, *fixed);
        page.fixed = fixed;
        database.put(Family::kPages, key, encode_page(page));
    }
    void add_mailbox(const std::string& name,
                     const std::function<void(MailboxRecord&)>& change = {}) {
        edit_counters([](AccountCounters& counters) { counters.mailbox_id = 2; });
        MailboxRecord record;
        record.id = MailboxId{2};
        record.name = name;
        record.uidvalidity = 7;
        if (change) change(record);
        open().put(Family::kMailboxes, keys::mailbox(me, record.id), encode(record));
    }
    BodyRecord body(BodyId id) { return *decode_body(open().get(Family::kBodies, keys::body(id))); }
    void put(Family family, const std::string& key, const std::string& value) {
        open().put(family, key, value);
    }
    void remove(Family family, const std::string& key) { open().remove(family, key); }

    VerifyReport verify(const VerifyOptions& options = test_options()) {
        Result<VerifyReport> report = tidemark::storage::verify(kPath, options, files());
        if (!report) FAIL("verify: " << report.error().detail);
        return *report;
    }

    TestStore store;
    AccountId me{};
    AccountId other{};
    MailboxId inbox{1};
    Message message;  // uid 1
    std::string segment = store.segment_path(1);
};

inline Codes codes_of(const VerifyReport& report) {
    Codes codes;
    for (const Finding& finding : report.findings) {
        MESSAGE(to_string(finding));
        codes.emplace_back(name_of(finding.code));
    }
    return codes;
}

struct Break {
    std::string what;
    FindingCode code;
    std::function<void(VerifyDirectory&)> how;
};

inline void check_breaks(const std::vector<Break>& breaks) {
    for (const Break& one : breaks) {
        CAPTURE(one.what);
        VerifyDirectory directory;
        one.how(directory);
        const std::uint64_t operations = directory.files().operations();
        const VerifyReport report = directory.verify();
        CHECK(codes_of(report) == Codes{std::string(name_of(one.code))});
        CHECK(report.well() == is_note(one.code));
        CHECK(directory.files().operations() == operations);
    }
}

inline const std::string kOne(1, '\x01');

}  // namespace tidemark::storage::testing
