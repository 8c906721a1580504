// FileSystem: a mounted volume, as a Tree.
//
//   auto volume = TRY(FileSystem::mount(disk, {.capacity_bytes = 64 << 20}, {}));
//   Attributes file = TRY(volume->create(caller, kRootNode, "a", 0644));
//   TRY(volume->unmount());
//
// Everything happens inside a thread::Runtime, mount and unmount included; each operation of Tree
// may run in a thread of its own. An operation first begins a transaction, then locks inodes in
// ascending number, edits, commits, unlocks. What it answered is in memory, and durable after
// `sync` (or at once with Options::sync). Destroying it without `unmount` is a power cut.
//
// Damage on the disk makes the operation fail with EUCLEAN and turns the volume read-only, and so
// does a journal that cannot be written; the reason is `failure`. Reading goes on.
//
// Two virtual attributes: user.spindle.alloc (the strategy by name; may be set) and
// user.spindle.map (the runs, as text). They are not listed, so that copies do not carry them.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spindle/alloc/file_map.h"
#include "spindle/alloc/placement.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/format/layout.h"
#include "spindle/fs/tree.h"
#include "spindle/journal/journal.h"

namespace spindle {

class Volume;

/// Reads the superblock of whatever stands on the device, whose block size may be any power of two
/// from 512 on. EUCLEAN unless it is one, whole, of a version and with features that are known.
Result<format::Superblock> read_superblock(BlockDevice& device);

class FileSystem final : public Tree {
 public:
  /// When reading changes a file's access time: never; as Linux' relatime does (if it is not later
  /// than the other two, or a day old); always.
  enum class AccessTimes : std::uint8_t { kNone, kRelative, kStrict };

  struct Options {
    /// Where the device's bytes come from: by this path the copy of an image that is mounted is
    /// known to be no more than a copy (format/mount_mark.h).
    std::string image = {};
    /// Whether other programs see what was written before it is flushed: so it is with an image
    /// file, but not with a block device, which may be a file's. If so, the mark of the mount is
    /// flushed only before the first write that follows it, and otherwise at once.
    bool others_see_unflushed = true;
    bool read_only = false;
    AccessTimes access_times = AccessTimes::kRelative;
    bool directory_access_times = true;  ///< listing a directory counts as reading it
    bool sync = false;                   ///< every change is durable before its call returns
    bool sync_directories = false;       ///< so is every change of a directory
    bool data_in_log = false;            ///< file data goes by way of the log (data=journal)
    std::int64_t commit_interval_ns = 5'000'000'000;
    std::string fit_policy = "near";
    std::size_t cached_nodes = 4096;  ///< inodes kept in memory that nobody refers to
    /// The time that files get; wall_time if empty.
    std::function<Timestamp()> clock = {};
    /// Told in one line what a person should know (damage, a replay); `log` if empty.
    std::function<void(std::string_view)> report = {};
  };

  /// Mounts the volume on `device`, which must have the volume's block size, be alive until after
  /// the unmount, and be used by nobody else. To be called by the process that will serve: its id
  /// goes into the mark in the superblock. Replays the log if the volume was not unmounted in
  /// order, and begins to free what its last user left (the orphan list), which goes on beside the
  /// operations.
  ///   EBUSY   another living process has it mounted
  ///   EINVAL  block size, cache or fit policy
  ///   EUCLEAN the superblock or the log is damaged
  /// Read-only: nothing is written, but for a replay, if the log is not empty; EROFS if the device
  /// does not allow that. Orphans are left alone.
  static Result<std::unique_ptr<FileSystem>> mount(BlockDevice& device,
                                                   const BufferCache::Options& cache_options,
                                                   Options options);
  ~FileSystem() override;

  /// Makes everything durable, empties the log and marks the volume clean. No operation may run or
  /// come after it, whatever it answers. Files without names are freed, also those that are still
  /// referenced; the next mount frees what cannot be freed now.
  Result<> unmount();

  // Tree
  Result<Attributes> lookup(NodeId directory, std::string_view name) override;
  void forget(NodeId node, std::uint64_t references) override;
  Result<Attributes> attributes(NodeId node) override;
  Result<Attributes> set_attributes(const Caller& caller, NodeId node,
                                    const AttributeChange& change) override;
  Result<std::string> read_link(NodeId node) override;
  Result<Attributes> create(const Caller& caller, NodeId directory, std::string_view name,
                            std::uint32_t mode) override;
  Result<Attributes> make_node(const Caller& caller, NodeId directory, std::string_view name,
                               std::uint32_t mode, std::uint32_t device_major,
                               std::uint32_t device_minor) override;
  Result<Attributes> make_directory(const Caller& caller, NodeId directory, std::string_view name,
                                    std::uint32_t mode) override;
  Result<Attributes> symlink(const Caller& caller, NodeId directory, std::string_view name,
                             std::string_view target) override;
  Result<Attributes> link(NodeId node, NodeId directory, std::string_view name) override;
  Result<Attributes> temporary_file(const Caller& caller, NodeId directory,
                                    std::uint32_t mode) override;
  Result<> unlink(NodeId directory, std::string_view name) override;
  Result<> remove_directory(NodeId directory, std::string_view name) override;
  Result<> rename(const Caller& caller, NodeId from, std::string_view name, NodeId to,
                  std::string_view new_name, std::uint32_t flags) override;
  Result<Opened> open(NodeId node, int flags) override;
  void release(NodeId node, std::uint64_t handle) override;
  Result<> read(NodeId node, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                const Take& take) override;
  Result<> read_for(const Caller& caller, NodeId node, std::uint64_t handle, std::uint64_t offset,
                    std::size_t size, const Take& take) override;
  Result<std::size_t> write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                            std::span<const std::byte> bytes, Setuid setuid) override;
  Result<> sync(NodeId node, SyncOf what) override;
  Result<> sync_directory(NodeId node) override;
  Result<> sync_all() override;
  Result<> allocate(const Caller& caller, NodeId node, int mode, std::uint64_t offset,
                    std::uint64_t length) override;
  Result<std::uint64_t> seek(NodeId node, std::uint64_t offset, int whence) override;
  Result<std::size_t> copy_range(NodeId from, std::uint64_t from_offset, NodeId to,
                                 std::uint64_t to_offset, std::uint64_t length) override;
  Result<> read_directory(NodeId directory, std::int64_t position, const Visit& visit) override;
  Result<std::string> get_xattr(NodeId node, std::string_view name) override;
  Result<> set_xattr(const Caller& caller, NodeId node, std::string_view name,
                     std::span<const std::byte> value, int flags) override;
  Result<std::string> list_xattr(NodeId node) override;
  Result<> remove_xattr(const Caller& caller, NodeId node, std::string_view name) override;
  Result<Space> space() override;
  std::string path(NodeId node) override;

  // For those who show and steer the volume.
  [[nodiscard]] const format::Superblock& superblock() const;  ///< as it stands on the disk
  [[nodiscard]] const format::Layout& layout() const;
  [[nodiscard]] BufferCache& cache();
  [[nodiscard]] Journal& journal();
  [[nodiscard]] SpaceManager& space_manager();

  /// Mounted so, or turned so by a failure.
  [[nodiscard]] bool is_read_only() const;
  /// Why the volume turned read-only, if it did.
  [[nodiscard]] const std::optional<Error>& failure() const;

  /// An operation that failed for a reason worth telling.
  struct RecentError {
    Timestamp when;
    std::string text;  ///< "create: inode 12: no free run is long enough (No space left ...)"
  };
  static constexpr std::size_t kRecentErrors = 32;
  /// The last kRecentErrors of them, newest last.
  [[nodiscard]] const std::vector<RecentError>& recent_errors() const;
  /// The newest one's text, or "".
  [[nodiscard]] std::string_view last_error() const;

  struct Statistics {
    std::uint64_t referenced_nodes = 0;  ///< by the kernel or by an operation
    std::uint64_t cached_nodes = 0;      ///< in memory, these included
    std::uint64_t nameless_nodes = 0;    ///< without a name, but referenced or being freed
    std::uint64_t conversions = 0;       ///< files converted to another strategy, ever
  };
  [[nodiscard]] Statistics statistics() const;

  /// What the files of one strategy take, and how fragmented they are.
  struct StrategyUsage {
    std::string_view name;
    std::uint64_t files = 0;   ///< regular files, and symbolic links that have a block
    std::uint64_t bytes = 0;   ///< their sizes together
    std::uint64_t blocks = 0;  ///< owned: data and map
    std::uint64_t runs = 0;    ///< of data; mean run = (blocks - map blocks) / runs
    std::uint64_t data_blocks = 0;
  };
  struct Usage {
    std::vector<StrategyUsage> strategies;  ///< in the order of all_file_maps()
    std::uint64_t directories = 0;
    std::uint64_t directory_blocks = 0;
    std::uint64_t inodes_seen = 0;
    bool complete = true;  ///< false: `max_inodes` were seen first
  };
  /// Walks the inode tables, and the maps of up to `max_inodes` inodes in use. Takes no lock for
  /// longer than one inode, so under load the sums are approximate.
  Result<Usage> usage(std::uint64_t max_inodes = 1'000'000);

  struct MapDescription {
    std::string_view strategy;
    std::uint32_t content_size = 0;  ///< bytes of content a block
    std::vector<Extent> extents;     ///< data, in file order, adjacent ones joined
    std::vector<std::pair<BlockNo, format::BlockKind>> nodes;  ///< the map's own blocks
    bool complete = true;  ///< false: `max_extents` were seen first
  };
  Result<MapDescription> describe_map(NodeId node, std::size_t max_extents = 65536);

  /// Where the blocks of a file are to go. The first two bring one file together. The other two
  /// move a file that lies in one run, so that free blocks come together. With kUnited and kDown
  /// the file may have to go out of the way first, to no more runs than it has.
  enum class Arrangement : std::uint8_t {
    kFewestRuns,    ///< to as few free runs as possible
    kUnited,        ///< to one free run, or to as few runs as there are with its own blocks free
    kTowardsFront,  ///< to a free run nearer the front, shorter than the one that it leaves behind
    kDown,          ///< to the start of the free run before it, which then lies behind the file
  };
  struct Rearrangement {
    Placement before;
    Placement after;
    BlockNo first_block;  ///< after; kNoBlock: it has none
    bool moves = false;   ///< false: it lies as well as it can, and is left alone
  };
  /// Moves the blocks of a regular file, all or nothing, while others read and write it; a writer
  /// waits until the piece that is being copied is done. Content and times do not change. If the
  /// file's length or map changes meanwhile, it stays where it is. `plan_rearrangement` only says
  /// what would be done. One file of a volume is moved at a time.
  ///   EINVAL  it is no regular file    ESTALE  it is gone; its number may be a hidden inode's
  ///   EROFS   the volume may not be written
  Result<Rearrangement> rearrange(NodeId node, Arrangement arrangement);
  Result<Rearrangement> plan_rearrangement(NodeId node, Arrangement arrangement);
  /// Waits until the blocks that were deleted, or moved away from, can be used again.
  Result<> settle_space();

 private:
  explicit FileSystem(std::unique_ptr<Volume> volume);
  std::unique_ptr<Volume> volume_;
};

}  // namespace spindle
