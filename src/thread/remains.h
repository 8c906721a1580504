// Remains: the Controls of a runtime that is gone, kept while there are handles to its threads. A
// handle can still tell how its thread ended, and let go of it; when the last one does, the
// Controls are freed. Those of a runtime whose threads did not all end stay for good: a lock that
// outlives it may name one.
#pragma once

#include <atomic>
#include <cstddef>

#include "thread/control_pool.h"

namespace spindle::thread {

class Remains {
 public:
  /// Keeps the Controls for as long as there are handles to some of them.
  static void keep(ControlPool controls);
  /// For the owner of a handle to a thread whose runtime is gone.
  static void let_go_of(Control& thread);
  ~Remains();

  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

 private:
  explicit Remains(ControlPool controls);

  ControlPool controls_;
  Remains* next_ = nullptr;               // in the list of all
  std::atomic<std::size_t> handles_ = 0;  // plus threads that never ended
};

}  // namespace spindle::thread
