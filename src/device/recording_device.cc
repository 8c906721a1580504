#include "spindle/device/recording_device.h"

#include <utility>

namespace spindle {

RecordingDevice::RecordingDevice(BlockDevice& backing)
    : backing_(backing),
      recording_{.block_size = backing.block_size(), .block_count = backing.block_count()} {}

void RecordingDevice::enter(RecordedEvent event) {
  recording_.events.push_back(std::move(event));
  if (observer_) observer_(recording_.events.back());
}

Result<> RecordingDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) TRY(check_request(*this, request));
  std::vector<std::size_t> writes;
  for (const IoRequest& request : batch) {
    if (request.kind == IoRequest::Kind::kRead) continue;
    RecordedEvent event{.kind = RecordedEvent::Kind::kWrite, .purpose = request.purpose};
    event.run = {request.start, request.bytes() / block_size()};
    event.data.reserve(request.bytes());
    for (const auto& buffer : request.buffers)
      event.data.insert(event.data.end(), buffer.begin(), buffer.end());
    writes.push_back(events());
    enter(std::move(event));
  }
  TRY(backing_.submit(batch));
  for (const std::size_t index : writes) recording_.events[index].moment = ++now_;
  return {};
}

Result<> RecordingDevice::flush() {
  const std::uint64_t began = ++now_;
  TRY(backing_.flush());
  enter({.kind = RecordedEvent::Kind::kFlush, .moment = began});
  return {};
}

Result<> RecordingDevice::discard(Run run) {
  TRY(check_run(*this, run));
  const std::size_t index = events();
  enter({.kind = RecordedEvent::Kind::kDiscard, .run = run});
  TRY(backing_.discard(run));
  recording_.events[index].moment = ++now_;
  return {};
}

}  // namespace spindle
