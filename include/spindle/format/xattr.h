// Extended attributes: one byte string of all of an inode's attributes, in a chain of blocks.
//
// Each block is a metadata block of kind kXattr, owner = the inode: BlockHeader, XattrHead, then
// `used` bytes of the string. The string is a sequence of XattrEntry, name, value; it may go over
// block ends. Names carry their prefix ("user.colour"); POSIX ACLs are system.posix_acl_access and
// _default, in the form in which the kernel passes them.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

struct XattrHead {
  le64 next;  ///< the next block of the chain, or 0
  le32 used;  ///< bytes of the string in this block
  le32 reserved;
};
static_assert(sizeof(XattrHead) == 16);

struct XattrEntry {
  le16 name_length;
  le16 reserved;
  le32 value_length;
};
static_assert(sizeof(XattrEntry) == 8);

constexpr std::size_t xattr_bytes_per_block(std::uint32_t block_size) {
  return payload_size(block_size) - sizeof(XattrHead);
}

}  // namespace spindle::format
