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

// Adds the content of the run's blocks, `skip` bytes left out at the front, `count` bytes in all.
Result<> add_blocks_content(Volume& volume, const ContentShape& shape, Run run, std::uint64_t skip,
                            std::uint64_t count, Pieces& pieces,
                            std::vector<std::vector<BlockRef>>& pins) {
  while (run.length > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(run.length, BufferCache::kMaxRange);
    pins.push_back(TRY(volume.cache->read_range({run.start, part})));
    for (const BlockRef& block : pins.back()) {
      const auto content = block.bytes().subspan(shape.content_offset, shape.content_size);
      const std::size_t length = std::min<std::uint64_t>(count, content.size() - skip);
      pieces.push_back(content.subspan(skip, length));
      count -= length;
      skip = 0;
    }
    run = {run.start + part, run.length - part};
  }
  return {};
}

// Doubles the window as long as reads follow one another, and keeps it full.
Result<> read_ahead(Volume& volume, Node& node, const ContentShape& shape, std::uint64_t offset,
                    std::uint64_t size) {
  ReadAheadState& state = node.read_ahead;
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
  if (state.done > end + state.window / 2 || end >= node.inode.size) return {};
  state.window = std::clamp(state.window * 2, kFirstWindow, kLargestWindow);
  const std::uint64_t from = std::max(end, state.done);
  state.done = end + state.window;
  // Blocks that carry their own links cannot be found without being read: there the neighbours are
  // a good guess, since a chain that was written in one go stands in one run.
  if (shape.content_offset != 0) {
    const Extent last = TRY(shape.map->find(*volume.reader, *volume.space,
                                            map_to_read(volume, node), shape.block_of(end - 1), 1));
    const BlockNo next = last.block + 1;
    const std::uint64_t blocks = state.window / shape.content_size;
    if (!last.is_hole() && next + blocks <= BlockNo{volume.layout.block_count}) {
      volume.cache->read_ahead({next, blocks});
    }
    return {};
  }
  return read_content_ahead(volume, node, shape, from, state.done - from);
}

}  // namespace

Result<> read_content_ahead(Volume& volume, Node& node, const ContentShape& shape,
                            std::uint64_t from, std::uint64_t window) {
  const std::uint64_t end = std::min<std::uint64_t>(from + window, node.inode.size);
  const FileBlock last{shape.blocks_for(end)};
  std::vector<Run> runs;
  for (FileBlock at = shape.block_of(from); at < last;) {
    const Extent piece = TRY(
        shape.map->find(*volume.reader, *volume.space, map_to_read(volume, node), at, last - at));
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
  const ContentShape shape = TRY(content_shape(volume, node));
  const std::uint64_t end = offset + std::min<std::uint64_t>(size, end_of_file - offset);
  const FileBlock last{shape.blocks_for(end)};
  const FrameReservation frames = volume.cache->reserve(last - shape.block_of(offset));
  Pieces pieces;
  std::vector<std::vector<BlockRef>> pins;
  const MapFile file = map_to_read(volume, node);
  for (std::uint64_t at = offset; at < end;) {
    const FileBlock block = shape.block_of(at);
    const Extent extent =
        TRY(shape.map->find(*volume.reader, *volume.space, file, block, last - block));
    trace_mapping(*shape.map, node, extent);
    const std::uint64_t until = std::min(end, shape.start_of(block + extent.length));
    if (extent.is_hole() || extent.unwritten) {
      add_zeros(pieces, until - at);
    } else {
      TRY(add_blocks_content(volume, shape, {extent.block, extent.length},
                             at - shape.start_of(block), until - at, pieces, pins));
    }
    at = until;
  }
  if (node.is_regular()) TRY(read_ahead(volume, node, shape, offset, end - offset));
  take(pieces);
  return {};
}

}  // namespace spindle
