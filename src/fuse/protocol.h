// What the kernel's FUSE protocol has beyond the headers of Debian 12: three operations and
// some flags.
//
// Names and layouts are those of the kernel's uapi/linux/fuse.h (protocol 7.39 and later).
#pragma once

#include <cstdint>

namespace spindle::protocol {

inline constexpr std::uint32_t kTemporaryFile = 51;    // FUSE_TMPFILE
inline constexpr std::uint32_t kStatx = 52;            // FUSE_STATX
inline constexpr std::uint32_t kCopyFileRange64 = 53;  // FUSE_COPY_FILE_RANGE_64

inline constexpr std::uint32_t kHandleKillPrivilegesV2 = 1u << 28;       // FUSE_HANDLE_KILLPRIV_V2
inline constexpr std::uint32_t kWriteKillPrivileges = 1u << 2;           // FUSE_WRITE_KILL_SUIDGID
inline constexpr std::uint32_t kSetAttributesKillPrivileges = 1u << 11;  // FATTR_KILL_SUIDGID

struct StatxIn {
  std::uint32_t getattr_flags;
  std::uint32_t reserved;
  std::uint64_t handle;
  std::uint32_t statx_flags;
  std::uint32_t statx_mask;
};
static_assert(sizeof(StatxIn) == 24);

struct StatxTime {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  std::int32_t reserved;
};

struct StatxOut {
  std::uint64_t valid_seconds;
  std::uint32_t valid_nanoseconds;
  std::uint32_t flags;
  std::uint64_t spare[2];
  std::uint32_t mask;
  std::uint32_t block_size;
  std::uint64_t attributes;
  std::uint32_t links;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mode;
  std::uint16_t spare_mode;
  std::uint64_t inode;
  std::uint64_t size;
  std::uint64_t sectors;
  std::uint64_t attributes_mask;
  StatxTime accessed;
  StatxTime born;
  StatxTime changed;
  StatxTime modified;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint32_t own_device_major;
  std::uint32_t own_device_minor;
  std::uint64_t spare_end[14];
};
static_assert(sizeof(StatxOut) == 32 + 256);

}  // namespace spindle::protocol
