#include "spindle/fs/file_system.h"

#include <algorithm>

#include "spindle/format/mount_mark.h"
#include "spindle/journal/replay.h"
#include "superblock_io.h"
#include "volume.h"

namespace spindle {
namespace {

/// Brings the volume to its last durable state. If it may not write, the log must be empty.
Result<ReplayReport> replay_log(BlockDevice& device, const format::Layout& layout, bool read_only) {
  if (read_only && TRY(read_log(device, layout)).empty()) return ReplayReport{};
  Result<ReplayReport> replayed = replay(device, layout);
  if (replayed.code() == EROFS) {
    return Error{EROFS, "the log has to be replayed, but the device is read-only"};
  }
  return replayed;
}

Result<> begin_mount(Volume& volume) {
  format::Superblock& superblock = volume.superblock;
  superblock.state = superblock.state & ~static_cast<std::uint32_t>(format::kClean);
  superblock.mount_count += 1;
  superblock.last_mount_seconds = static_cast<std::uint64_t>(volume.now().seconds);
  format::mark_mounted(superblock);
  TRY(volume.write_superblock());
  return volume.options.others_see_unflushed ? Result<>{} : volume.device.make_mark_durable();
}

}  // namespace

FileSystem::FileSystem(std::unique_ptr<Volume> volume) : volume_(std::move(volume)) {}
FileSystem::~FileSystem() = default;

Result<std::unique_ptr<FileSystem>> FileSystem::mount(BlockDevice& device,
                                                      const BufferCache::Options& cache_options,
                                                      Options options) {
  const format::Superblock superblock = TRY(read_superblock(device));
  const format::Layout layout = TRY(format::Layout::of(superblock));
  if (device.block_size() != layout.block_size) {
    return Error{EINVAL, "the device is opened with another block size than the volume's"};
  }
  if (device.block_count() < layout.block_count) {
    return corrupt("the device is smaller than its volume");
  }
  TRY(format::check_not_mounted(superblock, options.image));
  const ReplayReport replayed = TRY(replay_log(device, layout, options.read_only));
  auto volume = TRY(Volume::prepare(device, superblock, std::move(options)));
  if (!replayed.mismatched.empty()) {
    volume->report("replay: block " + std::to_string(replayed.mismatched.front().value) +
                   " does not come out as it was sealed; fsck should look");
  }
  if (!volume->options.read_only) TRY(begin_mount(*volume));
  TRY(volume->start(cache_options));
  return std::unique_ptr<FileSystem>(new FileSystem(std::move(volume)));
}

Result<> FileSystem::unmount() {
  Volume& volume = *volume_;
  TRY(volume.close());
  if (volume.options.read_only) return {};
  format::Superblock& superblock = volume.superblock;
  superblock.state = superblock.state | format::kClean;
  superblock.last_write_seconds = static_cast<std::uint64_t>(volume.now().seconds);
  format::clear_mark(superblock);
  TRY(volume.write_superblock());
  return volume.device.is_mark_durable() ? volume.device.flush() : Result<>{};
}

const format::Superblock& FileSystem::superblock() const {
  return volume_->superblock;
}

const format::Layout& FileSystem::layout() const {
  return volume_->layout;
}

BufferCache& FileSystem::cache() {
  return *volume_->cache;
}

Journal& FileSystem::journal() {
  return *volume_->journal;
}

SpaceManager& FileSystem::space_manager() {
  return *volume_->space;
}

bool FileSystem::is_read_only() const {
  return !volume_->writable().ok();
}

const std::optional<Error>& FileSystem::failure() const {
  return volume_->failure;
}

const std::vector<FileSystem::RecentError>& FileSystem::recent_errors() const {
  return volume_->recent_errors;
}

std::string_view FileSystem::last_error() const {
  const auto& errors = volume_->recent_errors;
  return errors.empty() ? std::string_view() : std::string_view(errors.back().text);
}

FileSystem::Statistics FileSystem::statistics() const {
  return {.referenced_nodes = volume_->nodes.size() - volume_->nodes.idle(),
          .cached_nodes = volume_->nodes.size(),
          .nameless_nodes = volume_->orphans.size(),
          .conversions = volume_->conversions};
}

Result<Space> FileSystem::space() {
  // Deleted files that are on their way to be freed count as free: df agrees with what `rm` said.
  const OrphanList::Owed owed = volume_->orphans.owed();
  const SpaceStatistics now = volume_->space->statistics();
  const std::uint64_t free_blocks = std::min(now.blocks, now.free_blocks + owed.blocks);
  return Space{.block_size = volume_->layout.block_size,
               .blocks = now.blocks,
               .free_blocks = free_blocks,
               .available_blocks = free_blocks,
               .files = now.inodes,
               .free_files = now.free_inodes + owed.inodes,
               .name_length = kMaxNameLength};
}

}  // namespace spindle
