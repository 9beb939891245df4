// The format, RocksDB's tables and log, and what the store knows of itself.
#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/verify/verify_run.hpp"

#include <fmt/format.h>

namespace tidemark::storage {

Result<void> VerifyRun::check_format() {
    format_ = options_.format;
    const Result<std::uint32_t> format = read_format_file(directory_, files_, options_.format);
    if (format) {
        format_ = *format;
        return {};
    }
    if (format.error().kind == StoreErrorKind::kNotFound) {
        const auto database = files_.status(directory_ + "/" + database_name(format_));
        if (!database) return tl::unexpected(store_error(database.error()));
        if (!*database) {
            return fail(StoreErrorKind::kNotFound,
                        fmt::format("{} is not a Tidemark data directory", directory_));
        }
    } else if (format.error().kind != StoreErrorKind::kCorrupt) {
        return tl::unexpected(format.error());
    }
    find_in_file(FindingCode::kFormat, {}, "format", std::nullopt, format.error().detail);
    return {};
}

void VerifyRun::check_tables() {
    const std::vector<Database::Table> tables = db_->tables();
    counts_.tables = tables.size();
    begin("checking tables", "tables", tables.size());
    std::atomic<bool> is_damaged = false;
    in_parallel(tables.size(), [&](std::size_t i) {
        if (const auto checked = db_->verify_table(tables[i]); !checked) {
            is_damaged = true;
            find_in_file(FindingCode::kDatabaseBlock, {},
                         database_name(format_) + "/" + tables[i].name, std::nullopt,
                         checked.error().detail);
        }
        advance(1);
    });
    has_damaged_table_ = is_damaged;
}

void VerifyRun::check_state() {
    const Result<std::string> bytes = db_->get(Family::kMeta, keys::state());
    if (!bytes) {
        if (bytes.error().kind != StoreErrorKind::kNotFound)
            return find_unread(bytes.error(), "the store's state");
        // The state comes with the first round; a server that was only started has made none.
        if (db_->sequence() == 0) return;
        return find(FindingCode::kStoreState, {}, "the store's state is missing");
    }
    const Result<StoreState> state = decode_state(*bytes);
    if (!state) return find(FindingCode::kStoreState, {}, state.error().detail);
    if (encode(*state) != *bytes)
        find(FindingCode::kStoreState, {}, "the store's state is not in its one form");
    if (state->format == 0 || state->format > options_.format) {
        find(FindingCode::kFormat, {},
             fmt::format("the store's state says format {}, this program knows up to {}",
                         state->format, options_.format));
    }
    state_ = *state;
    counts_.store_seq = state->store_seq;
}

// The number of a round is stored with each round, in one and the same record. What RocksDB's log
// still has of them must count up by one and end at the stored one; what is in tables only is the
// last. So this can prove a gap, and gaplessness as far back as the log goes.
void VerifyRun::check_store_seq() {
    std::optional<StoreSeq> last;
    bool is_told = false;
    const Result<void> scanned = db_->scan_log(keys::state(), [&](std::string_view value) {
        const Result<StoreState> state = decode_state(value);
        if (!state) return;  // told where it is the stored one; others are overwritten
        ++counts_.log_rounds;
        if (last && state->store_seq != *last + 1 && !is_told) {
            is_told = true;
            find(FindingCode::kStoreSeq, {},
                 fmt::format("round {} is followed by round {} in the log", *last,
                             state->store_seq));
        }
        last = state->store_seq;
    });
    if (!scanned) return find_unread(scanned.error(), "the log of rounds");
    if (last && state_ && *last != state_->store_seq && !is_told) {
        find(FindingCode::kStoreSeq, {},
             fmt::format("the log ends with round {}, the state is that of round {}", *last,
                         state_->store_seq));
    }
}

void VerifyRun::check_meta_keys() {
    const auto bad_key = [&](std::string_view what) {
        find(FindingCode::kKey, {}, std::string(what));
    };
    const Result<void> scanned = db_->scan(
        Family::kMeta, {}, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
            if (key == keys::state()) return true;
            if (key == keys::log_mark()) {
                if (value != std::string_view("\x01", 1))
                    find(FindingCode::kValue, {}, "the log mark has another value");
                return true;
            }
            const std::optional<SegmentId> id = keys::segment_of(key);
            if (!id || keys::segment(*id) != key) {
                bad_key("a key of an unknown kind among the store's own");
                return true;
            }
            const Result<SegmentRecord> record = decode_segment(value);
            if (!record || encode(*record) != value) {
                find_in_file(FindingCode::kValue, {}, segment_label(*id), std::nullopt,
                             record ? "its record is not in its one form" : record.error().detail);
                return true;
            }
            segments_[*id] = *record;
            return true;
        });
    if (!scanned) return find_unread(scanned.error(), "the segments' records");
    counts_.segments = segments_.size();
    if (!state_ || segments_.empty()) return;
    const SegmentId highest = segments_.rbegin()->first;
    if (raw(highest) >= state_->segment_id_next) {
        find_in_file(FindingCode::kIdLimit, {}, segment_label(highest), std::nullopt,
                     fmt::format("the next segment would be {}", state_->segment_id_next));
    }
}

}  // namespace tidemark::storage
