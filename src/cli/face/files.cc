// `spindle files`: how files lie on a disk, and what it costs to reach them.

#include <fmt/format.h>

#include "cli/face/files_forms.h"
#include "spindle/base/size_text.h"

namespace spindle::cli {

std::string bytes_text(const Json& bytes) {
  constexpr double kKib = 1024;
  const double number = as_number(bytes);
  const std::string exactly = fmt::format("{} bytes", plain(bytes));
  if (number < kKib) return exactly;
  return fmt::format("{} ({})", exactly, size_text(static_cast<std::uint64_t>(number)));
}

const Face& files_face() {
  static const Face kFace = [] {
    Face face = {"files",
                 "Count the disk accesses of files: allocation, inodes, free blocks, tables.",
                 {&file_blocks_form(), &inode_form(), &inode_size_form(), &path_form(),
                  &fat_chain_form(), &free_space_form()}};
    face.forms.insert(face.forms.end(), file_cost_forms().begin(), file_cost_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
