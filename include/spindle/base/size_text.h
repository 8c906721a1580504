// Sizes as people write them: 4096, 64K, 10M, 1.5G, 2T; powers of 1024.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

/// EINVAL for text that is no size, is negative, or does not fit 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);
/// "1.5 GiB": at most one decimal, none for whole numbers.
std::string size_text(std::uint64_t bytes);

}  // namespace spindle
