// Backups of the running server, as the admin socket asks for them.
#include "actors/admin_methods.hpp"
#include "actors/admin_session.hpp"
#include "actors/limits.hpp"
#include "actors/snapshot.hpp"

#include <utility>

namespace tidemark::actors::admin {

namespace {

Json report_json(const BackupReport& report) {
    const storage::BackupResult& made = report.made;
    return {{"id", made.id},
            {"destination", report.destination},
            {"began_micros", report.began_micros},
            {"took_micros", report.took.count()},
            {"pause_micros", report.pause.count()},
            {"store_seq", made.store_seq},
            {"accounts", made.accounts},
            {"messages", made.messages},
            {"bytes", made.bytes},
            {"links", made.counts.links},
            {"linked_bytes", made.counts.linked_bytes},
            {"copies", made.counts.copies},
            {"copied_bytes", made.counts.copied_bytes},
            {"omitted", made.omitted},
            {"omitted_bytes", made.omitted_bytes}};
}

}  // namespace

Awaitable<AdminResult> back_up(AdminCall* call) {
    Params params(call->params);
    BackupRequest request;
    request.destination = params.text("destination");
    request.since = params.optional_text("since");
    request.omit_unchanged = params.optional_flag("omit_unchanged").value_or(false);
    request.with_keys = params.optional_flag("with_keys").value_or(false);
    request.bytes_per_second_max = params.optional_number("bytes_per_second_max").value_or(0);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (auto why = why_no_destination(request.destination, call->server.options().directory))
        co_return fail(ErrorCode::invalid_params, std::move(*why));
    if (request.since && !request.since->starts_with('/'))
        co_return fail(ErrorCode::invalid_params, "\"since\" must be an absolute path");
    SnapshotActor* snapshots = &call->server.snapshots();
    // Before the session watches: it would give up the other one with its client.
    if (auto busy = snapshots->busy()) co_return fail(*busy);
    call->session.watch_call(kWatchedCallInterval,
                             {.tell =
                                  [snapshots](Json& more) {
                                      const auto running = snapshots->status().running;
                                      if (!running) return;
                                      more["bytes_done"] = running->progress.bytes_done;
                                      more["bytes_total"] = running->progress.bytes_total;
                                  },
                              .gone = [snapshots] { snapshots->give_up(); }});
    auto report = co_await snapshots->back_up(std::move(request));
    if (!report) co_return fail(report.error());
    co_return report_json(*report);
}

Json backup_status_json(const BackupStatus& status) {
    Json running;
    if (status.running) {
        running = {{"destination", status.running->destination},
                   {"seconds", status.running->since.count()},
                   {"bytes_done", status.running->progress.bytes_done},
                   {"bytes_total", status.running->progress.bytes_total}};
    }
    Json last;
    if (status.last) {
        last = {{"destination", status.last->destination},
                {"ended_micros", status.last->ended_micros},
                {"well", status.last->report.has_value()}};
        if (status.last->report) last["report"] = report_json(*status.last->report);
        if (!status.last->report) last["error"] = status.last->error;
    }
    return {{"running", std::move(running)},
            {"last", std::move(last)},
            {"made", status.made},
            {"failed", status.failed}};
}

}  // namespace tidemark::actors::admin
