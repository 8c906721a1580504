// Context: a place of execution that can be left and come back to.
//
// On x86-64 and AArch64 it is a stack pointer, and the switch is assembly of our own
// (switch_<architecture>.S); elsewhere, or where SPINDLE_UCONTEXT is defined, it is a ucontext,
// which costs a system call a switch.
#pragma once

#include <cstddef>
#include <cstdint>

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

/// What is left on the stack of a context that does not run.
#if defined(__x86_64__)
inline constexpr std::size_t kContextBytes = 184;
#else
inline constexpr std::size_t kContextBytes = 160;
#endif

/// Fetches what a switch to the context will need soon.
inline void prefetch_context(const Context& context) {
  // As a number: a context that never ran has no stack yet, and nothing may be added to a null
  // pointer.
  const auto stack_pointer = reinterpret_cast<std::uintptr_t>(context.stack_pointer);
  __builtin_prefetch(reinterpret_cast<const void*>(stack_pointer));
  __builtin_prefetch(reinterpret_cast<const void*>(stack_pointer + kContextBytes));
}

#if defined(__x86_64__)

// Everything that a call may clobber, except the operands.
// clang-format off
#if defined(__AVX512F__)
#define SPINDLE_CLOBBERED_BY_AVX512                                                              \
  "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
  "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#else
#define SPINDLE_CLOBBERED_BY_AVX512
#endif
#define SPINDLE_CLOBBERED                                                                        \
  SPINDLE_CLOBBERED_BY_AVX512 "rax", "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",    \
  "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",    \
  "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)",       \
  "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory", "cc"
// clang-format on

/// Leaves the present context into `from` and goes on with `to`, which was left before.
[[gnu::always_inline]] inline void switch_context(Context& from, Context& to) {
  void** from_stack_pointer = &from.stack_pointer;
  void* to_stack_pointer = to.stack_pointer;
  asm volatile("leaq 1f(%%rip), %%rax\n\tjmp spindle_switch_context\n1:"
               : "+D"(from_stack_pointer), "+S"(to_stack_pointer)
               :
               : "rdx", SPINDLE_CLOBBERED);
}

/// Leaves the present context into `from` and runs `function`, which must not return, on the stack
/// [bottom, top). `top` is aligned to 16 bytes.
[[gnu::always_inline]] inline void enter_context(Context& from, Context& /*to*/, void* /*bottom*/,
                                                 void* top, ContextFunction function) {
  void** from_stack_pointer = &from.stack_pointer;
  asm volatile("leaq 1f(%%rip), %%rax\n\tjmp spindle_enter_context\n1:"
               : "+D"(from_stack_pointer), "+S"(top), "+d"(function)
               :
               : SPINDLE_CLOBBERED);
}
#undef SPINDLE_CLOBBERED
#undef SPINDLE_CLOBBERED_BY_AVX512

/// Goes on with `to` for good.
[[noreturn]] inline void leave_context(Context& to) {
  asm volatile("jmp spindle_leave_context" : : "D"(to.stack_pointer) : "memory");
  __builtin_unreachable();
}

#else

extern "C" {
void spindle_switch_context(void** from_stack_pointer, void* to_stack_pointer);
void spindle_enter_context(void** from_stack_pointer, void* top, ContextFunction function);
[[noreturn]] void spindle_leave_context(void* to_stack_pointer);
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
  spindle_leave_context(to.stack_pointer);
}

#endif
#endif

}  // namespace spindle::thread
