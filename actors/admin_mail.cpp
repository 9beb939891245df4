// mail.append of the admin socket: how mail is imported into a running server. The messages' bytes
// are in a file that the client put into DIR/imports, one behind another: lines of JSON are no
// place for megabytes. A call is one AppendRequest, durable as a whole or not at all.
#include "actors/admin_methods.hpp"
#include "actors/commands/flag_names.hpp"
#include "actors/delivery.hpp"
#include "actors/incoming_message.hpp"
#include "actors/limits.hpp"
#include "actors/server.hpp"
#include "protocol/limits.hpp"
#include "protocol/mailbox_name.hpp"
#include "protocol/types.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace tidemark::actors::admin {

namespace {

namespace json_rpc = protocol::json_rpc;
template <class T>
using Expected = tl::expected<T, json_rpc::Error>;

constexpr std::int64_t kDayMinutes = 24 * 60;

struct Source {
    std::uint64_t bytes = 0;
    FlagNames flags;
    storage::Date internal_date;
};

struct Batch {
    storage::AccountId account{};
    std::string mailbox;
    std::string path;  // empty: no messages
    std::vector<Source> sources;
};

Expected<Source> read_source(Json& item, std::size_t index, std::uint64_t bytes_max) {
    const auto wrong = [index](std::string_view what) {
        return fail(ErrorCode::invalid_params, fmt::format("message {}: {}", index, what));
    };
    if (!item.is_object()) return wrong("not an object");
    Params params(item);
    const auto bytes = params.optional_number("bytes");
    const auto date = params.optional_integer("internal_date");
    const std::int64_t zone = params.optional_integer("zone").value_or(0);
    Json* list = params.array("flags");
    if (auto error = params.error()) return wrong(error->message);
    Source source;
    source.bytes = bytes.value_or(0);
    if (source.bytes == 0) return wrong("empty");
    if (source.bytes > bytes_max)
        return fail(ErrorCode::limit,
                    fmt::format("message {}: larger than this server takes", index));
    if (!date) return wrong("\"internal_date\" is missing");
    if (zone <= -kDayMinutes || zone >= kDayMinutes) return wrong("\"zone\" is none");
    source.internal_date = {*date, static_cast<std::int16_t>(zone)};
    std::vector<protocol::Flag> flags;
    for (const Json& text : *list) {
        if (!text.is_string()) return wrong("a flag is not one");
        auto flag = protocol::Flag::parse(text.get_ref<const std::string&>());
        if (!flag) return wrong("a flag is not one");
        flags.push_back(std::move(*flag));
    }
    source.flags = commands::to_flag_names(flags);
    return source;
}

// A name within DIR/imports and nothing else: whoever may ask here may not read the server's other
// files through it.
bool is_plain_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

Expected<std::shared_ptr<Batch>> read_batch(Server& server, Json& object) {
    Params params(object);
    auto batch = std::make_shared<Batch>();
    const std::string account = params.text("account");
    const std::string mailbox = params.text("mailbox");
    const auto file = params.optional_text("file");
    Json* messages = params.array("messages");
    if (auto error = params.error()) return tl::unexpected(std::move(*error));
    auto id = find_account(server, account);
    if (!id) return tl::unexpected(std::move(id.error()));
    batch->account = *id;
    auto name = protocol::MailboxName::from_utf8(mailbox);
    if (!name)
        return fail(ErrorCode::invalid_params,
                    fmt::format("\"mailbox\": {}", protocol::describe(name.error())));
    batch->mailbox = name->utf8();
    if (messages->size() > protocol::kAppendMessagesMax)
        return fail(ErrorCode::limit,
                    fmt::format("more than {} messages in one call", protocol::kAppendMessagesMax));
    if (messages->empty()) return batch;
    if (!file || !is_plain_name(*file))
        return fail(ErrorCode::invalid_params, "\"file\" must be a name within imports/");
    batch->path = server.options().directory + "/imports/" + *file;
    const std::uint64_t bytes_max = server.options().imap_options.append_bytes_max;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < messages->size(); ++i) {
        auto source = read_source((*messages)[i], i, bytes_max);
        if (!source) return tl::unexpected(std::move(source.error()));
        // Messages of a mebibyte and more do not stay in memory.
        if (source->bytes < kStagedBytesMin) total += source->bytes;
        batch->sources.push_back(std::move(*source));
    }
    if (total > kAdminAppendBytesMax) return fail(ErrorCode::limit, "too many bytes in one call");
    return batch;
}

// Closed at the end.
class File {
  public:
    explicit File(const std::string& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    // The next bytes, all of them or an error.
    tl::expected<std::string, std::string> read(std::uint64_t length) {
        if (descriptor_ < 0) return tl::unexpected(std::generic_category().message(errno));
        struct stat status{};
        if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
            return tl::unexpected(std::string("not a regular file"));
        // Nothing is reserved for what is only said to be there.
        if (static_cast<std::uint64_t>(status.st_size) < length)
            return tl::unexpected(std::string("shorter than its messages"));
        std::string bytes(length, '\0');
        for (std::size_t have = 0; have < bytes.size();) {
            const ssize_t got = ::read(descriptor_, bytes.data() + have, bytes.size() - have);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return tl::unexpected(std::generic_category().message(errno));
            if (got == 0) return tl::unexpected(std::string("shorter than its messages"));
            have += static_cast<std::size_t>(got);
        }
        return bytes;
    }

  private:
    int descriptor_;
};

// On a worker.
Expected<std::vector<AppendMessage>> make_messages(storage::Store& store, Batch& batch) {
    std::vector<AppendMessage> messages;
    if (batch.sources.empty()) return messages;
    File file(batch.path);
    for (Source& source : batch.sources) {
        auto bytes = file.read(source.bytes);
        if (!bytes) return fail(ErrorCode::refused, fmt::format("\"file\": {}", bytes.error()));
        auto message = make_append_message(store, std::move(*bytes));
        if (!message) return fail(message.error());
        message->flags = std::move(source.flags);
        message->internal_date = source.internal_date;
        messages.push_back(std::move(*message));
    }
    return messages;
}

}  // namespace

Awaitable<AdminResult> append_mail(AdminCall* call) {
    auto batch = read_batch(call->server, call->params);
    if (!batch) co_return tl::unexpected(std::move(batch.error()));
    ServerContext* context = &call->server.context();
    storage::Store* store = &call->server.store();
    auto messages = co_await context->workers.run(
        WorkPriority::heavy, [store, one = *batch] { return make_messages(*store, *one); });
    if (!messages) co_return fail(ErrorCode::unavailable, "the server is too busy");
    if (!*messages) co_return tl::unexpected(std::move(messages->error()));
    const std::size_t count = (*messages)->size();
    auto done = co_await import_messages(context, (*batch)->account, std::move((*batch)->mailbox),
                                         std::move(**messages));
    if (!done) co_return fail(done.error());
    co_return Json{{"messages", count}, {"uidvalidity", done->uidvalidity}};
}

}  // namespace tidemark::actors::admin
