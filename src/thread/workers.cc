// The part of the Scheduler for several workers: starting, resting, waking and taking over work.

#include <cxxabi.h>

#include <algorithm>
#include <cerrno>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/overflow.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// While others are busy, an idle worker looks after so long whether one has work that it does not
// come to, then after twice as long, and so on.
constexpr std::int64_t kLeastPatience_ns = 200'000;
constexpr std::int64_t kMostPatience_ns = 10'000'000;
constexpr std::uint32_t kMostStolen = 32;
constexpr int kMostLookedAt = 64;

constinit thread_local Worker* this_worker = nullptr;

}  // namespace

Worker* current_worker() {
  asm volatile("" ::: "memory");
  return this_worker;
}

void set_current_worker(Worker* worker) {
  this_worker = worker;
}

Result<> Scheduler::work(Worker& worker, const std::function<void()>* main) {
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
    const Section section;
    result = main != nullptr ? begin(*main) : Result<>();
    if (result.ok()) result = start_timer(worker);
    if (result.ok()) loop(worker);
    stop_timer(worker);
    if (several_) wake_everyone();
  }
  detail::sections_guarded = false;
  set_current_worker(nullptr);
  current_scheduler = nullptr;
  return result;
}

Result<> Scheduler::begin(const std::function<void()>& main) {
  const ThreadOptions options{.name = "main", .stack_size = main_stack_size_};
  TRY(spawn_detached(options, [&main] { main(); }));
  for (auto& other : others_) {
    other->kernel_thread = std::thread(
        [this, worker = other.get()] { static_cast<void>(work(*worker, nullptr).ok()); });
  }
  return {};
}

Result<> Scheduler::run(std::function<void()> main, Runtime& runtime) {
  if (current_scheduler != nullptr) return Error{EBUSY, "this kernel thread already runs threads"};
  runtime_ = &runtime;
  stuck_ = false;
  Result<> result = work(main_, &main);
  for (auto& other : others_) {
    if (other->kernel_thread.joinable()) other->kernel_thread.join();
  }
  if (result.ok() && stuck_) {
    return Error{EDEADLK, "all threads are asleep and nothing can wake them"};
  }
  return result;
}

void Scheduler::close_gate(Worker& worker) {
  if (yields_at_sections_ && current_control != nullptr) {
    worker.depth.store(1, std::memory_order_relaxed);
    yield(*current_control);
    return;
  }
  worker.depth.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (several_) lock_.lock();
}

void Scheduler::open_gate(Worker& worker) {
  Worker* const sleeper = std::exchange(worker.to_wake, nullptr);
  if (several_) lock_.unlock();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  worker.depth.store(0, std::memory_order_relaxed);
  if (sleeper != nullptr) futex_wake_one(sleeper->wakes);
  if (__builtin_expect(worker.preemption_due.load(std::memory_order_relaxed), 0)) yield_due();
}

namespace detail {

constinit thread_local bool sections_guarded = false;

void enter_section() {
  Worker& worker = *current_worker();
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 0) {
    worker.scheduler->close_gate(worker);
  } else {
    worker.depth.store(depth + 1, std::memory_order_relaxed);
  }
}

void leave_section() {
  Worker& worker = *current_worker();
  const std::uint32_t depth = worker.depth.load(std::memory_order_relaxed);
  if (depth == 1) {
    worker.scheduler->open_gate(worker);
  } else {
    worker.depth.store(depth - 1, std::memory_order_relaxed);
  }
}

}  // namespace detail

void Scheduler::queue_up(Worker& worker, Control& thread, bool in_front) {
  if (several_) {
    ++worker.ready;
    thread.previous = in_front ? nullptr : worker.last;
    if (in_front && worker.first != nullptr) worker.first->previous = &thread;
  }
  thread.in_queue = true;
  in_front ? push_front(worker, thread) : push(worker, thread);
}

void Scheduler::unqueue(Worker& worker, Control& thread) {
  thread.in_queue = false;
  if (worker.ready == 0) {  // one worker: it is the first
    pop(worker);
    return;
  }
  --worker.ready;
  (thread.previous == nullptr ? worker.first : thread.previous->next) = thread.next;
  (thread.next == nullptr ? worker.last : thread.next->previous) = thread.previous;
}

Control* Scheduler::steal(Worker& thief) {
  const std::size_t count = workers();
  for (std::size_t i = 1; i < count; ++i) {
    if (Control* thread = steal_from(worker((thief.number + i) % count), thief)) return thread;
  }
  return nullptr;
}

// The oldest are taken: half of them first come, first served; one of the last-come queue, whose
// oldest has the most work before it.
Control* Scheduler::steal_from(Worker& victim, Worker& thief) {
  std::uint32_t wanted =
      child_first_ ? 1 : std::min<std::uint32_t>((victim.ready + 1) / 2, kMostStolen);
  Control* taken = nullptr;
  Control* next = child_first_ ? victim.last : victim.first;
  for (int looked = 0; next != nullptr && wanted > 0 && looked < kMostLookedAt; ++looked) {
    Control& thread = *next;
    next = child_first_ ? thread.previous : thread.next;
    if (tied(thread)) continue;
    unqueue(victim, thread);
    ++thief.steals;
    --wanted;
    if (taken == nullptr) {
      taken = &thread;
    } else {
      queue_up(thief, thread, false);
    }
  }
  return taken;
}

void Scheduler::wake(Worker& sleeper) {
  if (polling_ == &sleeper) {
    poller_->kick();
  } else if (sleeper.asleep) {
    sleeper.asleep = false;
    sleeper.wakes.fetch_add(1, std::memory_order_relaxed);
    // The system call waits until this worker has left its section, where the woken one begins.
    Worker* const earlier = std::exchange(here().to_wake, &sleeper);
    if (earlier != nullptr) futex_wake_one(earlier->wakes);
  }
}

void Scheduler::wake_someone() {
  if (idle_workers_ == 0) return;
  for (std::size_t i = 0; i < workers(); ++i) {
    if (worker(i).asleep) return wake(worker(i));
  }
  if (polling_ != nullptr) wake(*polling_);
}

void Scheduler::wake_everyone() {
  for (std::size_t i = 0; i < workers(); ++i) wake(worker(i));
}

// Nobody spins: an idle worker sleeps, one of them in the poller, the others on a word of their
// own. While others are busy it looks again by itself, ever more seldom: a thread that was made
// ready and that its worker does not come to shall not wait for longer than a time slice.
void Scheduler::rest(Worker& worker) {
  bool all_idle = ++idle_workers_ == workers();
  for (std::size_t i = 0; i < workers(); ++i) {
    if (this->worker(i).ready > 0) all_idle = false;
  }
  if (all_idle && nothing_can_come()) {
    give_up();
    wake_everyone();
    --idle_workers_;
    return;
  }
  std::int64_t until_ns = kNever;
  if (!all_idle) {
    worker.patience_ns = std::clamp(worker.patience_ns * 2, kLeastPatience_ns, kMostPatience_ns);
    until_ns = monotonic_ns() + worker.patience_ns;
  }
  if (polling_ == nullptr || timers_.next_deadline_ns() < polling_until_ns_) {
    until_ns = std::min(until_ns, timers_.next_deadline_ns());
  }
  set_timer(worker, false);
  if (polling_ == nullptr) {
    if (worker.to_wake != nullptr) futex_wake_one(std::exchange(worker.to_wake, nullptr)->wakes);
    polling_ = &worker;
    polling_until_ns_ = until_ns;
    look_for_events(worker, until_ns);
    polling_ = nullptr;
    // If it goes to work somebody else must look for events.
    if (worker.ready > 0 || ready_in_policy_ > 0) wake_someone();
  } else {
    sleep_until(worker, until_ns);
  }
  set_timer(worker, true);
  --idle_workers_;
}

void Scheduler::sleep_until(Worker& worker, std::int64_t deadline_ns) {
  worker.asleep = true;
  const std::uint32_t wakes = worker.wakes.load(std::memory_order_relaxed);
  Worker* const sleeper = std::exchange(worker.to_wake, nullptr);
  lock_.unlock();
  if (sleeper != nullptr) futex_wake_one(sleeper->wakes);
  if (deadline_ns == kNever) {
    futex_wait(worker.wakes, wakes);
  } else {
    const std::int64_t left = std::max<std::int64_t>(deadline_ns - monotonic_ns(), 1);
    const timespec timeout = {.tv_sec = left / kNsPerSecond, .tv_nsec = left % kNsPerSecond};
    futex_wait(worker.wakes, wakes, &timeout);
  }
  lock_.lock();
  worker.asleep = false;
  worker.coarse_now_ns = monotonic_ns();
}

}  // namespace spindle::thread
