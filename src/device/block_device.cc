#include "spindle/device/block_device.h"

namespace spindle {

std::uint64_t IoRequest::bytes() const {
  std::uint64_t total = 0;
  for (const auto& buffer : buffers) total += buffer.size();
  return total;
}

std::string_view io_purpose_name(IoPurpose purpose) {
  constexpr std::string_view kNames[] = {"data", "metadata", "journal", "read-ahead", "write-back"};
  static_assert(std::size(kNames) == kIoPurposes);
  return kNames[static_cast<std::size_t>(purpose)];
}

Result<> BlockDevice::discard(Run run) {
  return check_run(*this, run);
}

Result<> BlockDevice::read(BlockNo start, std::span<std::byte> into, IoPurpose purpose) {
  const IoRequest request{IoRequest::Kind::kRead, start, {&into, 1}, purpose};
  return submit({&request, 1});
}

Result<> BlockDevice::write(BlockNo start, std::span<const std::byte> from, IoPurpose purpose) {
  // A request has one type of buffer for both directions; a write never changes it.
  const std::span<std::byte> buffer{const_cast<std::byte*>(from.data()), from.size()};
  const IoRequest request{IoRequest::Kind::kWrite, start, {&buffer, 1}, purpose};
  return submit({&request, 1});
}

Result<> check_run(const BlockDevice& device, Run run) {
  const std::uint64_t count = device.block_count();
  if (run.start.value > count || run.length > count - run.start.value)
    return Error{EINVAL, "the blocks lie outside of the device", Subject::block(run.start)};
  return {};
}

Result<> check_request(const BlockDevice& device, const IoRequest& request) {
  const std::uint64_t block_size = device.block_size();
  std::uint64_t bytes = 0;
  for (const auto& buffer : request.buffers) {
    if (buffer.size() % block_size != 0)
      return Error{EINVAL, "a buffer is not a whole number of blocks",
                   Subject::block(request.start)};
    bytes += buffer.size();
  }
  return check_run(device, {request.start, bytes / block_size});
}

}  // namespace spindle
