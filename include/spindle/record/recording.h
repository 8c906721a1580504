// Recording: a stream of file operations and the volume that they met, as `spindle record` stores
// it.
//
//   Recording recording = TRY(read_recording("build.rec"));
//
// A file of lines:
//   spindle-recording 1
//   volume BLOCK_SIZE BLOCKS INODES
//   setting NAME VALUE           disk, arm, cache-policy, cache-bytes, fit, strategy
//   command TEXT
//   file NODE MODE SIZE SECTORS PATH      what was there, folders before what is in them; a number
//                                         that comes again is another name of the same file
//   op ...                                an operation (operation.h), in the order of their ends
//   end COUNT                             how many operations; a file without it was cut off
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "spindle/record/operation.h"

namespace spindle {

struct RecordedFile {
  std::uint64_t node = 0;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::uint64_t sectors = 0;  ///< 0: it has no blocks
  std::string path;  ///< from the root on, without the first slash; a link's target after it
};

struct Recording {
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0;
  std::uint64_t inodes = 0;
  std::map<std::string, std::string> settings;
  std::string command;
  std::vector<RecordedFile> files;
  std::vector<Operation> operations;  ///< in the order in which they began
};

/// The lines that stand before the operations.
std::string recording_head(const Recording& recording);
/// EINVAL, with the byte, if the file is not a recording; the host's errno if it cannot be read.
Result<Recording> read_recording(const std::string& path);
Result<Recording> parse_recording(std::string_view text);

}  // namespace spindle
