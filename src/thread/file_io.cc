#include "spindle/thread/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

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
    const int result =
        ring != nullptr ? ring->run(operation, fd, buffer, size, offset) : -ECANCELED;
    // Where signals come again and again, as for preemption, the kernel may fail to make the thread
    // that it needs for what would block.
    if (result != -ECANCELED) return result;
  }
  return offload([&] {
    const auto result = blocking_call();
    return result < 0 ? -errno : static_cast<int>(result);
  });
}

/// The ring takes the highest offset of all for "the descriptor's present position".
Result<> check_offset(std::uint64_t offset) {
  if (offset > INT64_MAX) return Error{EINVAL, "no file is as long as the offset"};
  return {};
}

/// A duplicate of the caller's descriptor, who may close his own while the call, left, goes on.
class OwnDescriptor {
 public:
  static Result<std::shared_ptr<const OwnDescriptor>> duplicate(int fd) {
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return Error{errno, "the descriptor cannot be duplicated"};
    return std::make_shared<const OwnDescriptor>(own);
  }
  explicit OwnDescriptor(int fd) : fd_(fd) {}
  ~OwnDescriptor() { close(fd_); }
  OwnDescriptor(const OwnDescriptor&) = delete;
  OwnDescriptor& operator=(const OwnDescriptor&) = delete;

  operator int() const { return fd_; }

 private:
  const int fd_;
};

Result<std::size_t> read_within(int fd, std::span<std::byte> to, std::uint64_t offset,
                                Timeout timeout) {
  const auto own = TRY(OwnDescriptor::duplicate(fd));
  using Bytes = std::vector<std::byte>;
  const auto read = [own, size = to.size(), offset]() -> Result<Bytes> {
    Bytes bytes(size);
    bytes.resize(TRY(read_at(*own, bytes, offset)));
    return bytes;
  };
  Result<Bytes> outcome = TRY(offload_until(timeout, read));
  const Bytes bytes = TRY(std::move(outcome));
  std::ranges::copy(bytes, to.begin());
  return bytes.size();
}

}  // namespace

Result<std::size_t> read_at(int fd, std::span<std::byte> to, std::uint64_t offset,
                            Timeout timeout) {
  TRY(check_offset(offset));
  if (timeout != kNever) return read_within(fd, to, offset, timeout);
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

Result<> write_at(int fd, std::span<const std::byte> from, std::uint64_t offset, Timeout timeout) {
  TRY(check_offset(offset));
  if (timeout != kNever) {
    const auto own = TRY(OwnDescriptor::duplicate(fd));
    const std::vector<std::byte> bytes(from.begin(), from.end());
    return TRY(offload_until(timeout, [=] { return write_at(*own, bytes, offset); }));
  }
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

Result<> sync_file(int fd, Timeout timeout) {
  if (timeout != kNever) {
    const auto own = TRY(OwnDescriptor::duplicate(fd));
    return TRY(offload_until(timeout, [own] { return sync_file(*own); }));
  }
  int result = -EINTR;
  while (result == -EINTR) {
    result = run(IORING_OP_FSYNC, fd, nullptr, 0, 0, [&] { return fsync(fd); });
  }
  if (result < 0) return Error{-result, "the file cannot be synchronised"};
  return {};
}

bool file_io_uses_ring() {
  const Section section;
  return current_control != nullptr && current_scheduler->file_ring() != nullptr;
}

}  // namespace spindle::thread
