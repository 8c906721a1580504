// Ranges of bits in the payload of a bitmap block: bit i is bit i % 8 of byte i / 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spindle/format/block.h"

namespace spindle {

/// Sets or clears bits [first, first + count) of the block's payload, which must lie inside.
inline void apply_bits(std::span<std::byte> block, std::uint64_t first, std::uint64_t count,
                       bool value) {
  const std::span<std::byte> payload = block.subspan(format::kHeaderSize);
  CHECK(first + count <= payload.size() * 8);
  const auto change = [&](std::size_t byte, std::byte mask) {
    payload[byte] = value ? payload[byte] | mask : payload[byte] & ~mask;
  };
  const std::uint64_t end = first + count;
  while (first < end && first % 8 != 0) {
    change(first / 8, std::byte{1} << (first % 8));
    ++first;
  }
  for (; first + 8 <= end; first += 8) payload[first / 8] = value ? std::byte{0xFF} : std::byte{0};
  for (; first < end; ++first) change(first / 8, std::byte{1} << (first % 8));
}

}  // namespace spindle
