// Finds the bytes in which two copies differ, in as few segments as a redo log should name.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "spindle/format/log.h"

namespace spindle {

/// Equal bytes between two differences that are cheaper to log than another record's head.
inline constexpr std::size_t kWorthwhileGap = sizeof(format::LogRecord);

namespace difference_detail {

inline std::uint64_t word_difference(const std::byte* a, const std::byte* b) {
  std::uint64_t x;
  std::uint64_t y;
  std::memcpy(&x, a, 8);
  std::memcpy(&y, b, 8);
  return x ^ y;
}

/// Where bytes [at, size) first differ; `size` if nowhere.
inline std::size_t first(const std::byte* a, const std::byte* b, std::size_t at, std::size_t size) {
  for (; at + 32 <= size; at += 32) {
    const std::uint64_t any =
        word_difference(a + at, b + at) | word_difference(a + at + 8, b + at + 8) |
        word_difference(a + at + 16, b + at + 16) | word_difference(a + at + 24, b + at + 24);
    if (any != 0) break;
  }
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

/// The end of the segment that begins with a difference at `at`.
inline std::size_t segment_end(const std::byte* a, const std::byte* b, std::size_t at,
                               std::size_t size) {
  std::size_t end = at + 1;
  std::size_t look = end;
  while (look < size && look - end <= kWorthwhileGap) {
    if (look + 8 <= size && std::endian::native == std::endian::little) {
      const std::uint64_t word = word_difference(a + look, b + look);
      if (word != 0) {
        if (static_cast<std::size_t>(std::countr_zero(word) / 8) + look - end > kWorthwhileGap) {
          break;
        }
        end = look + 8 - static_cast<std::size_t>(std::countl_zero(word) / 8);
      }
      look += 8;
    } else {
      if (a[look] != b[look]) end = look + 1;
      ++look;
    }
  }
  return end;
}

}  // namespace difference_detail

/// Calls `visit(offset, length)` for each segment in which `now` differs from `before`, ascending.
/// Segments may contain equal bytes; logging them all never takes more room than one record for the
/// whole would.
template <class Visit>
void for_each_difference(std::span<const std::byte> now, std::span<const std::byte> before,
                         Visit visit) {
  const std::size_t size = now.size();
  for (std::size_t at = 0;;) {
    at = difference_detail::first(now.data(), before.data(), at, size);
    if (at == size) return;
    const std::size_t end = difference_detail::segment_end(now.data(), before.data(), at, size);
    visit(at, end - at);
    at = end;
  }
}

}  // namespace spindle
