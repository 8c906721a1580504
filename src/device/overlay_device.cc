#include "spindle/device/overlay_device.h"

#include <cstring>
#include <vector>

namespace spindle {
namespace {

/// Calls `visit(block number, bytes of that block)` for each block of the request.
template <class Visit>
void for_each_block(const IoRequest& request, std::uint32_t block_size, Visit&& visit) {
  BlockNo block = request.start;
  for (const auto& buffer : request.buffers) {
    for (std::size_t at = 0; at < buffer.size(); at += block_size, ++block)
      visit(block, buffer.subspan(at, block_size));
  }
}

}  // namespace

Result<> OverlayDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) TRY(check_request(*this, request));
  for (const IoRequest& request : batch) {
    if (request.kind == IoRequest::Kind::kWrite)
      keep(request);
    else
      TRY(fetch(request));
  }
  return {};
}

void OverlayDevice::keep(const IoRequest& request) {
  for_each_block(request, block_size(), [&](BlockNo block, std::span<std::byte> bytes) {
    auto& copy = blocks_[block];
    if (!copy) copy = std::make_unique<std::byte[]>(block_size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
  });
}

Result<> OverlayDevice::fetch(const IoRequest& request) {
  return touches_overlay(request) ? fetch_mixed(request) : backing_.submit({&request, 1});
}

bool OverlayDevice::touches_overlay(const IoRequest& request) const {
  if (blocks_.empty()) return false;
  bool touches = false;
  for_each_block(request, block_size(), [&](BlockNo block, std::span<std::byte>) {
    touches = touches || blocks_.contains(block);
  });
  return touches;
}

Result<> OverlayDevice::fetch_mixed(const IoRequest& request) {
  // Blocks that were written are never read from the base, which may be unable to read them.
  std::vector<std::span<std::byte>> pending;
  BlockNo pending_start;
  Result<> outcome;
  const auto fetch_pending = [&] {
    if (pending.empty() || !outcome.ok()) return;
    const IoRequest part{IoRequest::Kind::kRead, pending_start, pending, request.purpose};
    outcome = backing_.submit({&part, 1});
    pending.clear();
  };
  for_each_block(request, block_size(), [&](BlockNo block, std::span<std::byte> bytes) {
    const auto found = blocks_.find(block);
    if (found != blocks_.end()) {
      fetch_pending();
      std::memcpy(bytes.data(), found->second.get(), bytes.size());
      return;
    }
    if (pending.empty()) pending_start = block;
    pending.push_back(bytes);
  });
  fetch_pending();
  return outcome;
}

}  // namespace spindle
