// FileMap: how the blocks of a file are found. Five strategies, one stateless object each.
//
// A strategy works on the 64 bytes that it owns in the inode (MapFile::root), the blocks beneath
// them, and nothing else; it cannot tell who calls it. `file_map` is the one place that turns a
// `map_kind` into a strategy; nowhere is there a switch on it. A sixth strategy is one new file, a
// line in the table of file_maps.h, and its number and name in the format (inode.h, map_names.cc).
//
// File blocks have `content_size` bytes of content: the whole block, but for `linked`, whose blocks
// open with a header. All calls are made with the inode locked. Changes are edits of a transaction
// and of `file.root` and `file.blocks`, which the caller stores in the inode in the same
// transaction. Each changing call logs at most `log_bytes_per_call`, and does as much as that
// allows: `extend` may map less than wanted, `shrink` and `punch` say how far they came.
//
// After an error of a changing call the transaction must be dropped, and `file` made anew from the
// inode. SpaceManager remembers by inode number where look-ups in chains ended: whoever gives an
// inode a root that its map did not make (a conversion, a swap) calls SpaceManager::forget.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "spindle/alloc/space_manager.h"
#include "spindle/format/map.h"
#include "spindle/format/map_names.h"

namespace spindle {

/// What a map is about: one file, as its inode has it.
struct MapFile {
  InodeNo inode;
  std::uint32_t generation = 0;
  std::span<std::byte> root;  ///< kMapRootSize bytes
  std::uint64_t blocks = 0;   ///< blocks owned by the map, data and its own; kept up to date by it
};

/// A piece of a file: `length` file blocks from `at` on stand at `block` and after; or are a hole.
struct Extent {
  FileBlock at;
  BlockNo block;             ///< kNoBlock: a hole, or beyond the end of what is mapped
  std::uint64_t length = 0;  ///< at least 1 (a hole that never ends has the length asked for)
  bool unwritten = false;    ///< mapped, but reads as zeros
  [[nodiscard]] bool is_hole() const { return !block; }
};

/// One file's map while it is changed: in which transaction, and out of which space.
struct MapEdit {
  Transaction& tx;
  SpaceManager& space;
  MapFile& file;
};

/// What is to become of blocks that a file gets.
enum class NewBlocks : std::uint8_t {
  kWritten,    ///< the caller writes their content
  kUnwritten,  ///< they read as zeros
};

/// What `walk` shows, in the order of the map. Return an error to stop.
struct MapVisitor {
  std::function<Result<>(const Extent& extent)> data;
  /// The map's own blocks.
  std::function<Result<>(BlockNo block, format::BlockKind kind)> node = {};
};

/// One thing that the root of a map says: "first", 17.
struct RootField {
  std::string name;
  std::variant<std::uint64_t, std::string> value;
};

class FileMap {
 public:
  virtual ~FileMap() = default;
  [[nodiscard]] virtual format::MapKind kind() const = 0;
  [[nodiscard]] std::string_view name() const { return format::map_kind_name(kind()); }
  /// Bytes of content in a block.
  [[nodiscard]] virtual std::uint32_t content_size(std::uint32_t block_size) const;
  /// Bytes before the content in a block.
  [[nodiscard]] std::uint32_t content_offset(std::uint32_t block_size) const {
    return block_size - content_size(block_size);
  }
  /// If not, `extend` maps from the end only, and the caller fills with zeros.
  [[nodiscard]] virtual bool has_holes() const = 0;
  [[nodiscard]] virtual bool has_unwritten() const { return false; }
  /// Whether the blocks of a file may lie in several runs.
  [[nodiscard]] virtual bool has_several_runs() const { return true; }
  /// The largest number of file blocks it can express.
  [[nodiscard]] virtual std::uint64_t max_file_blocks(const format::Layout& layout) const = 0;
  /// What one changing call logs at most, on a volume of this layout.
  [[nodiscard]] virtual std::size_t log_bytes_per_call(const format::Layout& layout) const = 0;

  /// The piece at `at`, cut to `max` blocks.
  virtual Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file,
                              FileBlock at, std::uint64_t max) const = 0;
  /// Gives blocks to the hole (or the place beyond the end) at `at`: 1 .. `want` of them, in one
  /// run, which is returned. If !has_holes(), `at` is the first block beyond the end. The content
  /// of new blocks is whatever stands there: the caller writes it (linked: the map writes the
  /// headers into the cache, and orders them before the commit; its content is zeroed). kUnwritten
  /// only if has_unwritten(). `contiguous` may move the whole file
  /// to another run; `linked` may wait until an earlier `shrink` is durable, which therefore must
  /// have been committed (EBUSY if not). ENOSPC; EFBIG beyond max_file_blocks.
  virtual Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                                NewBlocks blocks) const = 0;
  /// Frees what is mapped at `end` and beyond, from the far end on, as much as one call may log.
  /// True: done.
  virtual Result<bool> shrink(const MapEdit& edit, FileBlock end) const = 0;
  /// Makes [from, from + length) a hole, as much as one call may log, from the front on. Returns
  /// how many blocks of the range are done. EOPNOTSUPP unless has_holes().
  virtual Result<std::uint64_t> punch(const MapEdit& edit, FileBlock from,
                                      std::uint64_t length) const;
  /// The unwritten blocks at [from, from + length), one piece as `find` gives it or a part of it,
  /// have content now. Only if has_unwritten(). EINVAL if they are not such a piece.
  virtual Result<> mark_written(const MapEdit& edit, FileBlock from, std::uint64_t length) const;
  /// Visits everything, data and own blocks; terminates on any bytes whatever: bounded by the
  /// volume's size, loops are an error. For fsck, inspection and statistics. Needs only a reader:
  /// `fat_entry` is passed in.
  struct WalkContext {
    BlockReader& reader;
    const format::Layout& layout;
    std::function<Result<std::uint64_t>(BlockNo)> fat_entry;
  };
  virtual Result<> walk(const WalkContext& context, const MapFile& file,
                        const MapVisitor& visitor) const = 0;

  // For those who look at a root, or damage it on purpose; kMapRootSize bytes, whatever they are.

  [[nodiscard]] virtual std::vector<RootField> root_fields(
      std::span<const std::byte> root) const = 0;
  /// Lets the file's first run begin at `block`, whatever stands there, and returns the run. If the
  /// root itself does not say where it begins: nothing, and nothing is changed.
  virtual std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const = 0;
};

/// The strategy of a kind; null for kInline and for a number that is none.
const FileMap* file_map(format::MapKind kind);
/// The strategy of that name; null if there is none.
const FileMap* file_map(std::string_view name);
std::span<const FileMap* const> all_file_maps();

}  // namespace spindle
