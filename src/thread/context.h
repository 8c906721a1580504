// Context: a place of execution that can be left and come back to.
//
// On x86-64 and AArch64 it is a stack pointer, and the switch is assembly of our own
// (switch_<architecture>.S); elsewhere, or where SPINDLE_UCONTEXT is defined, it is a ucontext,
// which costs a system call a switch.
#pragma once

#include <cstddef>

#if !defined(SPINDLE_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define SPINDLE_UCONTEXT 1
#endif
#if defined(SPINDLE_UCONTEXT)
#include <ucontext.h>
#endif

namespace spindle::thread {

using ContextFunction = void (*)();

#if defined(SPINDLE_UCONTEXT)

struct Context {
  ucontext_t state = {};
};

inline void prefetch_context(const Context& /*context*/) {}

/// Leaves the present context into `from` and goes on with `to`, which was left before.
inline void switch_context(Context& from, Context& to) {
  swapcontext(&from.state, &to.state);
}

/// Leaves the present context into `from` and runs `function`, which must not return, on the stack
/// [bottom, top). `top` is aligned to 16 bytes.
inline void enter_context(Context& from, Context& to, void* bottom, void* top,
                          ContextFunction function) {
  getcontext(&to.state);
  to.state.uc_stack.ss_sp = bottom;
  to.state.uc_stack.ss_size =
      static_cast<std::size_t>(static_cast<char*>(top) - static_cast<char*>(bottom));
  to.state.uc_link = nullptr;
  makecontext(&to.state, function, 0);
  swapcontext(&from.state, &to.state);
}

/// Goes on with `to` for good.
[[noreturn]] inline void leave_context(Context& to) {
  setcontext(&to.state);
  __builtin_unreachable();
}

#else

struct Context {
  void* stack_pointer = nullptr;
};

/// It will be gone on with soon.
inline void prefetch_context(const Context& context) {
  __builtin_prefetch(context.stack_pointer);
  __builtin_prefetch(static_cast<const char*>(context.stack_pointer) + 64);
}

extern "C" {
void spindle_switch_context(void** from_stack_pointer, void* to_stack_pointer);
void spindle_enter_context(void** from_stack_pointer, void* top, ContextFunction function);
void spindle_leave_context(void* to_stack_pointer);
}

/// Leaves the present context into `from` and goes on with `to`, which was left before.
inline void switch_context(Context& from, Context& to) {
  spindle_switch_context(&from.stack_pointer, to.stack_pointer);
}

/// Leaves the present context into `from` and runs `function`, which must not return, on the stack
/// [bottom, top). `top` is aligned to 16 bytes.
inline void enter_context(Context& from, Context& /*to*/, void* /*bottom*/, void* top,
                          ContextFunction function) {
  spindle_enter_context(&from.stack_pointer, top, function);
}

/// Goes on with `to` for good.
[[noreturn]] inline void leave_context(Context& to) {
#if defined(__x86_64__)
  asm volatile("jmp spindle_leave_context" : : "D"(to.stack_pointer) : "memory");
#else
  spindle_leave_context(to.stack_pointer);
#endif
  __builtin_unreachable();
}

#endif

}  // namespace spindle::thread
