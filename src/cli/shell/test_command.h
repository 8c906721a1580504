// The commands `test` and `[`.
//
//   evaluate_test({"-f", "notes", "-a", "3", "-lt", "4"}, outside)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spindle/base/path_links.h"
#include "spindle/base/result.h"

namespace spindle::cli {

/// The path by which this process reaches a file of the volume.
using OutsidePath = std::function<std::string(const std::string& path, LastLink last)>;

/// EINVAL if the words are not an expression.
Result<bool> evaluate_test(const std::vector<std::string>& words, const OutsidePath& outside);

}  // namespace spindle::cli
