// The named limits of Spindle: every queue, loop and table is bounded by one of these or by a limit
// of its own layer. What the disk format fixes stands in format/, not here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spindle {

inline constexpr std::uint32_t kMinBlockSize = 1024;
inline constexpr std::uint32_t kMaxBlockSize = 65536;
inline constexpr std::uint32_t kDefaultBlockSize = 4096;
inline constexpr std::uint64_t kMinImageSize = 1ull << 20;
inline constexpr std::uint64_t kMaxImageSize = 16ull << 40;

inline constexpr std::size_t kMaxNameLength = 255;         ///< bytes of a name in a directory
inline constexpr std::size_t kMaxSymlinkLength = 4095;     ///< bytes of a symbolic link's target
inline constexpr std::uint32_t kMaxLinks = 0xFFFF'FFF0u;   ///< names of one inode
inline constexpr std::size_t kMaxXattrValue = 65536;       ///< bytes of one extended attribute
inline constexpr std::size_t kMaxXattrTotal = 256 * 1024;  ///< bytes of all of one inode's

}  // namespace spindle
