// What the tests of the simulated disk share.
#pragma once

#include <cstdint>

namespace spindle {

inline constexpr std::uint32_t kBlockSize = 4096;

}  // namespace spindle
