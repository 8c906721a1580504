// What the sanitizers must be told of a switch of stacks. In builds without them, nothing is done.
#pragma once

#include <pthread.h>

#include <cstdio>

#include "thread/control.h"
#include "thread/stack_pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define SPINDLE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPINDLE_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define SPINDLE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPINDLE_TSAN 1
#endif
#endif

#if defined(SPINDLE_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SPINDLE_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace spindle::thread::sanitizer {

/// True if the library is built with one of the sanitizers.
#if defined(SPINDLE_ASAN) || defined(SPINDLE_TSAN)
inline constexpr bool kIsTold = true;
#else
inline constexpr bool kIsTold = false;
#endif

/// The factor by which frames grow, for they have red zones and keep more variables. Every stack is
/// made larger by it.
inline constexpr std::size_t kStackGrowth = kIsTold ? 4 : 1;

/// From now on AddressSanitizer's reports end with the name of the thread; ThreadSanitizer is told
/// the names and puts them in.
inline void name_threads_in_reports() {
#if defined(SPINDLE_ASAN)
  __asan_set_error_report_callback([](const char*) {
    const Control* const self = current_control;
    if (self != nullptr) std::fprintf(stderr, "in the thread \"%s\"\n", self->name);
  });
#endif
}

/// The memory is fresh. Other stacks may have been there, whose frames were left and not returned
/// from: their red zones are still poisoned.
inline void memory_mapped([[maybe_unused]] void* begin, [[maybe_unused]] std::size_t size) {
#if defined(SPINDLE_ASAN)
  __asan_unpoison_memory_region(begin, size);
#endif
}

/// Tells of the kernel thread's own stack, on which the context between threads runs.
inline void adopt_kernel_thread([[maybe_unused]] Control& root) {
#if defined(SPINDLE_ASAN)
  pthread_attr_t attributes;
  void* bottom = nullptr;
  std::size_t size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &size);
  pthread_attr_destroy(&attributes);
  root.stack->bottom = static_cast<std::byte*>(bottom);
  root.stack->top = root.stack->bottom + size;
#elif defined(SPINDLE_TSAN)
  root.fiber = __tsan_get_current_fiber();
#endif
}

inline void thread_made([[maybe_unused]] Control& thread) {
#if defined(SPINDLE_TSAN)
  thread.fiber = __tsan_create_fiber(0);
  __tsan_set_fiber_name(thread.fiber, thread.name);
#endif
}

/// The thread was given its stack.
inline void stack_bound([[maybe_unused]] Control& thread) {
#if defined(SPINDLE_ASAN)
  // The last user's frames were left, not returned from: their red zones are still poisoned.
  __asan_unpoison_memory_region(thread.stack->bottom,
                                static_cast<std::size_t>(thread.stack->top - thread.stack->bottom));
  thread.fake_stack = nullptr;
#endif
}

inline void before_switch([[maybe_unused]] Control& from, [[maybe_unused]] Control& to,
                          [[maybe_unused]] Leaver leaver) {
#if defined(SPINDLE_ASAN)
  __sanitizer_start_switch_fiber(leaver == Leaver::kEnds ? nullptr : &from.fake_stack,
                                 to.stack->bottom,
                                 static_cast<std::size_t>(to.stack->top - to.stack->bottom));
#elif defined(SPINDLE_TSAN)
  // Everything between two switches is atomic, so a switch does order what comes before and after.
  __tsan_switch_to_fiber(to.fiber, 0);
#endif
}

inline void after_switch([[maybe_unused]] Control& self) {
#if defined(SPINDLE_ASAN)
  __sanitizer_finish_switch_fiber(self.fake_stack, nullptr, nullptr);
#endif
}

/// To be called when another thread runs.
inline void thread_gone([[maybe_unused]] void* fiber) {
#if defined(SPINDLE_TSAN)
  __tsan_destroy_fiber(fiber);
#endif
}

}  // namespace spindle::thread::sanitizer
