#include "spindle/alloc/file_map.h"

#include <array>

#include "file_maps.h"

namespace spindle {

std::span<const FileMap* const> all_file_maps() {
#define SPINDLE_ENTRY(MAP) &MAP(),
  static const auto maps = std::to_array<const FileMap*>({SPINDLE_FILE_MAPS(SPINDLE_ENTRY)});
#undef SPINDLE_ENTRY
  return maps;
}

std::uint32_t FileMap::content_size(std::uint32_t block_size) const {
  return block_size;
}

Result<std::uint64_t> FileMap::punch(const MapEdit& edit, FileBlock, std::uint64_t) const {
  return Error{EOPNOTSUPP, "the strategy has no holes", Subject::inode(edit.file.inode)};
}

Result<> FileMap::mark_written(const MapEdit& edit, FileBlock, std::uint64_t) const {
  return Error{EOPNOTSUPP, "the strategy has no unwritten blocks", Subject::inode(edit.file.inode)};
}

const FileMap* file_map(format::MapKind kind) {
  for (const FileMap* map : all_file_maps()) {
    if (map->kind() == kind) return map;
  }
  return nullptr;
}

const FileMap* file_map(std::string_view name) {
  for (const FileMap* map : all_file_maps()) {
    if (map->name() == name) return map;
  }
  return nullptr;
}

}  // namespace spindle
