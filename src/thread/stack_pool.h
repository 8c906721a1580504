// StackPool: the stacks of a runtime's threads.
//
// Stacks of one size are cut from slabs, each with a guard at its low end and its own description
// (Stack) at its top; free ones are kept, the last used first, for its pages are warm. A thread is
// promised a stack when it is made (address space, which can run out) and gets it when it first
// runs (memory): a million threads that are ready but never ran cost no stack. Not thread-safe.
//
// To know how deep each thread went, a stack of which more than the highest page was used is wiped
// before the next thread gets it. Only the kernel knows which stacks those are: it is asked about
// each stack when that is used again for the first, the 8th, the 64th time and so on, and whenever
// its thread is inspected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/thread/runtime.h"
#include "thread/control.h"

namespace spindle::thread {

inline constexpr std::size_t kSmallestStack = 8 * 1024;
inline constexpr std::size_t kLargestStack = 1024 * 1024 * 1024;

struct alignas(16) Stack {
  Stack* next = nullptr;  // among the free ones
  std::byte* bottom = nullptr;
  std::byte* top = nullptr;
  std::byte* deepest = nullptr;  // the lowest page known to have been used; null: the highest
  std::uint32_t size_class = 0;
  std::uint32_t uses_to_look = 1;
  std::uint32_t uses_between = 1;
  bool canary = false;
  std::uint8_t unused_in_a_row = 0;
  bool wiped = false;  // false under valgrind and the sanitizers, which would report it

  /// To be called before another thread gets it.
  void renew() {
    if (wiped && --uses_to_look == 0) look_again();
    if (__builtin_expect(deepest != nullptr, 0)) wipe();
  }
  /// Asks the kernel for the deepest page.
  void look();

 private:
  void look_again();
  void wipe();
  void give_back_unused(const std::byte* used, const std::byte* end);
};

class StackPool {
 public:
  /// Stacks of `usual_size` have just that size; other sizes are rounded up to a power of two.
  explicit StackPool(std::size_t usual_size);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// Sets a stack of at least so many bytes (0: the usual size) aside for the thread; false if
  /// there is no room in the address space.
  bool promise(std::size_t size, Control& to) {
    if (size != 0) return promise_slowly(size, to);
    to.size_class = 0;
    return ++classes_[0].promised <= classes_[0].available || make_room(0);
  }
  /// Gives the thread the stack that it was promised.
  void bind(Control& to) {
    SizeClass& from = classes_[to.size_class];
    Stack* stack = from.free;
    if (stack != nullptr) {
      from.free = stack->next;
      stack->renew();
    } else {
      stack = cut(to.size_class);
    }
    --from.promised;
    --from.available;
    to.stack = stack;
    to.canary = stack->canary;
  }
  /// Takes the thread's stack back.
  [[gnu::always_inline]] void unbind(Control& from) {
    give_back(*from.stack);
    from.stack = nullptr;
  }
  void give_back(Stack& stack) {
    SizeClass& to = classes_[stack.size_class];
    stack.next = to.free;
    to.free = &stack;
    ++to.available;
  }
  /// Takes the promise back, for a thread that will never run.
  void break_promise(const Control& to) { --classes_[to.size_class].promised; }

  [[nodiscard]] std::size_t stack_size(const Control& control) const {
    return classes_[control.size_class].stack_size;
  }
  /// True if the address lies on the guard of the thread's stack. Async-signal-safe.
  static bool guards(const Control& control, const void* address);
  /// True if the stack pointer (0: unknown) has left the thread's stack at its low end. Likewise.
  static bool is_below(const Control& thread, std::uintptr_t stack_pointer);
  [[nodiscard]] GuardKind guard_kind() const { return guard_kind_; }
  /// True unless the thread's stack has a canary and it was overwritten.
  [[nodiscard]] static bool intact(const Control& control) {
    return !control.canary || canary_intact(control);
  }

 private:
  struct SizeClass {
    std::size_t stack_size = 0;  // without the guard
    Stack* free = nullptr;
    std::byte* unused = nullptr;  // the rest of the newest slab
    std::byte* end = nullptr;
    std::byte* guarded_to = nullptr;           // unused stacks below it have their guards already
    std::size_t available = 0;                 // free and unused stacks
    std::size_t promised = 0;                  // to threads that have not run yet
    std::vector<std::byte*> spare_slabs = {};  // made for promises, not cut yet
  };
  struct Slab {
    std::byte* begin;
    std::size_t size;
  };

  bool promise_slowly(std::size_t size, Control& to);
  std::uint32_t class_of(std::size_t size);
  bool make_room(std::uint32_t size_class);
  [[nodiscard]] static std::size_t slab_size(const SizeClass& of);
  Stack* cut(std::uint32_t size_class);
  /// Guards the page; false if only by a canary.
  bool guard(std::byte* page);
  /// Guards the next unused stacks too, many by one system call, and fetches their first pages.
  void guard_ahead(SizeClass& of);
  static bool canary_intact(const Control& control);

  std::vector<SizeClass> classes_;
  std::vector<Slab> slabs_;
  std::uint32_t made_ = 0;
  GuardKind guard_kind_ = GuardKind::kMadvise;
  bool guards_ahead_;  // the kernel can guard many by one call
  const bool wipes_;
};

/// Bytes from the top of the stack down to the lowest page that the thread has touched; 0 without a
/// stack.
std::size_t stack_used(const Control& control);

}  // namespace spindle::thread
