// BlockTransfer: blocks on their way between frames and the device, and the threads that wait for
// them.
//
// A BlockTransfer stands on the stack of the thread that makes it; the buffers it moves point to it
// until it is finished. RequestList turns buffers, sorted by block, into few large requests.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "buffer.h"
#include "spindle/device/block_device.h"
#include "spindle/thread/wait_queue.h"

namespace spindle {

struct BlockTransfer {
  thread::WaitQueue waiters{"block transfer"};

  /// Parks until the transfer is finished; its error, if it failed.
  std::optional<Error> wait();
  void finish(const std::optional<Error>& error);
};

class RequestList {
 public:
  static constexpr std::size_t kMaxRequestBytes = 1u << 20;

  /// `sorted` by block, each block once. Valid while the frames are.
  RequestList(std::span<Buffer* const> sorted, std::uint32_t block_size, IoRequest::Kind kind,
              IoPurpose purpose);
  [[nodiscard]] std::span<const IoRequest> requests() const { return requests_; }

 private:
  std::vector<std::span<std::byte>> buffers_;
  std::vector<IoRequest> requests_;
};

}  // namespace spindle
