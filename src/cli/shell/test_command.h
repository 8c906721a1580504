// What `test` and `[` answer.
//
//   evaluate_test({"-f", "notes", "-a", "3", "-lt", "4"}, outside)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spindle/base/result.h"

namespace spindle::cli {

/// `outside` says where a file of the volume is for us. EINVAL for what is no expression.
Result<bool> evaluate_test(const std::vector<std::string>& words,
                           const std::function<std::string(const std::string& path)>& outside);

}  // namespace spindle::cli
