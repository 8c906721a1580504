// The part of the Scheduler that makes kernel threads into workers, their sections and passages,
// and how several of them rest and wake one another. How they switch is in several_workers.cc.

#include <cxxabi.h>

#include <algorithm>
#include <cerrno>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/overflow.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// While others are busy, an idle worker looks after kMostPatienceNs whether one has work that it
/// does not get to. If it was asked to watch, it looks after kLeastPatienceNs, then after twice as
/// long, and so on until it has seen nothing for kMostPatienceNs.
constexpr std::int64_t kLeastPatienceNs = 200'000;
constexpr std::int64_t kMostPatienceNs = 10'000'000;

constexpr std::uint32_t kAwake = 0;
constexpr std::uint32_t kOnWord = 1;
constexpr std::uint32_t kInPoller = 2;

constinit thread_local Worker* this_worker = nullptr;

}  // namespace

Worker* current_worker() {
  asm volatile("" ::: "memory");
  return this_worker;
}

void set_current_worker(Worker* worker) {
  this_worker = worker;
}

Result<> Scheduler::work(Worker& worker, const std::function<Result<>()>& begin) {
  const OverflowReporter reporter;
  worker.errno_location = &errno;
  worker.exceptions = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  worker.root.worker = &worker;
  worker.root.switches = 1;  // it has begun
  worker.root.depth = 1;
  worker.root.stack = &worker.root_stack;
  sanitizer::adopt_kernel_thread(worker.root);
  current_scheduler = this;
  set_current_worker(&worker);
  detail::sections_guarded = guarded_;
  Result<> result;
  {
    std::optional<Section> section;
    if (!several_) section.emplace();
    result = begin();
    if (result.ok()) several_ ? loop_among_several(worker) : loop(worker);
    stop_timer(worker);
  }
  detail::sections_guarded = false;
  set_current_worker(nullptr);
  current_scheduler = nullptr;
  return result;
}

// Before there is work, each worker has reported that it can do some: none ends silently.
Result<> Scheduler::begin(const std::function<void()>& main) {
  TRY(start_timer(main_));
  const auto begun = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(others_.size()));
  std::vector<Result<>> failures(others_.size());
  for (std::size_t i = 0; i < others_.size(); ++i) {
    const auto begin_other = [this, i, begun, &failures] {
      const Result<> result = failures[i] = start_timer(*others_[i]);
      begun->count_down();
      return result;
    };
    try {
      others_[i]->kernel_thread = std::thread(
          [this, i, begin_other] { static_cast<void>(work(*others_[i], begin_other).ok()); });
    } catch (const std::system_error& error) {
      failures[i] = Error{error.code().value(), "a worker's kernel thread cannot be made"};
      begun->count_down();
    }
  }
  begun->wait();
  for (Result<>& failure : failures) TRY(std::move(failure));
  return spawn_detached({.name = "main", .stack_size = main_stack_size_}, [&main] { main(); });
}

Result<> Scheduler::run(std::function<void()> main, Runtime& runtime) {
  if (current_scheduler != nullptr) return Error{EBUSY, "this kernel thread already runs threads"};
  Runtime* no_run = nullptr;
  if (!runtime_.compare_exchange_strong(no_run, &runtime)) {
    return Error{EBUSY, "another kernel thread is in a run of this runtime"};
  }
  watch_for_exit();
  stuck_ = false;
  over_ = false;
  mains_.push_back(std::make_unique<std::function<void()>>(std::move(main)));
  Result<> result = work(main_, [&] { return begin(*mains_.back()); });
  if (!result.ok()) {
    const std::lock_guard guard(lock_);
    over_.store(true, std::memory_order_release);
    wake_everyone();
  }
  for (auto& other : others_) {
    if (other->kernel_thread.joinable()) other->kernel_thread.join();
  }
  poller_->forget_idle();
  // Threads that are asleep for ever may yet be woken in a later run.
  if (live_threads() == 0) mains_.clear();
  runtime_ = nullptr;
  if (result.ok() && stuck_) {
    return Error{EDEADLK, "all threads are asleep and nothing can wake them"};
  }
  return result;
}

[[gnu::noinline]] void Scheduler::begin_section(Worker& worker) {
  worker.depth.store(1, std::memory_order_relaxed);
  if (yields_at_sections_ && current_control != nullptr) {
    yield(*current_control);
    return;
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (!several_) return;
  lock_.lock();
  worker.locked = true;
}

[[gnu::noinline]] void Scheduler::end_section(Worker& worker) {
  if (several_) {
    worker.locked = false;
    lock_.unlock();
    if (worker.to_wake != nullptr) wake_noted(worker);
  }
  end_critical(worker);
}

[[gnu::noinline]] void Scheduler::begin_passage_slowly(Worker& worker) {
  if (!gate_.enter_slowly(worker.passing)) begin_section(worker);
}

[[gnu::noinline]] void Scheduler::end_passage_slowly(Worker& worker) {
  gate_.say_left(worker.passing);
  wake_noted(worker);
  end_critical(worker);
}

void Scheduler::stop_others() {
  if (!several_ || stops_++ > 0) return;
  gate_.close();
  const Worker* const self = current_worker();
  for (std::size_t i = 0; i < workers(); ++i) {
    if (&worker(i) != self) Gate::wait_for(worker(i).passing);
  }
}

void Scheduler::let_others_go() {
  if (several_ && --stops_ == 0) gate_.open();
}

// The scheduler is only looked at, except that its gate is changed.
StoppedWorld::StoppedWorld(const Scheduler& scheduler)
    : scheduler_(const_cast<Scheduler&>(scheduler)) {
  scheduler_.stop_others();
}
StoppedWorld::~StoppedWorld() {
  scheduler_.let_others_go();
}

namespace detail {

constinit thread_local bool sections_guarded = false;

// Not inlined, so that each asks anew which worker the thread is on: see current_worker.

[[gnu::noinline]] void enter_section() {
  Worker& worker = *this_worker;
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 0) {
    worker.scheduler->begin_section(worker);
  } else {
    worker.depth.store(depth + 1, std::memory_order_relaxed);
  }
}

[[gnu::noinline]] void leave_section() {
  Worker& worker = *this_worker;
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 1) {
    worker.scheduler->end_section(worker);
  } else {
    worker.depth.store(depth - 1, std::memory_order_relaxed);
  }
}

[[gnu::noinline]] void enter_passage() {
  Worker& worker = *this_worker;
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 0) {
    worker.scheduler->begin_passage(worker);
  } else {
    worker.depth.store(depth + 1, std::memory_order_relaxed);
  }
}

[[gnu::noinline]] void leave_passage() {
  Worker& worker = *this_worker;
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 1) {
    worker.scheduler->end_passage(worker);
  } else {
    worker.depth.store(depth - 1, std::memory_order_relaxed);
  }
}

}  // namespace detail

// The system calls that wake others are made only when this worker has left its section, in which
// the woken ones begin.
[[gnu::noinline]] void Scheduler::wake_noted(Worker& worker) {
  if (Worker* const sleeper = std::exchange(worker.to_wake, nullptr)) {
    worker.wakes_by_kick ? poller_->kick() : futex_wake_one(sleeper->sleep);
  }
}

// False if it is awake.
bool Scheduler::wake(Worker& sleeper) {
  const std::uint32_t slept = sleeper.sleep.exchange(kAwake, std::memory_order_seq_cst);
  if (slept == kAwake) return false;
  Worker* const self = current_worker();
  const bool later =
      self != nullptr && self->scheduler == this && self->depth.load(std::memory_order_relaxed) > 0;
  if (later) {
    wake_noted(*self);
    self->to_wake = &sleeper;
    self->wakes_by_kick = slept == kInPoller;
  } else if (slept == kInPoller) {
    poller_->kick();
  } else {
    futex_wake_one(sleeper.sleep);
  }
  return true;
}

void Scheduler::wake_someone() {
  if (idle_workers_.load() == 0) return;
  for (const std::uint32_t kind : {kOnWord, kInPoller}) {
    for (std::size_t i = 0; i < workers(); ++i) {
      Worker& one = worker(i);
      if (one.sleep.load() == kind && wake(one)) return;
    }
  }
}

void Scheduler::ask_to_watch() {
  if (idle_workers_.load(std::memory_order_relaxed) == 0) return;
  if (!somebody_watches_.load(std::memory_order_relaxed) && !somebody_watches_.exchange(true)) {
    wake_someone();
  }
}

void Scheduler::post(std::function<void()> work) {
  poller_->post(std::move(work));
  if (several_) wake_someone();
}

void Scheduler::wake_everyone() {
  for (std::size_t i = 0; i < workers(); ++i) wake(worker(i));
}

// Goes on with `kept`, which was interrupted and keeps the worker, or if that is null with a ready
// thread.
bool Scheduler::go_on(Worker& worker, Control* kept) {
  const Passage passage;
  Control* const next = kept != nullptr ? kept : take_ready(worker);
  if (next == nullptr) return false;
  if (std::exchange(worker.owes_watch, false)) pass_on_watch();
  enter(worker, *next);
  return true;
}

void Scheduler::loop_among_several(Worker& worker) {
  worker.coarse_now_ns = monotonic_ns();
  worker.switches_to_poll = kSwitchesBetweenPolls;
  while (!over_.load(std::memory_order_acquire)) {
    Control* kept = nullptr;
    if (worker.switches_to_poll <= 0 || worker.preempted != nullptr) {
      const Section section;
      look_for_events(worker, 0);
      if (worker.preempted != nullptr) kept = decide_preempted(worker);
    }
    if (go_on(worker, kept)) continue;
    const Section section;
    look_for_events(worker, 0);
    const bool policy_has_some = ready_in_policy_ > 0 && !policy_withholds_;
    if (worker.deque.size() > 0 || worker.first != nullptr || policy_has_some) continue;
    if (!run_idle_handlers()) rest(worker);
  }
}

// A worker that has been woken and has not noticed it yet is still counted as idle.
bool Scheduler::all_sleep() const {
  if (idle_workers_.load() != workers()) return false;
  for (std::size_t i = 0; i < workers(); ++i) {
    if (worker(i).sleep.load() == kAwake) return false;
  }
  return true;
}

// True if all are idle and nothing can come, or no thread is left.
bool Scheduler::all_is_over(Worker& worker) {
  if (!all_sleep() || (live_threads() > 0 && !nothing_can_come())) return false;
  if (live_threads() > 0) give_up();
  over_.store(true, std::memory_order_release);
  rise(worker);
  wake_everyone();
  return true;
}

// As long as some are idle and others at work, one of the idle ones is the watcher: it looks again
// by itself, so that a ready thread that its worker does not get to waits no longer than a time
// slice. The others sleep until they are woken. Nobody needs to watch while all are idle; the first
// one that goes to work then asks for it (see ask_to_watch). Returns until when the worker shall
// sleep; kNever if it is not the watcher.
std::int64_t Scheduler::begin_watch(Worker& worker) {
  worker.owes_watch = false;
  if (watcher_.load() != nullptr || idle_workers_.load() == workers()) return kNever;
  watcher_.store(&worker);
  // A short sleep costs more than the switch that follows, so it is only for a watch that was asked
  // for.
  const std::int64_t watching_ns = std::max(worker.patience_ns * 2, kLeastPatienceNs);
  if (watching_ns > kMostPatienceNs) somebody_watches_.store(false);
  const bool was_asked = somebody_watches_.load();
  worker.patience_ns = was_asked ? watching_ns : 0;
  return worker.coarse_now_ns + (was_asked ? watching_ns : kMostPatienceNs);
}

// For a worker that watched, or was woken to do so, and goes to work instead.
void Scheduler::pass_on_watch() {
  if (idle_workers_.load() == 0 || watcher_.load() != nullptr) return;
  somebody_watches_.store(true);
  wake_someone();
}

// Nobody spins: an idle worker sleeps, one of them in the poller if there are descriptors, the
// others on a word of their own. Whoever has something for a worker first puts it there and then
// looks whether the worker sleeps; the worker first says that it sleeps and then looks.
void Scheduler::rest(Worker& worker) {
  if (over_.load(std::memory_order_relaxed)) return;
  idle_workers_.fetch_add(1);
  const bool polls = in_poller_ == nullptr && poller_->anything_registered();
  worker.sleep.store(polls ? kInPoller : kOnWord, std::memory_order_seq_cst);
  if (worker.inbox.load() != nullptr || poller_->has_posted()) return rise(worker);
  if (all_is_over(worker)) return;
  std::int64_t until_ns = begin_watch(worker);
  const std::int64_t first_timer_ns = timers_.next_look_ns();
  if (timekeeper_ == nullptr || first_timer_ns < timekeeper_until_ns_) {
    until_ns = std::min(until_ns, first_timer_ns);
    timekeeper_ = &worker;
    timekeeper_until_ns_ = first_timer_ns;
  }
  set_timer(worker, Ticks::kNo);
  if (polls) {
    in_poller_ = &worker;
    wake_noted(worker);
    look_for_events(worker, until_ns);
    in_poller_ = nullptr;
  } else {
    sleep_until(worker, until_ns);
  }
  set_timer(worker, Ticks::kYes);
  rise(worker);
  const bool keeps_time = polls || timekeeper_ == &worker;
  if (timekeeper_ == &worker) timekeeper_ = nullptr;
  // If it goes to work, another worker must look for events.
  const bool nothing_to_look_for = timers_.empty() && !poller_->anything_registered();
  if (keeps_time && !nothing_to_look_for) wake_someone();
}

// While all others are idle they have no thread that needs this worker: then it owes no watch.
void Scheduler::rise(Worker& worker) {
  worker.sleep.store(kAwake);
  const bool others_work = idle_workers_.fetch_sub(1) < workers();
  if (watcher_.load() == &worker) {
    watcher_.store(nullptr);
    worker.owes_watch = true;
  }
  if (watcher_.load() != nullptr) return;
  if (somebody_watches_.load()) worker.owes_watch = true;
  if (others_work) return;
  somebody_watches_.store(false);
  worker.owes_watch = false;
}

void Scheduler::sleep_until(Worker& worker, std::int64_t deadline_ns) {
  worker.locked = false;
  lock_.unlock();
  wake_noted(worker);
  if (deadline_ns == kNever) {
    futex_wait(worker.sleep, kOnWord);
  } else {
    const timespec deadline = {.tv_sec = deadline_ns / kNsPerSecond,
                               .tv_nsec = deadline_ns % kNsPerSecond};
    futex_wait(worker.sleep, kOnWord, &deadline);
  }
  lock_.lock();
  worker.locked = true;
  worker.coarse_now_ns = monotonic_ns();
}

}  // namespace spindle::thread
