// Defragmenter: brings the blocks of many files together, on whatever volume they are.
//
//   Defragmenter defragmenter(volume, options);
//   DefragReport report = defragmenter.run(files);
//
// A volume says of one file how it lies and could lie, and moves it, all or nothing; which files,
// in which order, and when it is enough, is decided here. First each file is brought into as few
// runs as there can be. Packing then brings the free blocks together: files that lie far back go
// into holes in front that take them whole, and the rest slides down over the holes that are left;
// and the files that are still in pieces get another chance.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spindle/fs/file_system.h"

namespace spindle::cli {

class DefragVolume {
 public:
  virtual ~DefragVolume() = default;
  /// "plan", "defragment", "unite", "pack" or "down", as in the control file volume/defrag.
  virtual Result<FileSystem::Rearrangement> ask(std::string_view verb, NodeId node) = 0;
  /// With what was freed before.
  virtual Result<std::uint64_t> longest_free_run() = 0;
};

struct DefragFile {
  std::string path;
  NodeId node = 0;
  Placement before = {};
  Placement after = {};
  BlockNo first_block = kNoBlock;
  std::uint64_t moved_blocks = 0;
};

struct DefragOptions {
  bool dry_run = false;
  bool packs = false;
};

struct DefragReport {
  std::vector<DefragFile> files;
  Placement before;
  Placement after;
  std::uint64_t longest_free_run_before = 0;
  std::uint64_t longest_free_run_after = 0;
  std::uint64_t moved_files = 0;
  std::uint64_t moved_blocks = 0;
  bool was_stopped = false;
  /// Files that were left out, with the reason; those that were deleted meanwhile are not named.
  std::vector<std::pair<std::string, std::string>> left_out;
};

class Defragmenter {
 public:
  Defragmenter(DefragVolume& volume, DefragOptions options) : volume_(volume), options_(options) {}
  /// The error of the volume as a whole; what is wrong with one file is in the report.
  Result<DefragReport> run(std::vector<DefragFile> files);

 private:
  void look(std::vector<DefragFile> files);
  void pack();
  std::uint64_t move_all(std::string_view verb, const std::vector<DefragFile*>& files);
  bool move(std::string_view verb, DefragFile& file);
  void leave_out(const DefragFile& file, const Error& error);
  std::vector<DefragFile*> in_pieces();
  std::vector<DefragFile*> in_one_piece();

  DefragVolume& volume_;
  DefragOptions options_;
  DefragReport report_;
};

}  // namespace spindle::cli
