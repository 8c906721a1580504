#include "kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "calls.h"
#include "lua_program.h"
#include "paging.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

constexpr std::int64_t kLoadIntervalNs = 5'000'000'000;
/// The least time of a call, in the long run. A thread whose calls took less is in debt, and pays
/// when that comes to kMostDebtNs. Without this a machine without costs might never leave an
/// instant.
constexpr std::int64_t kLeastTimeOfCallNs = 250;
constexpr std::int64_t kMostDebtNs = 1'000'000;

Result<std::vector<std::unique_ptr<CpuPolicy>>> make_policies(
    const MachineConfiguration& configuration) {
  std::vector<std::unique_ptr<CpuPolicy>> policies;
  CpuConventions conventions = configuration.cpu_conventions;
  conventions.seed = configuration.seed;
  for (std::uint32_t cpu = 0; cpu < configuration.cpus; ++cpu, ++conventions.seed)
    policies.push_back(TRY(make_cpu_policy(configuration.cpu_policy, conventions)));
  return policies;
}

/// Whether `a` comes before `b` when both happen at one instant.
bool comes_before(const MachineConfiguration& configuration, InstantEvent a, InstantEvent b) {
  const auto& order = configuration.same_instant;
  return std::ranges::find(order, a) < std::ranges::find(order, b);
}

bool waits_for_page(const Thread& thread) {
  return thread.wait.channel == kPageFault;
}

}  // namespace

Kernel::Kernel(const MachineConfiguration& make, MachineHost& volume)
    : configuration(make),
      host(volume),
      events(make.event_capacity),
      random(make.seed),
      agenda(comes_before(make, InstantEvent::kDevice, InstantEvent::kArrival)),
      thread_by_number_(static_cast<std::size_t>(kMostNumber) + 1) {}

Kernel::~Kernel() = default;

Result<std::unique_ptr<Kernel>> Kernel::create(const MachineConfiguration& configuration,
                                               MachineHost& host) {
  if (configuration.cpus == 0 || configuration.cpus > kMostCpus)
    return Error{EINVAL, "a machine has 1 to 64 CPUs"};
  if (configuration.most_processes == 0 || configuration.most_processes > kMostNumber)
    return Error{EINVAL, "a machine has 1 to 29999 processes"};
  std::unique_ptr<Kernel> kernel(new Kernel(configuration, host));
  TRY(kernel->build());
  return kernel;
}

Result<> Kernel::build() {
  scheduler = std::make_unique<Scheduler>(configuration, TRY(make_policies(configuration)), events,
                                          thread_by_number_, *this);
  disk = TRY(BlockQueue::create(configuration));
  paging = TRY(Paging::create(*this));
  program_memory_ = std::make_shared<LuaMemory>(configuration.all_program_bytes);
  Process* init = make_kernel_process("init", nullptr);
  make_kernel_process("kthreadd", nullptr);
  init->is_kernel = false;
  // All processes inherit these.
  init->limits[kLimitProcesses] = {configuration.most_processes_of_user, kUnlimited};
  init->limits[kLimitFiles] = {1024, 4096};
  agenda.add({kLoadIntervalNs}, AgendaEntry::Kind::kLoad);
  if (configuration.cpus > 1 && configuration.balance_interval_ns > 0)
    agenda.add({configuration.balance_interval_ns}, AgendaEntry::Kind::kBalance);
  start_cron();
  return {};
}

// Time.

std::optional<VirtualTime> Kernel::next_event() const {
  if (was_changed_) return now();
  std::optional<VirtualTime> next = scheduler->next_due();
  if (const AgendaEntry* entry = agenda.first())
    next = next ? std::min(*next, entry->at) : entry->at;
  return next;
}

void Kernel::advance(VirtualTime time) {
  if (time <= now()) return;
  pressure_.advance(time, {.running = scheduler->running(),
                           .ready = scheduler->ready(),
                           .on_disk = scheduler->disk_waits(),
                           .on_page = page_waits_});
  scheduler->set_now(time);
}

void Kernel::run_until(VirtualTime time) {
  for (auto next = next_event(); next && *next <= time; next = next_event()) {
    advance(*next);
    work_through();
  }
  advance(time);
  scheduler->charge_all();
}

bool Kernel::step() {
  const auto next = next_event();
  if (!next || (finished() && agenda.for_programs() == 0)) return false;
  advance(*next);
  work_through();
  scheduler->charge_all();
  return true;
}

// Works until nothing more happens at this instant.
void Kernel::work_through() {
  was_changed_ = false;
  for (;;) {
    scheduler->end_slices();
    for (const AgendaEntry* entry = agenda.first(); entry != nullptr && entry->at <= now();
         entry = agenda.first()) {
      const auto kind = entry->kind == AgendaEntry::Kind::kArrival ? InstantEvent::kArrival
                                                                   : InstantEvent::kDevice;
      if (!entry->is_housekeeping() && comes_before(configuration, InstantEvent::kPreempted, kind))
        scheduler->requeue_cut();
      handle(agenda.take());
    }
    scheduler->requeue_cut();
    scheduler->preempt();
    scheduler->dispatch();
    dead_threads_.clear();
    dead_processes_.clear();
    if (is_due()) continue;
    look_for_deadlocks();
    if (!is_due()) return;
  }
}

// Whether more happens at this instant.
bool Kernel::is_due() const {
  const AgendaEntry* entry = agenda.first();
  return scheduler->is_due() || (entry != nullptr && entry->at <= now());
}

void Kernel::handle(const AgendaEntry& entry) {
  using Kind = AgendaEntry::Kind;
  const auto subject = [&] { return find_thread(static_cast<ProcessNumber>(entry.subject)); };
  switch (entry.kind) {
    case Kind::kArrival:
      if (Thread* const thread = subject(); thread != nullptr && thread->arrival == entry.number) {
        --waiting_arrivals_;
        arrive(*thread);
      }
      break;
    case Kind::kTimer:
      if (Thread* const thread = subject();
          thread != nullptr && thread->wait.timer == entry.number) {
        timer_fired(*thread);
      }
      break;
    case Kind::kAlarm:
      alarm_fired(entry);
      break;
    case Kind::kDisk:
      disk_done();
      break;
    case Kind::kVictim:
      if (const Thread* const thread = subject()) end_process(*thread->process, kSigKill);
      // The threads that are left may still be in a deadlock.
      forget_reports();
      break;
    case Kind::kCron:
      if (entry.number == cron_entry_) run_cron();
      break;
    case Kind::kCrontab:
      look_at_crontab();
      break;
    case Kind::kBalance:
      scheduler->balance();
      agenda.add(now() + VirtualTime{configuration.balance_interval_ns}, Kind::kBalance);
      break;
    case Kind::kLoad:
      tick_load();
      break;
    case Kind::kReview:
      paging->review();
      break;
  }
}

void Kernel::alarm_fired(const AgendaEntry& entry) {
  Process* const process = find_process(static_cast<ProcessNumber>(entry.subject));
  if (process == nullptr || process->alarm != entry.number) return;
  process->alarm = 0;
  send(*process, kSigAlrm);
}

void Kernel::tick_load() {
  agenda.add(now() + VirtualTime{kLoadIntervalNs}, AgendaEntry::Kind::kLoad);
  suspect_all();
  double active = static_cast<double>(scheduler->running() + scheduler->ready());
  for (const Thread* thread : thread_by_number_)
    if (thread != nullptr && thread->state == ThreadState::kDisk) active += 1;
  constexpr std::array<double, 3> kMinutes = {60, 300, 900};
  for (std::size_t i = 0; i < load_.size(); ++i) {
    const double keep = std::exp(-5.0 / kMinutes[i]);
    load_[i] = load_[i] * keep + active * (1 - keep);
  }
}

bool Kernel::finished() const {
  return processes.size() == 2 && waiting_arrivals_ == 0;
}

bool Kernel::stuck() const {
  return !finished() && agenda.for_programs() == 0 && !paging->has_suspended() &&
         scheduler->running() + scheduler->ready() == 0;
}

Result<> Kernel::set_cpu_policy(std::string_view name, const CpuConventions& conventions) {
  MachineConfiguration changed = configuration;
  changed.cpu_policy = name;
  changed.cpu_conventions = conventions;
  auto policies = TRY(make_policies(changed));
  configuration.cpu_policy = name;
  configuration.cpu_conventions = conventions;
  scheduler->set_policies(std::move(policies));
  note_change();
  return {};
}

// A thread's requests.

void Kernel::serve(Thread& thread) {
  while (thread.state == ThreadState::kRunning && thread.activity.left_ns <= 0) {
    const bool goes_on = thread.has_request ? serve_request(thread) : prepare(thread);
    if (!goes_on) return;
  }
}

// Finds out what the thread does next. False if it was ended.
bool Kernel::prepare(Thread& thread) {
  if (deliverable(thread) != 0 && !deliver(thread)) return false;
  if (thread.has_request) return true;
  thread.program->next(thread.response, thread.request);
  if (thread.request.call == SystemCall::kNone) {
    finish_handler(thread);
    return true;
  }
  begin_request(thread);
  return true;
}

void Kernel::begin_request(Thread& thread) {
  thread.has_request = true;
  thread.progress = {};
  thread.collected.clear();
  const bool computes = thread.request.call == SystemCall::kCompute;
  const std::int64_t cost_ns = computes ? thread.request.numbers[0] : cost_of(thread.request.call);
  thread.activity = {cost_ns, computes, false};
  thread.debt_ns = std::max<std::int64_t>(0, thread.debt_ns + kLeastTimeOfCallNs - cost_ns);
  if (thread.debt_ns < kMostDebtNs) return;
  thread.activity.left_ns += std::exchange(thread.debt_ns, 0);
}

std::int64_t Kernel::cost_of(SystemCall call) const {
  const MachineCosts& costs = configuration.costs;
  switch (call) {
    case SystemCall::kFork:
    case SystemCall::kThread:
      return costs.system_call_ns + costs.fork_ns;
    case SystemCall::kExec:
      return costs.system_call_ns + costs.exec_ns;
    case SystemCall::kTouch:
    case SystemCall::kLoad:
    case SystemCall::kStore:
      return 0;
    default:
      return costs.system_call_ns;
  }
}

// False if the thread does not go on now.
bool Kernel::serve_request(Thread& thread) {
  const SystemCall call = thread.request.call;
  thread.call = call;
  if (!std::exchange(thread.activity.entered, true) && events.enabled() &&
      call != SystemCall::kCompute) {
    MachineEvent entered = event(MachineEventKind::kSyscallEnter, &thread);
    entered.number = static_cast<std::int16_t>(call);
    std::copy_n(thread.request.numbers.begin(), 3, entered.arguments.begin());
    if (!thread.request.text.empty())
      entered.text = events.intern(std::string_view(thread.request.text).substr(0, 64));
    events.record(entered);
  }
  host.as_user(thread.process->uid, thread.process->gid, thread.process->umask);
  Outcome outcome = handler_of(call)(*this, thread);
  if (thread.state == ThreadState::kDead) return false;
  switch (outcome.kind) {
    case Outcome::Kind::kAnswered:
      finish_request(thread, std::move(outcome.response));
      return true;
    case Outcome::Kind::kBusy:
      thread.activity.left_ns = outcome.busy_ns;
      thread.activity.is_user = outcome.is_user;
      return true;
    default:
      return false;
  }
}

void Kernel::finish_request(Thread& thread, Response response) {
  if (events.enabled() && thread.request.call != SystemCall::kCompute) {
    MachineEvent left = event(MachineEventKind::kSyscallExit, &thread);
    left.number = static_cast<std::int16_t>(thread.request.call);
    left.value = response.error != 0         ? -response.error
                 : response.has_text         ? static_cast<std::int64_t>(response.text.size())
                 : response.number_count > 0 ? response.numbers[0]
                                             : 0;
    events.record(left);
  }
  thread.call = SystemCall::kNone;
  thread.has_request = false;
  thread.activity = {};
  thread.response = std::move(response);
}

// Waiting.

void Kernel::block(Thread& thread, WaitQueue* queue, const char* channel, std::string object,
                   Awake awake) {
  scheduler->take_off(thread);
  ++thread.voluntary;
  thread.state = ThreadState::kBlocked;
  thread.blocked_since = now();
  thread.wait.queue = queue;
  thread.wait.channel = channel;
  thread.wait.object = std::move(object);
  thread.wait.is_retried = awake == Awake::kRetries;
  if (queue != nullptr) queue->push(thread);
  suspect(thread);
}

void Kernel::block_for_disk(Thread& thread, const char* channel) {
  block(thread, nullptr, channel, {}, Awake::kRetries);
  thread.state = ThreadState::kDisk;
  scheduler->begin_disk_wait(thread);
  if (waits_for_page(thread)) ++page_waits_;
}

void Kernel::set_timer(Thread& thread, std::int64_t span_ns) {
  thread.wait.timer =
      agenda.add(now() + VirtualTime{span_ns}, AgendaEntry::Kind::kTimer, thread.id);
}

void Kernel::leave_wait(Thread& thread) {
  if (thread.wait.queue != nullptr) thread.wait.queue->remove(thread);
  thread.slept += now() - thread.blocked_since;
  if (thread.state == ThreadState::kDisk) {
    thread.disk_delay += now() - thread.blocked_since;
    scheduler->end_disk_wait(thread);
    if (waits_for_page(thread)) --page_waits_;
  }
  thread.wait = {};
}

void Kernel::timer_fired(Thread& thread) {
  scheduler->interrupt(Interrupt::kTimer, thread.cpu, configuration.costs.interrupt_ns);
  thread.wait.timer = 0;
  // A timed wait for something has failed; a thread that waits for nothing else has slept enough.
  if (thread.wait.queue != nullptr)
    return answer(thread, Response::of(Error{ETIMEDOUT, "too late"}));
  answer(thread, Response::nothing());
}

void Kernel::wake(Thread& thread) {
  if (thread.state != ThreadState::kBlocked && thread.state != ThreadState::kDisk) return;
  const bool is_retried = thread.wait.is_retried;
  leave_wait(thread);
  thread.state = ThreadState::kStopped;
  if (is_retried) thread.activity = kInKernel;
  if (thread.is_killed) return end_thread(thread);
  if (thread.stop_wanted) {
    // What came while it waited for a device may end it also where load control holds it.
    if (const SignalSet pending = deliverable(thread)) nudge(thread, std::countr_zero(pending));
    return;
  }
  make_ready(thread, Why::kWoken);
}

void Kernel::wake_all(WaitQueue& queue) {
  while (Thread* thread = queue.front()) wake(*thread);
}

void Kernel::answer(Thread& thread, Response response) {
  finish_request(thread, std::move(response));
  thread.wait.is_retried = false;
  wake(thread);
}

void Kernel::give_way(Thread& thread) {
  scheduler->take_off(thread);
  ++thread.voluntary;
  thread.state = ThreadState::kStopped;
  thread.activity = kInKernel;
  make_ready(thread, Why::kYielded);
}

void Kernel::make_ready(Thread& thread, Why why) {
  if (!thread.activity.entered && !prepare(thread)) return;
  scheduler->make_ready(thread, why);
  if (!events.enabled() || why != Why::kWoken) return;
  MachineEvent woken = event(MachineEventKind::kWakeup, nullptr);
  const Thread* by = scheduler->cpus()[thread.cpu]->current;
  if (by != nullptr) {
    woken.thread = by->id;
    woken.process = by->process->id;
    woken.name = by->interned_name;
  }
  woken.cpu = static_cast<std::uint16_t>(thread.cpu);
  woken.other = thread.id;
  woken.other_name = thread.interned_name;
  woken.other_nice = static_cast<std::int8_t>(thread.nice);
  events.record(woken);
}

MachineEvent Kernel::event(MachineEventKind kind, const Thread* thread) const {
  MachineEvent event;
  event.at = now();
  event.kind = kind;
  if (thread == nullptr) return event;
  event.cpu = static_cast<std::uint16_t>(thread->cpu);
  event.thread = thread->id;
  event.process = thread->process->id;
  event.name = thread->interned_name;
  event.nice = static_cast<std::int8_t>(thread->nice);
  return event;
}

void Kernel::say(const Thread* thread, std::string_view text) {
  if (console) console(text);
  if (!events.enabled()) return;
  MachineEvent said = event(MachineEventKind::kMessage, thread);
  while (text.ends_with('\n')) text.remove_suffix(1);
  said.text = events.intern(text.substr(0, 200));
  events.record(said);
}

}  // namespace spindle
