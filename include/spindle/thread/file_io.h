// Reading and writing regular files while only the thread waits.
//
// A regular file cannot be polled: it is always "ready", however slow its disk is. Where the kernel
// has io_uring, these calls go through a ring of the runtime, whose completions arrive with its
// other events; elsewhere each is a blocking call on a helper thread (offload.h). The buffer must
// stay until the call returns, so a wait here is no point of cancellation. Outside of a thread the
// calls block.
//
// With a time-out each is an `offload_until` on a duplicate of the descriptor and a copy of the
// buffer: after ETIMEDOUT the caller may use his own again, and a write may still happen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

/// Bytes read; fewer than asked for only at the end of the file. EINVAL, here and below, for an
/// offset over INT64_MAX.
Result<std::size_t> read_at(int fd, std::span<std::byte> to, std::uint64_t offset,
                            Timeout timeout = kNever);
/// Writes all of them.
Result<> write_at(int fd, std::span<const std::byte> from, std::uint64_t offset,
                  Timeout timeout = kNever);
/// What was written before the call is durable after it.
Result<> sync_file(int fd, Timeout timeout = kNever);

/// True if the calling thread's runtime has a ring: these calls then need no helper thread.
bool file_io_uses_ring();

}  // namespace spindle::thread
