#include "run_queue.h"

#include "spindle/base/check.h"

namespace spindle {
namespace {

/// Of SCHED_RR, as Linux has it.
constexpr VirtualTime kRealtimeQuantum{100'000'000};

}  // namespace

void RunQueue::ready(Thread& thread, const TaskInfo& info, Why why) {
  chain(thread);
  if (!is_realtime(thread))
    return policy_->ready(TaskId{static_cast<std::uint64_t>(thread.id)}, info, why);
  auto& queue = realtime_[static_cast<std::size_t>(thread.realtime_priority)];
  if (why == Why::kPreempted)
    queue.push_front(&thread);
  else
    queue.push_back(&thread);
  ++realtime_size_;
}

Thread* RunQueue::next(VirtualTime now, const std::vector<Thread*>& of) {
  Thread* chosen = nullptr;
  if (realtime_size_ != 0) {
    int priority = kMostRealtime;
    while (realtime_[static_cast<std::size_t>(priority)].empty()) --priority;
    auto& queue = realtime_[static_cast<std::size_t>(priority)];
    chosen = queue.front();
    queue.pop_front();
    --realtime_size_;
  } else if (const auto task = policy_->next(now)) {
    chosen = of[task->value];
  }
  if (chosen != nullptr) unchain(*chosen);
  return chosen;
}

std::optional<VirtualTime> RunQueue::quantum(const Thread& thread) const {
  if (thread.scheduling == SchedulingClass::kFifo) return std::nullopt;
  if (thread.scheduling == SchedulingClass::kRoundRobin) return kRealtimeQuantum;
  return policy_->quantum(TaskId{static_cast<std::uint64_t>(thread.id)});
}

bool RunQueue::preempts(const Thread& running, const TaskInfo& info) {
  if (is_realtime(running)) {
    for (int priority = kMostRealtime; priority > running.realtime_priority; --priority)
      if (!realtime_[static_cast<std::size_t>(priority)].empty()) return true;
    return false;
  }
  if (realtime_size_ != 0) return true;
  return size_ != 0 && policy_->preempts(TaskId{static_cast<std::uint64_t>(running.id)}, info);
}

void RunQueue::remove(Thread& thread) {
  unchain(thread);
  if (!is_realtime(thread)) return policy_->removed(TaskId{static_cast<std::uint64_t>(thread.id)});
  auto& queue = realtime_[static_cast<std::size_t>(thread.realtime_priority)];
  const auto found = std::find(queue.begin(), queue.end(), &thread);
  CHECK(found != queue.end());
  queue.erase(found);
  --realtime_size_;
}

void RunQueue::waits(const Thread& thread, const TaskInfo& info) {
  if (!is_realtime(thread)) policy_->waits(TaskId{static_cast<std::uint64_t>(thread.id)}, info);
}

void RunQueue::forget(const Thread& thread) {
  policy_->finished(TaskId{static_cast<std::uint64_t>(thread.id)});
}

void RunQueue::set_policy(std::unique_ptr<CpuPolicy> policy,
                          const std::function<TaskInfo(const Thread&)>& info) {
  policy_ = std::move(policy);
  for (Thread* thread = first_; thread != nullptr; thread = thread->queue_after)
    if (!is_realtime(*thread))
      policy_->ready(TaskId{static_cast<std::uint64_t>(thread->id)}, info(*thread), Why::kCreated);
}

void RunQueue::chain(Thread& thread) {
  CHECK(!thread.in_queue);
  thread.in_queue = true;
  thread.queue_before = last_;
  thread.queue_after = nullptr;
  (last_ != nullptr ? last_->queue_after : first_) = &thread;
  last_ = &thread;
  ++size_;
}

void RunQueue::unchain(Thread& thread) {
  CHECK(thread.in_queue);
  thread.in_queue = false;
  (thread.queue_before != nullptr ? thread.queue_before->queue_after : first_) = thread.queue_after;
  (thread.queue_after != nullptr ? thread.queue_after->queue_before : last_) = thread.queue_before;
  --size_;
}

}  // namespace spindle
