// What the tests of the devices share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/base/random.h"

namespace spindle {

inline constexpr std::uint32_t kBlockSize = 1024;

inline std::vector<std::byte> random_bytes(Random& random, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

}  // namespace spindle
