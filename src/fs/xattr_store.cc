// Writing the string of an inode's extended attributes into its chain of blocks.
#include <algorithm>
#include <cstring>

#include "fs/directory.h"
#include "fs/xattr_chain.h"

namespace spindle {

using format::BlockKind;
using format::XattrHead;

namespace {

/// The blocks as runs, those in a row together.
std::vector<Run> runs_of(std::span<const BlockNo> blocks) {
  std::vector<Run> runs;
  for (const BlockNo block : blocks) {
    if (!runs.empty() && runs.back().end() == block) {
      ++runs.back().length;
    } else {
      runs.push_back({block, 1});
    }
  }
  return runs;
}

void fill(std::span<std::byte> block, std::string_view bytes, BlockNo next) {
  auto& head = format::at<XattrHead>(block, format::kHeaderSize);
  head.next = next.value;
  head.used = static_cast<std::uint32_t>(bytes.size());
  const auto content = block.subspan(kXattrStringStart);
  std::memcpy(content.data(), bytes.data(), bytes.size());
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(bytes.size()), content.end(),
            std::byte{0});
}

}  // namespace

// The part of the string that stands in the chain's block `index`.
std::string_view XattrChain::part(std::string_view bytes, std::size_t index) const {
  const std::size_t size = format::xattr_bytes_per_block(file_.space.layout().block_size);
  return bytes.substr(std::min(bytes.size(), index * size), size);
}

// Whether the chain's block `index` is to be written, if the chain is to have `count` blocks.
bool XattrChain::changes(const Chain& old, std::string_view bytes, std::size_t index,
                         std::size_t count) const {
  const bool was_last = index + 1 == old.blocks.size();
  const bool is_last = index + 1 == count;
  return was_last != is_last || old.parts[index] != part(bytes, index);
}

std::size_t XattrChain::blocks_for(std::size_t bytes) const {
  const std::size_t size = format::xattr_bytes_per_block(file_.space.layout().block_size);
  return (bytes + size - 1) / size;
}

// What storing the string would log.
std::size_t XattrChain::cost(const Chain& old, std::string_view bytes) const {
  const std::size_t count = blocks_for(bytes.size());
  const std::size_t kept = std::min(count, old.blocks.size());
  std::size_t written = count - kept;
  for (std::size_t i = 0; i < kept; ++i) written += changes(old, bytes, i, count);
  const auto surplus = runs_of(std::span(old.blocks).subspan(kept));
  return written * log_cost::block(file_.space.layout().block_size) +
         (count - kept) * log_cost::kAllocate + surplus.size() * log_cost::kFree;
}

Result<> XattrChain::grow(Transaction& tx, std::vector<BlockNo>& blocks, std::size_t count) {
  while (blocks.size() < count) {
    const BlockNo hint = blocks.empty() ? file_.hint : blocks.back() + 1;
    const Run run = TRY(file_.space.allocate(tx, {.want = count - blocks.size(), .hint = hint}));
    for (std::uint64_t i = 0; i < run.length; ++i) blocks.push_back(run.start + i);
  }
  return {};
}

Result<> XattrChain::store(Transaction& tx, const Chain& old, std::string_view bytes) {
  if (bytes.size() > kMaxXattrTotal) {
    return Error{ENOSPC, "the file has too many extended attributes", Subject::inode(file_.inode)};
  }
  const std::size_t needed = cost(old, bytes);
  if (needed > file_.log_budget) {
    file_.log_budget = needed;
    return Error{kNeedsRoom, "more must be logged than was reserved", Subject::inode(file_.inode)};
  }
  const std::size_t count = blocks_for(bytes.size());
  const std::size_t kept = std::min(count, old.blocks.size());
  std::vector<BlockNo> blocks(old.blocks.begin(),
                              old.blocks.begin() + static_cast<std::ptrdiff_t>(kept));
  TRY(grow(tx, blocks, count));
  for (std::size_t i = 0; i < count; ++i) {
    if (i < kept && !changes(old, bytes, i, count)) continue;
    const auto block = i < kept ? TRY(tx.edit_block(blocks[i], BlockKind::kXattr))
                                : TRY(tx.create_block(blocks[i], BlockKind::kXattr, file_.inode));
    fill(block, part(bytes, i), i + 1 < count ? blocks[i + 1] : kNoBlock);
  }
  for (const Run& run : runs_of(std::span(old.blocks).subspan(kept))) {
    TRY(file_.space.free(tx, run));
  }
  file_.first_block = blocks.empty() ? kNoBlock : blocks.front();
  file_.block_delta +=
      static_cast<std::int64_t>(count) - static_cast<std::int64_t>(old.blocks.size());
  return {};
}

}  // namespace spindle
