#include "tests/upgrade/repage_step.hpp"

#include "storage/keys.hpp"
#include "storage/mailbox_view.hpp"
#include "storage/records.hpp"

#include <memory>

namespace tidemark::test {

using storage::Family;
using storage::Result;

namespace {
constexpr std::size_t kUidBytes = 4;
}

Result<void> RepageStep::put_page(storage::MigrationSink& sink) {
    if (kept_.empty()) return {};
    storage::MailboxDraft draft(std::make_shared<const storage::MailboxView>());
    for (const storage::Message& message : kept_) draft.append(message);
    const storage::ViewPtr view = std::move(draft).finish();
    kept_.clear();
    const storage::Page& page = *view->pages().front();
    const std::string uid = storage::keys::page({}, {}, page.first_uid());
    return sink.put(Family::kPages, mailbox_ + uid.substr(uid.size() - kUidBytes),
                    storage::encode_page(page));
}

Result<void> RepageStep::record(Family family, std::string_view key, std::string_view value,
                                storage::MigrationSink& sink) {
    if (family != Family::kPages) return sink.put(family, key, value);
    const std::string_view mailbox = key.substr(0, key.size() - kUidBytes);
    if (mailbox != mailbox_) {
        if (auto put = put_page(sink); !put) return put;
        mailbox_ = mailbox;
    }
    const auto page = storage::decode_page(value);
    if (!page) return tl::unexpected(page.error());
    for (std::size_t i = 0; i < page->count(); ++i) {
        kept_.push_back(page->at(i));
        if (kept_.size() < messages_) continue;
        if (auto put = put_page(sink); !put) return put;
    }
    return {};
}

Result<void> RepageStep::end_of_family(Family family, storage::MigrationSink& sink) {
    return family == Family::kPages ? put_page(sink) : Result<void>{};
}

storage::MigrationPlan repaging(const std::vector<std::size_t>& pages) {
    storage::MigrationPlan plan;
    for (const std::size_t messages : pages)
        plan.steps.emplace_back([messages] { return std::make_unique<RepageStep>(messages); });
    return plan;
}

}  // namespace tidemark::test
