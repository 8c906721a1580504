// Copies of images, for commands that change only a copy.
#pragma once

#include <string>

#include "spindle/base/result.h"

namespace spindle::cli {

/// Copies the image; holes stay holes. EEXIST if the copy is there, unless it is to be replaced.
/// A copy that is new and could not be made whole is removed.
Result<> copy_image(const std::string& from, const std::string& to, bool replace);
/// Removes a copy that went wrong afterwards, unless it is a device.
void remove_copy(const std::string& copy);
/// Whether both names are of one file that is there.
bool is_same_file(const std::string& one, const std::string& other);

}  // namespace spindle::cli
