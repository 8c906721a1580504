// A batch of requests as the kernel takes it: few readv/writev calls, each over one run of bytes.
//
// Requests that stand next to each other on the device and go in the same direction become one
// transfer, up to the kernel's limit of buffers. A TransferPlan owns the vectors; it points into
// the caller's buffers, which must outlive it. Small plans live wholly inside the object.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

struct Transfer {
  IoRequest::Kind kind = IoRequest::Kind::kRead;
  std::uint64_t offset = 0;  ///< bytes from the start of the device
  std::uint64_t bytes = 0;   ///< still to be moved
  std::span<iovec> vectors;  ///< still to be moved

  /// Takes note that the kernel moved the first `count` bytes.
  void advance(std::uint64_t count);
};

class TransferPlan {
 public:
  /// Every request has passed check_request.
  TransferPlan(std::uint32_t block_size, std::span<const IoRequest> batch);
  TransferPlan(const TransferPlan&) = delete;
  TransferPlan& operator=(const TransferPlan&) = delete;

  [[nodiscard]] std::span<Transfer> transfers() { return transfers_; }

 private:
  void add(const IoRequest& request);

  std::array<std::byte, 768> storage_;
  std::pmr::monotonic_buffer_resource memory_{storage_.data(), storage_.size()};
  std::pmr::vector<iovec> vectors_{&memory_};
  std::pmr::vector<Transfer> transfers_{&memory_};
  std::uint32_t block_size_;
};

}  // namespace spindle
