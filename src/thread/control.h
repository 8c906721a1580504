// Control: what the runtime knows of one thread. It stands at the top of the thread's own stack, so
// that a thread costs one page of memory until it needs more. The first cache line is what a switch
// touches.
#pragma once

#include <cstdint>

#include "spindle/base/clock.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/wait_queue.h"
#include "thread/context.h"

namespace spindle::thread {

class Scheduler;

/// The part of the C++ runtime's state that belongs to a thread, laid out as the Itanium C++ ABI
/// (2.2.2) lays out __cxa_eh_globals.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

inline constexpr std::size_t kLongestName = 31;

struct alignas(64) Control {
  Context context;
  Control* next = nullptr;  // in the ready queue, or in the pool of free stacks
  Scheduler* scheduler = nullptr;
  ExceptionState exceptions;
  std::uint64_t switches = 0;
  int saved_errno = 0;
  ThreadState state = ThreadState::kEnded;
  bool detached = false;
  bool live = false;            // neither joined, nor detached and ended: the stack is in use
  bool canary = false;          // the stack has no guard page
  WaitNode* parked = nullptr;   // what it waits on, if it waits
  WaitQueue* joiner = nullptr;  // where a joining thread waits

  void (*entry)(void*) = nullptr;
  void* callable = nullptr;
  std::byte* stack_bottom = nullptr;  // above the guard
  std::uint64_t id = 0;
  std::uint32_t slot = 0;  // its stack's number, and its TaskId less one
  std::uint32_t size_class = 0;
  std::int64_t waiting_since_ns = 0;
  int priority = 0;  // with what was donated
  int own_priority = 0;
  std::uint32_t policy_number = 0;     // of the policy that knows it
  const Holder* blocked_by = nullptr;  // who must act before this thread can go on, if known,
  const WaitQueue* wanted = nullptr;   // and what is wanted of it,
  const void* wanted_at = nullptr;     // and where
  VirtualTime chosen_at;               // for the policy: when it was last given the worker,
  VirtualTime last_burst;  // how long it then kept it, and how long it will, by estimate
  VirtualTime expected_burst;
  char name[kLongestName + 1] = {};
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* fiber = nullptr;       // ThreadSanitizer's

  [[nodiscard]] std::size_t stack_size() const {
    return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(this) - stack_bottom);
  }
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

/// The scheduler whose run the calling kernel thread is in.
extern constinit thread_local Scheduler* current_scheduler;

}  // namespace spindle::thread
