// AreaMap: the areas of one address space, in order, none touching another's pages.
//
// It knows only addresses, nothing of frames. It tells the caller what a change removes or alters,
// as ranges, so that pages follow.
#pragma once

#include <map>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/machine/memory_types.h"

namespace spindle {

class AreaMap {
 public:
  /// Addresses from one page up to `limit`; one page below the stack is kept free.
  AreaMap(std::uint32_t page_size, std::uint64_t limit) : page_size_(page_size), limit_(limit) {}

  /// The area that holds the address; nothing if none does.
  [[nodiscard]] const MemoryArea* find(VirtualAddress address) const;
  /// The stack, grown down to the address, if it may grow so far.
  const MemoryArea* grow_stack(VirtualAddress address);

  /// As MemoryManager::map; the area's numbers are not looked at otherwise.
  Result<VirtualAddress> add(const MapRequest& request);
  /// Removes the range; returns what lay in it, cut to it.
  Result<std::vector<MemoryArea>> remove(VirtualAddress start, std::uint64_t bytes);
  Result<> protect(VirtualAddress start, std::uint64_t bytes, Protection protection);
  /// Moves the end of the heap; returns the range that it lost, which may be empty.
  Result<MemoryArea> set_break(VirtualAddress end);
  /// The area that is exactly this range.
  [[nodiscard]] const MemoryArea* exactly(VirtualAddress start, std::uint64_t bytes) const;

  [[nodiscard]] const std::map<VirtualAddress, MemoryArea>& all() const { return areas_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t round_up(std::uint64_t bytes) const {
    return (bytes + page_size_ - 1) / page_size_ * page_size_;
  }

 private:
  using Areas = std::map<VirtualAddress, MemoryArea>;
  struct Range {
    VirtualAddress start, end;
  };

  [[nodiscard]] Result<Range> range(VirtualAddress start, std::uint64_t bytes) const;
  [[nodiscard]] bool is_free(VirtualAddress start, VirtualAddress end) const;
  [[nodiscard]] Result<VirtualAddress> room_for(const MapRequest& request, std::uint64_t bytes);
  [[nodiscard]] std::optional<VirtualAddress> gap_from(VirtualAddress from,
                                                       std::uint64_t bytes) const;
  void split(VirtualAddress at);
  void insert(MemoryArea area);

  std::uint32_t page_size_;
  std::uint64_t limit_;
  Areas areas_;
  std::uint64_t bytes_ = 0;
  VirtualAddress next_place_;  ///< behind what was placed last
};

}  // namespace spindle
