// ListingHints: whether a listing should carry the attributes of the files that it names.
//
// The kernel asks for them at the beginning of each listing, whether the program needs them or not.
// To gather and to take in attributes costs several times what the names alone cost; but a program
// that needs them and does not get them has to ask for each name. So a listing begins without them.
// If look-ups in that directory follow, as with `ls -l`, `find` or `rsync`, the next listings carry
// attributes, until one in kTrusted is tried without them again. Further on in a listing the kernel
// has its own reasons to ask for them, and gets them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "spindle/fs/tree.h"

namespace spindle {

class ListingHints {
 public:
  /// A listing of the directory goes on at `position`.
  [[nodiscard]] bool wants_attributes(NodeId directory, std::int64_t position) {
    if (position != 0) return true;
    if (trusted_ > 0) {
      --trusted_;
      return true;
    }
    bare_[next_++ % bare_.size()] = directory;
    return false;
  }

  /// A name of the directory was looked up by itself.
  void looked_up(NodeId directory) {
    if (std::ranges::find(bare_, directory) != bare_.end()) trusted_ = kTrusted;
  }

 private:
  static constexpr unsigned kTrusted = 32;
  std::array<NodeId, 8> bare_{};  ///< the directories last listed without attributes
  std::size_t next_ = 0;
  unsigned trusted_ = 0;  ///< how many listings carry attributes before one is tried without
};

}  // namespace spindle
