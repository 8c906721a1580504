#include "journal/log_writer.h"

#include <algorithm>

#include "spindle/thread/thread.h"

namespace spindle {
namespace {

/// How much of the log the host is made to find room for at a time.
constexpr std::uint64_t kReadyBytes = 256 * 1024;

}  // namespace

Result<> LogWriter::write(std::span<std::byte> entry) {
  TRY(log::transfer(device_, layout_, IoRequest::Kind::kWrite, head_block_, entry));
  const std::uint64_t blocks = entry.size() / layout_.block_size;
  head_block_ = (head_block_ + blocks) % log::area(layout_).length;
  written_blocks_ += blocks;
  return {};
}

Result<> LogWriter::write_tail(EpochNo limit) {
  const auto kept = std::ranges::find_if(entries_, [&](const Entry& e) { return e.epoch > limit; });
  const std::uint64_t start = kept == entries_.end() ? head_block_ : kept->start;
  tail_ = log::moved(tail_, start, limit.value + 1);
  return log::write_tail(device_, layout_, tail_);
}

std::uint64_t LogWriter::drop(EpochNo limit) {
  std::uint64_t blocks = 0;
  for (; reaches(limit); entries_.pop_front()) blocks += entries_.front().blocks;
  return blocks;
}

void LogWriter::make_ready() {
  const Run ring = log::area(layout_);
  const std::uint64_t chunk = std::max<std::uint64_t>(1, kReadyBytes / layout_.block_size);
  ready_blocks_ = std::max(ready_blocks_, written_blocks_);
  const std::uint64_t ahead = ready_blocks_ - written_blocks_;
  if (ready_blocks_ >= ring.length || ahead > chunk / 4) return;
  thread::yield();
  const std::uint64_t at = (head_block_ + ahead) % ring.length;
  const std::uint64_t length = std::min({chunk, ring.length - at, ring.length - ready_blocks_});
  device_.fill_holes({ring.start + at, length});
  ready_blocks_ += length;
}

}  // namespace spindle
