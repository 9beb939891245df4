#include "tools/loadtest/fill.hpp"

#include "tools/loadtest/corpus.hpp"
#include "tools/loadtest/load_thread.hpp"
#include "tools/loadtest/message_pool.hpp"
#include "tools/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace tidemark::loadtest {

namespace {

// Messages of a fill are told from those of a run by this.
constexpr std::uint32_t kFillRun = 0;
// Of text that one APPEND holds in memory.
constexpr std::size_t kBatchBytesMax = 8u << 20;

// Every line ends with CRLF, also the last: LMTP ends a message with a line of its own.
std::string with_crlf(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\n' && !result.ends_with('\r')) result += '\r';
        result += c;
    }
    if (!result.ends_with('\n')) result += result.ends_with('\r') ? "\n" : "\r\n";
    return result;
}

class Filler {
  public:
    Filler(const FillOptions& options, Connector& connector)
        : options_(options),
          corpus_(options.seed),
          thread_(0, 1, connector),
          progress_("filling", "messages", options.users.size() * options.messages) {
        run_.users = &options_.users;
        run_.password = options_.password;
    }

    tl::expected<Filled, std::string> run() {
        if (!options_.directory.empty() && !read_directory()) return tl::unexpected(error_);
        thread_.start();
        thread_.call([this](LoadThread& thread) { return all(&thread); });
        thread_.stop();
        progress_.finish();
        if (!error_.empty()) return tl::unexpected(error_);
        return filled_;
    }

  private:
    bool read_directory() {
        std::error_code failure;
        std::vector<std::filesystem::path> paths;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(options_.directory, failure)) {
            if (entry.is_regular_file()) paths.push_back(entry.path());
        }
        std::sort(paths.begin(), paths.end());
        for (const auto& path : paths) {
            std::ifstream file(path, std::ios::binary);
            std::ostringstream text;
            text << file.rdbuf();
            if (!text.str().empty()) mail_.push_back(with_crlf(text.str()));
        }
        if (mail_.empty()) error_ = fmt::format("{} holds no mail", options_.directory);
        return !mail_.empty();
    }

    // The same number is the same message in every account, as on a list.
    std::string message(std::uint64_t number) const {
        std::string rest;
        if (!mail_.empty()) {
            rest = mail_[number % mail_.size()];
        } else {
            const std::uint64_t marker = std::min<std::uint64_t>(options_.size, kMarkerBytes);
            rest = corpus_.message(
                number,
                options_.size == 0 ? 0 : std::max<std::uint64_t>(options_.size - marker, 1));
        }
        std::string text;
        append_marker(text, make_marker(kFillRun, number, rest));
        return text + rest;
    }

    actors::Awaitable<void> all(LoadThread* thread) {
        Probe probe;
        co_await probe_server(&thread->state(), &run_, &probe);
        if (!probe.error.empty()) {
            error_ = probe.error;
            co_return;
        }
        actors::TaskGroup group(*thread->state().core);
        for (unsigned i = 0; i < options_.connections; ++i) group.spawn(some(&thread->state()));
        co_await group.join();
    }

    actors::Awaitable<void> some(ThreadState* thread) {
        while (next_account_ < options_.users.size() && error_.empty()) {
            const std::uint64_t account = next_account_++;
            const ErrorKind error = options_.by_lmtp ? co_await by_lmtp(thread, account)
                                                     : co_await by_append(thread, account);
            if (error != ErrorKind::none && error_.empty())
                error_ = fmt::format("{}: {}", options_.users.name(account), name_of(error));
        }
    }

    void count(std::uint64_t messages, std::uint64_t bytes) {
        filled_.messages += messages;
        filled_.bytes += bytes;
        progress_.update(filled_.messages);
    }

    actors::Awaitable<ErrorKind> by_lmtp(ThreadState* thread, std::uint64_t account) {
        LmtpClient client(*thread);
        const std::vector<std::string> recipients{options_.users.name(account)};
        ErrorKind error = co_await client.open();
        for (std::uint64_t i = 0; i < options_.messages && error == ErrorKind::none; ++i) {
            const std::string text = dot_stuffed(message(i));
            error = co_await client.deliver(&recipients, {}, text, nullptr);
            if (error == ErrorKind::none) count(1, text.size());
        }
        co_return error;
    }

    actors::Awaitable<ErrorKind> say(ImapClient* client, std::string command) {
        const std::string text = fmt::format("T{} {}\r\n", client->begin(), command);
        ErrorKind error = co_await client->send(text, {});
        if (error == ErrorKind::none) error = co_await client->finish();
        co_return error;
    }

    actors::Awaitable<ErrorKind> by_append(ThreadState* thread, std::uint64_t account) {
        ImapClient client(*thread);
        ErrorKind error = co_await client.open();
        if (error != ErrorKind::none) co_return error;
        std::string login = "LOGIN ";
        write_quoted(options_.users.name(account), login);
        login += ' ';
        write_quoted(options_.password, login);
        error = co_await say(&client, std::move(login));
        if (error != ErrorKind::none) co_return error;
        if (options_.mailbox != "INBOX") {
            // NO: it is there already.
            static_cast<void>(
                co_await say(&client, fmt::format("CREATE \"{}\"", options_.mailbox)));
        }
        for (std::uint64_t done = 0; done < options_.messages;) {
            std::uint64_t count_now = 0;
            error = co_await append_some(&client, done, &count_now);
            if (error != ErrorKind::none) co_return error;
            done += count_now;
        }
        co_return ErrorKind::none;
    }

    actors::Awaitable<ErrorKind> append_some(ImapClient* client, std::uint64_t first,
                                             std::uint64_t* done) {
        const std::uint64_t most =
            run_.has_multiappend
                ? std::min<std::uint64_t>(options_.batch, options_.messages - first)
                : 1;
        std::string text = fmt::format("T{} APPEND \"{}\"", client->begin(), options_.mailbox);
        std::uint64_t bytes = 0;
        for (*done = 0; *done < most && bytes < kBatchBytesMax; ++*done) {
            const std::uint64_t number = first + *done;
            const std::string one = message(number);
            const bool waits =
                !run_.has_literal_plus && !(run_.has_literal_minus && one.size() <= 4096);
            // Two of three have been read.
            text += fmt::format("{} {{{}{}}}\r\n", number % 3 == 0 ? "" : " (\\Seen)", one.size(),
                                waits ? "" : "+");
            if (waits) {
                ErrorKind error = co_await client->send(text, {});
                if (error == ErrorKind::none) error = co_await client->await_continuation();
                if (error != ErrorKind::none) co_return error;
                text.clear();
            }
            text += one;
            bytes += one.size();
        }
        ErrorKind error = co_await client->send(text, "\r\n");
        if (error == ErrorKind::none) error = co_await client->finish();
        if (error == ErrorKind::none) count(*done, bytes);
        co_return error;
    }

    const FillOptions& options_;
    Corpus corpus_;
    LoadThread thread_;
    tools::Progress progress_;
    RunState run_;
    std::vector<std::string> mail_;
    std::uint64_t next_account_ = 0;
    Filled filled_;
    std::string error_;
};

}  // namespace

tl::expected<Filled, std::string> fill_accounts(const FillOptions& options, Connector& connector) {
    return Filler(options, connector).run();
}

}  // namespace tidemark::loadtest
