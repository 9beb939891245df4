// The running server checks its own store, as the admin socket asks for it.
#include "actors/admin_methods.hpp"
#include "actors/admin_session.hpp"
#include "actors/limits.hpp"
#include "actors/verifier.hpp"
#include "actors/verify_json.hpp"

#include <fmt/format.h>

#include <utility>

namespace tidemark::actors::admin {

Awaitable<AdminResult> verify(AdminCall* call) {
    Params params(call->params);
    VerifyRequest request;
    request.quick = params.optional_flag("quick").value_or(false);
    const std::uint64_t threads = params.optional_number("threads").value_or(1);
    if (auto error = params.error()) co_return tl::unexpected(std::move(*error));
    if (threads == 0 || threads > kVerifyThreadsMax)
        co_return fail(ErrorCode::invalid_params,
                       fmt::format("\"threads\" must be 1 to {}", kVerifyThreadsMax));
    request.threads = static_cast<unsigned>(threads);
    Verifier* verifier = &call->server.verifier();
    // Before the session watches: it would give up the other one with its client.
    if (auto busy = verifier->busy()) co_return fail(*busy);
    call->session.watch_call(kWatchedCallInterval, {.tell =
                                                        [verifier](Json& more) {
                                                            const auto progress =
                                                                verifier->progress();
                                                            if (!progress) return;
                                                            more["what"] = progress->what;
                                                            more["unit"] = progress->unit;
                                                            more["done"] = progress->done;
                                                            more["total"] = progress->total;
                                                        },
                                                    .gone = [verifier] { verifier->give_up(); }});
    auto report = co_await verifier->verify(request);
    if (!report) co_return fail(report.error());
    co_return to_json(*report);
}

}  // namespace tidemark::actors::admin
