// Making threads, which is a part of the Scheduler, and waiting for them.

#include "spindle/thread/thread.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/end_of_life.h"
#include "thread/passage.h"
#include "thread/remains.h"
#include "thread/scheduler.h"

namespace spindle::thread {

WaitQueue end_was_reached;
WaitQueue end_is_nobodys;

namespace {

/// Cuts no UTF-8 character in two, for whatever shows names may require UTF-8.
std::size_t length_of_name(std::string_view name) {
  if (name.size() <= kLongestName) return name.size();
  const auto goes_on = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80;
  };
  std::size_t length = kLongestName;
  while (length > 0 && goes_on(length)) --length;
  return length;
}

// Atomically, so that the compiler does not copy several words at a time: the processor could not
// forward to such a load what the caller has only just written word by word.
void copy_words(const detail::Room& callable, Control& to) {
  std::byte* at = to.beginning.room;
  for (const std::uint64_t word : callable.words) {
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), word, __ATOMIC_RELAXED);
    at += sizeof word;
  }
}

}  // namespace

[[gnu::always_inline]] inline Control* Scheduler::prepare(const ThreadOptions& options,
                                                          void (*entry)(void*)) {
  Worker& worker = here();
  Control* const thread = pools_.take(worker, options.stack_size);
  if (thread == nullptr) return nullptr;
  // In the order in which they stand, so that neighbours are written at once.
  thread->worker = &worker;
  thread->exceptions = {};
  thread->switches = 0;
  thread->saved_errno = 0;
  thread->canary = false;
  thread->cancel.store(CancelState::kNone, std::memory_order_relaxed);
  thread->tracks_locks = tracks_locks_;
  thread->parked = nullptr;
  thread->end.store(nullptr, std::memory_order_relaxed);
  thread->depth = 1;
  thread->in_section = false;
  thread->live = true;
  thread->preempted = false;
  thread->cancel_off.store(0, std::memory_order_relaxed);
  thread->stack = nullptr;
  thread->entry = entry;
  thread->id = pools_.new_id(worker);
  thread->scheduler = this;
  thread->blocking = nullptr;
  thread->locals = nullptr;
  thread->tag = caller().tag;
  thread->priority = thread->own_priority = options.priority;
  if (options.priority != 0) priorities_differ_.store(true, std::memory_order_relaxed);
  const bool pinned = options.pinned_to >= 0 && options.pinned_to < static_cast<int>(workers());
  thread->pinned_to = static_cast<std::int16_t>(pinned ? options.pinned_to : -1);
  thread->interrupts_off = 0;
  thread->in_policy = false;
  thread->begins_in_room = true;
  thread->has_account = false;
  thread->tried_in_vain = false;
  if (options.weight != kUsualWeight || options.deadline_ns != 0) {
    Account& account = account_of(*thread);
    account.weight = std::max(options.weight, 1u);
    account.deadline_ns = options.deadline_ns;
  }
  const std::size_t length = options.name.copy(thread->name, length_of_name(options.name));
  thread->name[length] = '\0';
  if (tracks_locks_) lock_order_.begin(thread->slot);
  sanitizer::thread_made(*thread);
  return thread;
}

void* Scheduler::make_room(Control& thread, std::size_t size, std::size_t alignment) {
  thread.begins_in_room = size <= detail::kLargestInControl && alignment <= 16;
  if (!thread.begins_in_room) {
    bind_stack(here(), thread);
    auto at = reinterpret_cast<std::uintptr_t>(thread.stack->top) - size;
    at &= ~(std::max(alignment, std::size_t{16}) - 1);
    thread.beginning.elsewhere = reinterpret_cast<void*>(at);
  }
  return callable_of(thread);
}

void Scheduler::start(Control& thread) {
  if (several_) {
    add_one(here().started);
  } else {
    ++live_;
  }
  Control* const self = current_control;
  if (!child_first_ || self == nullptr || tied(thread)) {
    make_ready(thread, Why::kCreated);
    return;
  }
  // The child goes first; its maker goes on before all others.
  self->state = ThreadState::kReady;
  if (several_) {
    self->worker->left = self;
    self->worker->left_in_front = true;
  } else {
    push_front(main_, *self);
  }
  switch_from(*self, &thread);
}

void Scheduler::discard(Control& thread) {
#if defined(SPINDLE_TSAN)
  sanitizer::thread_gone(thread.fiber);
#endif
  pools_.take_back_stack(here(), thread);
  release(thread);
}

namespace detail {

Control* prepare(const ThreadOptions& options, std::size_t size, std::size_t alignment,
                 void (*entry)(void*), void** storage) {
  CHECK(current_scheduler != nullptr && "threads are made inside of Runtime::run");
  const Passage passage;
  Control* const control = current_scheduler->prepare(options, entry);
  if (control != nullptr) *storage = current_scheduler->make_room(*control, size, alignment);
  return control;
}

void start(Control* control, Fate fate) {
  const Passage passage;
  if (fate == Fate::kDetached) control->end.store(&end_is_nobodys, std::memory_order_relaxed);
  control->scheduler->start(*control);
}

void discard(Control* control) {
  const Passage passage;
  control->scheduler->discard(*control);
}

Control* prepare_and_start(const ThreadOptions& options, const Room& callable, void (*entry)(void*),
                           Fate fate) {
  CHECK(current_scheduler != nullptr && "threads are made inside of Runtime::run");
  const Passage passage;
  Control* const control = current_scheduler->prepare(options, entry);
  if (control == nullptr) return nullptr;
  copy_words(callable, *control);
  if (fate == Fate::kDetached) control->end.store(&end_is_nobodys, std::memory_order_relaxed);
  control->scheduler->start(*control);
  return control;
}

}  // namespace detail

[[gnu::noinline]] WaitQueue* replace_end_among_several(Control& thread, WaitQueue* from,
                                                       WaitQueue* to) {
  const Scheduler* const scheduler = thread.scheduler;
  std::optional<StoppedWorld> stopped;
  if (scheduler != nullptr && scheduler->stops_to_join()) stopped.emplace(*scheduler);
  thread.end.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  return from;
}

namespace {

/// Exists while a thread waits for another's end.
class Joining {
 public:
  Joining(Control& thread, WaitQueue& end)
      : thread_(thread), end_(end), before_(replace_end(thread, nullptr, &end)) {}
  ~Joining() {
    if (before_ == nullptr) replace_end(thread_, &end_, nullptr);
  }
  Joining(const Joining&) = delete;
  Joining& operator=(const Joining&) = delete;

  /// True if the thread had ended: there is nothing to wait for.
  [[nodiscard]] bool had_ended() const { return before_ == &end_was_reached; }
  [[nodiscard]] bool is_anothers() const { return before_ != nullptr && !had_ended(); }

 private:
  Control& thread_;
  WaitQueue& end_;
  WaitQueue* const before_;
};

Result<> wait_for_end(Control& thread, Deadline deadline, const void* where) {
  WaitQueue end(thread.name, WaitKind::kJoin);
  const Holder holder{&thread, nullptr};
  Blocking blocking({holder}, end, where, ReportsCircle::kNo);
  if (deadline == kNever && closes_circle(calling_thread())) {
    return Error{EDEADLK, "the thread waits for the one that would join it"};
  }
  const Joining joining(thread, end);
  if (joining.is_anothers()) return Error{EBUSY, "another thread waits for its end"};
  if (!joining.had_ended() && !end.wait_until(deadline)) {
    return Error{ETIMEDOUT, "the thread did not end in time"};
  }
  blocking.ended_well();
  return {};
}

bool runtime_is_gone(const Control& thread) {
  return thread.scheduler == nullptr;
}

[[gnu::noinline]] void release_otherwise(Control& thread) {
  if (runtime_is_gone(thread)) {
    Remains::let_go_of(thread);
  } else {
    const Passage passage;
    thread.scheduler->release(thread);
  }
}

[[gnu::always_inline]] inline void release(Control& thread) {
  if (__builtin_expect(runtime_is_gone(thread) || thread.scheduler->preempts(), 0)) {
    release_otherwise(thread);
  } else {
    thread.scheduler->release(thread);
  }
}

[[gnu::noinline]] Result<> wait_in_section(Control& thread, Deadline deadline, const void* where) {
  if (&thread == current_control) return Error{EDEADLK, "a thread cannot join itself"};
  if (runtime_is_gone(thread)) return Error{ESRCH, "the thread went with its runtime"};
  const Section section;
  return wait_for_end(thread, deadline, where);
}

/// `where`: the place in the code, for reports.
[[gnu::always_inline]] inline Result<> wait_and_release(Control*& joined, Deadline deadline,
                                                        const void* where) {
  if (joined == nullptr) return Error{EINVAL, "there is no thread to join"};
  Control& thread = *joined;
  if (!has_ended(thread)) TRY(wait_in_section(thread, deadline, where));
  joined = nullptr;
  release(thread);
  return {};
}

}  // namespace

void Thread::join_or_detach() {
  // Where nobody can wait, or would wait for ever, a thread that has not ended is let go. A
  // destructor throws nothing, so cancellation has to wait.
  const bool can_join = current_control != nullptr || has_ended(*control_);
  if (current_control != nullptr) {
    const current_thread::CancellationOff off;
    if (join().ok()) return;
  } else if (can_join && join().ok()) {
    return;
  }
  detach().take();
}

Result<> Thread::join() {
  return wait_and_release(control_, kNever, __builtin_return_address(0));
}

Result<> Thread::join_until(Deadline deadline) {
  return wait_and_release(control_, deadline, __builtin_return_address(0));
}

Result<> Thread::detach() {
  if (control_ == nullptr) return Error{EINVAL, "there is no thread to detach"};
  const Section section;
  Control& thread = *std::exchange(control_, nullptr);
  const bool ended = replace_end(thread, nullptr, &end_is_nobodys) == &end_was_reached;
  if (ended || runtime_is_gone(thread)) release(thread);
  return {};
}

std::uint64_t Thread::id() const {
  return control_ == nullptr ? 0 : control_->id;
}

void Thread::cancel() {
  const Section section;
  if (control_ == nullptr || runtime_is_gone(*control_)) return;
  control_->scheduler->cancel(*control_);
}

void Thread::set_priority(int priority) {
  const Section section;
  if (control_ == nullptr || runtime_is_gone(*control_)) return;
  control_->scheduler->set_own_priority(*control_, priority);
}

void yield() {
  Control& self = calling_thread();
  if (__builtin_expect(!detail::sections_guarded, 1)) {
    self.worker->scheduler->yield(self);
    return;
  }
  const Passage passage;
  self.scheduler->yield(self);
}

namespace {

void sleep_from(std::int64_t now_ns, Deadline deadline) {
  WaitQueue alarm("", WaitKind::kSleep);
  const Section section;
  if (deadline.ns() <= now_ns) {
    current_thread::cancellation_point();
    Control& self = calling_thread();
    self.scheduler->yield(self);
  } else {
    WaitNode node;
    alarm.enqueue(node);
    WaitQueue::park_ahead(node, deadline);
  }
}

}  // namespace

void sleep_for(Duration duration) {
  const std::int64_t now_ns = monotonic_ns();
  sleep_from(now_ns, duration.after(now_ns));
}

void sleep_until(Deadline deadline) {
  sleep_from(monotonic_ns(), deadline);
}

namespace current_thread {

void cancellation_point() {
  Control& self = calling_thread();
  if (self.cancel != CancelState::kRequested || self.cancel_off > 0) return;
  self.cancel = CancelState::kDelivered;
  throw Cancelled();
}

CancellationOff::CancellationOff() {
  Control& self = calling_thread();
  self.cancel_off.store(self.cancel_off + 1, std::memory_order_relaxed);
}
// Not inlined: between constructor and destructor there may be a wait, and so a change of the
// kernel thread.
[[gnu::noinline]] CancellationOff::~CancellationOff() {
  Control& self = calling_thread();
  self.cancel_off.store(self.cancel_off - 1, std::memory_order_relaxed);
}

// Not inlined, and opaque to the compiler: it must be called again after each wait.
[[gnu::noinline]] int& error_number() {
  asm volatile("" ::: "memory");
  return errno;
}

int worker() {
  const Worker* const worker = current_worker();
  return worker == nullptr ? -1 : static_cast<int>(worker->number);
}

Result<> pin_to(int worker) {
  const Section section;
  Control& self = calling_thread();
  if (worker < -1 || worker >= static_cast<int>(self.scheduler->workers())) {
    return Error{EINVAL, "there is no worker with this number"};
  }
  self.pinned_to = static_cast<std::int16_t>(worker);
  return {};
}

bool exists() {
  return current_control != nullptr;
}
std::uint64_t id() {
  return exists() ? current_control->id : 0;
}
std::string_view name() {
  return exists() ? current_control->name : std::string_view();
}
std::uint64_t tag() {
  return exists() ? current_control->tag : 0;
}
void set_tag(std::uint64_t tag) {
  calling_thread().tag = tag;
}
int priority() {
  const Section section;
  return caller().priority;
}
void set_priority(int priority) {
  const Section section;
  Control& self = calling_thread();
  self.scheduler->set_own_priority(self, priority);
}
}  // namespace current_thread

}  // namespace spindle::thread
