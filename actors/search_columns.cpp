#include "actors/search_columns.hpp"

#include "actors/commands/flag_names.hpp"
#include "protocol/ascii.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

namespace tidemark::actors {

using protocol::NumberRange;
using protocol::RangeSet;
using storage::FlagBits;
using storage::Page;
using storage::PageBits;

namespace {

constexpr std::int64_t kSecondsPerDay = 24 * 60 * 60;
constexpr std::int64_t kSecondsMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max();

// The times that a date key means, both ends included.
struct TimeRange {
    std::int64_t first = kSecondsMin;
    std::int64_t last = kSecondsMax;
};

TimeRange times_of(const protocol::SearchDate& key) {
    using Relation = protocol::SearchDate::Relation;
    const std::int64_t midnight = key.date.days * kSecondsPerDay;
    switch (key.relation) {
        case Relation::before:
            return {kSecondsMin, midnight - 1};
        case Relation::on:
            return {midnight, midnight + kSecondsPerDay - 1};
        case Relation::since:
            return {midnight, kSecondsMax};
    }
    return {};
}

// RFC 9051 §6.4.4: dates compare "disregarding time and timezone": the day in the message's own
// zone. A page's messages mostly are of one zone.
PageBits internal_in(const Page& page, TimeRange times) {
    const auto& seconds = page.fixed->internal_seconds;
    const auto& zone = page.fixed->internal_zone;
    if (zone.is_constant()) {
        const std::int64_t shift = zone.base() * std::int64_t{60};
        if (times.first != kSecondsMin) times.first -= shift;
        if (times.last != kSecondsMax) times.last -= shift;
        return storage::in_range(seconds, times.first, times.last);
    }
    return PageBits::where(page.count(), [&](std::size_t i) {
        const std::int64_t local = seconds[i] + zone[i] * std::int64_t{60};
        return local >= times.first && local <= times.last;
    });
}

// The first range that does not end before `number`.
std::vector<NumberRange>::const_iterator first_reaching(const RangeSet& set, std::uint32_t number) {
    return std::partition_point(set.ranges().begin(), set.ranges().end(),
                                [&](const NumberRange& range) { return range.last < number; });
}

PageBits uids_in(const Page& page, const RangeSet& set) {
    PageBits bits;
    const auto& uids = page.fixed->uid;
    for (auto range = first_reaching(set, page.first_uid());
         range != set.ranges().end() && range->first <= page.last_uid(); ++range) {
        const auto first = std::lower_bound(uids.begin(), uids.end(), range->first);
        const auto end = std::upper_bound(first, uids.end(), range->last);
        bits |= PageBits::range(static_cast<std::size_t>(first - uids.begin()),
                                static_cast<std::size_t>(end - uids.begin()));
    }
    return bits;
}

PageBits sequence_in(const Page& page, std::uint32_t first_seq, const RangeSet& set) {
    PageBits bits;
    const std::uint32_t end_seq = first_seq + static_cast<std::uint32_t>(page.count());
    for (auto range = first_reaching(set, first_seq);
         range != set.ranges().end() && range->first < end_seq; ++range) {
        const std::uint32_t first = std::max(range->first, first_seq);
        const std::uint32_t last = std::min(range->last, end_seq - 1);
        bits |= PageBits::range(first - first_seq, last - first_seq + 1);
    }
    return bits;
}

PageTest size_test(const protocol::SearchSize& key) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    const bool is_none = key.is_larger ? key.bytes >= kMax : key.bytes == 0;
    const auto first = static_cast<std::uint32_t>(key.is_larger ? key.bytes + 1 : 0);
    const auto last =
        static_cast<std::uint32_t>(key.is_larger ? kMax : std::min(key.bytes - 1, kMax));
    return [is_none, first, last](const Page& page, std::uint32_t) {
        return is_none ? PageBits() : storage::in_range(page.fixed->size, first, last);
    };
}

PageTest date_test(const protocol::SearchDate& key) {
    if (key.which == protocol::SearchDate::Which::sent) return {};  // a field of the message
    const TimeRange times = times_of(key);
    if (key.which == protocol::SearchDate::Which::saved) {
        return [times](const Page& page, std::uint32_t) {
            return storage::in_range(page.fixed->save_date, times.first, times.last);
        };
    }
    return [times](const Page& page, std::uint32_t) { return internal_in(page, times); };
}

// RFC 5032 §3: younger than, or at least as old as, so many seconds.
PageTest within_test(const protocol::SearchWithin& key, std::int64_t now_seconds) {
    const std::int64_t edge = now_seconds - key.seconds;
    return [is_older = key.is_older, edge](const Page& page, std::uint32_t) {
        return is_older ? storage::in_range(page.fixed->internal_seconds, kSecondsMin, edge)
                        : storage::in_range(page.fixed->internal_seconds, edge, kSecondsMax);
    };
}

PageTest uid_test(const protocol::SearchUid& key, const SearchEnvironment& environment) {
    const auto& view = *environment.view;
    const storage::Uid max = view.count() == 0 ? view.uidnext() : view.pages().back()->last_uid();
    return [set = key.set.resolve(max, &environment.saved)](const Page& page, std::uint32_t) {
        return uids_in(page, set);
    };
}

PageTest sequence_test(const protocol::SearchSequence& key, const SearchEnvironment& environment) {
    return [set = key.set.resolve(environment.view->count()),
            saved = key.set.has_saved_result() ? environment.saved : RangeSet()](
               const Page& page, std::uint32_t first_seq) {
        PageBits bits = sequence_in(page, first_seq, set);
        bits |= uids_in(page, saved);
        return bits;
    };
}

PageTest object_test(const protocol::SearchObjectId& key) {
    return [is_email = key.kind == protocol::SearchObjectId::Kind::email, id = key.id](
               const Page& page, std::uint32_t) {
        PageBits bits;
        for (std::size_t i = 0; is_email && i < page.count(); ++i) {
            if (id == fmt::format("E{:x}", storage::raw(page.fixed->body[i]))) bits.set(i);
        }
        return bits;
    };
}

}  // namespace

bool date_matches(const protocol::SearchDate& key, std::int32_t day) {
    const TimeRange times = times_of(key);
    const std::int64_t midnight = day * kSecondsPerDay;
    return midnight >= times.first && midnight <= times.last;
}

void FlagTest::add(const FlagTest& other) {
    is_impossible =
        is_impossible || other.is_impossible || ((wanted ^ other.wanted) & mask & other.mask) != 0;
    mask |= other.mask;
    wanted |= other.wanted;
}

PageBits FlagTest::operator()(const Page& page, std::uint32_t) const {
    if (is_impossible) return {};
    return PageBits::where(
        page.count(), [flags = page.flags.data(), mask = mask, wanted = wanted](std::size_t i) {
            return (flags[i] & mask) == wanted;
        });
}

std::optional<FlagTest> flag_test(const protocol::SearchKey& key,
                                  const std::vector<std::string>& keywords) {
    const auto* flag = std::get_if<protocol::SearchFlag>(&key.value);
    if (flag == nullptr) return std::nullopt;
    FlagBits bit = 0;
    if (flag->flag.is_system()) {
        if (flag->flag.system() == protocol::SystemFlag::recent) return std::nullopt;
        bit = commands::to_flag_bits(flag->flag.system());
    }
    for (std::size_t i = 0; !flag->flag.is_system() && bit == 0 && i < keywords.size(); ++i) {
        if (protocol::ascii_iequals(keywords[i], flag->flag.name()))
            bit = FlagBits{1} << (storage::kKeywordShift + i);
    }
    // A keyword that no message of the mailbox ever had has no bit.
    return FlagTest{bit, flag->is_set ? bit : 0, bit == 0 && flag->is_set};
}

PageTest column_test(const protocol::SearchKey& key, const SearchEnvironment& environment) {
    if (const auto flags = flag_test(key, environment.keywords)) return *flags;
    if (const auto* recent = std::get_if<protocol::SearchFlag>(&key.value)) {
        return
            [set = environment.recent, is_set = recent->is_set](const Page& page, std::uint32_t) {
                PageBits bits = uids_in(page, set);
                return is_set ? bits : PageBits::all(page.count()).remove(bits);
            };
    }
    if (const auto* date = std::get_if<protocol::SearchDate>(&key.value)) return date_test(*date);
    if (const auto* size = std::get_if<protocol::SearchSize>(&key.value)) return size_test(*size);
    if (const auto* within = std::get_if<protocol::SearchWithin>(&key.value))
        return within_test(*within, environment.now_seconds);
    if (const auto* uid = std::get_if<protocol::SearchUid>(&key.value))
        return uid_test(*uid, environment);
    if (const auto* sequence = std::get_if<protocol::SearchSequence>(&key.value))
        return sequence_test(*sequence, environment);
    if (const auto* modseq = std::get_if<protocol::SearchModSeq>(&key.value)) {
        return [least = modseq->modseq](const Page& page, std::uint32_t) {
            return PageBits::where(page.count(),
                                   [&](std::size_t i) { return page.modseq[i] >= least; });
        };
    }
    if (const auto* object = std::get_if<protocol::SearchObjectId>(&key.value))
        return object_test(*object);
    if (std::holds_alternative<protocol::SearchAll>(key.value) ||
        std::holds_alternative<protocol::SearchSaveDateSupported>(key.value))
        return [](const Page& page, std::uint32_t) { return PageBits::all(page.count()); };
    return {};
}

}  // namespace tidemark::actors
