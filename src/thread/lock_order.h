// LockOrder: in which order locks are taken, and whether two of them ever were in both.
//
// An edge from a to b: some thread took b while it held a. A lock that is taken while another is
// held, from which a path of edges leads to that other one, is an inversion: some other order of
// running would have been a deadlock. Each pair is reported once. Two threads that share a lock do
// not wait for each other, so a path goes through a lock only if one of them had it, or wanted it,
// exclusively. A runtime that was made with check_lock_order keeps one, in its sections. A lock may
// be destroyed in a section of another runtime, or where none runs, so all LockOrders have one
// mutex.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "thread/control.h"

namespace spindle::thread {

/// A lock as it is taken. `shares`: together with others that share it, none of whom ever waits for
/// another.
struct LockUse {
  const WaitQueue* lock;
  bool shares = false;
  auto operator<=>(const LockUse&) const = default;
};

/// How a lock was taken: by a mere try, which cannot be part of a deadlock, or by a call that waits
/// if it must.
enum class Taking : bool { kByTry, kByWait };

class LockOrder {
 public:
  explicit LockOrder(std::function<void(std::string_view)> report);
  ~LockOrder();
  LockOrder(const LockOrder&) = delete;
  LockOrder& operator=(const LockOrder&) = delete;

  void taken(const Control& by, LockUse use, const void* where, Taking taking);
  void released(const Control& by, const WaitQueue& lock);
  /// Stops the program if the thread, which ends, holds a lock.
  void ends(const Control& thread) const;
  /// The lock is being destroyed: all LockOrders forget it.
  static void forget_everywhere(const WaitQueue& lock);
  /// A thread begins in this slot.
  void begin(std::uint32_t slot) {
    if (slot < held_.size()) held_[slot].clear();
  }
  [[nodiscard]] std::uint64_t inversions() const { return inversions_; }

 private:
  struct Held {
    LockUse use;
    const void* where;
  };
  struct Edge {
    std::string thread;
    const void* first_where;
    const void* second_where;
  };
  using Edges = std::map<LockUse, Edge>;

  void forget(const WaitQueue& lock);
  /// Adds the edge from `first` to `second`. Returns what is to be reported; mostly nothing.
  std::string learn(const Control& by, const Held& first, const Held& second);
  /// The first edge of a path from a thread that waits for `from` to one that has `to`, or null.
  const Edge* path(LockUse from, LockUse to) const;
  static std::string describe_inversion(const Control& by, const Held& first, const Held& second,
                                        const Edge& before);
  void tell(const std::string& report) const;

  std::function<void(std::string_view)> report_;
  std::vector<std::vector<Held>> held_;  // by the thread's slot
  std::map<LockUse, Edges> after_;
  std::unordered_map<const WaitQueue*, std::set<LockUse>> before_;
  std::uint64_t inversions_ = 0;
  LockOrder* next_ = nullptr;  // in the list of all
};

}  // namespace spindle::thread
