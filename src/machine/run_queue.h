// RunQueue: the ready threads of one CPU.
//
// Those of a real-time class stand in front, by priority and in order; the others are the CPU
// policy's. Beside the policy's own order, all ready threads are chained in the order in which they
// became ready, so that another CPU can find one to take.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>

#include "process.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle {

class RunQueue {
 public:
  static constexpr int kMostRealtime = 99;

  explicit RunQueue(std::unique_ptr<CpuPolicy> policy) : policy_(std::move(policy)) {}

  void ready(Thread& thread, const TaskInfo& info, Why why);
  /// Takes out the thread to run now; null if none is ready. `of` finds a thread by the policy's
  /// number.
  Thread* next(VirtualTime now, const std::vector<Thread*>& of);
  [[nodiscard]] std::optional<VirtualTime> quantum(const Thread& thread) const;
  [[nodiscard]] bool preempts(const Thread& running, const TaskInfo& info);
  [[nodiscard]] std::optional<VirtualTime> alarm() const { return policy_->alarm(); }
  /// The thread, which runs here, waits from now on, or has ended.
  void waits(const Thread& thread, const TaskInfo& info);
  /// Takes the thread, which is ready here, out.
  void remove(Thread& thread);
  /// Forgets the thread, which is not ready here and will not come back.
  void forget(const Thread& thread);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// The thread that has been ready for longest; `queue_after` leads on to the next.
  [[nodiscard]] Thread* oldest() const { return first_; }
  [[nodiscard]] std::string_view policy() const { return policy_->name(); }
  /// The ready threads move to the new policy in the order in which they became ready.
  void set_policy(std::unique_ptr<CpuPolicy> policy,
                  const std::function<TaskInfo(const Thread&)>& info);

  static bool is_realtime(const Thread& thread) {
    return thread.scheduling == SchedulingClass::kFifo ||
           thread.scheduling == SchedulingClass::kRoundRobin;
  }

 private:
  void chain(Thread& thread);
  void unchain(Thread& thread);

  std::unique_ptr<CpuPolicy> policy_;
  std::array<std::deque<Thread*>, kMostRealtime + 1> realtime_;
  std::size_t realtime_size_ = 0;
  Thread* first_ = nullptr;
  Thread* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace spindle
