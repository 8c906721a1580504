#include <array>

#include "file_content.h"
#include "volume.h"

namespace spindle {
namespace {

constexpr std::array<std::byte, 65536> kZeroBytes{};
constexpr std::uint64_t kFirstWindow = 128u << 10;
constexpr std::uint64_t kLargestWindow = 2u << 20;

using Pieces = std::vector<std::span<const std::byte>>;

void add_zeros(Pieces& pieces, std::uint64_t count) {
  while (count > 0) {
    const std::size_t part = std::min<std::uint64_t>(count, kZeroBytes.size());
    pieces.push_back(std::span(kZeroBytes).first(part));
    count -= part;
  }
}

/// Adds the content of the run's blocks, `skip` bytes left out at the front, `count` bytes in all.
Result<> add_blocks_content(const Content& content, Run run, std::uint64_t skip,
                            std::uint64_t count, Pieces& pieces,
                            std::vector<std::vector<BlockRef>>& pins) {
  while (run.length > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(run.length, BufferCache::kMaxRange);
    pins.push_back(TRY(content.volume.cache->read_range({run.start, part})));
    for (const BlockRef& block : pins.back()) {
      const auto bytes = block.bytes().subspan(content.content_offset, content.content_size);
      const std::size_t length = std::min<std::uint64_t>(count, bytes.size() - skip);
      pieces.push_back(bytes.subspan(skip, length));
      count -= length;
      skip = 0;
    }
    run = {run.start + part, run.length - part};
  }
  return {};
}

/// Doubles the window as long as reads follow one another, and keeps it full.
Result<> follow_reading(const Content& content, std::uint64_t offset, std::uint64_t size) {
  ReadAheadState& state = content.node.read_ahead;
  const std::uint64_t end = offset + size;
  const bool is_sequential = offset == state.next && offset != 0;
  const bool is_start = offset == 0;
  state.next = end;
  if (!is_sequential && !is_start) {
    state.window = 0;
    state.done = 0;
    return {};
  }
  if (is_start) state.done = 0;
  if (state.done > end + state.window / 2 || end >= content.node.inode.size) return {};
  state.window = std::clamp(state.window * 2, kFirstWindow, kLargestWindow);
  const std::uint64_t from = std::max(end, state.done);
  state.done = end + state.window;
  // Blocks that carry their own links cannot be found without being read: there the neighbours are
  // a good guess, since a chain that was written in one go stands in one run.
  if (content.content_offset != 0) {
    const Extent last = TRY(content.find(content.block_of(end - 1), 1));
    const BlockNo next = last.block + 1;
    const std::uint64_t blocks = state.window / content.content_size;
    if (!last.is_hole() && next + blocks <= BlockNo{content.volume.layout.block_count}) {
      content.volume.cache->read_ahead({next, blocks});
    }
    return {};
  }
  return content.read_ahead(from, state.done - from);
}

}  // namespace

Result<> Content::read_ahead(std::uint64_t from, std::uint64_t window) const {
  const std::uint64_t end = std::min<std::uint64_t>(from + window, node.inode.size);
  const FileBlock last{blocks_for(end)};
  std::vector<Run> runs;
  for (FileBlock at = block_of(from); at < last;) {
    const Extent piece = TRY(find(at, last - at));
    if (!piece.is_hole() && !piece.unwritten) runs.push_back({piece.block, piece.length});
    at += piece.length;
  }
  volume.cache->read_ahead(runs);
  return {};
}

Result<> read_content(Volume& volume, Node& node, std::uint64_t offset, std::size_t size,
                      const Tree::Take& take) {
  const std::uint64_t end_of_file = node.inode.size;
  if (offset >= end_of_file || size == 0) {
    take({});
    return {};
  }
  const Content content = TRY(Content::of(volume, node));
  const std::uint64_t end = offset + std::min<std::uint64_t>(size, end_of_file - offset);
  const FileBlock last{content.blocks_for(end)};
  const FrameReservation frames = volume.cache->reserve(last - content.block_of(offset));
  Pieces pieces;
  std::vector<std::vector<BlockRef>> pins;
  for (std::uint64_t at = offset; at < end;) {
    const FileBlock block = content.block_of(at);
    const Extent extent = TRY(content.find(block, last - block));
    content.trace_mapping(extent);
    const std::uint64_t until = std::min(end, content.start_of(block + extent.length));
    if (extent.is_hole() || extent.unwritten) {
      add_zeros(pieces, until - at);
    } else {
      TRY(add_blocks_content(content, {extent.block, extent.length}, at - content.start_of(block),
                             until - at, pieces, pins));
    }
    at = until;
  }
  if (node.is_regular()) TRY(follow_reading(content, offset, end - offset));
  take(pieces);
  return {};
}

}  // namespace spindle
