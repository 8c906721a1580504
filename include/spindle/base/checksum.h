// xxHash (XXH3, 64 bits), seeded: the one checksum of the disk format.
//
// The seed of a block is made of the volume's UUID and the block's own number, so that a block that
// is stale, stands in the wrong place, or belongs to another volume is caught like a flipped bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "spindle/base/id.h"

namespace spindle {

using Uuid = std::array<std::byte, 16>;

/// XXH3_64bits_withSeed.
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed);
std::uint64_t checksum(std::string_view text, std::uint64_t seed);

/// The seed of everything in one volume: XXH3 of its UUID, with seed 0.
std::uint64_t volume_seed(const Uuid& uuid);

/// The seed of one block: volume_seed + block * 0x9E3779B97F4A7C15, modulo 2^64.
constexpr std::uint64_t block_seed(std::uint64_t volume_seed, BlockNo block) {
  return volume_seed + block.value * 0x9E3779B97F4A7C15ull;
}

}  // namespace spindle
