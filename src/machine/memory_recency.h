// RecencyList: the page-table entries of a space in order of their last use, and its working set.
//
// The list holds the entries that are present, or were used in the window: the last references of
// the space itself, a fixed number of them. All steps are O(1), amortised.
#pragma once

#include "memory_page.h"

namespace spindle {

class RecencyList {
 public:
  explicit RecencyList(std::uint64_t window) : window_(window) {}

  /// The entry is used, as reference number `now`. Calls `left(entry)` for each that leaves the
  /// window by it; that may make the entry empty, and then `drop` it.
  template <class Left>
  void use(PageEntry& entry, std::uint64_t now, Left&& left) {
    entry.last_use = now;
    if (newest_ != &entry) {
      unlink(entry);
      link_newest(entry);
    }
    if (!entry.in_window) {
      entry.in_window = true;
      ++in_window_;
      if (oldest_in_window_ == nullptr) oldest_in_window_ = &entry;
    }
    while (oldest_in_window_->last_use + window_ <= now) {
      PageEntry& expired = *oldest_in_window_;
      leave_window(expired);
      left(expired);
      if (!expired.present()) unlink(expired);
    }
  }

  /// The entry has no frame any more: it stays as long as it is in the window.
  void lost_frame(PageEntry& entry) {
    if (!entry.in_window) unlink(entry);
  }
  /// The entry is unmapped.
  void drop(PageEntry& entry) {
    if (entry.in_window) leave_window(entry);
    unlink(entry);
  }

  [[nodiscard]] std::uint64_t working_set() const { return in_window_; }
  [[nodiscard]] PageEntry* oldest() const { return oldest_; }

 private:
  void leave_window(PageEntry& entry) {
    entry.in_window = false;
    --in_window_;
    if (oldest_in_window_ == &entry) oldest_in_window_ = entry.newer;
  }
  void link_newest(PageEntry& entry) {
    entry.older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
    newest_ = &entry;
  }
  /// The entry may also be in no list.
  void unlink(PageEntry& entry) {
    if (oldest_in_window_ == &entry) oldest_in_window_ = entry.newer;
    if (entry.older == nullptr && oldest_ != &entry) return;
    (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
    (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
    entry.older = entry.newer = nullptr;
  }

  std::uint64_t window_;
  PageEntry* oldest_ = nullptr;
  PageEntry* newest_ = nullptr;
  PageEntry* oldest_in_window_ = nullptr;
  std::uint64_t in_window_ = 0;
};

}  // namespace spindle
