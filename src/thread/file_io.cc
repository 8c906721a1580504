#include "spindle/thread/file_io.h"

#include <unistd.h>

#include <cerrno>

#include "spindle/thread/offload.h"
#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// Runs the operation on the ring or, by the blocking call, on a helper.
template <class F>
int run(std::uint8_t operation, int fd, const void* buffer, std::size_t size, std::uint64_t offset,
        F blocking_call) {
  if (current_control != nullptr) {
    const Section section;
    FileRing* const ring = current_scheduler->file_ring();
    if (ring != nullptr) return ring->run(operation, fd, buffer, size, offset);
  }
  return offload([&] {
    const auto result = blocking_call();
    return result < 0 ? -errno : static_cast<int>(result);
  });
}

}  // namespace

Result<std::size_t> read_at(int fd, std::span<std::byte> to, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < to.size()) {
    const auto rest = to.subspan(done);
    const auto at = static_cast<off_t>(offset + done);
    const int count = run(IORING_OP_READ, fd, rest.data(), rest.size(), offset + done,
                          [&] { return pread(fd, rest.data(), rest.size(), at); });
    if (count == -EINTR || count == -EAGAIN) continue;
    if (count < 0) return Error{-count, "the file cannot be read"};
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<> write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  while (!from.empty()) {
    const auto at = static_cast<off_t>(offset);
    const int count = run(IORING_OP_WRITE, fd, from.data(), from.size(), offset,
                          [&] { return pwrite(fd, from.data(), from.size(), at); });
    if (count == -EINTR || count == -EAGAIN) continue;
    if (count < 0) return Error{-count, "the file cannot be written"};
    from = from.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<> sync_file(int fd) {
  const int result = run(IORING_OP_FSYNC, fd, nullptr, 0, 0, [&] { return fsync(fd); });
  if (result < 0) return Error{-result, "the file cannot be synchronised"};
  return {};
}

bool file_io_uses_ring() {
  const Section section;
  return current_control != nullptr && current_scheduler->file_ring() != nullptr;
}

}  // namespace spindle::thread
