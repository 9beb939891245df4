// A server that breaks one rule on purpose: the true server in this process, and between it and its
// clients something that changes what is said. Only the tests have it.
#pragma once

#include "tests/support/test_server.hpp"
#include "tools/check_sync/run.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::test {

enum class Lie : std::uint8_t {
    none,
    highest_modseq_goes_back,  // SELECT now and then answers half of it
    vanished_names_the_living,
    expunge_is_lost,  // SELECT (QRESYNC) without VANISHED
    every_conditional_store_wins,
    uid_is_given_again,
    flags_are_pushed_out_of_order,
};

// What one connection's server says, changed. Whole lines.
class Liar {
  public:
    explicit Liar(Lie lie) : lie_(lie) {}

    std::string command(std::string text) const {
        const auto condition = text.find("(UNCHANGEDSINCE ");
        if (lie_ != Lie::every_conditional_store_wins || condition == std::string::npos)
            return text;
        return text.erase(condition, text.find(") ", condition) + 2 - condition);
    }

    std::string answer(const std::string& line) {
        ++lines_;
        switch (lie_) {
            case Lie::highest_modseq_goes_back:
                return line.starts_with("* OK [HIGHESTMODSEQ ") && ++seen_ % 3 == 0
                           ? with_number(line, "HIGHESTMODSEQ ", [](auto n) { return n / 2 + 1; })
                           : line;
            case Lie::vanished_names_the_living:
                if (line.starts_with("* 1 FETCH (UID ")) first_ = number(line, "UID ");
                if (line.starts_with("* VANISHED") || line.find(" EXPUNGE") != line.npos ||
                    line.find("CLOSED") != line.npos)
                    first_ = 0;
                if (line.ends_with(" OK done\r\n") && first_ != 0 && ++seen_ % 3 == 0 && qresync_) {
                    return "* VANISHED " + std::to_string(std::exchange(first_, 0)) + "\r\n" + line;
                }
                if (line.starts_with("* ENABLED QRESYNC")) qresync_ = true;
                return line;
            case Lie::expunge_is_lost:
                return line.starts_with("* VANISHED (EARLIER)") ? std::string() : line;
            case Lie::uid_is_given_again:
                return line.find("[APPENDUID ") != line.npos && ++seen_ % 4 == 0
                           ? with_last_number(line)
                           : line;
            case Lie::flags_are_pushed_out_of_order:
                return out_of_order(line);
            default:
                return line;
        }
    }

  private:
    static std::uint64_t number(const std::string& line, std::string_view after) {
        return std::stoull(line.substr(line.find(after) + after.size()));
    }
    template <class F>
    static std::string with_number(const std::string& line, std::string_view after, F change) {
        const auto at = line.find(after) + after.size();
        const auto end = line.find_first_not_of("0123456789", at);
        return line.substr(0, at) + std::to_string(change(number(line, after))) + line.substr(end);
    }
    // The UID of APPENDUID, one less: the one that was given before.
    static std::string with_last_number(const std::string& line) {
        const auto end = line.find(']');
        const auto at = line.rfind(' ', end) + 1;
        const auto uid = std::stoull(line.substr(at));
        return uid == 1 ? line : line.substr(0, at) + std::to_string(uid - 1) + line.substr(end);
    }
    std::string out_of_order(const std::string& line) {
        const auto flags = line.find(" FLAGS (");
        if (!line.starts_with("* ") || line.find(" FETCH (UID ") == line.npos ||
            flags == line.npos || line.find(" MODSEQ (") == line.npos)
            return line;
        auto& last = pushed_[line.substr(0, flags)];
        const std::string older = std::exchange(last, line);
        return older.empty() || older == line || ++seen_ % 3 != 0 ? line : line + older;
    }

    Lie lie_;
    std::uint64_t lines_ = 0;
    std::uint64_t seen_ = 0;
    std::uint64_t first_ = 0;
    bool qresync_ = false;
    std::map<std::string, std::string> pushed_;
};

// The client's end of the connection.
class LyingStream final : public actors::Stream {
  public:
    LyingStream(std::unique_ptr<actors::MemoryStream> stream, Lie lie)
        : stream_(std::move(stream)), liar_(lie) {}

    actors::Awaitable<std::error_code> wait_readable() override { return stream_->wait_readable(); }
    actors::IoResult read_some(std::span<char> buffer) override {
        while (told_.empty()) {
            std::array<char, 4096> piece;
            const auto result = stream_->read_some(piece);
            if (result.status != actors::IoStatus::ok) return result;
            said_.append(piece.data(), result.bytes);
            std::size_t begin = 0;
            for (auto end = said_.find("\r\n"); end != std::string::npos;
                 end = said_.find("\r\n", begin)) {
                told_ += liar_.answer(said_.substr(begin, end + 2 - begin));
                begin = end + 2;
            }
            said_.erase(0, begin);
        }
        const auto bytes = told_.copy(buffer.data(), buffer.size());
        told_.erase(0, bytes);
        return {actors::IoStatus::ok, bytes, {}};
    }
    actors::Awaitable<std::error_code> wait_writable() override { return stream_->wait_writable(); }
    actors::IoResult try_write(std::span<const std::string_view> chunks) override {
        std::size_t bytes = 0;
        std::string text;
        for (const auto chunk : chunks) {
            text += chunk;
            bytes += chunk.size();
        }
        text = liar_.command(std::move(text));
        const std::array<std::string_view, 1> all{text};
        const auto result = stream_->try_write(all);
        if (result.status != actors::IoStatus::ok || result.bytes == text.size())
            return {result.status, result.status == actors::IoStatus::ok ? bytes : 0, result.error};
        return result;  // the pipe is full: what follows is no command by itself
    }
    void interrupt() override { stream_->interrupt(); }
    void cancel(std::error_code reason) override { stream_->cancel(reason); }
    void shutdown_send() override { stream_->shutdown_send(); }
    void close() override { stream_->close(); }
    bool is_open() const override { return stream_->is_open(); }
    std::error_code detach() override { return stream_->detach(); }
    std::error_code attach(actors::Core& core) override { return stream_->attach(core); }
    std::string peer_address() const override { return "memory"; }
    std::string local_address() const override { return "memory"; }

  private:
    std::unique_ptr<actors::MemoryStream> stream_;
    Liar liar_;
    std::string said_;  // less than a line
    std::string told_;
};

class LyingConnector final : public check_sync::Connector {
  public:
    LyingConnector(TestServer& server, Lie lie) : server_(server), lie_(lie) {}
    actors::Awaitable<std::unique_ptr<actors::Stream>> connect(actors::Core* core) override {
        co_return std::make_unique<LyingStream>(server_.connect_stream(*core), lie_);
    }

  private:
    TestServer& server_;
    Lie lie_;
};

}  // namespace tidemark::test
