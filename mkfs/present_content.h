// What an image holds before a volume is made in it, as libblkid knows it: file systems, swap,
// RAID members, partition tables, and volumes of Spindle.
#pragma once

#include <string>

#include "spindle/base/result.h"

namespace spindle {

/// The words for a volume of Spindle's.
inline constexpr const char* kOwnVolume = "a Spindle volume";

/// What the image holds already, in words; empty if nothing that is known.
std::string present_content(const std::string& path);

/// Erases the marks by which programs know file systems other than Spindle's, and partition tables,
/// wherever they stand. What mkfs does not overwrite would otherwise be found again, and believed:
/// by `mount` without a type, by `blkid`, and by mkfs itself.
Result<> erase_foreign_marks(const std::string& path);

}  // namespace spindle
