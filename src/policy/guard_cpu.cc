// The guard of a loaded CPU policy.

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

class GuardedCpu final : public CpuPolicy {
 public:
  GuardedCpu(const Plugin& plugin, const CpuConventions& conventions)
      : plugin_(plugin), conventions_(conventions) {
    const auto& registration = *static_cast<const plugin::CpuRegistration*>(plugin.registration);
    if (const auto why = own_.make([&] { return registration.make(conventions); })) replace(*why);
  }

  [[nodiscard]] std::string_view name() const override {
    return plainest_ ? plainest_->name() : plugin_.name;
  }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    if (plainest_) return plainest_->ready(task, info, why);
    now_ = std::max(now_, info.now);
    ready_[task] = {++arrivals_, info};
    tell([&] { own_->ready(task, info, why); });
  }

  std::optional<TaskId> next(VirtualTime now) override {
    if (plainest_) return plainest_->next(now);
    now_ = std::max(now_, now);
    std::optional<TaskId> task;
    std::optional<std::string> why = own_.ask([&] { task = own_->next(now); });
    if (!why && task && !ready_.contains(*task))
      why = "chose task " + std::to_string(task->value) + ", which is not ready";
    if (!why && !task && !ready_.empty())
      why = "chose no task, although " + std::to_string(ready_.size()) +
            (ready_.size() == 1 ? " is ready" : " are ready");
    if (why) {
      replace(*why);
      return plainest_->next(now);
    }
    if (task) ready_.erase(*task);
    return task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId task) const override {
    std::optional<VirtualTime> quantum;
    if (!plainest_) tell([&] { quantum = own_->quantum(task); });
    if (!plainest_ && quantum && quantum->ns <= 0)
      replace("gave a quantum of " + std::to_string(quantum->ns) + " ns");
    return plainest_ ? plainest_->quantum(task) : quantum;
  }

  [[nodiscard]] bool preempts(TaskId running, const TaskInfo& info) override {
    bool preempts = false;
    if (!plainest_) tell([&] { preempts = own_->preempts(running, info); });
    return plainest_ ? plainest_->preempts(running, info) : preempts;
  }

  [[nodiscard]] std::optional<VirtualTime> alarm() const override {
    std::optional<VirtualTime> alarm;
    if (!plainest_) tell([&] { alarm = own_->alarm(); });
    if (!plainest_ && alarm && *alarm <= now_)
      replace("set an alarm for " + std::to_string(alarm->ns) + " ns, which is past");
    return plainest_ ? plainest_->alarm() : alarm;
  }

  void waits(TaskId task, const TaskInfo& info) override {
    if (plainest_) return plainest_->waits(task, info);
    tell([&] { own_->waits(task, info); });
  }

  void removed(TaskId task) override {
    if (plainest_) return plainest_->removed(task);
    ready_.erase(task);
    tell([&] { own_->removed(task); });
  }

  void finished(TaskId task) override {
    if (plainest_) return plainest_->finished(task);
    tell([&] { own_->finished(task); });
  }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime now) const override {
    std::optional<double> rank;
    if (!plainest_) tell([&] { rank = own_->rank(task, now); });
    return plainest_ ? plainest_->rank(task, now) : rank;
  }

 private:
  struct Ready {
    std::uint64_t arrival = 0;
    TaskInfo info;
  };

  template <class Call>
  void tell(const Call& call) const {
    if (const auto why = own_.ask(call)) replace(*why);
  }

  /// Lets FCFS take over all ready tasks, in the order in which they became ready.
  void replace(std::string_view why) const {
    plainest_ = make_fcfs_cpu(conventions_);
    std::vector<std::pair<TaskId, Ready>> tasks(ready_.begin(), ready_.end());
    std::ranges::sort(tasks, {}, [](const auto& task) { return task.second.arrival; });
    for (const auto& [task, ready] : tasks) plainest_->ready(task, ready.info, Why::kCreated);
    report_misbehaviour(plugin_, why, plainest_->name());
  }

  const Plugin& plugin_;
  CpuConventions conventions_;
  VirtualTime now_{INT64_MIN};
  std::uint64_t arrivals_ = 0;
  std::unordered_map<TaskId, Ready> ready_;
  OwnPolicy<CpuPolicy> own_{plugin_.library};
  /// Null as long as the policy behaves, which questions can find out, too.
  mutable std::unique_ptr<CpuPolicy> plainest_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_guarded_cpu(const Plugin& plugin,
                                            const CpuConventions& conventions) {
  return std::make_unique<GuardedCpu>(plugin, conventions);
}

}  // namespace spindle
