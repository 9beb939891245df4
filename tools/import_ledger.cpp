#include "tools/import_ledger.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

constexpr std::string_view kHeader = "tidemark import 1";
constexpr std::size_t kHexDigits = 32;

template <class Number>
bool take_number(std::string_view& text, Number& number, int base = 10) {
    const auto [at, error] = std::from_chars(text.begin(), text.end(), number, base);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(at - text.begin()));
    return true;
}

bool take_space(std::string_view& text) {
    if (text.empty() || text.front() != ' ') return false;
    text.remove_prefix(1);
    return true;
}

std::optional<ImportMark> parse_mark(std::string_view text) {
    ImportMark mark;
    if (!take_number(text, mark.body) || !take_space(text) || !take_number(text, mark.size) ||
        !take_space(text) || !take_number(text, mark.seconds) || !take_space(text) || text.empty())
        return std::nullopt;
    mark.mailbox = text;
    return mark;
}

std::optional<ImportKey> parse_key(std::string_view text) {
    if (text.size() != kHexDigits) return std::nullopt;
    ImportKey key;
    std::string_view high = text.substr(0, kHexDigits / 2);
    std::string_view low = text.substr(kHexDigits / 2);
    if (!take_number(high, key.high, 16) || !high.empty() || !take_number(low, key.low, 16) ||
        !low.empty())
        return std::nullopt;
    return key;
}

CommandResult<std::string> read_all(const std::string& path, int descriptor) {
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) return could_not_use(path, errno);
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t got =
            ::pread(descriptor, text.data() + have, text.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return could_not_use(path, errno);
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

}  // namespace

ImportKey import_key(const std::vector<std::string>& folder, std::string_view key) {
    std::string text;
    for (const std::string& level : folder) {
        text += level;
        text += '\0';
    }
    text += '\0';
    text += key;
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return {hash.high64, hash.low64};
}

CommandResult<ImportLedger> ImportLedger::open(const std::string& path) {
    const bool is_new = ::access(path.c_str(), F_OK) != 0;
    const int descriptor =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) return could_not_use(path, errno);
    ImportLedger ledger(path, descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return could_not_run("an import from this source into this account is running already");
    if (auto done = ledger.read(); !done) return tl::unexpected(done.error());
    if (is_new) {
        // The name of the file has to be on the disk as well.
        const std::string parent = std::filesystem::path(path).parent_path().string();
        const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0) {
            (void)::fsync(directory);
            ::close(directory);
        }
    }
    return ledger;
}

ImportLedger::ImportLedger(ImportLedger&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      pending_(std::move(other.pending_)),
      keys_(std::move(other.keys_)),
      open_(std::move(other.open_)),
      unsettled_(std::move(other.unsettled_)) {}

ImportLedger::~ImportLedger() {
    if (descriptor_ < 0) return;
    (void)sync();
    ::close(descriptor_);
}

bool ImportLedger::take_line(std::string_view line) {
    if (line.empty()) return false;
    if (line == "!" || line == "-") {
        if (open_.empty()) return false;
        if (line == "!") keys_.insert(open_.front().second.begin(), open_.front().second.end());
        open_.erase(open_.begin());
        return true;
    }
    if (line.size() < 3 || line[1] != ' ') return false;
    if (line[0] == '?') {
        auto mark = parse_mark(line.substr(2));
        if (!mark) return false;
        open_.emplace_back(std::move(*mark), std::vector<ImportKey>());
        return true;
    }
    const auto key = parse_key(line.substr(2));
    if (line[0] != '~' || !key || open_.empty()) return false;
    open_.back().second.push_back(*key);
    return true;
}

CommandResult<void> ImportLedger::read() {
    auto text = read_all(path_, descriptor_);
    if (!text) return tl::unexpected(text.error());
    std::string_view rest = *text;
    std::size_t whole = 0;
    for (std::size_t number = 1;; ++number) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) break;
        const std::string_view line = rest.substr(0, end);
        if (number == 1 ? line != kHeader : !take_line(line))
            return could_not_run(
                fmt::format("{}: line {} is none of an import ledger", path_, number));
        rest.remove_prefix(end + 1);
        whole += end + 1;
    }
    if (!rest.empty() && ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0)
        return could_not_use(path_, errno);
    if (whole == 0) pending_ = std::string(kHeader) + "\n";
    // One whose keys are not all there was not committed: it was never announced as a whole.
    if (!open_.empty()) unsettled_ = open_.front().first;
    return {};
}

void ImportLedger::settle(bool committed) {
    if (open_.empty()) return;
    if (committed) keys_.insert(open_.front().second.begin(), open_.front().second.end());
    pending_ += committed ? "!\n" : "-\n";
    open_.erase(open_.begin());
    unsettled_.reset();
    if (!open_.empty()) unsettled_ = open_.front().first;
}

CommandResult<void> ImportLedger::announce(const ImportMark& mark,
                                           const std::vector<ImportKey>& keys) {
    fmt::format_to(std::back_inserter(pending_), "? {} {} {} {}\n", mark.body, mark.size,
                   mark.seconds, mark.mailbox);
    for (const ImportKey& key : keys)
        fmt::format_to(std::back_inserter(pending_), "~ {:016x}{:016x}\n", key.high, key.low);
    return sync();
}

CommandResult<void> ImportLedger::sync() {
    std::string_view rest = pending_;
    if (rest.empty()) return {};
    while (!rest.empty()) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return could_not_use(path_, errno);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    pending_.clear();
    if (::fdatasync(descriptor_) != 0) return could_not_use(path_, errno);
    return {};
}

}  // namespace tidemark::tools
