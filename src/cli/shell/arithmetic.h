// The integer expressions of $((...)): those of C, with variables by their names.
//
//   const std::int64_t seven = TRY(evaluate_arithmetic("1 + 2 * i", values));      // i is "3"
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle::cli {

struct ArithmeticVariables {
  std::function<std::string(std::string_view name)> value;
  std::function<void(std::string_view name, std::string value)> set;
};

/// EINVAL, with the reason, if it is no expression, and EDOM for a division by zero. Sums and
/// products wrap around.
Result<std::int64_t> evaluate_arithmetic(std::string_view text,
                                         const ArithmeticVariables& variables);

}  // namespace spindle::cli
