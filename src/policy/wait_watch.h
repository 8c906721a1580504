// WaitWatch: finds the calls into loaded libraries that wait for long, without using the processor.
//
//   CallsOfThread calls;                  // of this kernel thread, which counts its calls in it
//   watch_waits(calls, signal);
//   ...
//   end_watching_waits(calls);
//
// A separate thread asks the kernel twice a second where the threads that are in a call stand. One
// that is found asleep in the same place of the same call for a second gets the signal, whose
// handler compares `late_call` and `late_stack` with where it is. A thread that the machine is too
// busy to run is not asleep, however long that lasts. Only sleeping and waiting for others counts,
// as for a lock, or for input from a terminal or a pipe: during such a wait the C library holds no
// lock, as it may while a file is read, except that of the stream that is read from.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace spindle {

struct CallsOfThread {
  /// Called by the thread itself; only it writes these two.
  void begin() {
    add(depth, 1);
    add(changes, 1);
  }
  void end() {
    add(depth, -1);
    add(changes, 1);
  }

  pid_t id = 0;
  std::atomic<std::int64_t> depth = 0;      ///< how many calls it is in, one inside the other
  std::atomic<std::int64_t> changes = 0;    ///< how many calls began, and ended
  std::atomic<std::int64_t> late_call = 0;  ///< what `changes` was when one was found to be late
  std::atomic<std::uintptr_t> late_stack = 0;

 private:
  static void add(std::atomic<std::int64_t>& number, std::int64_t more) {
    number.store(number.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
};

/// Watches the thread until `end_watching_waits`. After a fork no thread of the child is watched.
void watch_waits(CallsOfThread& thread, int signal);
void end_watching_waits(CallsOfThread& thread);

}  // namespace spindle
