// Policies of all four kinds that act as the plainest ones until they misbehave, in the way that
// the variable FAULT says, from the call with the number FAULT_AFTER on.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>

#include "spindle/policy/plugin.h"

namespace {

using namespace spindle;

volatile int zero = 0;
volatile unsigned turns = 0;

int fill_the_stack(volatile int* above) {
  volatile int room[256] = {*above};
  return zero == 0 ? fill_the_stack(room) + room[0] : 0;
}

/// Thinks for four tenths of a second of the processor, nearly all of them in this code.
void think() {
  const auto now_ms = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
  };
  for (const auto begin = now_ms(); now_ms() < begin + 400;)
    for (int i = 0; i < 1'000'000; ++i) turns = turns + 1;
}

/// Faults that no look at an answer can foresee.
void fault_of_the_machine(const std::string& fault) {
  if (fault == "spin")
    for (;;) turns = turns + 1;
  if (fault == "slow") think();
  if (fault == "sleep") ::sleep(1'000'000);
  if (fault == "lock") {
    static std::mutex mutex;
    const std::unique_lock held(mutex);
    mutex.lock();
  }
  if (fault == "input") {
    int pipe[2];
    if (::pipe(pipe) == 0) std::fgetc(::fdopen(pipe[0], "r"));
  }
  if (fault == "print") {
    char text[400];
    for (;;) turns = turns + static_cast<unsigned>(std::snprintf(text, 400, "%.300f", 0.1 * turns));
  }
  if (fault == "null") *reinterpret_cast<volatile int*>(static_cast<std::intptr_t>(zero)) = 1;
  if (fault == "jump") reinterpret_cast<void (*)()>(static_cast<std::intptr_t>(zero))();
  if (fault == "divide") zero = static_cast<int>(turns) / zero;
  if (fault == "trap") __builtin_trap();
  if (fault == "stack") fill_the_stack(&zero);
}

/// Counts the calls of an object, and says what shall go wrong in this one: "" if nothing.
class Fault {
 public:
  std::string now() {
    const char* const after = std::getenv("FAULT_AFTER");
    const char* const fault = std::getenv("FAULT");
    if (fault == nullptr || ++calls_ <= (after == nullptr ? 0 : std::atoi(after))) return "";
    if (std::string(fault) == "throw") throw std::runtime_error("no\nidea");
    if (std::string(fault) == "throw-number") throw 42;
    fault_of_the_machine(fault);
    return fault;
  }

 private:
  int calls_ = 0;
};

void fail_to_be_made() {
  const char* const fault = std::getenv("FAULT");
  if (fault != nullptr && std::string(fault) == "make") throw std::bad_alloc();
}

class Arm final : public ArmPolicy {
 public:
  Arm() { fail_to_be_made(); }
  [[nodiscard]] std::string_view name() const override { return "misbehaving"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    const std::string fault = fault_.now();
    ArmChoice choice{.index = waiting.oldest(), .by_way_of = {}, .moving_up = state.moving_up};
    if (fault == "pick") choice.index = waiting.size() + 1'000'000;
    if (fault == "turn") choice.by_way_of.push_back(Cylinder{state.cylinders});
    if (fault == "turns")
      for (int i = 0; i < 3; ++i) choice.by_way_of.push_back(Cylinder{state.cylinders - 1});
    if (fault == "ground") choice.ground = static_cast<ArmGround>(200);
    if (fault == "return") choice.return_distance = UINT64_MAX;
    if (fault == "ask") static_cast<void>(waiting.cylinder_of(SIZE_MAX));
    if (fault == "walk") {
      std::size_t last = waiting.oldest();
      for (std::size_t i = 0; i < waiting.size(); ++i) last = waiting.next_oldest(last);
    }
    if (fault == "loop")
      while (waiting.arrival_of(choice.index).ns >= 0) choice.moving_up = !choice.moving_up;
    return choice;
  }

 private:
  Fault fault_;
};

class Replacement final : public ReplacementPolicy {
 public:
  explicit Replacement(std::size_t capacity) : capacity_(capacity) { fail_to_be_made(); }
  [[nodiscard]] std::string_view name() const override { return "misbehaving"; }
  void inserted(FrameNo frame, PageKey) override { order_.push_back(frame); }
  void touched(FrameNo) override {
    if (fault_.now() == "touch") throw std::logic_error("touched");
  }
  void erased(FrameNo frame) override { std::erase(order_, frame); }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    const std::string fault = fault_.now();
    if (fault == "none") return std::nullopt;
    if (fault == "pick") return FrameNo{capacity_};
    if (fault == "empty")
      for (FrameNo frame{0}; frame.value < capacity_; ++frame)
        if (std::find(order_.begin(), order_.end(), frame) == order_.end()) return frame;
    if (fault == "ask") evictable(FrameNo{capacity_});
    if (fault == "held")
      for (const FrameNo frame : order_)
        if (!evictable(frame)) return frame;
    for (const FrameNo frame : order_)
      if (evictable(frame)) return frame;
    return std::nullopt;
  }

  [[nodiscard]] VictimReason reason(FrameNo) const override {
    if (fault_.now() == "reason") return {.ground = static_cast<VictimGround>(200)};
    return {.ground = VictimGround::kLoadedFirst};
  }
  [[nodiscard]] FrameMarks marks(FrameNo frame) const override {
    return {.value = fault_.now() == "marks" ? throw std::logic_error("marks") : frame.value};
  }
  [[nodiscard]] std::optional<FrameNo> hand() const override {
    return fault_.now() == "hand" ? std::optional(FrameNo{capacity_}) : std::nullopt;
  }

 private:
  std::size_t capacity_;
  std::deque<FrameNo> order_;
  mutable Fault fault_;
};

class Fit final : public FitPolicy {
 public:
  Fit() { fail_to_be_made(); }
  [[nodiscard]] std::string_view name() const override { return "misbehaving"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::string fault = fault_.now();
    if (fault == "none") return std::nullopt;
    if (fault == "pick") return Run{BlockNo{1}, request.want};
    if (fault == "overflow") return Run{BlockNo{UINT64_MAX}, request.want};
    if (fault == "loop")
      while (free.longest()) {
      }
    std::optional<Run> run = free.first_of(request.want, BlockNo{0});
    if (!run && !request.must_be_whole) run = free.longest();
    if (run && fault != "long") run->length = std::min(run->length, request.want);
    return run;
  }

 private:
  Fault fault_;
};

class Cpu final : public CpuPolicy {
 public:
  explicit Cpu(const CpuConventions& conventions) : quantum_(conventions.quantum) {
    fail_to_be_made();
  }
  [[nodiscard]] std::string_view name() const override { return "misbehaving"; }
  void ready(TaskId task, const TaskInfo&, Why) override { order_.push_back(task); }

  std::optional<TaskId> next(VirtualTime) override {
    const std::string fault = fault_.now();
    if (fault == "none" || order_.empty()) return std::nullopt;
    if (fault == "pick") return TaskId{1'000'000};
    const TaskId task = order_.front();
    order_.pop_front();
    return task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override {
    return fault_.now() == "quantum" ? VirtualTime{0} : quantum_;
  }
  [[nodiscard]] std::optional<VirtualTime> alarm() const override {
    return fault_.now() == "alarm" ? std::optional(VirtualTime{0}) : std::nullopt;
  }
  void removed(TaskId task) override { std::erase(order_, task); }
  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime) const override {
    if (fault_.now() == "rank") throw std::logic_error("rank");
    return static_cast<double>(task.value);
  }

 private:
  VirtualTime quantum_;
  std::deque<TaskId> order_;
  mutable Fault fault_;
};

}  // namespace

SPINDLE_ARM_POLICY(Arm)
SPINDLE_REPLACEMENT_POLICY(Replacement)
SPINDLE_FIT_POLICY(Fit)
SPINDLE_CPU_POLICY(Cpu)
