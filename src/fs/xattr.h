// Extended attributes of one inode, over the chain of format/xattr.h.
//
//   XattrFile file{.inode = n, .first_block = inode.xattr_block, .space = space, ...};
//   TRY(XattrChain(file).set(tx, "user.colour", value, XATTR_CREATE));
//   inode->xattr_block = file.first_block;  inode->blocks += file.block_delta;
//
// A change rewrites the chain within one transaction: blocks of the old chain are used again in
// place, the surplus is freed, and blocks whose bytes stay the same are not logged. How much is
// logged depends on all that the inode has: the caller puts what it reserved for this into
// `log_budget`. If that is too little the call answers kNeedsRoom (directory.h) before anything was
// edited, and `log_budget` says how much it takes: the caller begins anew with that.
//
// The caller holds the inode locked. Values of POSIX ACLs are taken as bytes: what they mean to the
// mode is acl.h's and the caller's business. All bytes of a chain are checked before use; a chain
// is at most as long as kMaxXattrTotal needs, so a loop ends as EUCLEAN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/alloc/space_manager.h"
#include "spindle/format/xattr.h"

namespace spindle {

inline constexpr std::string_view kAccessAclName = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclName = "system.posix_acl_default";

/// The fields of an inode, which an XattrChain changes in place.
struct XattrFile {
  InodeNo inode;
  SpaceManager& space;
  BlockNo first_block = kNoBlock;  ///< Inode::xattr_block
  BlockNo hint = kNoBlock;         ///< where its first block would best stand
  std::size_t log_budget = 0;      ///< bytes that a change may log; see above
  std::int64_t block_delta = 0;    ///< blocks that changes took (or gave back, negative)
};

struct Xattr {
  std::string name;
  std::string value;
};

class XattrChain {
 public:
  explicit XattrChain(XattrFile& file) : file_(file) {}

  /// Whether the file system keeps attributes of this name: user., trusted., security. with
  /// something after it, system.posix_acl_access and _default. EOPNOTSUPP if not; ERANGE if it is
  /// longer than 255.
  static Result<> check_name(std::string_view name);
  /// A budget that is enough for an inode with few, small attributes and one of `value_size` bytes.
  static std::size_t log_bytes(std::uint32_t block_size, std::size_t value_size);

  /// ENODATA; EOPNOTSUPP.
  Result<std::string> get(BlockReader& reader, std::string_view name) const;
  /// Names, each ended by a zero byte, in the order in which they were made.
  Result<std::string> list(BlockReader& reader) const;
  Result<std::vector<Xattr>> all(BlockReader& reader) const;

  /// `flags`: 0, XATTR_CREATE (EEXIST) or XATTR_REPLACE (ENODATA). E2BIG: a value above
  /// kMaxXattrValue; ENOSPC: above kMaxXattrTotal in all, or the disk is full; kNeedsRoom.
  Result<> set(Transaction& tx, std::string_view name, std::string_view value, int flags);
  /// ENODATA; kNeedsRoom.
  Result<> remove(Transaction& tx, std::string_view name);
  /// Makes these the inode's attributes, all at once; names must be unique. As `set`.
  Result<> replace_all(Transaction& tx, std::span<const Xattr> attributes);
  /// For an inode that is deleted: removes attributes from the end on, as many as the budget
  /// allows. True: the chain is gone. kNeedsRoom if not even one fits.
  Result<bool> remove_all(Transaction& tx);

  /// Visits the blocks of the chain in order, with the part of the string in each. EUCLEAN where
  /// one is damaged or there are too many.
  using Visit = std::function<Result<>(BlockNo block, std::string_view bytes)>;
  Result<> walk(BlockReader& reader, const Visit& visit) const;

 private:
  struct Chain;
  Result<Chain> load(BlockReader& reader) const;
  [[nodiscard]] std::string_view part(std::string_view bytes, std::size_t index) const;
  [[nodiscard]] bool changes(const Chain& old, std::string_view bytes, std::size_t index,
                             std::size_t count) const;
  [[nodiscard]] std::size_t blocks_for(std::size_t bytes) const;
  [[nodiscard]] std::size_t cost(const Chain& old, std::string_view bytes) const;
  Result<> store(Transaction& tx, const Chain& old, std::string_view bytes);
  Result<> grow(Transaction& tx, std::vector<BlockNo>& blocks, std::size_t count);

  XattrFile& file_;
};

}  // namespace spindle
