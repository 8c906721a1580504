// The part of the Scheduler that runs at each switch if there are several workers.
//
// As soon as a thread stands in a deque another worker may go on with it. So a thread that yields
// is only noted (Worker::left); the next one to run on the worker hands it on, when its stack and
// context are no longer in use. A thread that waits is let go of likewise: the next one leaves its
// section. A thread that ends gives its stack to this worker's cache, from which nobody else takes,
// and is not touched any more once it says that it has ended.

#include <algorithm>

#include "spindle/base/clock.h"
#include "thread/end_of_life.h"
#include "thread/passage.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr std::int64_t kMostStolen = 32;

void empty_inbox(Worker& worker) {
  Control* newest = worker.inbox.exchange(nullptr, std::memory_order_acquire);
  Control* oldest = nullptr;
  while (newest != nullptr) {
    Control* const following = std::exchange(newest->next, oldest);
    oldest = std::exchange(newest, following);
  }
  while (oldest != nullptr) {
    Control& thread = *oldest;
    oldest = thread.next;
    push(worker, thread);
  }
}

}  // namespace

[[gnu::noinline]] void Scheduler::leave_for(Control& self, Control* next) {
  self.in_section = self.worker->locked;
  go_to(self, next != nullptr ? *next : self.worker->root);
}

// Makes the runtime's lock held or not, as the arriving thread needs it. That thread leaves the
// passage, and wakes whoever is to be woken, when it ends its own section or passage.
[[gnu::noinline]] void Scheduler::settle_lock(Worker& worker, bool wants_it) {
  if (wants_it) {
    keep_others_out(worker);
  } else if (worker.locked) {
    worker.locked = false;
    lock_.unlock();
  }
}

void Scheduler::keep_others_out(Worker& worker) {
  if (worker.locked) return;
  if (!gate_.leave(worker.passing)) gate_.say_left(worker.passing);
  lock_.lock();
  worker.locked = true;
}

void Scheduler::yield_among_several(Control& self) {
  Worker& worker = *self.worker;
  Control* next = nullptr;
  if (--worker.switches_to_poll > 0) {
    next = take_ready(worker);
    const bool stays = self.pinned_to < 0 || &home_of(self) == &worker;
    if (next == nullptr && stays) return;
  }
  self.state = ThreadState::kReady;
  worker.left = &self;
  switch_from(self, next);
}

[[gnu::noinline]] void Scheduler::say_ended_atomically(Worker& worker, Control& dead) {
  WaitQueue* joiner = nullptr;
  // A thread that joins later finds the mark.
  if (dead.end.compare_exchange_strong(joiner, &end_was_reached, std::memory_order_acq_rel)) return;
  if (joiner != &end_is_nobodys) {
    // The joining thread may have given up at this moment.
    keep_others_out(worker);
    joiner = dead.end.exchange(&end_was_reached);
  }
  if (joiner == &end_is_nobodys) {
    release(dead);
  } else if (joiner != nullptr) {
    joiner->wake_one();
  }
}

void Scheduler::hand_on(Worker& worker, Control& thread) {
  if (tied(thread)) return send(home_of(thread), thread);
  if (child_first_) {
    behind_.push(thread);
  } else {
    worker.deque.push(thread);
  }
  if (idle_workers_.load(std::memory_order_relaxed) == 0) return;
  // A single ready thread is this worker's next; others shall only watch whether the worker gets to
  // it.
  child_first_ || worker.deque.size() > 1 ? wake_someone() : ask_to_watch();
}

// The worker to which a tied thread is tied.
Worker& Scheduler::home_of(const Control& thread) {
  return thread.preempted ? *thread.worker : worker(static_cast<std::size_t>(thread.pinned_to));
}

// Sends the thread to the one worker that may run it. If that is this one, others shall look for
// events meanwhile.
void Scheduler::send(Worker& home, Control& thread) {
  if (&home == &here()) {
    push(home, thread);
    ask_to_watch();
    return;
  }
  thread.next = home.inbox.load(std::memory_order_relaxed);
  while (!home.inbox.compare_exchange_weak(thread.next, &thread)) {
  }
  wake(home);
}

Control* Scheduler::take_among_several(Worker& worker) {
  if (worker.inbox.load(std::memory_order_relaxed) != nullptr) empty_inbox(worker);
  // Takes in turn from the threads that only this worker can run and those that any worker can.
  const bool tied_first = worker.first != nullptr && (worker.turn = !worker.turn);
  Control* next = tied_first ? take_tied(worker) : nullptr;
  if (next == nullptr) next = policy_ ? take_from_policy() : take_own(worker);
  if (next == nullptr) next = take_tied(worker);
  if (next == nullptr && !policy_) next = steal(worker);
  return next;
}

Control* Scheduler::take_tied(Worker& worker) {
  Control* const thread = pop(worker);
  if (thread != nullptr && policy_) account_of(*thread).chosen_at = VirtualTime{monotonic_ns()};
  return thread;
}

Control* Scheduler::take_own(Worker& worker) {
  if (!child_first_) return worker.deque.take_oldest();
  Control* const newest = worker.deque.take_newest(gate_.barrier());
  return newest != nullptr ? newest : behind_.pop();
}

// Takes the oldest: half of the threads under first come, first served; only one under child-first,
// whose oldest has the most work before it.
Control* Scheduler::steal(Worker& thief) {
  const std::size_t count = workers();
  for (std::size_t i = 1; i < count; ++i) {
    WorkDeque& victim = worker((thief.number + i) % count).deque;
    const std::int64_t wanted = child_first_ ? 1 : (victim.size() + 1) / 2;
    Control* const taken = child_first_ ? victim.steal(gate_.barrier()) : victim.take_oldest();
    if (taken == nullptr) continue;
    ++thief.steals;
    thief.patience_ns = 0;  // watching was worth it
    for (std::int64_t more = std::min(wanted, kMostStolen) - 1; more > 0; --more) {
      Control* const another = victim.take_oldest();
      if (another == nullptr) break;
      thief.deque.push(*another);
      ++thief.steals;
    }
    return taken;
  }
  return nullptr;
}

// While the world is stopped. Threads that are tied to a worker stay there.
std::vector<Control*> Scheduler::take_all_ready() {
  std::vector<Control*> ready;
  if (policy_ || !several_) {
    while (Control* thread = policy_ ? take_from_policy() : take_ready(main_)) {
      ready.push_back(thread);
    }
    // Those that the policy withholds.
    for (std::uint32_t slot = 0; ready_in_policy_ > 0 && slot < controls().size(); ++slot) {
      Control& thread = controls().at(slot);
      if (!std::exchange(thread.in_policy, false)) continue;
      --ready_in_policy_;
      ready.push_back(&thread);
    }
    return ready;
  }
  for (std::size_t i = 0; i < workers(); ++i) {
    while (Control* thread = worker(i).deque.take_oldest()) ready.push_back(thread);
  }
  while (Control* thread = behind_.pop()) ready.push_back(thread);
  return ready;
}

}  // namespace spindle::thread
