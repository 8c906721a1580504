#include "marked_device.h"

#include <algorithm>
#include <mutex>

namespace spindle {

Result<> MarkedDevice::make_mark_durable() {
  if (is_mark_durable_) return {};
  const std::lock_guard guard(lock_);
  if (is_mark_durable_) return {};
  TRY(backing_.flush());
  is_mark_durable_ = true;
  return {};
}

Result<> MarkedDevice::submit(std::span<const IoRequest> batch) {
  const auto writes = [](const IoRequest& request) {
    return request.kind == IoRequest::Kind::kWrite;
  };
  if (!is_mark_durable_ && std::ranges::any_of(batch, writes)) TRY(make_mark_durable());
  return backing_.submit(batch);
}

Result<> MarkedDevice::flush() {
  return is_mark_durable_ ? backing_.flush() : Result<>{};
}

Result<> MarkedDevice::discard(Run run) {
  TRY(make_mark_durable());
  return backing_.discard(run);
}

}  // namespace spindle
