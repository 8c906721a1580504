// Addresses and identities as types of their own, so that a block of the volume is never taken for
// a block of a file, nor an inode number for either.
//
// An Id is a 64-bit number with an order and a hash. Adding a count moves it, subtracting two gives
// a count; nothing else mixes. `BlockNo{0}` is where the boot area stands, so no file ever owns it:
// maps use it for "no block". `InodeNo{0}` is no inode.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace spindle {

template <class Tag>
struct Id {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Id&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr Id& operator++() { return ++value, *this; }
  constexpr Id& operator+=(std::uint64_t count) { return value += count, *this; }
  friend constexpr Id operator+(Id id, std::uint64_t count) { return Id{id.value + count}; }
  friend constexpr Id operator-(Id id, std::uint64_t count) { return Id{id.value - count}; }
  friend constexpr std::uint64_t operator-(Id a, Id b) { return a.value - b.value; }
};

using BlockNo = Id<struct BlockTag>;        ///< a block of the volume
using FileBlock = Id<struct FileBlockTag>;  ///< a block of one file, counted from its start
using InodeNo = Id<struct InodeTag>;
using GroupNo = Id<struct GroupTag>;  ///< a block group of the volume
using Cylinder = Id<struct CylinderTag>;
using TaskId = Id<struct TaskTag>;    ///< whatever a CpuPolicy schedules
using FrameNo = Id<struct FrameTag>;  ///< a frame of a cache or of simulated memory
using EpochNo = Id<struct EpochTag>;  ///< a group commit of the journal

inline constexpr BlockNo kNoBlock{0};
inline constexpr InodeNo kNoInode{0};

/// A run of adjacent blocks of the volume.
struct Run {
  BlockNo start;
  std::uint64_t length = 0;

  [[nodiscard]] constexpr BlockNo end() const { return start + length; }
  [[nodiscard]] constexpr bool contains(BlockNo b) const { return start <= b && b < end(); }
  constexpr bool operator==(const Run&) const = default;
};

}  // namespace spindle

template <class Tag>
struct std::hash<spindle::Id<Tag>> {
  std::size_t operator()(spindle::Id<Tag> id) const noexcept {
    // Fibonacci hashing: neighbouring numbers must not fall into neighbouring buckets' chains.
    return static_cast<std::size_t>(id.value * 0x9E3779B97F4A7C15ull);
  }
};
