#include "thread/light_barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "thread/sanitizer.h"

namespace spindle::thread {
namespace {

bool membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

LightBarrier::LightBarrier() {
#if !defined(SPINDLE_TSAN)
  is_light_ = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
#endif
}

void LightBarrier::run_everywhere() {
  membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace spindle::thread
