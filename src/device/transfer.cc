#include "device/transfer.h"

#include <algorithm>
#include <climits>

namespace spindle {
namespace {

bool comes_before(const IoRequest& a, const IoRequest& b) {
  return a.kind != b.kind ? a.kind < b.kind : a.start < b.start;
}

}  // namespace

void Transfer::advance(std::uint64_t count) {
  offset += count;
  bytes -= count;
  while (count != 0) {
    iovec& first = vectors.front();
    if (count < first.iov_len) {
      first.iov_base = static_cast<std::byte*>(first.iov_base) + count;
      first.iov_len -= count;
      return;
    }
    count -= first.iov_len;
    vectors = vectors.subspan(1);
  }
}

TransferPlan::TransferPlan(std::uint32_t block_size, std::span<const IoRequest> batch)
    : block_size_(block_size) {
  std::size_t buffers = 0;
  for (const IoRequest& request : batch) buffers += request.buffers.size();
  // Transfers point into the vectors, which therefore must never move.
  vectors_.reserve(buffers);
  transfers_.reserve(batch.size());
  if (std::is_sorted(batch.begin(), batch.end(), comes_before)) {
    for (const IoRequest& request : batch) add(request);
    return;
  }
  std::pmr::vector<const IoRequest*> order{&memory_};
  order.reserve(batch.size());
  for (const IoRequest& request : batch) order.push_back(&request);
  std::ranges::stable_sort(order, [](auto* a, auto* b) { return comes_before(*a, *b); });
  for (const IoRequest* request : order) add(*request);
}

void TransferPlan::add(const IoRequest& request) {
  std::uint64_t offset = request.start.value * block_size_;
  for (const auto& buffer : request.buffers) {
    if (buffer.empty()) continue;
    Transfer* last = transfers_.empty() ? nullptr : &transfers_.back();
    const bool joins = last != nullptr && last->kind == request.kind &&
                       last->offset + last->bytes == offset && last->vectors.size() < IOV_MAX;
    vectors_.push_back({buffer.data(), buffer.size()});
    if (!joins) last = &transfers_.emplace_back(Transfer{request.kind, offset, 0, {}});
    last->vectors = {&vectors_.back() - last->vectors.size(), last->vectors.size() + 1};
    last->bytes += buffer.size();
    offset += buffer.size();
  }
}

}  // namespace spindle
