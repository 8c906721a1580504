#include "spindle/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace spindle {

std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t checksum(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

std::uint64_t volume_seed(const Uuid& uuid) {
  return checksum(std::span<const std::byte>(uuid), 0);
}

}  // namespace spindle
