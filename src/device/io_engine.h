// IoEngine: waits for the host's disk on behalf of user-space threads.
//
// An engine takes operations, returns at once, and calls `IoOperation::finish` on the runtime's
// kernel thread when each is done. Operations live on their waiting thread's stack. Three engines:
// io_uring, a helper kernel thread, and, where the host gives neither, one that blocks. An engine
// serves one runtime at a time; between operations it keeps nothing of the runtime, so that the
// device may outlive it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "spindle/thread/wait_queue.h"

namespace spindle {

/// How many operations of a batch are not done, and who waits for them.
struct IoCompletion {
  std::size_t remaining = 0;
  thread::WaitQueue waiter{"host disk"};
};

struct IoOperation {
  enum class Kind : std::uint8_t { kRead, kWrite, kSync };
  Kind kind = Kind::kRead;
  int fd = -1;
  std::uint64_t offset = 0;
  std::span<iovec> vectors = {};
  std::int64_t result = 0;  ///< bytes moved, or minus an errno
  IoCompletion* completion = nullptr;
  IoOperation* next = nullptr;  ///< the engine's own

  void finish(std::int64_t outcome) {
    result = outcome;
    if (--completion->remaining == 0) completion->waiter.wake_one();
  }
  /// Makes the call at once, and returns what `result` is to be.
  [[nodiscard]] std::int64_t perform() const;
};

class IoEngine {
 public:
  virtual ~IoEngine() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Begins all of them; some may be finished on return. Called by threads of a runtime.
  virtual void start(std::span<IoOperation> operations) = 0;
};

/// Null if the kernel has or allows no io_uring.
std::unique_ptr<IoEngine> make_uring_engine();
/// Null if the host gives no kernel thread.
std::unique_ptr<IoEngine> make_helper_thread_engine();
/// Serves in `start`; meanwhile no other user-space thread runs.
std::unique_ptr<IoEngine> make_blocking_engine();

/// Starts the operations and parks the calling user-space thread until all are finished.
void perform_all(IoEngine& engine, std::span<IoOperation> operations);

}  // namespace spindle
