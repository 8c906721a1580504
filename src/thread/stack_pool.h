// StackPool: the stacks of a runtime's threads.
//
// Stacks of one size are cut from slabs, each with a guard at its low end and the thread's Control
// at its top; free ones are kept, the last used first, for its pages are warm. A stack's number
// (its slot) stays for good, so that numbers are dense and can be a policy's TaskIds. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/thread/runtime.h"
#include "thread/control.h"

namespace spindle::thread {

inline constexpr std::size_t kSmallestStack = 8 * 1024;
inline constexpr std::size_t kLargestStack = 1024 * 1024 * 1024;

class StackPool {
 public:
  /// `usual_size` is served exactly; other sizes are rounded up to a power of two.
  explicit StackPool(std::size_t usual_size);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// A Control, freshly made, on a stack of at least so many bytes; null if there is no memory.
  /// 0: the usual size.
  Control* take(std::size_t size) {
    if (size == 0) {
      if (Control* control = classes_[0].free) {
        classes_[0].free = control->next;
        return control;
      }
    }
    return take_slowly(size);
  }
  void give_back(Control& control) {
    SizeClass& of = classes_[control.size_class];
    control.next = of.free;
    of.free = &control;
  }

  [[nodiscard]] Control& control(std::uint32_t slot) const { return *controls_[slot]; }
  [[nodiscard]] const std::vector<Control*>& controls() const { return controls_; }
  /// The thread on whose stack's guard the address lies, or null. Safe in a signal handler.
  [[nodiscard]] Control* guarded_by(const void* address) const;
  [[nodiscard]] GuardKind guard_kind() const { return guard_kind_; }
  /// True unless the stack has a canary and it was overwritten.
  [[nodiscard]] bool intact(const Control& control) const {
    return !control.canary || canary_intact(control);
  }

 private:
  struct SizeClass {
    std::size_t stack_size = 0;  // without the guard
    Control* free = nullptr;
    std::byte* unused = nullptr;  // the rest of the newest slab
    std::byte* end = nullptr;
  };
  struct Slab {
    std::byte* begin;
    std::byte* end;
    std::size_t slot_size;
  };

  Control* take_slowly(std::size_t size);
  std::uint32_t class_of(std::size_t size);
  bool add_slab(SizeClass& to);
  /// False if there is only a canary.
  bool guard(std::byte* page);
  static bool canary_intact(const Control& control);

  std::vector<SizeClass> classes_;
  std::vector<Slab> slabs_;
  std::vector<Control*> controls_;
  GuardKind guard_kind_ = GuardKind::kMadvise;
};

/// Bytes from the top of the stack down to the lowest page that was ever touched.
std::size_t stack_used(const Control& control);

}  // namespace spindle::thread
