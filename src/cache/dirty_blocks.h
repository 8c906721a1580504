// DirtyBlocks: which blocks of file data are newer in memory than on the device, by owner and by
// age, and which write-backs failed that their owner does not know of yet.
//
// The lists run through the buffers themselves; nothing is allocated for a block, and for an owner
// only if more of them have dirty blocks than ever before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "buffer.h"
#include "number_table.h"
#include "spindle/base/result.h"

namespace spindle {

class DirtyBlocks {
 public:
  /// The buffer is `owner`'s and newly dirty, as of `now_ns`.
  void add(Buffer& buffer, InodeNo owner, std::int64_t now_ns);
  void remove(Buffer& buffer);
  /// The dirty buffer becomes the youngest: it was changed again, or could not be written.
  void renew(Buffer& buffer, std::int64_t now_ns);

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t count(InodeNo owner) const;
  [[nodiscard]] Buffer* oldest() const { return by_age_.first; }
  /// The first of the owner's dirty buffers, which hang together by `by_owner.next`, in no order.
  [[nodiscard]] Buffer* first_of(InodeNo owner) const;

  /// Keeps the first error until it is taken.
  void remember_error(InodeNo owner, const Error& error);
  std::optional<Error> take_error(InodeNo owner);

 private:
  struct List {
    Buffer* first = nullptr;
    Buffer* last = nullptr;
  };
  struct Owner {
    List blocks;
    std::size_t count = 0;
    std::optional<Error> error;
  };

  template <BufferLink Buffer::*kLink>
  static void append(List& list, Buffer& buffer);
  template <BufferLink Buffer::*kLink>
  static void unlink(List& list, Buffer& buffer);
  Owner& owner(InodeNo inode);
  [[nodiscard]] const Owner* find_owner(InodeNo inode) const;
  void release_if_unused(InodeNo inode);

  List by_age_;
  std::size_t count_ = 0;
  NumberTable by_inode_;
  std::vector<Owner> owners_;
  std::vector<std::uint32_t> free_owners_;
};

}  // namespace spindle
