#include "thread/scheduler.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/end_of_life.h"
#include "thread/local_table.h"
#include "thread/passage.h"
#include "thread/remains.h"
#include "thread/valgrind_reports.h"

namespace spindle::thread {
namespace {

constexpr unsigned kMostWorkers = 256;
/// In shorter ones threads would do nothing but be preempted.
constexpr std::int64_t kShortestSliceNs = 20'000;
constexpr std::size_t kTimersAtATime = 16;
static_assert(kSwitchesBetweenPolls / 2 % kTimersAtATime == 0);

/// Taken in a section, as every mutex here that threads take: its holder must not be preempted.
std::mutex schedulers_mutex;

}  // namespace

constinit thread_local Control* current_control = nullptr;
constinit Control nobody("outside of any thread");
constinit thread_local Scheduler* current_scheduler = nullptr;
Scheduler* first_scheduler = nullptr;  // of all, for gdb_threads.py

Result<std::unique_ptr<Scheduler>> Scheduler::create(Runtime::Options options) {
  for (const std::size_t size : {options.stack_size, options.main_stack_size}) {
    if (size < kSmallestStack) return Error{EINVAL, "a stack must have 8 KiB at least"};
    if (size > kLargestStack) return Error{EINVAL, "a stack may have 1 GiB at most"};
  }
  if (options.workers == 0 || options.workers > kMostWorkers) {
    return Error{EINVAL, "there must be 1 to 256 workers"};
  }
  if (options.preemption_ns != 0 && options.preemption_ns < kShortestSliceNs) {
    return Error{EINVAL, "a time slice must have 20 us at least"};
  }
  if (options.yield_at_primitives && (options.workers > 1 || options.preemption_ns > 0)) {
    return Error{EINVAL, "yields at primitives are for one worker without preemption"};
  }
  auto poller = TRY(Poller::create());
  auto custom_policy = std::move(options.custom_policy);
  const std::string policy(options.policy);
  std::unique_ptr<Scheduler> scheduler(new Scheduler(std::move(options), std::move(poller)));
  if (custom_policy) {
    scheduler->policy_ = std::move(custom_policy);
    scheduler->choose_path();
  } else {
    TRY(scheduler->use_policy(policy));
  }
  return scheduler;
}

Scheduler::Scheduler(Runtime::Options options, std::unique_ptr<Poller> poller)
    : tracks_locks_(options.check_lock_order),
      pools_(options.stack_size, options.workers > 1),
      poller_(std::move(poller)),
      conventions_{.quantum = {options.quantum_ns}, .seed = options.seed},
      on_deadlock_(std::move(options.on_deadlock)),
      main_stack_size_(options.main_stack_size),
      lock_order_(std::move(options.on_lock_order)),
      counts_cpu_time_(options.count_cpu_time),
      yields_at_sections_(options.yield_at_primitives),
      preemption_ns_(options.preemption_ns) {
  sanitizer::name_threads_in_reports();
  main_.scheduler = this;
  for (unsigned i = 1; i < options.workers; ++i) {
    others_.push_back(std::make_unique<Worker>());
    others_.back()->number = i;
    others_.back()->scheduler = this;
  }
  const Section section;
  const std::lock_guard lock(schedulers_mutex);
  next_scheduler_ = std::exchange(first_scheduler, this);
  several_ = !others_.empty();
  guarded_ = several_ || preempts() || yields_at_sections_;
  watched_ = counts_cpu_time_ || runs_on_valgrind();
  choose_path();
}

Scheduler::~Scheduler() {
  CHECK(runtime() == nullptr && "a runtime is destroyed while it runs threads");
  const Section section;
  const std::lock_guard lock(schedulers_mutex);
  Scheduler** at = &first_scheduler;
  while (*at != this) at = &(*at)->next_scheduler_;
  *at = next_scheduler_;
  // An object for which such threads wait may outlive them.
  for (std::uint32_t slot = 0; slot < controls().size(); ++slot) {
    const Control& thread = controls().at(slot);
    if (is_live(thread) && is_parked(thread)) WaitQueue::unlink_all(*thread.parked);
  }
  Remains::keep(pools_.take_controls());
}

void Scheduler::cancel(Control& thread) {
  if (has_ended(thread) || thread.cancel != CancelState::kNone) return;
  thread.cancel = CancelState::kRequested;
  if (!is_parked(thread) || thread.cancel_off > 0) return;
  if (thread.parked->interruptible) WaitQueue::interrupt(*thread.parked);
}

std::size_t Scheduler::live_threads() const {
  if (!several_) return live_;
  // Counts the ended threads first, so that the difference is never too small.
  std::uint64_t ended = 0, started = 0;
  for (std::size_t i = 0; i < workers(); ++i) ended += worker(i).ended.load();
  for (std::size_t i = 0; i < workers(); ++i) started += worker(i).started.load();
  return started - ended;
}

inline void Scheduler::end_current(Control& self) {
  check_stack(self);
  self.state = ThreadState::kEnded;
  --live_;
  if (policy_) tell_policy_of_end(self);
#if defined(SPINDLE_TSAN)
  self.worker->buried_fiber = self.fiber;
#endif
  // Control and stack are still in use until the switch, but nobody takes them before.
  WaitQueue* const joiner = self.end.load(std::memory_order_relaxed);
  self.end.store(&end_was_reached, std::memory_order_relaxed);
  if (joiner == &end_is_nobodys) {
    release(self);
  } else if (joiner != nullptr) {
    joiner->wake_one();
  }
  Control* const next = take_next(*self.worker);
  switch_to(self, next != nullptr ? *next : self.worker->root, Leaver::kEnds);
  __builtin_unreachable();
}

// Inlined, as everything that is left by a jump: after a call that never returns the processor
// would still expect its return, and so mispredict all returns of the thread that goes on.
inline void Scheduler::end_among_several(Control& self) {
  check_stack(self);
  self.state = ThreadState::kEnded;
  if (policy_) tell_policy_of_end(self);
  Worker& worker = *self.worker;
  Control* const next = take_next_among_several(worker);
  Control& to = next != nullptr ? *next : worker.root;
  if (__builtin_expect(watched_, 0)) tell_of_switch(self, to);
  if (to.stack == nullptr) bind_stack(worker, to);  // before this thread's stack becomes free
  pools_.unbind(worker, self);
#if defined(SPINDLE_TSAN)
  worker.buried_fiber = self.fiber;
#endif
  add_one(worker.ended);
  say_ended(worker, self);
  give_worker(worker, to);
  sanitizer::before_switch(worker.root, to, Leaver::kEnds);
  if (to.switches == 1) {
    enter_first(worker.nowhere, to);
    __builtin_unreachable();
  }
  leave_context(to.context);
}

void Scheduler::thread_main() {
  Control& self = *current_control;
  Scheduler& scheduler = *self.scheduler;
  sanitizer::after_switch(self);
  bury(self);
  if (scheduler.several_) scheduler.arrive(self);
  if (__builtin_expect(scheduler.guarded_, 0)) scheduler.end_passage(*self.worker);
  self.entry(callable_of(self));
  if (self.locals != nullptr) destroy_locals(self);
  if (__builtin_expect(self.tracks_locks, 0)) check_holds_none(self);
  if (__builtin_expect(scheduler.guarded_, 0)) scheduler.begin_passage(*self.worker);
  if (scheduler.several_) scheduler.end_among_several(self);
  scheduler.end_current(self);
}

void Scheduler::yield(Control& self) {
  Worker& worker = *self.worker;
  if (plain_ && --worker.switches_to_poll > 0) {
    Control* const next = pop(worker);
    if (next == nullptr) return;
    self.state = ThreadState::kReady;
    push(worker, self);
    switch_from(self, next);
    return;
  }
  yield_otherwise(self);
}

void Scheduler::yield_otherwise(Control& self) {
  if (several_ && !policy_) {
    yield_among_several(self);
    return;
  }
  if (policy_) account(self);
  make_ready(self, Why::kYielded);
  Control* const next = plain_ ? nullptr : take_next(*self.worker);
  if (next == &self) {
    self.state = ThreadState::kRunning;
    return;
  }
  switch_from(self, next);
}

void Scheduler::make_ready_otherwise(Control& thread, Why why) {
  const bool in_front = child_first_ && why != Why::kYielded;
  if (policy_ && !(several_ && tied(thread))) {
    tell_policy(thread, why);
    if (several_) ready_in_policy_ > 1 ? wake_someone() : ask_to_watch();
  } else if (several_) {
    in_front ? hand_on_first(here(), thread) : hand_on(here(), thread);
  } else {
    in_front ? push_front(main_, thread) : push(main_, thread);
  }
}

Control* Scheduler::take_otherwise(Worker& worker) {
  if (several_) return take_among_several(worker);
  return policy_ ? take_from_policy() : pop(worker);
}

void Scheduler::choose_path() {
  plain_ = !policy_ && !several_ && !child_first_;
  const bool passes = several_ && !policy_ && !tracks_locks_ && observer_ == nullptr;
  passes ? gate_.unbar() : gate_.bar();
  ends_alone_ = several_ && child_first_ && gate_.barrier().is_light();
}

// What most switches do not need stands apart, so that those stay short.
[[gnu::noinline]] void Scheduler::tell_of_switch(Control& from, Control& to) {
  const std::int64_t now = monotonic_ns();
  if (!policy_) {
    // The root is no thread, and has no account.
    if (&from != &from.worker->root) {
      Account& account = account_of(from);
      account.cpu_time_ns += now - account.chosen_at.ns;
    }
    if (&to != &from.worker->root) account_of(to).chosen_at.ns = now;
  }
  if (observer_ != nullptr) observer_->switched(from, to, now);
  if (runs_on_valgrind()) name_in_reports(from);
}

[[gnu::noinline]] void Scheduler::begin_thread(Control& from, Control& to, Leaver leaver) {
  Worker& worker = *from.worker;
  if (to.stack == nullptr) bind_stack(worker, to);
  if (leaver == Leaver::kEnds) pools_.unbind(worker, from);
  sanitizer::before_switch(from, to, leaver);
  enter_first(from.context, to);
}

void Scheduler::observe(SwitchObserver* observer) {
  CHECK((observer == nullptr || observer_ == nullptr) && "a runtime has one Trace at a time");
  const StoppedWorld stopped(*this);
  begin_accounting();
  observer_ = observer;
  choose_path();
  watched_ = observer != nullptr || counts_cpu_time_ || runs_on_valgrind();
}

FileRing* Scheduler::file_ring() {
  if (!std::exchange(file_ring_was_tried_, true)) file_ring_ = FileRing::create(*runtime());
  return file_ring_.get();
}

void Scheduler::add_idle_handler(IdleHandler& handler) {
  idle_handlers_.push_back(&handler);
}

void Scheduler::remove_idle_handler(IdleHandler& handler) {
  std::erase(idle_handlers_, &handler);
}

void Scheduler::enter(Worker& worker, Control& thread) {
  if (several_) {
    go_to(worker.root, thread);
  } else {
    switch_to(worker.root, thread, Leaver::kGoesOn);
    sanitizer::after_switch(worker.root);
    bury(worker.root);
  }
  current_control = nullptr;
}

void Scheduler::loop(Worker& worker) {
  worker.coarse_now_ns = monotonic_ns();
  worker.switches_to_poll = kSwitchesBetweenPolls;
  // What the last thread has posted is done, too.
  while ((live_ > 0 || poller_->has_posted()) && !stuck_) {
    const bool preempted = worker.preempted != nullptr;
    if (preempted || worker.switches_to_poll <= 0) look_for_events(worker, 0);
    Control* next = preempted ? decide_preempted(worker) : nullptr;
    if (next == nullptr) next = take_ready(worker);
    if (next == nullptr) {
      worker.switches_to_poll -= kSwitchesATry;
      const bool tries = !poller_->has_posted() && poller_->try_one_read(worker.switches);
      if (!tries) look_for_events(worker, 0);
      next = take_ready(worker);
    }
    if (next != nullptr) {
      enter(worker, *next);
    } else if (live_ > 0 && !run_idle_handlers()) {
      wait_for_events(worker);
    }
  }
}

bool Scheduler::nothing_can_come() const {
  return timers_.empty() && !poller_->anyone_waits() && external_work_ == 0 &&
         !poller_->has_posted();
}

void Scheduler::give_up() {
  const StoppedWorld stopped(*this);
  tell_of_deadlock(describe_waiting(*this));
  stuck_ = true;
}

void Scheduler::wait_for_events(Worker& worker) {
  if (nothing_can_come()) {
    give_up();
  } else {
    set_timer(worker, Ticks::kNo);
    look_for_events(worker, timers_.next_look_ns());
    set_timer(worker, Ticks::kYes);
  }
}

void Scheduler::look_for_events(Worker& worker, std::int64_t deadline_ns) {
  worker.switches_to_poll = kSwitchesBetweenPolls;
  if (deadline_ns != 0 || poller_->anything_registered()) {
    poller_->poll(deadline_ns, several_ ? &lock_ : nullptr);
  }
  if (poller_->has_posted()) poller_->run_posted();
  worker.coarse_now_ns = monotonic_ns();
  expire_due(worker);
}

// Threads whose time has come go before those that are ready: behind very many they would be late
// by all that these do. But only so many go at a time that the others get on just as fast.
void Scheduler::expire_due(Worker& worker) {
  if (timers_.empty()) return;
  const bool in_front = plain_ && worker.first != nullptr;
  Control* const first = in_front ? std::exchange(worker.first, nullptr) : nullptr;
  Control* const last = in_front ? std::exchange(worker.last, nullptr) : nullptr;
  std::size_t left = in_front ? kSwitchesBetweenPolls / 2 : SIZE_MAX;
  // Several at a time, so that one's data is fetched into the cache while others are handled.
  std::array<WaitNode*, kTimersAtATime> due;
  for (std::size_t count = due.size(); count == due.size() && left > 0; left -= count) {
    count = timers_.take_due(worker.coarse_now_ns, due);
    for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(due[i]->thread);
    for (std::size_t i = 0; i < count; ++i) WaitQueue::expire(*due[i]);
  }
  if (!in_front) return;
  (worker.last == nullptr ? worker.first : worker.last->next) = first;
  worker.last = last;
}

bool Scheduler::run_idle_handlers() noexcept {
  // By index: a handler may remove itself or others.
  for (std::size_t i = 0; i < idle_handlers_.size(); ++i) {
    if (idle_handlers_[i]->idle()) return true;
  }
  return false;
}

void report_overrun(const Control& thread) {
  std::fprintf(stderr, "stack overflow in thread %s (found late: no guard page was to be had)\n",
               thread.name);
  std::abort();
}

}  // namespace spindle::thread
