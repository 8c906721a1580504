#include "journal/log_area.h"
#include "journal/replayer.h"
#include "spindle/device/overlay_device.h"

namespace spindle {
namespace {

Result<> tell_headers(ReplayStory& story, BlockDevice& device, const format::Layout& layout) {
  const log::Headers headers = TRY(log::read_headers(device, layout));
  for (std::size_t i = 0; i < headers.size(); ++i) {
    story.headers[i].block = layout.journal.start + i;
    if (!headers[i]) continue;
    story.headers[i] = {story.headers[i].block, true, headers[i]->writes, headers[i]->block,
                        headers[i]->epoch};
    const auto& counting = story.headers[story.counts];
    if (!counting.is_good || headers[i]->writes > counting.writes) story.counts = i;
  }
  return {};
}

/// Tells what stands where the next entry would be.
Result<> tell_end(ReplayStory& story, BlockDevice& device, const format::Layout& layout) {
  const auto& tail = story.headers[story.counts];
  std::uint64_t used = 0;
  for (const LogEntry& entry : story.entries)
    used += log::blocks_for(entry.bytes, layout.block_size);
  story.log_blocks = log::area(layout).length;
  story.end_block = (tail.tail_block + used) % story.log_blocks;
  if (used >= story.log_blocks) {
    story.end = LogEnd::kWholeRing;
    return {};
  }
  const format::LogHead head = TRY(log::read_head(device, layout, story.end_block));
  if (head.magic != format::kLogMagic) return {};
  story.found_epoch = head.epoch;
  const std::uint64_t left = (story.log_blocks - used) * layout.block_size;
  story.end = head.epoch != tail.tail_epoch + story.entries.size() ? LogEnd::kOtherEpoch
              : !log::is_possible_length(head.length, left)        ? LogEnd::kBadLength
                                                                   : LogEnd::kBadChecksum;
  return {};
}

}  // namespace

Result<ReplayStory> tell_replay(BlockDevice& device, const format::Layout& layout) {
  ReplayStory story;
  TRY(tell_headers(story, device, layout));
  story.entries = TRY(read_log(device, layout));
  TRY(tell_end(story, device, layout));
  OverlayDevice scratch(device);
  story.report = TRY(replay_into(story, scratch, layout));
  return story;
}

}  // namespace spindle
