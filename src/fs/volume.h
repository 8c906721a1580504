// Volume: what a mounted volume is made of, and what all operations share.
//
// Owns the layers below (cache, journal, space manager) and the tables above them (nodes, orphans,
// pending times), knows whether the volume may be written, and keeps the reasons of what failed.
// The operations of FileSystem are written against this.
//
// Made by `prepare` and `start` on a device whose log has been replayed; ended by `close` (in
// order) or by the destructor (as by a power cut). One kernel thread, inside a runtime.
#pragma once

#include <optional>

#include "marked_device.h"
#include "node.h"
#include "orphans.h"
#include "pending_times.h"
#include "spindle/fs/file_system.h"

namespace spindle {

class Volume {
 public:
  /// A volume that is not open yet. EUCLEAN if the superblock's numbers are impossible.
  static Result<std::unique_ptr<Volume>> prepare(BlockDevice& device,
                                                 const format::Superblock& superblock,
                                                 FileSystem::Options options);
  /// Opens the layers below, and begins to finish what the orphan list says.
  Result<> start(const BufferCache::Options& cache_options);
  ~Volume();
  /// Makes everything durable, empties the log and ends the threads. Nothing may be done after it.
  Result<> close();

  [[nodiscard]] Timestamp now() const;
  /// EROFS, with the reason, unless the volume may be changed.
  [[nodiscard]] Result<> writable() const;
  /// A node by the kernel's number: EINVAL for a number that names no inode of this volume.
  Result<NodeRef> node(NodeId id);
  Result<NodeRef> directory(NodeId id);  ///< ENOTDIR unless it is one

  /// Passes the result on. Keeps a failure that is worth telling; damage turns the volume
  /// read-only. To be called with no lock held.
  template <class R>
  R told(const char* operation, R result) {
    if (!result.ok()) failed(operation, result.error());
    return result;
  }
  void failed(const char* operation, const Error& error);
  /// Writes the superblock as `superblock` has it. It is durable after the next flush.
  Result<> write_superblock();
  void report(std::string_view line) const;

  /// Runs an operation that needs space; if there is none while a file is moved, which needs its
  /// blocks twice, or deleted files are still being freed, waits for that and runs it again. To be
  /// called with no lock held.
  template <class F>
  auto with_space(F&& operation) -> decltype(operation()) {
    auto result = operation();
    // Twice, since a conversion that fails leaves something to be freed itself.
    for (int attempt = 0; attempt < 2 && result.code() == ENOSPC; ++attempt) {
      const bool was_moving = rearranging.locked();
      if (was_moving) wait_until_moved();
      if (!orphans.wait_for_space() && !was_moving) break;
      result = operation();
    }
    return result;
  }

  MarkedDevice device;
  FileSystem::Options options;
  format::Superblock superblock;
  format::Layout layout;
  std::unique_ptr<BufferCache> cache;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<SpaceManager> space;
  std::optional<CachedReader> reader;
  std::optional<Error> failure;
  std::vector<FileSystem::RecentError> recent_errors;
  thread::Mutex rename_lock{"rename"};       ///< taken first, by renames between directories
  thread::Mutex rearranging{"rearranging"};  ///< held while a file is moved; taken before its own
  std::uint64_t conversions = 0;
  std::uint64_t generation = 0;       ///< the next new inode's
  std::uint64_t generation_owed = 0;  ///< taken by transactions that were dropped

  OrphanList orphans;
  PendingTimes pending_times;
  NodeTable nodes;  ///< last, so destroyed first: its nodes' end calls the others

 private:
  Volume(BlockDevice& of, const format::Superblock& block, const format::Layout& place,
         FileSystem::Options with);
  Result<format::Inode> load_inode(InodeNo number);
  Result<> read_inodes_ahead(InodeNo number);
  void wait_until_moved() { const std::lock_guard no_file_is_moved(rearranging); }
  void remember(const char* operation, const Error& error);

  BlockDevice& unmarked_device_;  ///< where the superblock goes
  thread::Mutex superblock_lock_{"superblock"};
};

}  // namespace spindle
