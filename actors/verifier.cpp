#include "actors/verifier.hpp"

#include "actors/verify_checks.hpp"
#include "storage/verify/verify_store.hpp"

#include <spdlog/spdlog.h>

namespace tidemark::actors {

using storage::StoreError;
using storage::StoreErrorKind;

Verifier::~Verifier() {
    stop();
    join();
}

void Verifier::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    given_up_ = true;
}

std::optional<StoreError> Verifier::busy() const {
    const std::lock_guard lock(mutex_);
    return busy_locked();
}

std::optional<StoreError> Verifier::busy_locked() const {
    if (stopping_) return StoreError{StoreErrorKind::kUnavailable, "the server is shutting down"};
    if (!progress_) return std::nullopt;
    return StoreError{StoreErrorKind::kLocked,
                      "a verification is under way; only one can be at a time"};
}

std::optional<storage::VerifyProgress> Verifier::progress() const {
    const std::lock_guard lock(mutex_);
    return progress_;
}

Awaitable<storage::Result<storage::VerifyReport>> Verifier::verify(VerifyRequest request) {
    {
        const std::lock_guard lock(mutex_);
        if (auto busy = busy_locked()) co_return tl::unexpected(std::move(*busy));
        progress_ = storage::VerifyProgress{"holding", "", 0, 0};
        given_up_ = false;
    }
    auto report = co_await held_.run<storage::VerifyReport>(
        [this, request] { return work(request); }, std::make_shared<std::chrono::microseconds>());
    if (!report) {
        spdlog::error("verification: {}", report.error().detail);
    } else if (!report->well()) {
        spdlog::error("verification: {} findings",
                      report->findings.size() + report->findings_left_out);
    }
    const std::lock_guard lock(mutex_);
    progress_.reset();
    co_return report;
}

// On a thread of its own.
storage::Result<storage::VerifyReport> Verifier::work(VerifyRequest request) {
    storage::VerifyOptions options;
    options.quick = request.quick;
    options.threads = request.threads;
    options.on_progress = [this](const storage::VerifyProgress& progress) {
        const std::lock_guard lock(mutex_);
        progress_ = progress;
    };
    options.is_cancelled = [this] { return given_up_.load(); };
    set_verify_checks(options);
    return storage::verify_store(store_.store(), std::move(options));
}

}  // namespace tidemark::actors
