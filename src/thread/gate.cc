#include "thread/gate.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "thread/sanitizer.h"

namespace spindle::thread {
namespace {

bool barrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

Gate::Gate() {
#if !defined(SPINDLE_TSAN)
  asymmetric_ = barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
#endif
}

void Gate::close() {
  closed_.store(1, std::memory_order_seq_cst);
  if (asymmetric_) barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void Gate::wait_for(Passing& passing) {
  for (int i = 0; i < kMostSpins; ++i) {
    if (passing.load(std::memory_order_acquire) == 0) return;
    pause_processor();
  }
  while (passing.load(std::memory_order_acquire) != 0) futex_wait(passing, 1);
}

void Gate::open() {
  closed_.store(0, std::memory_order_release);
  futex_wake(closed_, INT_MAX);
}

}  // namespace spindle::thread
