#include "actors/timing_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace tidemark::actors {

namespace {

constexpr std::uint64_t kSlotMask = TimingWheel::kSlots - 1;

std::uint64_t tick_of(SteadyTime time) {
    return static_cast<std::uint64_t>(time.count() / TimingWheel::kTick.count());
}

}  // namespace

void Timer::disarm() {
    if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimingWheel::TimingWheel(SteadyTime now) : current_tick_(tick_of(now)) {}

TimingWheel::~TimingWheel() {
    for (Level& level : levels_) {
        for (Timer*& slot : level.slots) {
            while (slot != nullptr) unlink(*slot);
        }
    }
}

void TimingWheel::arm(Timer& timer, SteadyTime now, SteadyTime delay) {
    timer.disarm();
    delay = std::clamp(delay, SteadyTime(0), kDelayMax);
    // Rounded up: never early.
    const std::uint64_t due = tick_of(now + delay + kTick - SteadyTime(1));
    timer.due_tick_ = std::max(due, current_tick_ + 1);
    insert(timer);
    ++armed_count_;
}

// A timer sits on the lowest level whose range covers its distance. Level n's slot of a tick is its
// n-th group of six bits, and is emptied into lower levels when the wheel reaches the first tick of
// that slot.
void TimingWheel::insert(Timer& timer) {
    const std::uint64_t distance = timer.due_tick_ - current_tick_;
    unsigned level = 0;
    while (level + 1 < kLevels && (distance >> (kSlotBits * (level + 1))) != 0) ++level;
    const auto slot = static_cast<unsigned>((timer.due_tick_ >> (kSlotBits * level)) & kSlotMask);
    Timer*& head = levels_[level].slots[slot];
    timer.wheel_ = this;
    timer.level_ = static_cast<std::uint8_t>(level);
    timer.previous_ = nullptr;
    timer.next_ = head;
    if (head != nullptr) head->previous_ = &timer;
    head = &timer;
    levels_[level].occupied |= 1ULL << slot;
}

void TimingWheel::unlink(Timer& timer) {
    Level& level = levels_[timer.level_];
    const auto slot =
        static_cast<unsigned>((timer.due_tick_ >> (kSlotBits * timer.level_)) & kSlotMask);
    if (timer.previous_ != nullptr) {
        timer.previous_->next_ = timer.next_;
    } else {
        level.slots[slot] = timer.next_;
        if (timer.next_ == nullptr) level.occupied &= ~(1ULL << slot);
    }
    if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
    timer.previous_ = timer.next_ = nullptr;
    timer.wheel_ = nullptr;
    --armed_count_;
}

void TimingWheel::cascade(unsigned level) {
    const auto slot = static_cast<unsigned>((current_tick_ >> (kSlotBits * level)) & kSlotMask);
    Timer* timer = levels_[level].slots[slot];
    levels_[level].slots[slot] = nullptr;
    levels_[level].occupied &= ~(1ULL << slot);
    while (timer != nullptr) {
        Timer* next = timer->next_;
        insert(*timer);
        timer = next;
    }
}

void TimingWheel::fire_slot(unsigned slot) {
    // Callbacks that arm a timer put it at least one tick ahead, so never into this slot: the loop
    // ends.
    while (Timer* timer = levels_[0].slots[slot]) {
        assert(timer->due_tick_ == current_tick_);
        unlink(*timer);
        timer->callback_(timer->context_);
    }
}

void TimingWheel::advance(SteadyTime now) {
    const std::uint64_t target = tick_of(now);
    while (current_tick_ < target) {
        if (armed_count_ == 0) {
            current_tick_ = target;
            return;
        }
        if (levels_[0].occupied == 0) {
            // Nothing can fire before the next cascade.
            const std::uint64_t boundary = (current_tick_ | kSlotMask) + 1;
            if (boundary > target) {
                current_tick_ = target;
                return;
            }
            current_tick_ = boundary;
        } else {
            ++current_tick_;
        }
        for (unsigned level = kLevels - 1; level > 0; --level) {
            const std::uint64_t below = (1ULL << (kSlotBits * level)) - 1;
            if ((current_tick_ & below) == 0) cascade(level);
        }
        fire_slot(static_cast<unsigned>(current_tick_ & kSlotMask));
    }
}

std::optional<SteadyTime> TimingWheel::next_wake() const {
    std::optional<std::uint64_t> earliest;
    for (unsigned level = 0; level < kLevels; ++level) {
        const std::uint64_t occupied = levels_[level].occupied;
        if (occupied == 0) continue;
        const std::uint64_t base = current_tick_ >> (kSlotBits * level);
        const int ahead =
            std::countr_zero(std::rotr(occupied, static_cast<int>((base + 1) & kSlotMask)));
        const std::uint64_t tick = (base + 1 + static_cast<std::uint64_t>(ahead))
                                   << (kSlotBits * level);
        earliest = earliest ? std::min(*earliest, tick) : tick;
    }
    if (!earliest) return std::nullopt;
    return kTick * static_cast<std::int64_t>(*earliest);
}

}  // namespace tidemark::actors
