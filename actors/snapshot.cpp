#include "actors/snapshot.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace tidemark::actors {

namespace {

std::string random_id() {
    std::array<unsigned char, 16> bytes;
    ::randombytes_buf(bytes.data(), bytes.size());
    std::string id;
    for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
    return id;
}

std::chrono::microseconds passed_since(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                 then);
}

}  // namespace

std::optional<std::string> why_no_destination(const std::string& destination,
                                              const std::string& data) {
    namespace fs = std::filesystem;
    const fs::path path = fs::path(destination).lexically_normal();
    if (!path.is_absolute() || !path.has_filename() || path.string() != destination)
        return fmt::format("\"{}\" is no absolute path without '.', '..' and a '/' at its end",
                           destination);
    const fs::path home = fs::absolute(data).lexically_normal();
    const std::string inside = home.string() + (home.has_filename() ? "/" : "");
    if ((destination + "/").starts_with(inside))
        return fmt::format("{} is in the data directory: it would be lost with it", destination);
    return std::nullopt;
}

// Lives as long as anything of the backup runs. `pause` is the store thread's while it works, and
// read behind its answer.
struct SnapshotActor::Job {
    BackupRequest request;
    std::string id;
    std::int64_t began_micros = 0;
    std::chrono::microseconds pause{};
};

SnapshotActor::SnapshotActor(StoreActor& store, Clock& clock, BackupFiles files,
                             std::string server_version)
    : store_(store),
      held_(store),
      clock_(clock),
      files_(std::move(files)),
      server_version_(std::move(server_version)) {}

SnapshotActor::~SnapshotActor() {
    stop();
    join();
}

void SnapshotActor::give_up() {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    given_up_changed_.notify_all();
}

void SnapshotActor::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    given_up_ = true;
    given_up_changed_.notify_all();
}

void SnapshotActor::join() {
    held_.join();
}

std::optional<storage::StoreError> SnapshotActor::busy() const {
    const std::lock_guard lock(mutex_);
    return busy_locked();
}

std::optional<storage::StoreError> SnapshotActor::busy_locked() const {
    using storage::StoreErrorKind;
    if (stopping_)
        return storage::StoreError{StoreErrorKind::kUnavailable, "the server is shutting down"};
    if (!running_) return std::nullopt;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(passed_since(running_since_));
    return storage::StoreError{
        StoreErrorKind::kLocked,
        fmt::format("a backup to {} is being made since {} s; only one can be at a time",
                    running_->request.destination, seconds.count())};
}

storage::Result<std::shared_ptr<SnapshotActor::Job>> SnapshotActor::begin(BackupRequest request) {
    const std::lock_guard lock(mutex_);
    if (auto busy = busy_locked()) return tl::unexpected(std::move(*busy));
    running_ = std::make_shared<Job>();
    running_->request = std::move(request);
    running_->id = random_id();
    running_->began_micros = clock_.wall_microseconds();
    running_since_ = std::chrono::steady_clock::now();
    progress_ = {};
    given_up_ = false;
    return running_;
}

Awaitable<storage::Result<BackupReport>> SnapshotActor::back_up(BackupRequest request) {
    auto job = begin(std::move(request));
    if (!job) co_return tl::unexpected(std::move(job.error()));
    auto report = co_await make(*job);
    end(**job, report);
    co_return report;
}

Awaitable<storage::Result<BackupReport>> SnapshotActor::make(std::shared_ptr<Job> job) {
    const Time began = std::chrono::steady_clock::now();
    auto made = co_await held_.run<storage::BackupResult>(
        [this, job] { return write(*job); },
        std::shared_ptr<std::chrono::microseconds>(job, &job->pause));
    if (!made) co_return tl::unexpected(std::move(made.error()));
    BackupReport report;
    report.made = std::move(*made);
    report.destination = job->request.destination;
    report.began_micros = job->began_micros;
    report.took = passed_since(began);
    report.pause = job->pause;
    co_return report;
}

// On the writer's thread.
storage::Result<storage::BackupResult> SnapshotActor::write(Job& job) {
    storage::BackupOptions options;
    options.destination = job.request.destination;
    options.since = job.request.since;
    options.omit_unchanged = job.request.omit_unchanged;
    options.id = job.id;
    options.created_micros = job.began_micros;
    options.server_version = server_version_;
    options.config = files_.config;
    if (job.request.with_keys)
        options.config.insert(options.config.end(), files_.keys.begin(), files_.keys.end());
    options.pace.bytes_per_second_max = job.request.bytes_per_second_max;
    options.pace.now = [] {
        return std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
    };
    options.pace.pause = [this](std::chrono::microseconds wait) { return pause(wait); };
    options.progress = [this](const storage::BackupProgress& progress) {
        const std::lock_guard lock(mutex_);
        progress_ = progress;
    };
    return storage::write_backup(store_.store(), options);
}

bool SnapshotActor::pause(std::chrono::microseconds wait) {
    std::unique_lock lock(mutex_);
    given_up_changed_.wait_for(lock, wait, [this] { return given_up_; });
    return !given_up_;
}

void SnapshotActor::end(Job& job, const storage::Result<BackupReport>& report) {
    if (report) {
        spdlog::info("backup: {} was made in {} ms, {} messages, pause {} us",
                     job.request.destination, report->took.count() / 1000, report->made.messages,
                     report->pause.count());
    } else {
        spdlog::error("backup: {} failed: {}", job.request.destination, report.error().detail);
    }
    const std::lock_guard lock(mutex_);
    ++(report ? made_ : failed_);
    last_ = BackupStatus::Last{job.request.destination, clock_.wall_microseconds(), {}, {}};
    if (report) {
        last_->report = *report;
    } else {
        last_->error = report.error().detail;
    }
    running_.reset();
}

BackupStatus SnapshotActor::status() const {
    const std::lock_guard lock(mutex_);
    BackupStatus status{{}, last_, made_, failed_};
    if (running_) {
        status.running = BackupStatus::Running{
            running_->request.destination,
            std::chrono::duration_cast<std::chrono::seconds>(passed_since(running_since_)),
            progress_};
    }
    return status;
}

}  // namespace tidemark::actors
