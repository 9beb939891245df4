// Property: no bytes crash a decoder of a stored value or make it take memory out of proportion,
// and what decodes is encoded again to bytes that decode to the same value. The first byte of the
// input chooses the decoder.

#include "storage/records.hpp"

#include <cstdlib>
#include <string_view>

namespace {

using namespace tidemark::storage;

void require(bool condition) {
    if (!condition) std::abort();
}

template <class Record>
void check(const Result<Record>& record, Result<Record> (*decode)(std::string_view)) {
    if (!record) return;
    const Result<Record> again = decode(encode(*record));
    require(again.has_value() && *again == *record);
}

void check_page(std::string_view bytes) {
    const Result<Page> page = decode_page(bytes);
    if (!page) return;
    require(page->count() > 0 && page->count() <= kPageCapacity);
    const Result<Page> again = decode_page(encode_page(*page));
    require(again.has_value() && again->count() == page->count() &&
            again->modseq_max == page->modseq_max);
    for (std::size_t i = 0; i < page->count(); ++i) {
        require(page->at(i) == again->at(i));
        require(i == 0 || page->fixed->uid[i] > page->fixed->uid[i - 1]);
    }
}

void check_change(std::string_view bytes) {
    const Result<ChangeRecord> change = decode_change(bytes);
    if (!change) {
        static_cast<void>(decode_expunged(bytes));
        return;
    }
    check(change, decode_change);
    UidRanges expected;
    for (const Message& message : change->expunged) append_uid(expected, message.uid);
    require(decode_expunged(bytes) == expected);
    MailboxDraft draft(std::make_shared<const MailboxView>());
    static_cast<void>(apply(draft, 5, *change));
    require(draft.count() <= change->appended.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 9) {
        case 0:
            check_page(bytes);
            break;
        case 1:
            check_change(bytes);
            break;
        case 2:
            check(decode_account(bytes), decode_account);
            break;
        case 3:
            check(decode_counters(bytes), decode_counters);
            break;
        case 4:
            check(decode_mailbox(bytes), decode_mailbox);
            break;
        case 5:
            check(decode_body(bytes), decode_body);
            break;
        case 6:
            check(decode_segment(bytes), decode_segment);
            break;
        case 7:
            check(decode_state(bytes), decode_state);
            break;
        default:
            static_cast<void>(decode_expunged(bytes));
            break;
    }
    return 0;
}
