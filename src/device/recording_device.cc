#include "spindle/device/recording_device.h"

#include <utility>

namespace spindle {
namespace {

WriteLog empty_log(const BlockDevice& device) {
  WriteLog log;
  log.block_size = device.block_size();
  log.block_count = device.block_count();
  return log;
}

}  // namespace

void WriteLog::enter(const WriteEvent& event, std::span<const std::span<std::byte>> content) {
  std::vector<std::byte> bytes;
  bytes.reserve(event.kind == WriteEvent::Kind::kWrite ? event.run.length * block_size : 0);
  for (const auto& part : content) bytes.insert(bytes.end(), part.begin(), part.end());
  events.push_back(event);
  contents.push_back(std::move(bytes));
  if (observer) observer(event);
}

RecordingDevice::RecordingDevice(BlockDevice& backing)
    : backing_(backing), log_(empty_log(backing)), sink_(log_) {}

RecordingDevice::RecordingDevice(BlockDevice& backing, WriteSink& sink)
    : backing_(backing), log_(empty_log(backing)), sink_(sink) {}

void RecordingDevice::restart() {
  log_.events.clear();
  log_.contents.clear();
  events_ = 0;
}

std::size_t RecordingDevice::enter(const WriteEvent& event,
                                   std::span<const std::span<std::byte>> content) {
  sink_.enter(event, content);
  return events_++;
}

Result<> RecordingDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) {
    TRY(check_request(*this, request));
    if (request.kind != IoRequest::Kind::kWrite) continue;
    sink_.before(backing_, {request.start, request.bytes() / block_size()});
  }
  std::vector<std::size_t> writes;
  for (const IoRequest& request : batch) {
    if (request.kind == IoRequest::Kind::kRead) continue;
    const Run run{request.start, request.bytes() / block_size()};
    writes.push_back(enter({WriteEvent::Kind::kWrite, request.purpose, run, WriteEvent::kNever},
                           request.buffers));
  }
  TRY(backing_.submit(batch));
  for (const std::size_t index : writes) sink_.complete(index, ++now_);
  return {};
}

Result<> RecordingDevice::flush() {
  const std::uint64_t began = ++now_;
  TRY(backing_.flush());
  enter({.kind = WriteEvent::Kind::kFlush, .moment = began});
  return {};
}

Result<> RecordingDevice::discard(Run run) {
  TRY(check_run(*this, run));
  sink_.before(backing_, run);
  const std::size_t index = enter({.kind = WriteEvent::Kind::kDiscard, .run = run});
  TRY(backing_.discard(run));
  sink_.complete(index, ++now_);
  return {};
}

}  // namespace spindle
