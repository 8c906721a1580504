#include "volume.h"

#include <algorithm>

#include "spindle/base/log.h"
#include "superblock_io.h"

namespace spindle {
namespace {

/// Whether somebody who reads last_error wants to know of it; nobody needs to hear that a name is
/// missing.
bool is_worth_telling(int code) {
  switch (code) {
    case ENOSPC:
    case EFBIG:
    case EUCLEAN:
    case EIO:
    case EMLINK:
    case EINVAL:
    case EROFS:
    case EOPNOTSUPP:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

Volume::Volume(BlockDevice& of, const format::Superblock& block, const format::Layout& place,
               FileSystem::Options with)
    : device(of),
      options(std::move(with)),
      superblock(block),
      layout(place),
      orphans(*this),
      pending_times(*this),
      nodes(
          options.cached_nodes, [this](InodeNo number) { return load_inode(number); },
          [this](NodeRef node) { orphans.abandon(std::move(node)); }),
      unmarked_device_(of) {}

Result<std::unique_ptr<Volume>> Volume::prepare(BlockDevice& device,
                                                const format::Superblock& superblock,
                                                FileSystem::Options options) {
  const format::Layout layout = TRY(format::Layout::of(superblock));
  return std::unique_ptr<Volume>(new Volume(device, superblock, layout, std::move(options)));
}

Result<> Volume::start(const BufferCache::Options& cache_options) {
  cache = TRY(BufferCache::create(device, cache_options));
  journal = TRY(Journal::open(
      *cache, layout,
      {.commit_interval_ns = options.commit_interval_ns, .data_in_log = options.data_in_log}));
  space = TRY(SpaceManager::open(*cache, *journal, layout, options.fit_policy));
  reader.emplace(*cache, layout.seed);
  journal->on_failure([this](const Error& error) {
    if (!failure) failure = error;
    remember("journal", error);
  });
  TRY(cache->start_write_back());

  const BlockView state = TRY(reader->read(layout.state(), format::BlockKind::kState));
  const auto& on_disk = state.at<format::State>(format::kHeaderSize);
  generation = on_disk.generation;
  if (options.read_only) return {};
  const InodeNo first_orphan{on_disk.orphan_head};
  TRY(orphans.load(first_orphan));
  return orphans.begin_recovery();
}

Volume::~Volume() {
  nodes.close();
  pending_times.stop();
  orphans.drain();
  orphans.drop_stuck();
  if (cache) cache->stop_write_back();
}

Result<> Volume::close() {
  Result<> written = options.read_only ? Result<>{} : pending_times.write_all();
  nodes.close();
  pending_times.stop();
  orphans.drain();
  orphans.drop_stuck();
  // Whoever still held a deleted file has gone with the mount. What cannot be freed now stays on
  // the list for the next one.
  if (writable().ok()) (void)told("free", orphans.recover());
  cache->stop_write_back();
  TRY(written);
  if (options.read_only) return {};
  // What was overwritten in place is in no transaction, so that the journal knows nothing of it.
  TRY(cache->flush_all());
  return journal->close();
}

Timestamp Volume::now() const {
  return options.clock ? options.clock() : wall_time();
}

Result<> Volume::writable() const {
  if (options.read_only) return Error{EROFS, "the volume is mounted read-only"};
  if (failure) {
    const bool has_words = *failure->what != '\0';
    return Error{EROFS, has_words ? failure->what : "the volume has failed", failure->subject};
  }
  return {};
}

Result<NodeRef> Volume::node(NodeId id) {
  const InodeNo number{id};
  if (!layout.is_inode(number)) return Error{EINVAL, "no inode has this number"};
  return nodes.get(number);
}

Result<NodeRef> Volume::directory(NodeId id) {
  NodeRef found = TRY(node(id));
  if (!found->is_directory()) {
    return Error{ENOTDIR, "it is not a directory", Subject::inode(found->number)};
  }
  return found;
}

// A program that needs one inode of a directory needs the others, too, and they are neighbours.
Result<> Volume::read_inodes_ahead(InodeNo number) {
  constexpr std::uint64_t kBytes = 64 * 1024;
  const std::uint64_t per_block = layout.inodes_per_block();
  const std::uint64_t blocks = std::max<std::uint64_t>(1, kBytes / layout.block_size);
  const std::uint64_t block = layout.inode_index(number) / per_block;
  const std::uint64_t skipped = block % blocks;
  const InodeNo first{number.value - layout.inode_index(number) + (block - skipped) * per_block};
  std::uint64_t written = 0;
  while (written < blocks) {
    const InodeNo next{first.value + written * per_block};
    if (!layout.is_inode(next) || layout.group_of(next) != layout.group_of(number)) break;
    if (!TRY(space->is_inode_written(next))) break;
    ++written;
  }
  cache->read_ahead({layout.inode_place(first).block, written});
  return {};
}

Result<format::Inode> Volume::load_inode(InodeNo number) {
  const Subject subject = Subject::inode(number);
  if (!layout.is_inode(number)) return corrupt("an inode number is out of range", subject);
  if (!TRY(space->is_inode_written(number))) return Error{ESTALE, "the inode is free", subject};
  const auto place = layout.inode_place(number);
  if (!cache->peek(place.block)) TRY(read_inodes_ahead(number));
  const BlockView view = TRY(reader->read(place.block, format::BlockKind::kInodeTable));
  const auto inode = view.at<format::Inode>(place.offset);
  if (inode.mode == 0) return Error{ESTALE, "the inode is free", subject};

  const auto kind = format::MapKind{inode.map_kind};
  const bool has_content = S_ISREG(inode.mode) || S_ISDIR(inode.mode);
  if (kind == format::MapKind::kInline ? has_content : file_map(kind) == nullptr) {
    return corrupt("an inode has an impossible allocation strategy", subject);
  }
  if (inode.parent != 0 && !layout.is_inode(InodeNo{inode.parent})) {
    return corrupt("an inode has an impossible parent", subject);
  }
  if (S_ISDIR(inode.mode) && kind != format::MapKind::kExtent) {
    return corrupt("a directory is not mapped by extents", subject);
  }
  if (S_ISLNK(inode.mode) && inode.size > kMaxSymlinkLength) {
    return corrupt("a symbolic link is too long", subject);
  }
  if (inode.size > static_cast<std::uint64_t>(INT64_MAX)) {
    return corrupt("a file is impossibly large", subject);
  }
  return inode;
}

void Volume::report(std::string_view line) const {
  if (options.report) {
    options.report(line);
  } else {
    log(LogLevel::kWarning, line);
  }
}

void Volume::remember(const char* operation, const Error& error) {
  std::string text = std::string(operation) + ": " + error.describe();
  if (!recent_errors.empty() && recent_errors.back().text == text) {
    recent_errors.back().when = now();
    return;
  }
  if (recent_errors.size() == FileSystem::kRecentErrors) recent_errors.erase(recent_errors.begin());
  recent_errors.push_back({now(), std::move(text)});
}

void Volume::failed(const char* operation, const Error& error) {
  if (!is_worth_telling(error.code)) return;
  remember(operation, error);
  if (error.code != EUCLEAN || failure) return;
  failure = error;
  report("the volume turns read-only: " + recent_errors.back().text);
  superblock.state = superblock.state | format::kHasErrors;
  if (options.read_only) return;
  Result<> written = write_superblock();
  if (written.ok()) written = unmarked_device_.flush();
  if (!written.ok()) remember("superblock", written.error());
}

Result<> Volume::write_superblock() {
  const std::lock_guard guard(superblock_lock_);
  return spindle::write_superblock(unmarked_device_, layout, superblock);
}

}  // namespace spindle
