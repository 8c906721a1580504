// Control: what the runtime knows of one thread. Controls stand close together, apart from the
// stacks, so that a thread that has not run yet costs no more than this: what only policies ask
// for stands elsewhere (Account). The first 64 bytes are what a switch touches.
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

inline constexpr std::size_t kLongestName = 31;

/// A small callable stands here until its thread runs and needs no stack; of a larger one it is
/// known where it stands. Later it is since when a thread waits, and where its runtime is gone,
/// what is left of that.
union Beginning {
  alignas(16) std::byte room[detail::kLargestInControl] = {};
  void* elsewhere;
  std::int64_t waiting_since_ns;
  Remains* remains;
};

/// What policies and traces are told of a thread: how long it ran, and what it was made with.
struct Account {
  std::uint32_t policy_number = 0;  // of the policy that knows it
  std::uint32_t weight = kUsualWeight;
  std::int64_t deadline_ns = 0;
  VirtualTime chosen_at;       // when it was last given the worker
  VirtualTime last_run;        // how long it last kept the worker
  VirtualTime burst;           // how long it ran since it last waited, by itself
  VirtualTime expected_burst;  // how long it will, by estimate
  std::int64_t cpu_time_ns = 0;
};

struct alignas(32) Control {
  constexpr Control() = default;
  constexpr explicit Control(std::string_view called) { called.copy(name, kLongestName); }

  Context context;
  Control* next = nullptr;   // in the ready queue, or among the free ones
  Worker* worker = nullptr;  // that runs it, or ran it last
  ExceptionState exceptions;
  std::uint64_t switches = 0;
  int saved_errno = 0;
  ThreadState state = ThreadState::kEnded;
  bool canary = false;  // the stack has no guard page
  std::atomic<CancelState> cancel = CancelState::kNone;
  bool tracks_locks = false;   // for the order of locks
  WaitNode* parked = nullptr;  // what it waits on, if it waits

  Beginning beginning;
  std::atomic<WaitQueue*> end = nullptr;  // see end_of_life.h
  std::uint32_t depth = 0;                // of sections it is in, while it does not run
  bool in_section = false;                // it goes on in one that keeps other workers out
  bool live = false;                      // neither joined, nor detached and ended
  bool preempted = false;                 // by a signal: it goes on where it was
  std::uint8_t size_class = 0;            // of its stack
  Stack* stack = nullptr;                 // null before the first run and after the end
  void (*entry)(void*) = nullptr;
  std::uint64_t id = 0;
  std::uint32_t slot = 0;                     // its number in the pool, and its TaskId less one
  std::atomic<std::uint32_t> cancel_off = 0;  // depth of sections in which it cannot be cancelled
  Scheduler* scheduler = nullptr;             // null when the runtime is gone
  Blocking* blocking = nullptr;               // who must act before it can go on, if known
  LocalTable* locals = nullptr;
  std::uint64_t tag = 0;  // whose sake it works for
  int priority = 0;       // with what was donated
  int own_priority = 0;
  std::int16_t pinned_to = -1;  // a worker's number
  std::uint16_t interrupts_off = 0;
  bool in_policy = false;      // among the policy's ready ones
  bool begins_in_room = true;  // its callable stands in `beginning`
  bool has_account = false;    // else its Account is another's, of long ago
  bool tried_in_vain = false;  // a lock, and let go of none that others wait for since
  char name[kLongestName + 1] = {};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* fiber = nullptr;       // ThreadSanitizer's
#endif
};

/// The calling kernel thread's running user-space thread; null between threads and outside.
extern constinit thread_local Control* current_control;
/// Holds what is locked where no thread exists.
extern constinit Control nobody;

/// The running thread, or `nobody`.
inline Control& caller() {
  Control* self = current_control;
  return self != nullptr ? *self : nobody;
}

/// In the word that says who holds a Mutex: somebody waits for it.
inline constexpr std::uintptr_t kAwaited = 1;

/// Who holds it. With several workers another may be letting go of it at this moment.
inline Control* holding(const Holder& holder) {
  Control* const thread = __atomic_load_n(&holder.thread, __ATOMIC_RELAXED);
  return reinterpret_cast<Control*>(reinterpret_cast<std::uintptr_t>(thread) & ~kAwaited);
}

/// Where in the code it was taken, or was taken last.
inline const void* place_of_taking(const Holder& holder) {
  return __atomic_load_n(&holder.taken_at, __ATOMIC_RELAXED);
}

/// The running thread; waiting where there is none is a bug of the caller.
inline Control& calling_thread() {
  Control* self = current_control;
  CHECK(self != nullptr && "only threads, inside of Runtime::run, can wait");
  return *self;
}

/// The name by which a policy knows the thread.
inline TaskId task_of(const Control& thread) {
  return TaskId{thread.slot + std::uint64_t{1}};
}

/// Some handle to it, or the thread itself, exists. Another worker may let go of it at this moment.
inline bool is_live(const Control& thread) {
  return __atomic_load_n(&thread.live, __ATOMIC_RELAXED);
}

/// It can go on on one worker only.
inline bool tied(const Control& thread) {
  return thread.pinned_to >= 0 || thread.preempted;
}

/// The scheduler whose run the calling kernel thread is in.
extern constinit thread_local Scheduler* current_scheduler;

}  // namespace spindle::thread
