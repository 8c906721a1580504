// BlockRows: blocks of one buffer on their way to or from the device, one request for each row of
// them that is adjacent on both sides.
//
//   BlockRows rows;
//   for (BlockNo block : blocks) rows.add(block, its_bytes);
//   TRY(rows.submit(device, IoRequest::Kind::kWrite, IoPurpose::kMetadata));
#pragma once

#include <span>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

class BlockRows {
 public:
  /// All blocks are of one size; the bytes must outlive `submit`.
  void add(BlockNo block, std::span<std::byte> bytes) {
    if (block == next_block_ && bytes.data() == next_byte_) {
      rows_.back() = {rows_.back().data(), rows_.back().size() + bytes.size()};
    } else {
      rows_.push_back(bytes);
      starts_.push_back(block);
    }
    next_block_ = block + 1;
    next_byte_ = bytes.data() + bytes.size();
  }

  Result<> submit(BlockDevice& device, IoRequest::Kind kind, IoPurpose purpose) const {
    std::vector<IoRequest> requests;
    requests.reserve(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      requests.push_back({kind, starts_[i], {&rows_[i], 1}, purpose});
    }
    if (requests.empty()) return {};
    return device.submit(requests);
  }

 private:
  std::vector<std::span<std::byte>> rows_;
  std::vector<BlockNo> starts_;
  BlockNo next_block_;  ///< what would lengthen the last row
  const std::byte* next_byte_ = nullptr;
};

}  // namespace spindle
