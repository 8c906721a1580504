#include "scheduler.h"

#include <algorithm>
#include <cmath>

#include "spindle/base/check.h"

namespace spindle {
namespace {

constexpr VirtualTime kNever{INT64_MAX};
/// A quantum of as many years as this (146) does not end.
constexpr VirtualTime kLongestQuantum{INT64_MAX / 2};
constexpr std::array<std::uint32_t, 40> kWeights = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15};
constexpr std::uint32_t kIdleWeight = 3;

}  // namespace

std::uint32_t weight_of_nice(int nice) {
  return kWeights[static_cast<std::size_t>(std::clamp(nice, -20, 19) + 20)];
}

char state_letter(const Thread& thread) {
  if (thread.stop_wanted || thread.state == ThreadState::kStopped) return 'T';
  switch (thread.state) {
    case ThreadState::kNew:
    case ThreadState::kReady:
    case ThreadState::kRunning:
      return 'R';
    case ThreadState::kDisk:
      return 'D';
    case ThreadState::kDead:
      return 'Z';
    default:
      return thread.process->is_kernel ? 'I' : 'S';
  }
}

Scheduler::Scheduler(MachineConfiguration& configuration,
                     std::vector<std::unique_ptr<CpuPolicy>> policies, EventRing& events,
                     const std::vector<Thread*>& threads, Client& client)
    : configuration_(configuration), events_(events), threads_(threads), client_(client) {
  for (auto& policy : policies)
    cpus_.push_back(
        std::make_unique<Cpu>(static_cast<std::uint32_t>(cpus_.size()), std::move(policy)));
}

std::optional<VirtualTime> Scheduler::next_due() const {
  VirtualTime first = kNever;
  for (const auto& cpu : cpus_)
    if (cpu->current != nullptr) first = std::min(first, cpu->due);
  return first == kNever ? std::nullopt : std::optional(first);
}

bool Scheduler::is_due() const {
  return std::ranges::any_of(
      cpus_, [&](const auto& cpu) { return cpu->current != nullptr && cpu->due <= now_; });
}

TaskInfo Scheduler::info(const Thread& thread) const {
  const bool is_idle = thread.scheduling == SchedulingClass::kIdle;
  VirtualTime expected{thread.activity.left_ns};
  if (configuration_.estimate) expected = std::max(VirtualTime{0}, thread.estimate - thread.burst);
  return {.now = now_,
          .priority = is_idle ? INT32_MIN / 2 : thread.priority.value_or(-thread.nice),
          .ran = thread.ran_in_slice,
          .expected_burst = expected,
          .deadline = thread.deadline,
          .weight = is_idle ? kIdleWeight : thread.weight.value_or(weight_of_nice(thread.nice)),
          .group = thread.group};
}

// Who runs.

void Scheduler::end_slices() {
  for (const auto& cpu : cpus_)
    if (cpu->current != nullptr && cpu->due <= now_) end_slice(*cpu);
}

void Scheduler::end_slice(Cpu& cpu) {
  Thread& thread = *cpu.current;
  charge(cpu);
  if (thread.activity.left_ns <= 0) client_.serve(thread);
  if (cpu.current != &thread) return;
  const bool has_begun = begin_of_work(cpu) <= now_;
  if (has_begun && now_ >= cpu.quantum_end) {
    interrupt(Interrupt::kTimer, cpu.index, configuration_.costs.interrupt_ns);
    cut(cpu, Why::kQuantumExpired);
  } else if (has_begun && cpu.alarm && *cpu.alarm <= now_) {
    cut(cpu, Why::kPreempted);
  } else {
    set_due(cpu);
  }
}

void Scheduler::cut(Cpu& cpu, Why why) {
  charge(cpu);
  cut_.push_back({cpu.current, why});
  cpu.current->state = ThreadState::kReady;
  cpu.current->ready_since = now_;
  cpu.current->was_unfinished = true;
  cpu.unfinished = cpu.current->id;
  cpu.current = nullptr;
}

void Scheduler::requeue_cut() {
  for (std::size_t i = 0; i < cut_.size(); ++i)
    if (cut_[i].thread != nullptr) make_ready(*cut_[i].thread, cut_[i].why);
  cut_.clear();
}

void Scheduler::preempt() {
  for (const auto& cpu : cpus_) {
    if (!cpu->look) continue;
    if (cpu->current != nullptr && begin_of_work(*cpu) > now_) {
      set_due(*cpu);
      continue;
    }
    cpu->look = false;
    if (cpu->current == nullptr) continue;
    charge(*cpu);
    Thread& running = *cpu->current;
    if (!cpu->queue.preempts(running, info(running))) continue;
    cut(*cpu, Why::kPreempted);
    requeue_cut();
    cpu->look = false;
  }
}

void Scheduler::dispatch() {
  for (const auto& cpu : cpus_) {
    if (cpu->current != nullptr) continue;
    charge(*cpu);
    Thread* next = cpu->queue.next(now_, threads_);
    if (next == nullptr && cpus_.size() > 1) next = steal(*cpu);
    if (next != nullptr)
      put_on(*cpu, *next);
    else if (cpu->shown != 0)
      show(*cpu, 0, 0, 'S');
  }
}

void Scheduler::put_on(Cpu& cpu, Thread& thread) {
  const bool is_other = cpu.last != 0 && cpu.last != thread.id;
  const std::int64_t cost_ns = is_other ? configuration_.costs.context_switch_ns : 0;
  const VirtualTime from = std::max(now_, cpu.interrupted_until);
  // What a migration costs was noted there, and comes on top.
  cpu.switched_until = std::max(from, cpu.switched_until) + VirtualTime{cost_ns};
  const std::optional<VirtualTime> quantum = cpu.queue.quantum(thread);
  const bool ends = quantum && *quantum < kLongestQuantum;
  cpu.quantum_end = ends ? cpu.switched_until + *quantum : kNever;
  cpu.alarm = cpu.queue.alarm();
  if (cpu.shown != thread.id) {
    char state = 'R';
    if (const Thread* last = threads_[static_cast<std::size_t>(cpu.shown)]; last != nullptr)
      state = state_letter(*last);
    show(cpu, thread.id, (cpu.switched_until - now_).ns, state);
  }
  if (is_other) ++cpu.switches;
  if (const ProcessNumber cut = std::exchange(cpu.unfinished, 0); cut != 0 && cut != thread.id) {
    ++cpu.preemptions;
    if (Thread* loser = threads_[static_cast<std::size_t>(cut)]) ++loser->involuntary;
  }
  cpu.current = &thread;
  cpu.last = thread.id;
  thread.state = ThreadState::kRunning;
  thread.cpu = cpu.index;
  thread.waited += now_ - thread.ready_since;
  thread.was_unfinished = false;
  if (thread.slices++ == 0) thread.first_run = cpu.switched_until;
  set_due(cpu);
}

VirtualTime Scheduler::begin_of_work(const Cpu& cpu) const {
  return std::max({now_, cpu.interrupted_until, cpu.switched_until});
}

void Scheduler::set_due(Cpu& cpu) {
  const VirtualTime work = begin_of_work(cpu);
  cpu.due =
      std::min(work + VirtualTime{cpu.current->activity.left_ns}, std::max(work, cpu.quantum_end));
  if (cpu.alarm && *cpu.alarm > now_) cpu.due = std::min(cpu.due, std::max(work, *cpu.alarm));
  // Who becomes ready during a switch may be better than the thread that it switches to.
  if (cpu.look && work > now_) cpu.due = std::min(cpu.due, work);
}

void Scheduler::show(Cpu& cpu, ProcessNumber next, std::int64_t cost_ns, char state) {
  if (!events_.enabled()) {
    cpu.shown = next;
    return;
  }
  const Thread* before = threads_[static_cast<std::size_t>(cpu.shown)];
  const Thread* after = next == 0 ? nullptr : threads_[static_cast<std::size_t>(next)];
  MachineEvent event;
  event.at = now_;
  event.kind = MachineEventKind::kSwitch;
  event.cpu = static_cast<std::uint16_t>(cpu.index);
  event.thread = cpu.shown;
  event.other = next;
  event.value = cost_ns;
  event.state = before != nullptr ? state_letter(*before) : state;
  if (before != nullptr) {
    event.name = before->interned_name;
    event.nice = static_cast<std::int8_t>(before->nice);
    event.process = before->process->id;
  }
  if (after != nullptr) {
    event.other_name = after->interned_name;
    event.other_nice = static_cast<std::int8_t>(after->nice);
  }
  events_.record(event);
  cpu.shown = next;
}

// Ready, and not ready.

Scheduler::Cpu& Scheduler::choose_cpu(const Thread& thread, bool is_new) {
  if (cpus_.size() == 1) return *cpus_[0];
  const auto allowed = [&](const Cpu& cpu) { return (thread.cpus_allowed >> cpu.index & 1) != 0; };
  const auto load = [](const Cpu& cpu) { return cpu.queue.size() + (cpu.current ? 1 : 0); };
  Cpu* best = allowed(*cpus_[thread.cpu]) ? cpus_[thread.cpu].get() : nullptr;
  if (best != nullptr && (load(*best) == 0 || (!is_new && thread.was_unfinished))) return *best;
  for (const auto& cpu : cpus_) {
    if (!allowed(*cpu)) continue;
    const bool is_better = best == nullptr || (load(*cpu) == 0 && load(*best) != 0) ||
                           (is_new && load(*cpu) < load(*best));
    if (is_better) best = cpu.get();
  }
  return *best;
}

void Scheduler::make_ready(Thread& thread, Why why) {
  Cpu& cpu = choose_cpu(thread, why == Why::kCreated);
  if (cpu.index != thread.cpu && why != Why::kCreated) migrate(thread, cpu);
  thread.cpu = cpu.index;
  if (thread.state != ThreadState::kReady) thread.ready_since = now_;
  thread.state = ThreadState::kReady;
  cpu.queue.ready(thread, info(thread), why);
  thread.ran_in_slice = {};
  cpu.look = true;
}

void Scheduler::migrate(Thread& thread, Cpu& to) {
  cpus_[thread.cpu]->queue.forget(thread);
  ++to.migrations_in;
  if (!events_.enabled()) return;
  MachineEvent event;
  event.at = now_;
  event.kind = MachineEventKind::kMigrate;
  event.cpu = static_cast<std::uint16_t>(to.index);
  event.number = static_cast<std::int16_t>(thread.cpu);
  event.thread = thread.id;
  event.process = thread.process->id;
  event.name = thread.interned_name;
  events_.record(event);
}

void Scheduler::take_off(Thread& thread) {
  if (thread.in_queue) {
    cpus_[thread.cpu]->queue.remove(thread);
    thread.waited += now_ - thread.ready_since;
    return;
  }
  if (thread.state == ThreadState::kRunning) {
    Cpu& cpu = *cpus_[thread.cpu];
    CHECK(cpu.current == &thread);
    charge(cpu);
    cpu.queue.waits(thread, info(thread));
    end_burst(thread);
    cpu.current = nullptr;
    return;
  }
  for (CutThread& cut : cut_)
    if (cut.thread == &thread) cut.thread = nullptr;
}

void Scheduler::end_burst(Thread& thread) {
  if (configuration_.estimate) {
    const double alpha = configuration_.estimate->alpha;
    thread.estimate.ns = std::llround(alpha * static_cast<double>(thread.burst.ns) +
                                      (1 - alpha) * static_cast<double>(thread.estimate.ns));
  }
  thread.burst = {};
}

void Scheduler::forget(Thread& thread) {
  cpus_[thread.cpu]->queue.forget(thread);
}

void Scheduler::refresh(Thread& thread) {
  if (thread.state != ThreadState::kRunning) return;
  Cpu& cpu = *cpus_[thread.cpu];
  if (cpu.current == &thread) set_due(cpu);
}

void Scheduler::change(Thread& thread, const std::function<void()>& change) {
  const bool was_ready = thread.in_queue;
  const bool was_running = thread.state == ThreadState::kRunning;
  if (was_running) {
    cut(*cpus_[thread.cpu], Why::kPreempted);
    cut_.pop_back();
  } else if (was_ready) {
    cpus_[thread.cpu]->queue.remove(thread);
  }
  change();
  if (was_running || was_ready) make_ready(thread, Why::kPreempted);
}

void Scheduler::begin_disk_wait(const Thread& thread) {
  Cpu& cpu = *cpus_[thread.cpu];
  charge(cpu);
  ++cpu.disk_waits;
}

void Scheduler::end_disk_wait(const Thread& thread) {
  Cpu& cpu = *cpus_[thread.cpu];
  charge(cpu);
  --cpu.disk_waits;
}

// Whose time it is.

void Scheduler::charge(Cpu& cpu) {
  VirtualTime from = std::exchange(cpu.charged, now_);
  if (from >= now_) return;
  if (from < cpu.interrupted_until) {
    const VirtualTime to = std::min(now_, cpu.interrupted_until);
    cpu.times.irq += to - from;
    from = to;
  }
  if (cpu.current == nullptr) {
    (cpu.disk_waits != 0 ? cpu.times.iowait : cpu.times.idle) += now_ - from;
    return;
  }
  Thread& thread = *cpu.current;
  if (from < cpu.switched_until) {
    const VirtualTime to = std::min(now_, cpu.switched_until);
    cpu.times.system += to - from;
    thread.system += to - from;
    thread.ran += to - from;
    thread.switching += to - from;
    from = to;
  }
  if (from < now_) charge_work(cpu, now_ - from);
}

void Scheduler::charge_work(Cpu& cpu, VirtualTime span) {
  Thread& thread = *cpu.current;
  thread.activity.left_ns -= span.ns;
  thread.ran += span;
  thread.ran_in_slice += span;
  thread.burst += span;
  if (!thread.activity.is_user) {
    thread.system += span;
    cpu.times.system += span;
  } else {
    thread.user += span;
    (thread.nice > 0 ? cpu.times.nice : cpu.times.user) += span;
  }
}

void Scheduler::charge_all() {
  for (const auto& cpu : cpus_) charge(*cpu);
}

void Scheduler::interrupt(Interrupt line, std::uint32_t index, std::int64_t cost_ns) {
  Cpu& cpu = *cpus_[index];
  ++cpu.interrupts[static_cast<std::size_t>(line)];
  if (cost_ns == 0) return;
  charge(cpu);
  const VirtualTime before = std::max(now_, cpu.interrupted_until);
  const VirtualTime cost{cost_ns};
  cpu.interrupted_until = before + cost;
  if (cpu.current == nullptr) return;
  cpu.switched_until = std::max(cpu.switched_until, before) + cost;
  // The time until then is an interrupt's, not the switch's: they are charged in this order.
  if (cpu.quantum_end != kNever) cpu.quantum_end += cost;
  set_due(cpu);
}

// Several CPUs.

Thread* Scheduler::steal(Cpu& cpu) {
  Cpu* busiest = nullptr;
  for (const auto& other : cpus_)
    if (other->queue.size() != 0 &&
        (busiest == nullptr || other->queue.size() > busiest->queue.size()))
      busiest = other.get();
  if (busiest == nullptr) return nullptr;
  Thread* thread = busiest->queue.oldest();
  while (thread != nullptr && (thread->cpus_allowed >> cpu.index & 1) == 0)
    thread = thread->queue_after;
  if (thread == nullptr) return nullptr;
  const VirtualTime since = thread->ready_since;
  busiest->queue.remove(*thread);
  migrate(*thread, cpu);
  thread->cpu = cpu.index;
  cpu.queue.ready(*thread, info(*thread), Why::kWoken);
  thread->ready_since = since;
  cpu.switched_until = now_ + VirtualTime{configuration_.costs.migration_ns};
  return cpu.queue.next(now_, threads_);
}

void Scheduler::balance() {
  const auto by_load = [](const auto& a, const auto& b) {
    return a->queue.size() + (a->current ? 1 : 0) < b->queue.size() + (b->current ? 1 : 0);
  };
  for (std::size_t moves = 0; moves < cpus_.size(); ++moves) {
    Cpu& least = **std::ranges::min_element(cpus_, by_load);
    Cpu& most = **std::ranges::max_element(cpus_, by_load);
    if (most.queue.size() < least.queue.size() + 2) return;
    Thread* thread = most.queue.oldest();
    while (thread != nullptr && (thread->cpus_allowed >> least.index & 1) == 0)
      thread = thread->queue_after;
    if (thread == nullptr) return;
    most.queue.remove(*thread);
    migrate(*thread, least);
    thread->cpu = least.index;
    least.queue.ready(*thread, info(*thread), Why::kWoken);
    least.look = true;
  }
}

void Scheduler::set_policies(std::vector<std::unique_ptr<CpuPolicy>> policies) {
  for (const auto& cpu : cpus_) {
    if (cpu->current != nullptr) cut(*cpu, Why::kPreempted);
    cpu->queue.set_policy(std::move(policies[cpu->index]),
                          [&](const Thread& thread) { return info(thread); });
  }
  requeue_cut();
}

std::uint64_t Scheduler::running() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(cpus_, [](const auto& cpu) { return cpu->current != nullptr; }));
}

std::uint64_t Scheduler::ready() const {
  std::uint64_t count = cut_.size();
  for (const auto& cpu : cpus_) count += cpu->queue.size();
  return count;
}

std::uint64_t Scheduler::disk_waits() const {
  std::uint64_t count = 0;
  for (const auto& cpu : cpus_) count += cpu->disk_waits;
  return count;
}

}  // namespace spindle
