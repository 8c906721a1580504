// Control: what the runtime knows of one thread (its control block). Controls stand close together,
// apart from the stacks, so that a thread that has not run yet costs no more than this; what only
// policies ask for is kept elsewhere (Account). A switch touches the first 64 bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/thread.h"
#include "spindle/thread/wait_queue.h"
#include "thread/context.h"

namespace spindle::thread {

class Scheduler;
class Blocking;
class Remains;
struct LocalTable;
struct Stack;
struct Worker;

/// The part of the C++ runtime's state that belongs to a thread, laid out as the Itanium C++ ABI
/// (2.2.2) lays out __cxa_eh_globals.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

enum class CancelState : std::uint8_t { kNone, kRequested, kDelivered };

/// What becomes of the thread that a switch leaves.
enum class Leaver : bool { kGoesOn, kEnds };

inline constexpr std::size_t kLongestName = 31;

/// Before the thread runs: its callable, if small (so that it needs no stack yet), or where its
/// callable is. Later: since when the thread waits; and once its runtime is gone, the Remains to
/// which it belongs.
union Beginning {
  alignas(16) std::byte room[detail::kLargestInControl] = {};
  void* elsewhere;
  std::int64_t waiting_since_ns;
  Remains* remains;
};

/// Account: what policies and traces are told of a thread: how long it ran, and with which options
/// it was made.
struct Account {
  std::uint32_t policy_number = 0;  // the policy that knows the thread
  std::uint32_t weight = kUsualWeight;
  std::int64_t deadline_ns = 0;
  VirtualTime chosen_at;       // when the thread last got the worker
  VirtualTime last_run;        // how long it last kept the worker, until the policy is told
  VirtualTime burst;           // how long it ran since it last waited (preemption does not count)
  VirtualTime expected_burst;  // the estimate of its next burst
  std::int64_t cpu_time_ns = 0;
};

struct alignas(32) Control {
  constexpr Control() = default;
  constexpr explicit Control(std::string_view called) { called.copy(name, kLongestName); }

  Context context;
  Control* next = nullptr;   // in the ready queue, or among the free ones
  Worker* worker = nullptr;  // the worker that runs it, or ran it last
  ExceptionState exceptions;
  std::uint64_t switches = 0;
  int saved_errno = 0;
  ThreadState state = ThreadState::kEnded;
  bool canary = false;  // the stack has no guard page
  std::atomic<CancelState> cancel = CancelState::kNone;
  bool tracks_locks = false;   // the runtime has a LockOrder
  WaitNode* parked = nullptr;  // what it waits on, if it waits

  Beginning beginning;
  std::atomic<WaitQueue*> end = nullptr;  // see end_of_life.h
  std::uint32_t depth = 0;                // how many sections it is in, while it does not run
  bool in_section = false;                // it goes on in a section that keeps other workers out
  bool live = false;                      // neither joined, nor detached and ended
  bool preempted = false;                 // by a signal: it goes on where it was
  std::uint8_t size_class = 0;            // of its stack
  Stack* stack = nullptr;                 // null before the first run and after the end
  void (*entry)(void*) = nullptr;
  std::uint64_t id = 0;
  std::uint32_t slot = 0;                     // its number in the pool; its TaskId is one more
  std::atomic<std::uint32_t> cancel_off = 0;  // depth of sections in which it cannot be cancelled
  Scheduler* scheduler = nullptr;             // null when the runtime is gone
  Blocking* blocking = nullptr;               // who must act before it can go on, if known
  LocalTable* locals = nullptr;
  std::uint64_t tag = 0;  // for whose sake it works
  int priority = 0;       // donated priority included
  int own_priority = 0;
  std::int16_t pinned_to = -1;  // a worker's number
  std::uint16_t interrupts_off = 0;
  bool in_policy = false;      // among the policy's ready ones
  bool begins_in_room = true;  // its callable is in beginning.room
  bool has_account = false;    // otherwise its Account is that of an earlier thread
  bool tried_in_vain = false;  // a lock; see note_vain_try
  char name[kLongestName + 1] = {};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* fiber = nullptr;       // ThreadSanitizer's
#endif
};

/// The calling kernel thread's running user-space thread; null between threads and outside.
extern constinit thread_local Control* current_control;
/// The holder of what is locked where no thread exists.
extern constinit Control nobody;

/// The running thread, or `nobody`.
inline Control& caller() {
  Control* self = current_control;
  return self != nullptr ? *self : nobody;
}

/// The mark, in the word that says who holds a Mutex, that somebody waits for it.
inline constexpr std::uintptr_t kAwaited = 1;

/// The thread that holds it. With several workers another worker may be letting go of it at this
/// moment.
inline Control* holding(const Holder& holder) {
  Control* const thread = __atomic_load_n(&holder.thread, __ATOMIC_RELAXED);
  return reinterpret_cast<Control*>(reinterpret_cast<std::uintptr_t>(thread) & ~kAwaited);
}

/// The place in the code where it was taken last.
inline const void* place_of_taking(const Holder& holder) {
  return __atomic_load_n(&holder.taken_at, __ATOMIC_RELAXED);
}

/// The running thread; waiting where there is none is a bug of the caller.
inline Control& calling_thread() {
  Control* self = current_control;
  CHECK(self != nullptr && "only threads, inside of Runtime::run, can do this");
  return *self;
}

/// The number by which a policy knows the thread.
inline TaskId task_of(const Control& thread) {
  return TaskId{thread.slot + std::uint64_t{1}};
}

/// True if the thread, or some handle to it, exists. Another worker may let go of it at this
/// moment.
inline bool is_live(const Control& thread) {
  return __atomic_load_n(&thread.live, __ATOMIC_RELAXED);
}

/// The callable of a thread that has not run yet.
inline void* callable_of(Control& thread) {
  return thread.begins_in_room ? thread.beginning.room : thread.beginning.elsewhere;
}

/// True if it can go on only on one worker.
inline bool tied(const Control& thread) {
  return thread.pinned_to >= 0 || thread.preempted;
}

/// The scheduler whose run the calling kernel thread is in.
extern constinit thread_local Scheduler* current_scheduler;

}  // namespace spindle::thread
