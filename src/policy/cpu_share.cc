// Proportional share: lottery and stride (Waldspurger and Weihl 1994, 1995) and a completely fair
// scheduler (as Linux's from 2.6.23 to 6.5): in the long run each task gets the CPU in proportion
// to its weight.

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "spindle/base/random.h"
#include "task_heap.h"

namespace spindle {
namespace {

/// Draws a ticket; the tasks hold as many as they weigh. A Fenwick tree of the weights finds the
/// holder in O(log n).
class Lottery final : public CpuPolicy {
 public:
  explicit Lottery(const CpuConventions& conventions)
      : quantum_(conventions.quantum), random_(conventions.seed), draws_(conventions.draws) {}
  [[nodiscard]] std::string_view name() const override { return "lottery"; }

  void ready(TaskId task, const TaskInfo& info, Why) override {
    if (free_.empty()) grow();
    const std::size_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = {task, std::max(info.weight, 1u)};
    slot_of_[task] = slot;
    add(slot, slots_[slot].tickets);
    tickets_ += slots_[slot].tickets;
  }

  std::optional<TaskId> next(VirtualTime) override {
    if (tickets_ == 0) return std::nullopt;
    const std::size_t slot = holder_of(draw());
    const TaskId task = slots_[slot].task;
    vacate(slot);
    return task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }

  void removed(TaskId task) override {
    const auto found = slot_of_.find(task);
    CHECK(found != slot_of_.end());
    vacate(found->second);
  }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime) const override {
    return slots_[slot_of_.at(task)].tickets;
  }

 private:
  struct Slot {
    TaskId task;
    std::uint32_t tickets = 0;  ///< 0: nobody stands here
  };

  std::uint64_t draw() {
    return drawn_ < draws_.size() ? draws_[drawn_++] % tickets_ : random_.below(tickets_);
  }

  void add(std::size_t slot, std::uint64_t tickets) {
    for (std::size_t i = slot + 1; i <= slots_.size(); i += i & (0 - i)) sums_[i] += tickets;
  }

  void vacate(std::size_t slot) {
    tickets_ -= slots_[slot].tickets;
    add(slot, 0 - std::uint64_t{slots_[slot].tickets});
    slots_[slot].tickets = 0;
    slot_of_.erase(slots_[slot].task);
    free_.push_back(slot);
  }

  /// The slot that holds the ticket, counted from 0 in order of slots.
  [[nodiscard]] std::size_t holder_of(std::uint64_t ticket) const {
    std::size_t slot = 0;
    for (std::size_t step = slots_.size(); step != 0; step /= 2) {
      if (slot + step > slots_.size() || sums_[slot + step] > ticket) continue;
      slot += step;
      ticket -= sums_[slot];
    }
    return slot;
  }

  void grow() {
    const std::size_t old = slots_.size();
    slots_.resize(std::max<std::size_t>(16, 2 * old));
    sums_.assign(slots_.size() + 1, 0);
    for (std::size_t slot = 0; slot < old; ++slot) add(slot, slots_[slot].tickets);
    for (std::size_t slot = slots_.size(); slot-- > old;) free_.push_back(slot);
  }

  VirtualTime quantum_;
  Random random_;
  std::vector<std::uint64_t> draws_;
  std::size_t drawn_ = 0;
  std::uint64_t tickets_ = 0;
  std::vector<Slot> slots_;  ///< a power of two of them
  std::vector<std::uint64_t> sums_;
  std::vector<std::size_t> free_;
  std::unordered_map<TaskId, std::size_t> slot_of_;
};

/// What stride and the fair scheduler share: the task that has had the least for its weight runs.
class LeastServed : public CpuPolicy {
 public:
  explicit LeastServed(bool lowest_number_first) : lowest_number_first_(lowest_number_first) {}

  std::optional<TaskId> next(VirtualTime) override {
    if (heap_.empty()) return std::nullopt;
    const TaskHeap::Entry entry = heap_.pop();
    floor_ = std::max(floor_, entry.key);
    ready_weight_ -= tasks_.at(entry.task).weight;
    return entry.task;
  }

  void removed(TaskId task) override {
    heap_.remove(task);
    ready_weight_ -= tasks_.at(task).weight;
  }

  void finished(TaskId task) override { tasks_.erase(task); }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime) const override {
    return static_cast<double>(tasks_.at(task).served);
  }

 protected:
  struct Share {
    std::int64_t served = 0;  ///< time by weight: the pass, the virtual run time
    std::uint32_t weight = 1;
  };

  /// Counts that the task, which becomes ready, has been served `amount` more.
  Share& serve(TaskId id, const TaskInfo& info, std::int64_t amount) {
    if (kFarthestKey < floor_) count_anew();
    Share& share = tasks_[id];
    share.weight = std::max(info.weight, 1u);
    share.served += amount;
    ready_weight_ += share.weight;
    return share;
  }

  /// Where the task stands among those that were served equally.
  std::int64_t next_place(TaskId id, Why why) {
    if (lowest_number_first_) return static_cast<std::int64_t>(id.value);
    return queued_.next(why == Why::kPassedOver);
  }

  void count_anew() {
    for (auto& [id, share] : tasks_) share.served = counted_from(floor_, share.served);
    heap_.lower_all(floor_);
    floor_ = 0;
  }

  TaskHeap heap_;
  std::unordered_map<TaskId, Share> tasks_;
  std::int64_t floor_ = 0;  ///< the least served so far: never falls
  std::uint64_t ready_weight_ = 0;

 private:
  PlaceCounter queued_;
  bool lowest_number_first_;
};

class Stride final : public LeastServed {
 public:
  explicit Stride(const CpuConventions& conventions)
      : LeastServed(conventions.lowest_number_first),
        quantum_(conventions.quantum),
        one_(conventions.stride_of_one) {}
  [[nodiscard]] std::string_view name() const override { return "stride"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    // A task that gave way early pays only for the part of its quantum that it used.
    const double part = static_cast<double>(info.ran.ns) / static_cast<double>(quantum_.ns);
    const std::int64_t stride = one_ / std::max(info.weight, 1u);
    Share& share = serve(task, info, static_cast<std::int64_t>(static_cast<double>(stride) * part));
    // Time asleep is not saved up.
    if (why == Why::kCreated) share.served = floor_;
    if (why == Why::kWoken) share.served = std::max(share.served, floor_);
    heap_.push_at(share.served, next_place(task, why), task);
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return quantum_; }

 private:
  VirtualTime quantum_;
  std::int64_t one_;
};

class Fair final : public LeastServed {
 public:
  explicit Fair(const CpuConventions& conventions)
      : LeastServed(conventions.lowest_number_first),
        latency_(conventions.latency),
        granularity_(conventions.granularity),
        stretches_(conventions.stretch_latency) {}
  [[nodiscard]] std::string_view name() const override { return "cfs"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    const Share& share = serve(task, info, virtual_time(info));
    const std::int64_t place = next_place(task, why);
    if (why == Why::kCreated || why == Why::kWoken)
      newcomers_.push_back({task, place, why == Why::kCreated});
    else
      heap_.push_at(share.served, place, task);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    admit({});
    return LeastServed::next(now);
  }

  void removed(TaskId task) override {
    const auto newcomer = std::ranges::find(newcomers_, task, &Newcomer::task);
    if (newcomer == newcomers_.end()) return LeastServed::removed(task);
    ready_weight_ -= tasks_.at(task).weight;
    newcomers_.erase(newcomer);
  }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime now) const override {
    const auto newcomer = std::ranges::find(newcomers_, task, &Newcomer::task);
    if (newcomer == newcomers_.end()) return LeastServed::rank(task, now);
    return static_cast<double>(entry_of(*newcomer, least({})));
  }

  /// Its share by weight of the span in which everyone runs once.
  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    const auto found = tasks_.find(task);
    const std::uint64_t weight = found == tasks_.end() ? kNormalWeight : found->second.weight;
    const auto tasks = static_cast<std::int64_t>(heap_.size() + newcomers_.size()) + 1;
    const std::int64_t span =
        stretches_ ? std::max(latency_.ns, tasks * granularity_.ns) : latency_.ns;
    const double share = static_cast<double>(weight) / static_cast<double>(ready_weight_ + weight);
    const auto slice = static_cast<std::int64_t>(static_cast<double>(span) * share);
    return VirtualTime{std::max(slice, granularity_.ns)};
  }

  /// If the best has had less by more than the granularity.
  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    const auto found = tasks_.find(running);
    if (found == tasks_.end()) return false;
    const std::int64_t served = found->second.served + virtual_time(info);
    admit(served);
    return !heap_.empty() && heap_.top().key + granularity_.ns < served;
  }

 private:
  static constexpr std::uint32_t kNormalWeight = 1024;

  /// A task that is new or comes back. How much the running one has been served is known only when
  /// a task is chosen, or the running one is compared: until then it waits at the door.
  struct Newcomer {
    TaskId task;
    std::int64_t place = 0;
    bool is_new = false;
  };

  /// The least that a task has been served which is ready, or runs.
  [[nodiscard]] std::int64_t least(std::optional<std::int64_t> running) const {
    if (!heap_.empty() && !(running && *running < heap_.top().key)) running = heap_.top().key;
    return std::max(floor_, running.value_or(floor_));
  }

  /// With what a newcomer begins: the least, or up to half the latency less if it only slept.
  [[nodiscard]] std::int64_t entry_of(const Newcomer& newcomer, std::int64_t least) const {
    if (newcomer.is_new) return least;
    return std::max(tasks_.at(newcomer.task).served, least - latency_.ns / 2);
  }

  void admit(std::optional<std::int64_t> running) {
    if (newcomers_.empty()) return;
    floor_ = least(running);
    for (const Newcomer& newcomer : newcomers_) {
      const std::int64_t served = entry_of(newcomer, floor_);
      tasks_.at(newcomer.task).served = served;
      heap_.push_at(served, newcomer.place, newcomer.task);
    }
    newcomers_.clear();
  }

  static std::int64_t virtual_time(const TaskInfo& info) {
    return info.ran.ns * kNormalWeight / std::max(info.weight, 1u);
  }

  VirtualTime latency_;
  VirtualTime granularity_;
  bool stretches_;
  std::vector<Newcomer> newcomers_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_lottery_cpu(const CpuConventions& conventions) {
  return std::make_unique<Lottery>(conventions);
}

std::unique_ptr<CpuPolicy> make_stride_cpu(const CpuConventions& conventions) {
  return std::make_unique<Stride>(conventions);
}

std::unique_ptr<CpuPolicy> make_cfs_cpu(const CpuConventions& conventions) {
  return std::make_unique<Fair>(conventions);
}

}  // namespace spindle
