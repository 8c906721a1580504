#include "journal/journal_core.h"
#include "spindle/journal/transaction.h"

namespace spindle {

Result<BlockRef> read_metadata(BufferCache& cache, std::uint64_t volume_seed, BlockNo block,
                               format::BlockKind kind) {
  if (block.value >= cache.device().block_count()) {
    return corrupt("the block would lie outside of the volume", Subject::block(block));
  }
  BlockRef frame = TRY(cache.read(block, IoPurpose::kMetadata));
  const auto wanted = static_cast<std::uint16_t>(kind);
  const std::uint16_t verified = cache.verified_kind(frame);
  if (verified == wanted) return frame;
  // A frame that was verified before may have changes that are not sealed yet.
  if (verified != 0) {
    return corrupt("it is a metadata block of another kind", Subject::block(block));
  }
  TRY(format::verify_block(frame.bytes(), kind, volume_seed, block));
  cache.set_verified_kind(frame, wanted);
  return frame;
}

Result<BlockView> CachedReader::read(BlockNo block, format::BlockKind kind) {
  BlockRef frame = TRY(read_metadata(cache_, seed_, block, kind));
  const auto bytes = frame.bytes();
  return BlockView{std::move(frame), bytes};
}

Result<BlockView> CachedReader::read_data(BlockNo block) {
  if (block.value >= cache_.device().block_count()) {
    return corrupt("the block would lie outside of the volume", Subject::block(block));
  }
  BlockRef frame = TRY(cache_.read(block, IoPurpose::kData));
  const auto bytes = frame.bytes();
  return BlockView{std::move(frame), bytes};
}

}  // namespace spindle
