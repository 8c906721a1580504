#include "cpu_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace spindle {

CpuRun::CpuRun(CpuPolicy& policy, const std::vector<CpuProcess>& processes, const Rules& rules)
    : policy_(policy), processes_(processes), rules_(rules), states_(processes.size()) {
  by_arrival_.resize(processes.size());
  std::iota(by_arrival_.begin(), by_arrival_.end(), std::size_t{0});
  std::ranges::stable_sort(by_arrival_, {}, [&](std::size_t p) { return processes[p].arrival; });
  for (std::size_t p = 0; p < processes.size(); ++p) {
    states_[p].left = processes[p].bursts[0];
    if (rules.estimate) states_[p].estimate = rules.estimate->first;
  }
}

bool CpuRun::run() {
  for (std::uint64_t decisions = 0; finished_ < processes_.size(); ++decisions) {
    const std::optional<VirtualTime> time = next_event();
    const std::optional<VirtualTime> alarm = policy_.alarm();
    if (!time || decisions == kMostDecisions) return false;
    if (rules_.until && *rules_.until <= *time) {
      advance_to(*rules_.until);
      if (running_ && now_ == slice_end_) end_slice();
      return true;
    }
    advance_to(*time);
    if (running_ && now_ == slice_end_)
      end_slice();
    else if (running_ && start_ <= now_ && alarm == now_)
      cut_ = {*std::exchange(running_, std::nullopt), Why::kPreempted};
    for (Event event : rules_.same_instant) tell(event);
    if (running_ && start_ <= now_ && policy_.preempts(TaskId{*running_}, info(*running_))) {
      const std::size_t preempted = *running_;
      running_.reset();
      make_ready(preempted, Why::kPreempted);
      unfinished_ = preempted;
    }
    if (!running_) dispatch();
  }
  return true;
}

std::optional<VirtualTime> CpuRun::next_event() const {
  std::optional<VirtualTime> time;
  const auto consider = [&time](VirtualTime t) { time = time ? std::min(*time, t) : t; };
  if (running_) consider(slice_end_);
  if (const auto alarm = policy_.alarm(); running_ && alarm && *alarm > now_) consider(*alarm);
  if (arrived_ < by_arrival_.size()) consider(processes_[by_arrival_[arrived_]].arrival);
  if (!returns_.empty()) consider(returns_.top().at);
  return time;
}

TaskInfo CpuRun::info(std::size_t process) const {
  return {.now = now_,
          .priority = processes_[process].priority,
          .ran = states_[process].ran,
          .expected_burst = expected_burst(process),
          .deadline = processes_[process].deadline,
          .weight = processes_[process].weight,
          .group = processes_[process].group};
}

VirtualTime CpuRun::expected_burst(std::size_t process) const {
  const State& state = states_[process];
  if (!rules_.estimate) return state.left;
  const VirtualTime done = processes_[process].bursts[state.burst] - state.left;
  return std::max(VirtualTime{0}, state.estimate - done);
}

void CpuRun::advance_to(VirtualTime time) {
  if (running_ && start_ < time) {
    const VirtualTime from = std::max(start_, now_);
    State& state = states_[*running_];
    state.left = state.left - (time - from);
    state.ran += time - from;
    busy_ += time - from;
    record(*running_, from, time);
  }
  now_ = time;
}

/// The running process is at the end of its quantum, of its burst, or of all.
void CpuRun::end_slice() {
  const std::size_t process = *running_;
  State& state = states_[process];
  running_.reset();
  if (state.left.ns > 0) {
    cut_ = {process, Why::kQuantumExpired};
  } else if (state.burst + 1 < processes_[process].bursts.size()) {
    use_device(process);
  } else {
    state.end = now_;
    state.ended = true;
    ++finished_;
    policy_.finished(TaskId{process});
  }
}

void CpuRun::use_device(std::size_t process) {
  State& state = states_[process];
  const VirtualTime from = rules_.single_device ? std::max(now_, device_free_) : now_;
  const VirtualTime to = from + processes_[process].bursts[state.burst + 1];
  device_free_ = std::max(device_free_, to);
  device_.push_back({process, from, to});
  returns_.push({to, ++returns_so_far_, process});
  if (rules_.estimate) {
    const auto burst = static_cast<double>(processes_[process].bursts[state.burst].ns);
    const auto before = static_cast<double>(state.estimate.ns);
    const double alpha = rules_.estimate->alpha;
    state.estimate.ns = std::llround(alpha * burst + (1 - alpha) * before);
  }
  state.burst += 2;
  state.left = processes_[process].bursts[state.burst];
}

void CpuRun::tell(Event event) {
  switch (event) {
    case Event::kArrival:
      while (arrived_ < by_arrival_.size() && processes_[by_arrival_[arrived_]].arrival <= now_)
        make_ready(by_arrival_[arrived_++], Why::kCreated);
      break;
    case Event::kDevice:
      while (!returns_.empty() && returns_.top().at <= now_) {
        const std::size_t process = returns_.top().process;
        returns_.pop();
        make_ready(process, Why::kWoken);
      }
      break;
    case Event::kPreempted:
      if (cut_) {
        make_ready(cut_->process, cut_->why);
        unfinished_ = cut_->process;
      }
      cut_.reset();
      break;
  }
}

void CpuRun::make_ready(std::size_t process, Why why) {
  policy_.ready(TaskId{process}, info(process), why);
  states_[process].ran = {};
}

void CpuRun::dispatch() {
  const std::optional<TaskId> task = policy_.next(now_);
  if (!task) return;
  const std::size_t process = task->value;
  State& state = states_[process];
  if (unfinished_ && *unfinished_ != process) ++preemptions_;
  unfinished_.reset();
  start_ = last_ && *last_ != process ? now_ + rules_.context_switch : now_;
  const std::optional<VirtualTime> quantum = policy_.quantum(*task);
  slice_end_ = start_ + (quantum ? std::min(*quantum, state.left) : state.left);
  if (!state.first_start) state.first_start = start_;
  running_ = last_ = process;
}

/// What goes on without a break is one segment.
void CpuRun::record(std::size_t process, VirtualTime from, VirtualTime to) {
  if (!gantt_.empty() && gantt_.back().process == process && gantt_.back().to == from)
    gantt_.back().to = to;
  else
    gantt_.push_back({process, from, to});
}

}  // namespace spindle
