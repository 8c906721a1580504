// ControlPool: the Controls of a runtime's threads, in slabs that stay where they are.
//
// A Control keeps its number (its slot) for good, so that numbers are dense and can be a policy's
// TaskIds. The last one freed is taken first, for it is warm in the cache. If there are many, they
// stand in huge pages where the kernel has some. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "thread/control.h"

namespace spindle::thread {

class ControlPool {
 public:
  ControlPool() = default;
  ~ControlPool();
  ControlPool(ControlPool&&) = default;
  ControlPool(const ControlPool&) = delete;
  ControlPool& operator=(const ControlPool&) = delete;

  /// Null if there is no memory.
  Control* take() {
    Control* const control = free_;
    if (control == nullptr) return take_new();
    free_ = control->next;
    return control;
  }
  void give_back(Control& control) {
    control.next = free_;
    free_ = &control;
  }

  /// How many were ever made; their numbers are below this.
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] Control& at(std::uint32_t slot) const {
    return slabs_[slot / kPerSlab].controls[slot % kPerSlab];
  }
  /// The thread's Account: memory that is not touched until a policy or a trace asks for it.
  [[nodiscard]] Account& account(const Control& control) const {
    return slabs_[control.slot / kPerSlab].accounts[control.slot % kPerSlab];
  }

 private:
  static constexpr std::uint32_t kPerSlab = 1024;
  struct Slab {
    Control* controls;
    Account* accounts;
  };
  struct Mapping {
    void* begin;
    std::size_t size;
  };
  Control* take_new();
  bool add_slabs();

  Control* free_ = nullptr;
  std::uint32_t size_ = 0;
  std::vector<Slab> slabs_;
  std::vector<Mapping> mappings_;
};

}  // namespace spindle::thread
