#include "spindle/thread/explore.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
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

/// What a run tells besides its path.
struct Told {
  std::vector<std::string> order;
  std::string deadlock;
  bool endless = false;
};

/// Follows a given path of choices; after its end takes the first ready thread and notes what else
/// was possible. After too many switches it returns no thread any more, which ends the run.
class ExploringPolicy : public CpuPolicy {
 public:
  ExploringPolicy(std::vector<Choice>& path, const ExploreOptions& options, Told& told)
      : path_(path),
        delays_left_(options.most_delays),
        most_switches_(options.most_switches),
        told_(told) {}

  std::string_view name() const override { return "exploring"; }
  void ready(TaskId task, const TaskInfo&, Why) override { ready_.push_back(task); }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    if (step_ == most_switches_) {
      told_.endless = true;
      return std::nullopt;
    }
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
    told_.order.emplace_back(current_scheduler->controls().at(slot).name);
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
  const std::size_t most_switches_;
  Told& told_;
  std::size_t step_ = 0;
  bool strayed_ = false;
  std::vector<TaskId> ready_;
};

/// While one exists, the schedule of this kernel thread's run is told if the program aborts. Only
/// what a signal's handler may call is called then: the heap may be what is broken.
class TellsOfAbort {
 public:
  TellsOfAbort(const std::vector<Choice>& path, const Told& told) : path_(path), told_(told) {
    static const bool installed = install();
    CHECK(installed);
    current_ = this;
  }
  ~TellsOfAbort() { current_ = nullptr; }
  TellsOfAbort(const TellsOfAbort&) = delete;
  TellsOfAbort& operator=(const TellsOfAbort&) = delete;

 private:
  static bool install() {
    struct sigaction action = {};
    action.sa_handler = on_abort;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGABRT, &action, &previous_) == 0;
  }
  static void on_abort(int signal) {
    if (current_ != nullptr) current_->tell();
    sigaction(signal, &previous_, nullptr);
    raise(signal);
  }
  static void write_text(std::string_view text) {
    static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
  }
  void tell() const {
    write_text("aborted in the schedule {");
    for (std::size_t i = 0; i < told_.order.size(); ++i) {
      std::array<char, 16> digits;
      char* const end = std::to_chars(digits.begin(), digits.end(), path_[i].taken).ptr;
      if (i > 0) write_text(", ");
      write_text({digits.begin(), end});
    }
    write_text("}, in which these threads went on:\n ");
    for (const std::string& name : told_.order) {
      write_text(" ");
      write_text(name);
    }
    write_text("\n");
  }

  static thread_local const TellsOfAbort* current_;
  static struct sigaction previous_;
  const std::vector<Choice>& path_;
  const Told& told_;
};
constinit thread_local const TellsOfAbort* TellsOfAbort::current_ = nullptr;
struct sigaction TellsOfAbort::previous_;

struct Outcome {
  Result<bool> said;
  bool refused = false;  // the kernel gave no runtime
};

Outcome run_along(std::vector<Choice>& path, const ExploreOptions& bounds,
                  const std::function<bool()>& test, Told& told) {
  Runtime::Options options;
  auto policy = std::make_unique<ExploringPolicy>(path, bounds, told);
  const ExploringPolicy& exploring = *policy;
  options.custom_policy = std::move(policy);
  // A deadlock is a finding here. The last report, that all are asleep, names every thread.
  options.on_deadlock = [&](std::string_view report) { told.deadlock = report; };
  options.yield_at_primitives = bounds.at_primitives;
  auto runtime = Runtime::create(std::move(options));
  if (!runtime.ok()) return {runtime.error(), true};
  bool good = false;
  const TellsOfAbort tells(path, told);
  const Result<> run = (*runtime)->run([&] { good = test(); });
  if (exploring.strayed()) {
    return {Error{EINVAL, "the program does not go the way of the schedule"}};
  }
  if (told.endless) told.deadlock.clear();
  if (!run.ok()) return {run.error()};
  return {good};
}

/// The next path in depth-first order; false if there is none.
bool advance(std::vector<Choice>& path) {
  while (!path.empty() && path.back().taken + 1 == path.back().possible) path.pop_back();
  if (path.empty()) return false;
  ++path.back().taken;
  return true;
}

/// Of a schedule without an end: until a while after the last choice that was not the usual one.
std::size_t switches_to_show(const Exploration& exploration) {
  constexpr std::size_t kAWhile = 50;
  const std::vector<std::uint32_t>& schedule = exploration.schedule;
  if (!exploration.endless) return exploration.order.size();
  const auto last = std::find_if(schedule.rbegin(), schedule.rend(),
                                 [](std::uint32_t passed_over) { return passed_over > 0; });
  const auto chosen = static_cast<std::size_t>(schedule.rend() - last);
  return std::min(chosen + kAWhile, exploration.order.size());
}

}  // namespace

Exploration explore(const std::function<bool()>& test, const ExploreOptions& options) {
  CHECK(Runtime::current() == nullptr);
  Exploration result;
  std::vector<Choice> path;
  const auto goes_on = [&result] {
    return !result.failed && !result.complete && !result.strayed && result.refused == 0;
  };
  while (result.schedules < options.most_schedules && goes_on()) {
    Told told;
    const Outcome outcome = run_along(path, options, test, told);
    if (outcome.refused) {
      result.refused = outcome.said.code();
      break;
    }
    ++result.schedules;
    result.strayed = outcome.said.code() == EINVAL;
    result.failed = !result.strayed && (!outcome.said.ok() || !*outcome.said);
    result.endless = result.failed && told.endless;
    result.order = std::move(told.order);
    result.deadlock = outcome.said.ok() ? std::string() : std::move(told.deadlock);
    result.schedule.clear();
    for (const Choice& choice : path) result.schedule.push_back(choice.taken);
    if (goes_on()) result.complete = !advance(path);
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
  if (exploration.refused != 0) {
    return "given up after " + count + " schedules: the kernel gives no runtime (" +
           std::strerror(exploration.refused) + ")\n";
  }
  if (!exploration.failed) {
    return exploration.complete ? "right in all schedules (" + count + ")\n"
                                : "right in " + count + " schedules; not all were tried\n";
  }
  const std::size_t shown = switches_to_show(exploration);
  std::string text = exploration.endless ? "no end of schedule " : "wrong in schedule ";
  text += count + ", in which these threads went on:\n ";
  for (std::size_t i = 0; i < shown; ++i) {
    text += " " + exploration.order[i];
    const std::uint32_t passed_over = exploration.schedule[i];
    if (passed_over > 0) text += " (past " + std::to_string(passed_over) + ")";
  }
  if (shown < exploration.order.size()) {
    text += " and so on, " + std::to_string(exploration.order.size()) + " switches in all";
  }
  return text + "\n" + exploration.deadlock + (exploration.deadlock.empty() ? "" : "\n");
}

Result<bool> replay(const std::function<bool()>& test, std::span<const std::uint32_t> schedule,
                    const ExploreOptions& options) {
  std::vector<Choice> path;
  for (const std::uint32_t taken : schedule) path.push_back({taken, taken + 1});
  ExploreOptions without_choices = options;
  without_choices.most_delays = 0;
  Told told;
  return run_along(path, without_choices, test, told).said;
}

}  // namespace spindle::thread
