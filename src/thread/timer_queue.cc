#include "thread/timer_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "spindle/base/check.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kArity = 4;
/// The wheel counts in ticks of 2^19 ns.
constexpr unsigned kTickBits = 19;
/// The bit that marks `previous` of the first timer in a slot.
constexpr std::uint32_t kFirstOf = 0x8000'0000;
/// The value of `next` for timers in the heap.
constexpr std::uint32_t kInHeap = UINT32_MAX - 1;
/// How many timers are looked at for the first deadline of a slot.
constexpr int kMostLookedAt = 64;
/// If so many come due at a time, the following ones wait a little for one another: sleeping and
/// being woken for each of them costs more than all else that they do.
constexpr std::size_t kMany = 8;
constexpr std::int64_t kLooksApartNs = 100'000;

std::uint64_t tick_of(std::int64_t moment_ns) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(moment_ns, 0)) >> kTickBits;
}

}  // namespace

TimerQueue::TimerQueue() {
  first_.fill(kNone);
}

// --- The heap ---------------------------------------------------------------------------------

void TimerQueue::place(std::size_t at, const Near& entry) {
  heap_[at] = entry;
  timers_[entry.number].previous = static_cast<std::uint32_t>(at);
}

void TimerQueue::sift_up(std::size_t at, const Near& entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / kArity;
    if (!entry.before(heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, entry);
}

void TimerQueue::sift_down(std::size_t at, const Near& entry) {
  for (;;) {
    const std::size_t first = at * kArity + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kArity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].before(heap_[least])) least = child;
    }
    if (!heap_[least].before(entry)) break;
    place(at, heap_[least]);
    at = least;
  }
  place(at, entry);
}

void TimerQueue::put_near(std::uint32_t number) {
  Timer& timer = timers_[number];
  timer.next = kInHeap;
  __builtin_prefetch(timer.node);  // it will be looked at soon
  const Near entry{timer.deadline_ns, timer.turn, number};
  heap_.push_back(entry);
  sift_up(heap_.size() - 1, entry);
}

void TimerQueue::remove_near(std::size_t at) {
  const Near last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  if (at > 0 && last.before(heap_[(at - 1) / kArity])) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

// --- The wheel --------------------------------------------------------------------------------

unsigned TimerQueue::index_of(std::uint64_t tick, unsigned level) const {
  return static_cast<unsigned>(tick >> (level * kLevelBits)) % kSlots;
}

bool TimerQueue::is_filled(unsigned slot) const {
  return (filled_[slot / 64] >> (slot % 64) & 1) != 0;
}

void TimerQueue::put_far(std::uint32_t number, std::uint64_t tick) {
  const std::uint64_t differing = tick ^ horizon_tick_;
  const unsigned level =
      differing == 0 ? 0 : static_cast<unsigned>(std::bit_width(differing) - 1) / kLevelBits;
  const unsigned slot = level * kSlots + index_of(tick, level);
  Timer& timer = timers_[number];
  timer.previous = kFirstOf | slot;
  timer.next = std::exchange(first_[slot], number);
  if (timer.next != kNone) timers_[timer.next].previous = number;
  filled_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++far_count_;
}

void TimerQueue::remove_far(std::uint32_t number) {
  const Timer& timer = timers_[number];
  if (timer.next != kNone) timers_[timer.next].previous = timer.previous;
  --far_count_;
  if ((timer.previous & kFirstOf) == 0) {
    timers_[timer.previous].next = timer.next;
    return;
  }
  const unsigned slot = timer.previous & ~kFirstOf;
  first_[slot] = timer.next;
  if (timer.next == kNone) filled_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
}

// All slots of a lower level come before those of a higher one, for they share more digits with the
// horizon; within a level those with the lower digit come first.
TimerQueue::Slot TimerQueue::first_slot() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    unsigned index = index_of(horizon_tick_, level);
    while (index < kSlots) {
      const unsigned slot = level * kSlots + index;
      const std::uint64_t filled = filled_[slot / 64] >> (slot % 64);
      if (filled == 0) {
        index = (index / 64 + 1) * 64;
        continue;
      }
      index += static_cast<unsigned>(std::countr_zero(filled));
      const unsigned shift = level * kLevelBits;
      const std::uint64_t above = horizon_tick_ >> (shift + kLevelBits) << (shift + kLevelBits);
      return {level, index, above | std::uint64_t{index} << shift};
    }
  }
  CHECK(false && "nothing is far away");
  __builtin_unreachable();
}

// Puts the timers of the slot where they belong now.
void TimerQueue::empty_slot(unsigned slot) {
  std::uint32_t number = std::exchange(first_[slot], kNone);
  filled_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  while (number != kNone) {
    const std::uint32_t next = timers_[number].next;
    --far_count_;
    put(number);
    number = next;
  }
}

// No timer that is still far away may be before `tick`. If digits of the horizon change, timers
// that share them now belong to lower levels.
void TimerQueue::move_horizon(std::uint64_t tick) {
  horizon_tick_ = tick;
  for (unsigned level = kLevels - 1; level > 0 && far_count_ > 0; --level) {
    const unsigned slot = level * kSlots + index_of(tick, level);
    if (is_filled(slot)) empty_slot(slot);
  }
}

void TimerQueue::bring_near(std::int64_t now_ns) {
  const std::uint64_t wanted = tick_of(now_ns) + 1;
  while (far_count_ > 0 && horizon_tick_ < wanted) {
    const Slot slot = first_slot();
    if (slot.begin_tick >= wanted) break;
    if (slot.level > 0) {
      move_horizon(slot.begin_tick);
      continue;
    }
    horizon_tick_ = slot.begin_tick + 1;
    empty_slot(slot.index);
    move_horizon(horizon_tick_);
  }
  if (horizon_tick_ < wanted) move_horizon(wanted);
}

// --- Both -------------------------------------------------------------------------------------

void TimerQueue::put(std::uint32_t number) {
  const std::uint64_t tick = tick_of(timers_[number].deadline_ns);
  if (tick < horizon_tick_) {
    put_near(number);
  } else {
    put_far(number, tick);
  }
}

void TimerQueue::insert(WaitNode& node, std::int64_t deadline_ns) {
  std::uint32_t number = free_;
  if (number == kNone) {
    number = static_cast<std::uint32_t>(timers_.size());
    timers_.emplace_back();
  } else {
    free_ = timers_[number].next;
  }
  timers_[number] = {deadline_ns, ++inserted_, &node, kNone, kNone};
  node.timer_index = number + std::size_t{1};
  put(number);
}

void TimerQueue::remove(WaitNode& node) {
  CHECK(node.timer_index > 0 && node.timer_index <= timers_.size());
  const auto number = static_cast<std::uint32_t>(std::exchange(node.timer_index, 0) - 1);
  Timer& timer = timers_[number];
  CHECK(timer.node == &node);
  if (timer.next == kInHeap) {
    remove_near(timer.previous);
  } else {
    remove_far(number);
  }
  timer.next = std::exchange(free_, number);
}

std::size_t TimerQueue::take_due(std::int64_t now_ns, std::span<WaitNode*> due) {
  bring_near(now_ns);
  std::size_t count = 0;
  while (count < due.size() && !heap_.empty() && heap_.front().deadline_ns <= now_ns) {
    WaitNode* const node = timers_[heap_.front().number].node;
    remove(*node);
    due[count++] = node;
  }
  if (count >= kMany) no_look_before_ns_ = now_ns + kLooksApartNs;
  return count;
}

// The first of the far deadlines, or the beginning of the first slot if that holds too many to be
// looked at.
std::int64_t TimerQueue::first_far_ns() const {
  const Slot slot = first_slot();
  std::int64_t first_ns = kNever;
  std::uint32_t number = first_[slot.level * kSlots + slot.index];
  for (int looked_at = 0; number != kNone; number = timers_[number].next) {
    if (++looked_at > kMostLookedAt) {
      return static_cast<std::int64_t>(slot.begin_tick << kTickBits);
    }
    first_ns = std::min(first_ns, timers_[number].deadline_ns);
  }
  return first_ns;
}

std::int64_t TimerQueue::next_look_ns() const {
  if (empty()) return kNever;
  const std::int64_t first_ns = heap_.empty() ? first_far_ns() : heap_.front().deadline_ns;
  return std::max(first_ns, no_look_before_ns_);
}

}  // namespace spindle::thread
