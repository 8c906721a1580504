// The inode, 248 bytes: all about a file but its names and its content.
//
// A free inode is all zero but for `generation`. Inode 1 is the root directory, inode 2 lost+found.
// `map_root` is the 64 bytes that the file's allocation strategy owns (map.h); a symbolic link
// whose target fits (64 bytes) keeps it there, with map kind kInline. `.` and `..` of a directory
// are not stored as names: they are the inode itself and `parent`.
//
// The orphan list (State::orphan_head, then `next_orphan`) holds the inodes that a crash must not
// forget: with links = 0 a deleted file that is still open, to be freed; with links > 0 a file
// whose blocks beyond `size` are still to be freed.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

enum class MapKind : std::uint8_t {
  kInline = 0,  ///< no blocks: devices, FIFOs, sockets, short symbolic links
  kContiguous = 1,
  kLinked = 2,
  kFat = 3,
  kIndexed = 4,
  kExtent = 5,
};

inline constexpr std::size_t kMapRootSize = 64;
inline constexpr InodeNo kRootInode{1};
inline constexpr InodeNo kLostFoundInode{2};

struct DiskTime {
  les64 seconds;  ///< since 1970; may be negative
  le32 nanoseconds;
};
static_assert(sizeof(DiskTime) == 12);

struct Inode {
  le16 mode;                    ///< type and permissions, as in stat(2); 0: the inode is free
  std::uint8_t map_kind;        ///< MapKind of the content
  std::uint8_t child_map_kind;  ///< of a directory: MapKind of new files in it; 0: the volume's
  le32 links;                   ///< names; for a directory 2 + its subdirectories
  le32 uid;
  le32 gid;
  le64 size;    ///< bytes; of a directory the bytes of its blocks
  le64 blocks;  ///< blocks owned: data, map and xattr blocks
  DiskTime accessed;
  DiskTime modified;
  DiskTime changed;
  DiskTime born;
  le32 generation;   ///< changes when the number is used again
  le32 flags;        ///< 0
  le64 parent;       ///< of a directory: the one that holds it; of a conversion's inode: the file
  le64 xattr_block;  ///< first block of extended attributes (xattr.h), or 0
  le64 device;       ///< of a device node: major << 32 | minor
  le64 next_orphan;  ///< the next of the orphan list, or 0
  std::byte map_root[kMapRootSize];
  std::byte reserved[64];  ///< 0
};
static_assert(sizeof(Inode) == 248);
static_assert(OnDisk<Inode>);

}  // namespace spindle::format
