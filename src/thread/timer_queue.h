// TimerQueue: the waits that have a deadline, in the order of these.
//
// What is due within the next half millisecond or so (before the horizon) stands in a 4-ary heap,
// small enough for the caches. All others stand unsorted in the slots of a hierarchical timing
// wheel (Varghese and Lauck, 1987), where insertion and removal cost the same for any number, and
// go to the heap when their slot's time has come. Deadlines are exact all the same, and equal ones
// come out in the order in which they went in. A wait that ends before its deadline is removed by
// its number. The entries stand together, for the waits' nodes lie on as many stacks and would be
// out of the cache. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class TimerQueue {
 public:
  TimerQueue();

  void insert(WaitNode& node, std::int64_t deadline_ns);
  /// The node must be in the queue.
  void remove(WaitNode& node);
  /// Takes out the first waits that are due, as many as `due` has room for. Returns how many.
  std::size_t take_due(std::int64_t now_ns, std::span<WaitNode*> due);

  [[nodiscard]] bool empty() const { return heap_.empty() && far_count_ == 0; }
  /// When to look for what is due, if there is nothing else to do; kNever if empty. That is the
  /// first deadline; or earlier, if very many are far away; or a little later, so that of many that
  /// come due one after another several are taken at a time.
  [[nodiscard]] std::int64_t next_look_ns() const;

 private:
  static constexpr unsigned kLevelBits = 7;
  static constexpr unsigned kSlots = 1 << kLevelBits;  // in a level
  static constexpr unsigned kLevels = 7;               // enough for all moments
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// Found by the number of its node.
  struct Timer {
    std::int64_t deadline_ns;
    std::uint64_t turn;
    WaitNode* node;
    std::uint32_t next;      // in its slot, or among the free numbers
    std::uint32_t previous;  // in its slot, or kFirstOf and the slot; near: place in the heap
  };
  struct Near {
    std::int64_t deadline_ns;
    std::uint64_t turn;
    std::uint32_t number;
    [[nodiscard]] bool before(const Near& other) const {
      return deadline_ns != other.deadline_ns ? deadline_ns < other.deadline_ns : turn < other.turn;
    }
  };
  struct Slot {
    unsigned level;
    unsigned index;  // in its level
    std::uint64_t begin_tick;
  };

  void put(std::uint32_t number);

  void place(std::size_t at, const Near& entry);
  void sift_up(std::size_t at, const Near& entry);
  void sift_down(std::size_t at, const Near& entry);
  void put_near(std::uint32_t number);
  void remove_near(std::size_t at);

  [[nodiscard]] unsigned index_of(std::uint64_t tick, unsigned level) const;
  void put_far(std::uint32_t number, std::uint64_t tick);
  void remove_far(std::uint32_t number);
  [[nodiscard]] bool is_filled(unsigned slot) const;
  /// The first slot that holds something; there must be one.
  [[nodiscard]] Slot first_slot() const;
  void empty_slot(unsigned slot);
  void move_horizon(std::uint64_t tick);
  /// Brings all timers that may be due into the heap.
  void bring_near(std::int64_t now_ns);
  [[nodiscard]] std::int64_t first_far_ns() const;

  std::vector<Timer> timers_;
  std::uint32_t free_ = kNone;
  std::uint64_t inserted_ = 0;
  std::int64_t no_look_before_ns_ = 0;
  std::vector<Near> heap_;  // all timers before the horizon

  // All others: each is in the lowest level in whose digit its tick differs from the horizon's.
  std::uint64_t horizon_tick_ = 0;
  std::size_t far_count_ = 0;
  std::array<std::uint32_t, std::size_t{kLevels} * kSlots> first_;
  std::array<std::uint64_t, std::size_t{kLevels}* kSlots / 64> filled_ = {};  // a bit for each slot
};

}  // namespace spindle::thread
