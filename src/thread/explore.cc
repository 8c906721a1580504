#include "spindle/thread/explore.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "spindle/base/check.h"
#include "spindle/thread/runtime.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// A point where a run could have gone on in several ways.
struct Choice {
  std::uint32_t taken;
  std::uint32_t possible;
};

/// Follows a given path of choices; after its end takes the first ready thread and notes what else
/// was possible.
class ExploringPolicy : public CpuPolicy {
 public:
  /// `order` gets the name of each thread that goes on.
  ExploringPolicy(std::vector<Choice>& path, std::uint32_t most_delays,
                  std::vector<std::string>& order)
      : path_(path), delays_left_(most_delays), order_(order) {}

  std::string_view name() const override { return "exploring"; }
  void ready(TaskId task, const TaskInfo&, Why) override { ready_.push_back(task); }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    if (step_ == path_.size()) {
      const auto count = static_cast<std::uint32_t>(ready_.size());
      path_.push_back({0, std::min(count - 1, delays_left_) + 1});
    }
    std::uint32_t taken = path_[step_++].taken;
    if (taken >= ready_.size()) {
      strayed_ = true;
      taken = 0;
    }
    delays_left_ -= std::min(taken, delays_left_);
    const auto chosen = ready_.begin() + taken;
    const TaskId task = *chosen;
    ready_.erase(chosen);
    const auto slot = static_cast<std::uint32_t>(task.value - 1);
    order_.emplace_back(current_scheduler->controls().at(slot).name);
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  void removed(TaskId task) override { std::erase(ready_, task); }
  /// True if the program did not follow the path: a chosen thread was not there, or it ended
  /// sooner.
  [[nodiscard]] bool strayed() const { return strayed_ || step_ < path_.size(); }

 private:
  std::vector<Choice>& path_;
  std::uint32_t delays_left_;
  std::vector<std::string>& order_;
  std::size_t step_ = 0;
  bool strayed_ = false;
  std::vector<TaskId> ready_;
};

/// What a run tells besides its path.
struct Told {
  std::vector<std::string> order;
  std::string deadlock;
};

Result<bool> run_along(std::vector<Choice>& path, std::uint32_t most_delays, bool at_primitives,
                       const std::function<bool()>& test, Told& told) {
  Runtime::Options options;
  auto policy = std::make_unique<ExploringPolicy>(path, most_delays, told.order);
  const ExploringPolicy& exploring = *policy;
  options.custom_policy = std::move(policy);
  // A deadlock is a finding here. The last report, that all are asleep, names every thread.
  options.on_deadlock = [&](std::string_view report) { told.deadlock = report; };
  options.yield_at_primitives = at_primitives;
  auto runtime = TRY(Runtime::create(std::move(options)));
  bool good = false;
  const Result<> run = runtime->run([&] { good = test(); });
  if (exploring.strayed()) return Error{EINVAL, "the program does not go the way of the schedule"};
  TRY(run);
  return good;
}

// The next path in depth-first order; false if there is none.
bool advance(std::vector<Choice>& path) {
  while (!path.empty() && path.back().taken + 1 == path.back().possible) path.pop_back();
  if (path.empty()) return false;
  ++path.back().taken;
  return true;
}

}  // namespace

Exploration explore(const std::function<bool()>& test, const ExploreOptions& options) {
  CHECK(Runtime::current() == nullptr);
  Exploration result;
  std::vector<Choice> path;
  while (result.schedules < options.most_schedules && !result.failed && !result.complete &&
         !result.strayed) {
    Told told;
    const Result<bool> good =
        run_along(path, options.most_delays, options.at_primitives, test, told);
    ++result.schedules;
    result.strayed = good.code() == EINVAL;
    result.failed = !result.strayed && (!good.ok() || !*good);
    result.order = std::move(told.order);
    result.deadlock = good.ok() ? std::string() : std::move(told.deadlock);
    result.schedule.clear();
    for (const Choice& choice : path) result.schedule.push_back(choice.taken);
    if (!result.failed && !result.strayed) result.complete = !advance(path);
  }
  return result;
}

std::string describe(const Exploration& exploration) {
  const std::string count = std::to_string(exploration.schedules);
  if (exploration.strayed) {
    return "given up in schedule " + count +
           ": the program did not go the same way again, as one does that uses time or "
           "randomness\n";
  }
  if (!exploration.failed) {
    return exploration.complete ? "right in all schedules (" + count + ")\n"
                                : "right in " + count + " schedules; not all were tried\n";
  }
  std::string text = "wrong in schedule " + count + ", in which these threads went on:\n ";
  for (std::size_t i = 0; i < exploration.order.size(); ++i) {
    text += " " + exploration.order[i];
    const std::uint32_t passed_over = exploration.schedule[i];
    if (passed_over > 0) text += " (past " + std::to_string(passed_over) + ")";
  }
  return text + "\n" + exploration.deadlock + (exploration.deadlock.empty() ? "" : "\n");
}

Result<bool> replay(const std::function<bool()>& test, std::span<const std::uint32_t> schedule,
                    const ExploreOptions& options) {
  std::vector<Choice> path;
  for (const std::uint32_t taken : schedule) path.push_back({taken, taken + 1});
  Told told;
  return run_along(path, 0, options.at_primitives, test, told);
}

}  // namespace spindle::thread
