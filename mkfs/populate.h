// populate: copies a directory of the host into a fresh volume: owners, modes, times, hard and
// symbolic links, devices, holes and extended attributes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

struct PopulateReport {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t others = 0;  ///< links, devices, FIFOs, sockets
  std::uint64_t bytes = 0;
  std::vector<std::string> left_out;  ///< names of the image itself
};

/// EEXIST if there is something in `directory` that the root of a volume cannot hold.
Result<> check_source(const std::string& directory);

/// Called with each path before it is copied.
using PopulateProgress = std::function<void(const std::string& path, const PopulateReport& so_far)>;

struct PopulateSource {
  std::string directory;
  std::string image = {};  ///< where the volume is made: left out if it is in the directory
};

/// Copies what is in the directory (not itself, but its mode, owner, times and attributes go to the
/// root). On failure `reason` says which path could not be copied, and why.
Result<PopulateReport> populate(BlockDevice& device, const PopulateSource& source,
                                std::string& reason, const PopulateProgress& progress = {});

}  // namespace spindle
