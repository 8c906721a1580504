// Context: a place of execution that can be left and come back to.
//
// On x86-64 and AArch64 it is a stack pointer, and the switch is assembly of our own
// (switch_<architecture>.S); elsewhere it is a ucontext, which costs a system call a switch.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) && !defined(__aarch64__)
#define SPINDLE_UCONTEXT 1
#include <ucontext.h>
#endif

namespace spindle::thread {

using ContextFunction = void (*)();

#if defined(SPINDLE_UCONTEXT)

struct Context {
  ucontext_t state;
};

/// Makes a context that will run `function`, which must not return, on the stack [bottom, top).
inline void make_context(Context& context, void* bottom, void* top, ContextFunction function) {
  getcontext(&context.state);
  context.state.uc_stack.ss_sp = bottom;
  context.state.uc_stack.ss_size =
      static_cast<std::size_t>(static_cast<char*>(top) - static_cast<char*>(bottom));
  context.state.uc_link = nullptr;
  makecontext(&context.state, function, 0);
}

/// Leaves the present context into `from` and goes on with `to`.
inline void switch_context(Context& from, Context& to) {
  swapcontext(&from.state, &to.state);
}

#else

struct Context {
  void* stack_pointer = nullptr;
};

extern "C" {
void spindle_switch_context(void** from_stack_pointer, void* to_stack_pointer);
void spindle_start_context();
}

/// Makes a context that will run `function`, which must not return, on the stack that ends at `top`
/// (aligned to 16 bytes). It writes the frame that spindle_switch_context takes off.
inline void make_context(Context& context, void* /*bottom*/, void* top, ContextFunction function) {
  auto** frame = static_cast<void**>(top);
#if defined(__x86_64__)
  frame -= 7;
  for (int i = 0; i < 6; ++i) frame[i] = nullptr;
  frame[4] = reinterpret_cast<void*>(function);                // rbx
  frame[6] = reinterpret_cast<void*>(&spindle_start_context);  // the return address
#else
  frame -= 20;
  for (int i = 0; i < 20; ++i) frame[i] = nullptr;
  frame[0] = reinterpret_cast<void*>(function);                 // x19
  frame[11] = reinterpret_cast<void*>(&spindle_start_context);  // x30
#endif
  context.stack_pointer = frame;
}

/// Leaves the present context into `from` and goes on with `to`.
inline void switch_context(Context& from, Context& to) {
  spindle_switch_context(&from.stack_pointer, to.stack_pointer);
}

#endif

}  // namespace spindle::thread
