// LockOrder: in which order locks are taken, and whether two of them ever were in both.
//
// An edge from a to b: some thread took b while it held a. A lock that is taken while another is
// held, from which a path of edges leads to that other one, is an inversion: some other order of
// running would have been a deadlock. Each pair is reported once. Kept by the runtime that was made
// with check_lock_order, in its sections.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "thread/control.h"

namespace spindle::thread {

class LockOrder {
 public:
  explicit LockOrder(std::function<void(std::string_view)> report) : report_(std::move(report)) {}

  /// `waited_for`: not by a mere try, which can be no part of a deadlock.
  void taken(const Control& by, const WaitQueue& lock, const void* where, bool waited_for);
  void released(const Control& by, const WaitQueue& lock);
  /// The lock is no more.
  void forget(const WaitQueue& lock);
  /// The thread of this slot begins.
  void begin(std::uint32_t slot) {
    if (slot < held_.size()) held_[slot].clear();
  }
  [[nodiscard]] std::uint64_t inversions() const { return inversions_; }

 private:
  struct Held {
    const WaitQueue* lock;
    const void* where;
  };
  struct Edge {
    std::string thread;
    const void* first_where;
    const void* second_where;
  };
  using Edges = std::unordered_map<const WaitQueue*, Edge>;

  void learn(const Control& by, const Held& first, const Held& second);
  /// The first edge of a path, or null.
  const Edge* path(const WaitQueue* from, const WaitQueue* to) const;
  void report(const Control& by, const Held& first, const Held& second, const Edge& before);

  std::function<void(std::string_view)> report_;
  std::vector<std::vector<Held>> held_;  // by the thread's slot
  std::unordered_map<const WaitQueue*, Edges> after_;
  std::unordered_map<const WaitQueue*, std::unordered_set<const WaitQueue*>> before_;
  std::uint64_t inversions_ = 0;
};

}  // namespace spindle::thread
