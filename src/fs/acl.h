// POSIX access control lists (the 1003.1e draft 17, as Linux has them), pure functions on values.
//
// An Acl is the value of system.posix_acl_access or _default; `bytes` gives the kernel's xattr
// form, version 2. An Acl that `parse` returned is valid: entries sorted, one owner, one owning
// group, one "other", a mask if anybody is named. The kernel enforces the lists
// (FUSE_CAP_POSIX_ACL); the file system keeps mode and lists in agreement:
//   access ACL set     the mode's permissions become `mode_bits`; if `is_mode_only`, the attribute
//                      is not stored, for the mode says all of it
//   chmod              the stored access ACL becomes `after_chmod`
//   create             `inherit` gives the mode and both ACLs of the new file
// Only directories have a default ACL: for others the caller answers EACCES, as Linux does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/result.h"

namespace spindle {

class Acl {
 public:
  enum Tag : std::uint16_t {
    kOwner = 0x01,
    kUser = 0x02,
    kOwningGroup = 0x04,
    kGroup = 0x08,
    kMask = 0x10,
    kOther = 0x20,
  };
  struct Entry {
    Tag tag;
    std::uint16_t permissions = 0;    ///< 4 read, 2 write, 1 execute
    std::uint32_t id = 0xFFFF'FFFFu;  ///< of kUser and kGroup
    bool operator==(const Entry&) const = default;
  };
  static constexpr std::size_t kMaxEntries = 8190;  ///< what a value of kMaxXattrValue holds

  /// EINVAL if it is not valid, EOPNOTSUPP for another version. Empty bytes or a header alone give
  /// nothing (setting that removes the ACL).
  static Result<std::optional<Acl>> parse(std::string_view bytes);
  /// The three entries that say the same as the mode.
  static Acl of_mode(std::uint32_t mode);

  /// The xattr's value.
  [[nodiscard]] std::string bytes() const;
  /// The nine permission bits that stat(2) shows: owner, mask (owning group if there is none),
  /// other.
  [[nodiscard]] std::uint32_t mode_bits() const;
  /// Whether the list says no more than mode_bits.
  [[nodiscard]] bool is_mode_only() const { return entries_.size() == 3; }
  /// The same with the permissions of `mode`: owner, mask (owning group if there is none), other.
  [[nodiscard]] Acl after_chmod(std::uint32_t mode) const;
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }
  bool operator==(const Acl&) const = default;

 private:
  [[nodiscard]] const Entry* find(Tag tag) const;
  [[nodiscard]] std::array<const Entry*, 3> classes() const;
  std::vector<Entry> entries_;
};

/// What a new file gets.
struct InheritedAcl {
  std::uint32_t mode = 0;          ///< all of the requested mode, permissions cut down
  std::optional<Acl> access;       ///< to be stored; nothing if the mode says all
  std::optional<Acl> default_acl;  ///< to be stored, for a new directory

  /// `parent_default` is the default ACL of the directory; if it has one, the umask does not count.
  /// `mode` is the requested mode with the file type. Symbolic links inherit nothing.
  static InheritedAcl inherit(const std::optional<Acl>& parent_default, std::uint32_t mode,
                              std::uint32_t umask);
};

}  // namespace spindle
