// The recipes of the golden images: volumes of version 1 of the disk format, whole and broken.
// make_images.cc writes them, tests/images reads what it wrote.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fsck/sample_volume.h"

namespace spindle::test {

struct GoldenImage {
  const char* name;    ///< images/NAME.img.xz
  const char* what;    ///< in words
  const char* damage;  ///< the codes of fsck that it shows, sorted, with spaces between; "": none
  std::function<MemoryDevice()> make;
};

/// All of them, always with the same bytes.
const std::vector<GoldenImage>& golden_images();

/// One line for each path of the volume: path, mode, size, checksum of the content, attributes.
std::string manifest_of(const Items& items);

}  // namespace spindle::test
