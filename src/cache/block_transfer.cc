#include "block_transfer.h"

#include "spindle/base/check.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

struct TransferWaiter : thread::WaitNode {
  std::optional<Error> error;
};

/// How many of the first buffers make one request.
std::size_t request_length(std::span<Buffer* const> sorted, std::size_t most) {
  std::size_t length = 1;
  while (length < sorted.size() && length < most &&
         sorted[length]->block == sorted[0]->block + length) {
    ++length;
  }
  return length;
}

}  // namespace

std::optional<Error> BlockTransfer::wait() {
  // Outside of a runtime every transfer is finished before anybody can look at it.
  CHECK(thread::current_thread::exists());
  TransferWaiter waiter;
  waiters.enqueue(waiter);
  thread::WaitQueue::park(waiter);
  return waiter.error;
}

void BlockTransfer::finish(const std::optional<Error>& error) {
  while (auto* waiter = static_cast<TransferWaiter*>(waiters.front())) {
    waiter->error = error;
    waiters.wake(*waiter);
  }
}

RequestList::RequestList(std::span<Buffer* const> sorted, std::uint32_t block_size,
                         IoRequest::Kind kind, IoPurpose purpose) {
  // Requests point into buffers_, so it must not move any more once the first of them is made.
  buffers_.reserve(sorted.size());
  const std::size_t most = kMaxRequestBytes / block_size;
  while (!sorted.empty()) {
    const std::size_t length = request_length(sorted, most);
    const std::size_t first = buffers_.size();
    for (Buffer* buffer : sorted.first(length)) {
      // Frames that are neighbours in memory, too, are handed over as one piece.
      if (buffers_.size() > first &&
          buffers_.back().data() + buffers_.back().size() == buffer->bytes) {
        buffers_.back() = {buffers_.back().data(), buffers_.back().size() + block_size};
      } else {
        buffers_.emplace_back(buffer->bytes, block_size);
      }
    }
    requests_.push_back(
        IoRequest{.kind = kind,
                  .start = sorted[0]->block,
                  .buffers = std::span(buffers_).subspan(first, buffers_.size() - first),
                  .purpose = purpose});
    sorted = sorted.subspan(length);
  }
}

}  // namespace spindle
