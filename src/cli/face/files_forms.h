// The forms of `spindle files`.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

/// What direct and indirect pointers reach, and what they cost.
const Form& inode_form();
const Form& inode_size_form();
/// Blocks added to files, removed and read, by how the files are stored.
const Form& file_blocks_form();

/// What is read to open files by their paths.
const Form& path_form();
/// The chains of a file allocation table.
const Form& fat_chain_form();
/// Files made and deleted, by how it is kept which blocks are free.
const Form& free_space_form();
/// Sizes of bitmaps and tables, and the first free block of a bitmap.
const std::vector<const Form*>& file_cost_forms();

/// "4096 bytes", and from a KiB on also "(4 KiB)".
std::string bytes_text(const Json& bytes);

}  // namespace spindle::cli
