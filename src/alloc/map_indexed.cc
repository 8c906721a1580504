// indexed: five direct pointers, then a single, a double and a triple indirect block.
//
// A file block's number is turned into a slot of the root and an index for each level of indirect
// blocks below it (PointerPlace). Indirect blocks exist only where something is mapped below them:
// the one whose last pointer goes is freed at once.

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "file_maps.h"
#include "spindle/format/pointer_tree.h"

namespace spindle {
namespace {

using format::BlockKind;

constexpr unsigned kDirect = format::kDirectPointers;
constexpr unsigned kMaxLevels = format::kMaxPointerLevels;
constexpr unsigned kSlots = kDirect + kMaxLevels;

std::uint64_t pointers_per_block(const format::Layout& layout) {
  return layout.payload() / sizeof(le64);
}

format::PointerTree tree_of(const format::Layout& layout) {
  return {.roots = {kDirect, 1, 1, 1}, .pointers = pointers_per_block(layout)};
}

const le64& pointer_at(std::span<const std::byte> node, std::uint64_t index) {
  return format::at<le64>(node, index * sizeof(le64));
}

/// The pointers that stand beside the one to a file block: those of an indirect block, or the
/// direct ones of the root.
struct Pointers {
  BlockView view;
  std::span<const std::byte> bytes;
  std::uint64_t index = 0;
  std::uint64_t count = 0;
};

/// The way to a file block: the indirect blocks, as far as they exist.
struct Way {
  format::PointerPlace place;
  std::array<BlockNo, kMaxLevels> blocks;
  unsigned found = 0;  ///< how many of place.levels exist
  Pointers last;       ///< of the deepest that exists
};

Result<BlockNo> checked(const format::Layout& layout, std::uint64_t pointer, InodeNo inode) {
  const BlockNo block{pointer};
  if (pointer != 0 && !layout.is_data(block)) {
    return corrupt("a pointer leads out of the data blocks", Subject::inode(inode));
  }
  return block;
}

Result<Way> find_way(BlockReader& reader, const format::Layout& layout, const MapFile& file,
                     FileBlock at) {
  const std::uint64_t pointers = pointers_per_block(layout);
  Way way;
  way.place = tree_of(layout).place_of(at.value);
  const std::uint64_t slots = way.place.levels == 0 ? kDirect : kSlots;
  way.last = {.view = {}, .bytes = file.root, .index = way.place.slot, .count = slots};
  for (; way.found < way.place.levels; ++way.found) {
    const BlockNo block =
        TRY(checked(layout, pointer_at(way.last.bytes, way.last.index), file.inode));
    if (!block) break;
    way.blocks[way.found] = block;
    way.last.view = TRY(reader.read(block, BlockKind::kIndirect));
    way.last.bytes = way.last.view.bytes.subspan(format::kHeaderSize);
    way.last.index = way.place.index[way.found];
    way.last.count = pointers;
  }
  return way;
}

/// File blocks from the way's place to the end of what its deepest pointer, a null, stands for.
std::uint64_t hole_length(const Way& way, FileBlock at, const format::PointerTree& tree) {
  std::uint64_t covered = 1;
  for (unsigned i = way.found; i < way.place.levels; ++i) covered *= tree.pointers;
  const std::uint64_t start = tree.area_start(way.place.slot);
  return covered - (at.value - start) % covered;
}

class IndexedMap final : public FileMap {
 public:
  [[nodiscard]] format::MapKind kind() const override { return format::MapKind::kIndexed; }
  [[nodiscard]] bool has_holes() const override { return true; }
  [[nodiscard]] std::uint64_t max_file_blocks(const format::Layout& layout) const override {
    return std::min(tree_of(layout).blocks(), kMaxImageSize / layout.block_size);
  }
  [[nodiscard]] std::size_t log_bytes_per_call(const format::Layout& layout) const override;
  Result<Extent> find(BlockReader& reader, SpaceManager& space, const MapFile& file, FileBlock at,
                      std::uint64_t max) const override;
  Result<Extent> extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                        NewBlocks blocks) const override;
  Result<bool> shrink(const MapEdit& edit, FileBlock end) const override;
  Result<std::uint64_t> punch(const MapEdit& edit, FileBlock from,
                              std::uint64_t length) const override;
  Result<> walk(const WalkContext& context, const MapFile& file,
                const MapVisitor& visitor) const override;
  [[nodiscard]] std::vector<RootField> root_fields(std::span<const std::byte> root) const override;
  std::optional<Run> move_first_run(std::span<std::byte> root, BlockNo block) const override;
};

std::size_t IndexedMap::log_bytes_per_call(const format::Layout& layout) const {
  return kMaxLevels * (log_cost::block(layout.block_size) + log_cost::kAllocate) +
         (kRunsPerCall + kMaxLevels) * log_cost::kFree;
}

Result<Extent> IndexedMap::find(BlockReader& reader, SpaceManager& space, const MapFile& file,
                                FileBlock at, std::uint64_t max) const {
  const format::Layout& layout = space.layout();
  const format::PointerTree tree = tree_of(layout);
  const std::uint64_t end = tree.blocks();
  if (at.value >= end) return Extent{.at = at, .block = kNoBlock, .length = max};
  const Way way = TRY(find_way(reader, layout, file, at));
  if (way.found < way.place.levels) {
    std::uint64_t length = hole_length(way, at, tree);
    if (at.value + length >= end) length = max;
    return Extent{.at = at, .block = kNoBlock, .length = std::min(max, length)};
  }
  const BlockNo first =
      TRY(checked(layout, pointer_at(way.last.bytes, way.last.index), file.inode));
  std::uint64_t length = 1;
  for (; length < max && way.last.index + length < way.last.count; ++length) {
    const std::uint64_t expected = first ? first.value + length : 0;
    if (pointer_at(way.last.bytes, way.last.index + length) != expected) break;
  }
  if (first && !layout.is_data(Run{first, length})) {
    return corrupt("pointers lead out of the data blocks", Subject::inode(file.inode));
  }
  return Extent{.at = at, .block = first, .length = length};
}

/// Sets pointers to adjacent blocks (or, from kNoBlock, to none) in the deepest block of the way.
Result<> set_pointers(Transaction& tx, MapFile& file, const Way& way, Run run) {
  std::span<std::byte> node = file.root;
  if (way.place.levels != 0) {
    node = TRY(tx.edit_block(way.blocks[way.place.levels - 1], BlockKind::kIndirect))
               .subspan(format::kHeaderSize);
  }
  for (std::uint64_t i = 0; i < run.length; ++i) {
    format::at<le64>(node, (way.last.index + i) * sizeof(le64)) =
        run.start ? run.start.value + i : 0;
  }
  return {};
}

/// Makes the indirect blocks that the way lacks.
Result<> complete_way(const MapEdit& edit, Way& way, BlockNo hint) {
  auto& [tx, space, file] = edit;
  std::span<std::byte> above = file.root;
  std::uint64_t index = way.place.slot;
  if (way.found != 0) {
    above = TRY(tx.edit_block(way.blocks[way.found - 1], BlockKind::kIndirect))
                .subspan(format::kHeaderSize);
    index = way.place.index[way.found - 1];
  }
  for (; way.found < way.place.levels; ++way.found) {
    const Run run = TRY(space.allocate(tx, {.want = 1, .hint = hint}));
    const std::span<std::byte> block =
        TRY(tx.create_block(run.start, BlockKind::kIndirect, file.inode));
    format::at<le64>(above, index * sizeof(le64)) = run.start.value;
    way.blocks[way.found] = run.start;
    above = block.subspan(format::kHeaderSize);
    index = way.place.index[way.found];
    file.blocks += 1;
    hint = run.end();
  }
  way.last.bytes = above;
  way.last.index = index;
  return {};
}

/// Where the block before `at` stands, if it is mapped.
Result<BlockNo> block_before(BlockReader& reader, const format::Layout& layout, const Way& way,
                             const MapFile& file, FileBlock at) {
  if (way.found == way.place.levels && way.last.index > 0) {
    // The slot before the single indirect one is a direct pointer; those after it are not data.
    const std::uint64_t before = pointer_at(way.last.bytes, way.last.index - 1);
    return checked(layout, before, file.inode);
  }
  if (at.value == 0) return kNoBlock;
  const Way other = TRY(find_way(reader, layout, file, at - 1));
  if (other.found < other.place.levels) return kNoBlock;
  return checked(layout, pointer_at(other.last.bytes, other.last.index), file.inode);
}

Result<Extent> IndexedMap::extend(const MapEdit& edit, FileBlock at, std::uint64_t want,
                                  NewBlocks) const {
  auto& [tx, space, file] = edit;
  const format::Layout& layout = space.layout();
  const std::uint64_t end = max_file_blocks(layout);
  if (at.value >= end) return Error{EFBIG, "the file is too large", Subject::inode(file.inode)};
  const Extent hole = TRY(find(tx, space, file, at, std::min(want, end - at.value)));
  CHECK(hole.is_hole());
  Way way = TRY(find_way(tx, layout, file, at));
  const std::uint64_t last_index =
      way.place.levels == 0 ? way.place.slot : way.place.index[way.place.levels - 1];
  const std::uint64_t beside = way.place.levels == 0 ? kDirect : pointers_per_block(layout);
  const BlockNo before = TRY(block_before(tx, layout, way, file, at));
  const BlockNo hint = before ? before + 1 : space.hint_for(file.inode);
  const std::uint64_t most = std::min({want, hole.length, beside - last_index});
  const Run run = TRY(space.allocate(tx, {.want = most, .hint = hint}, file.inode));
  TRY(complete_way(edit, way, space.hint_for(file.inode)));
  TRY(set_pointers(tx, file, way, run));
  file.blocks += run.length;
  return Extent{.at = at, .block = run.start, .length = run.length};
}

/// Frees the indirect blocks of the way, from the deepest up, that hold no pointer any more.
Result<> prune(const MapEdit& edit, const Way& way) {
  auto& [tx, space, file] = edit;
  for (unsigned level = way.place.levels; level-- > 0;) {
    const BlockView view = TRY(tx.read(way.blocks[level], BlockKind::kIndirect));
    const auto bytes = view.bytes.subspan(format::kHeaderSize);
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{}; })) {
      return {};
    }
    TRY(free_blocks(edit, {way.blocks[level], 1}));
    std::span<std::byte> above = file.root;
    std::uint64_t index = way.place.slot;
    if (level != 0) {
      above = TRY(tx.edit_block(way.blocks[level - 1], BlockKind::kIndirect))
                  .subspan(format::kHeaderSize);
      index = way.place.index[level - 1];
    }
    format::at<le64>(above, index * sizeof(le64)) = 0;
  }
  return {};
}

/// The last file block that is mapped, and where; a hole at 0 if none is.
Result<Extent> last_mapped(BlockReader& reader, const format::Layout& layout, const MapFile& file) {
  const format::PointerTree tree = tree_of(layout);
  unsigned slot = kSlots;
  while (slot > 0 && pointer_at(file.root, slot - 1) == 0) --slot;
  if (slot-- == 0) return Extent{};
  std::uint64_t at = tree.area_start(slot);
  BlockNo block = TRY(checked(layout, pointer_at(file.root, slot), file.inode));
  std::uint64_t covered = at < kDirect ? 1 : tree.area_start(slot + 1) - at;
  while (covered > 1) {
    const BlockView view = TRY(reader.read(block, BlockKind::kIndirect));
    const auto node = view.bytes.subspan(format::kHeaderSize);
    std::uint64_t count = tree.pointers;
    while (count > 0 && pointer_at(node, count - 1) == 0) --count;
    if (count == 0) return corrupt("an indirect block is empty", Subject::block(block));
    covered /= tree.pointers;
    at += (count - 1) * covered;
    block = TRY(checked(layout, pointer_at(node, count - 1), file.inode));
  }
  return Extent{.at = FileBlock{at}, .block = block, .length = 1};
}

Result<bool> IndexedMap::shrink(const MapEdit& edit, FileBlock end) const {
  auto& [tx, space, file] = edit;
  const format::Layout& layout = space.layout();
  const Extent last = TRY(last_mapped(tx, layout, file));
  if (last.is_hole() || last.at < end) return true;
  // Frees what one block of pointers maps, from its far end on.
  Way way = TRY(find_way(tx, layout, file, last.at));
  const std::uint64_t at_last = way.last.index;
  int runs = 0;
  for (std::uint64_t index = at_last + 1; index > 0 && runs < kRunsPerCall; ++runs) {
    const std::uint64_t back = at_last - (index - 1);
    if (last.at.value < end.value + back) break;
    BlockNo start = TRY(checked(layout, pointer_at(way.last.bytes, index - 1), file.inode));
    std::uint64_t length = 1;
    // A run, or a stretch of holes, towards the front.
    while (length < index && last.at.value >= end.value + back + length &&
           pointer_at(way.last.bytes, index - 1 - length) == (start ? start.value - 1 : 0)) {
      if (start) start = start - 1;
      ++length;
    }
    index -= length;
    if (!start) continue;
    way.last.index = index;
    TRY(set_pointers(tx, file, way, {kNoBlock, length}));
    TRY(free_blocks(edit, {start, length}));
    way = TRY(find_way(tx, layout, file, last.at));
  }
  TRY(prune(edit, way));
  const Extent rest = TRY(last_mapped(tx, layout, file));
  return rest.is_hole() || rest.at < end;
}

Result<std::uint64_t> IndexedMap::punch(const MapEdit& edit, FileBlock from,
                                        std::uint64_t length) const {
  auto& [tx, space, file] = edit;
  const format::Layout& layout = space.layout();
  FileBlock at = from;
  const FileBlock end = from + std::min(length, max_file_blocks(layout));
  int runs = 0;
  std::optional<Way> touched;
  while (at < end && runs < kRunsPerCall) {
    const Extent piece = TRY(find(tx, space, file, at, end - at));
    if (!piece.is_hole()) {
      const Way way = TRY(find_way(tx, layout, file, at));
      // One block of pointers a call.
      const auto holder = [](const Way& w) {
        return w.place.levels == 0 ? kNoBlock : w.blocks[w.place.levels - 1];
      };
      if (touched && holder(*touched) != holder(way)) break;
      TRY(set_pointers(tx, file, way, {kNoBlock, piece.length}));
      TRY(free_blocks(edit, {piece.block, piece.length}));
      touched = way;
      ++runs;
    }
    at += piece.length;
  }
  if (touched) TRY(prune(edit, *touched));
  return at >= end ? length : at - from;
}

/// A walk through the blocks of pointers, in order, with those still to be visited on a stack.
class IndexedWalk {
 public:
  IndexedWalk(const FileMap::WalkContext& context, const MapFile& file, const MapVisitor& visitor)
      : context_(context), file_(file), visitor_(visitor) {}

  Result<> run() {
    const format::PointerTree tree = tree_of(context_.layout);
    for (unsigned i = 0; i < kSlots; ++i) {
      const unsigned slot = kSlots - 1 - i;
      const unsigned levels = slot < kDirect ? 0 : slot - kDirect + 1;
      push(pointer_at(file_.root, slot), tree.area_start(slot), levels);
    }
    while (!stack_.empty()) {
      const Todo todo = stack_.back();
      stack_.pop_back();
      if (++visited_ > context_.layout.block_count) return corrupt("the pointers go on forever");
      const BlockNo block = TRY(checked(context_.layout, todo.pointer, file_.inode));
      TRY(todo.levels == 0 ? data(todo.at, block) : node(todo, block));
    }
    return flush();
  }

 private:
  struct Todo {
    std::uint64_t pointer;
    std::uint64_t at;
    unsigned levels;
  };

  void push(std::uint64_t pointer, std::uint64_t at, unsigned levels) {
    if (pointer != 0) stack_.push_back({pointer, at, levels});
  }

  Result<> node(const Todo& todo, BlockNo block) {
    const BlockView view = TRY(context_.reader.read(block, BlockKind::kIndirect));
    if (visitor_.node) TRY(visitor_.node(block, BlockKind::kIndirect));
    const auto bytes = view.bytes.subspan(format::kHeaderSize);
    const std::uint64_t pointers = pointers_per_block(context_.layout);
    std::uint64_t covered = 1;
    for (unsigned i = 1; i < todo.levels; ++i) covered *= pointers;
    for (std::uint64_t i = pointers; i-- > 0;) {
      push(pointer_at(bytes, i), todo.at + i * covered, todo.levels - 1);
    }
    return {};
  }

  /// Joins adjacent blocks into one piece for the visitor.
  Result<> data(std::uint64_t at, BlockNo block) {
    if (!piece_.is_hole() && piece_.at + piece_.length == FileBlock{at} &&
        piece_.block + piece_.length == block) {
      ++piece_.length;
      return {};
    }
    TRY(flush());
    piece_ = {.at = FileBlock{at}, .block = block, .length = 1};
    return {};
  }

  Result<> flush() {
    if (piece_.is_hole()) return {};
    const Extent piece = std::exchange(piece_, Extent{});
    return visitor_.data(piece);
  }

  const FileMap::WalkContext& context_;
  const MapFile& file_;
  const MapVisitor& visitor_;
  std::vector<Todo> stack_;
  Extent piece_;
  std::uint64_t visited_ = 0;
};

Result<> IndexedMap::walk(const WalkContext& context, const MapFile& file,
                          const MapVisitor& visitor) const {
  return IndexedWalk(context, file, visitor).run();
}

std::vector<RootField> IndexedMap::root_fields(std::span<const std::byte> root) const {
  const auto& pointers = format::at<format::IndexedRoot>(root, 0);
  std::vector<RootField> fields;
  for (std::size_t i = 0; i < format::kDirectPointers; ++i)
    fields.push_back({"direct_" + std::to_string(i), pointers.direct[i]});
  fields.push_back({"single_indirect", pointers.single_indirect});
  fields.push_back({"double_indirect", pointers.double_indirect});
  fields.push_back({"triple_indirect", pointers.triple_indirect});
  return fields;
}

std::optional<Run> IndexedMap::move_first_run(std::span<std::byte> root, BlockNo block) const {
  format::at<format::IndexedRoot>(root, 0).direct[0] = block.value;
  return Run{block, 1};
}

const IndexedMap kIndexedMap;

}  // namespace

const FileMap& indexed_map() {
  return kIndexedMap;
}

}  // namespace spindle
