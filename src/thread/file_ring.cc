#include "thread/file_ring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "thread/scheduler.h"

namespace spindle::thread {
namespace {
constexpr unsigned kEntries = 64;
}

std::unique_ptr<FileRing> FileRing::create(Runtime& runtime) {
  io_uring_params parameters = {};
  const int fd = static_cast<int>(syscall(SYS_io_uring_setup, kEntries, &parameters));
  if (fd < 0) return nullptr;
  std::unique_ptr<FileRing> ring(new FileRing(runtime, fd, parameters));
  // Both rings are one mapping since Linux 5.4.
  if ((parameters.features & IORING_FEAT_SINGLE_MMAP) == 0) return nullptr;
  if (!ring->map(parameters) || !runtime.watch(fd, *ring).ok()) return nullptr;
  return ring;
}

FileRing::FileRing(Runtime& runtime, int fd, const io_uring_params& parameters)
    : runtime_(runtime), fd_(fd), parameters_(parameters) {}

FileRing::~FileRing() {
  for (const Mapping& mapping : {rings_, entries_}) {
    if (mapping.memory != nullptr) munmap(mapping.memory, mapping.size);
  }
  close(fd_);
}

bool FileRing::map(const io_uring_params& parameters) {
  rings_.size = std::max(parameters.sq_off.array + parameters.sq_entries * sizeof(std::uint32_t),
                         parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
  entries_.size = parameters.sq_entries * sizeof(io_uring_sqe);
  const auto map_at = [this](Mapping& mapping, off_t offset) {
    void* memory =
        mmap(nullptr, mapping.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
    mapping.memory = memory == MAP_FAILED ? nullptr : memory;
    return mapping.memory != nullptr;
  };
  return map_at(rings_, IORING_OFF_SQ_RING) && map_at(entries_, IORING_OFF_SQES);
}

int FileRing::run(std::uint8_t operation, int fd, const void* buffer, std::size_t size,
                  std::uint64_t offset) {
  WaitNode turn;
  turn.interruptible = false;
  if (in_flight_ == parameters_.sq_entries) {
    crowd_.enqueue(turn);
    WaitQueue::park(turn);  // a thread that is done leaves its entry to this one
  } else {
    ++in_flight_;
  }
  Pending pending;
  pending.interruptible = false;
  const std::uint32_t tail = word(parameters_.sq_off.tail).load(std::memory_order_relaxed);
  const std::uint32_t index = tail & (parameters_.sq_entries - 1);
  io_uring_sqe& entry = static_cast<io_uring_sqe*>(entries_.memory)[index];
  entry = {};
  entry.opcode = operation;
  entry.fd = fd;
  entry.addr = reinterpret_cast<std::uint64_t>(buffer);
  entry.len = static_cast<std::uint32_t>(std::min<std::size_t>(size, 1u << 30));
  entry.off = offset;
  entry.user_data = reinterpret_cast<std::uint64_t>(static_cast<WaitNode*>(&pending));
  word(parameters_.sq_off.array + index * 4).store(index, std::memory_order_relaxed);
  word(parameters_.sq_off.tail).store(tail + 1, std::memory_order_release);
  const Runtime::ExternalWork work(runtime_);
  waiting_.enqueue(pending);
  while (syscall(SYS_io_uring_enter, fd_, 1, 0, 0, nullptr, 0) < 0) {
    CHECK(errno == EINTR || errno == EAGAIN || errno == EBUSY);
  }
  readable();  // what the kernel has in its cache is there already
  WaitQueue::park(pending);
  if (!crowd_.wake_one()) --in_flight_;
  return pending.result;
}

bool FileRing::readable() {
  std::uint32_t head = word(parameters_.cq_off.head).load(std::memory_order_relaxed);
  const std::uint32_t first = head;
  const auto* done = reinterpret_cast<const io_uring_cqe*>(
      static_cast<const std::byte*>(rings_.memory) + parameters_.cq_off.cqes);
  while (head != word(parameters_.cq_off.tail).load(std::memory_order_acquire)) {
    const io_uring_cqe& completion = done[head & (parameters_.cq_entries - 1)];
    auto& pending = static_cast<Pending&>(*reinterpret_cast<WaitNode*>(completion.user_data));
    pending.result = completion.res;
    waiting_.wake(pending);
    word(parameters_.cq_off.head).store(++head, std::memory_order_release);
  }
  return head != first;
}

}  // namespace spindle::thread
