// FileRing: a runtime's io_uring, for what epoll cannot wait for.
#pragma once

#include <linux/io_uring.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "spindle/thread/runtime.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class FileRing : public FdWatcher {
 public:
  /// Null if the kernel gives none. All functions are to be called in a section.
  static std::unique_ptr<FileRing> create(Runtime& runtime);
  ~FileRing() override;
  FileRing(const FileRing&) = delete;
  FileRing& operator=(const FileRing&) = delete;

  /// Submits the operation and parks. Returns its result, or an errno value negated.
  int run(std::uint8_t operation, int fd, const void* buffer, std::size_t size,
          std::uint64_t offset);

  bool readable() override;

 private:
  struct Mapping {
    void* memory = nullptr;
    std::size_t size = 0;
  };
  struct Pending : WaitNode {
    int result = 0;
  };

  FileRing(Runtime& runtime, int fd, const io_uring_params& parameters);
  bool map(const io_uring_params& parameters);

  Runtime& runtime_;
  int fd_;
  Mapping rings_;
  Mapping entries_;
  std::atomic_ref<std::uint32_t> word(std::uint32_t offset) const {
    return std::atomic_ref(
        *reinterpret_cast<std::uint32_t*>(static_cast<std::byte*>(rings_.memory) + offset));
  }
  io_uring_params parameters_;
  std::uint32_t in_flight_ = 0;
  WaitQueue waiting_{"file", WaitKind::kEvent};
  WaitQueue crowd_{"ring", WaitKind::kQueue};  // threads that wait for a free entry
};

}  // namespace spindle::thread
