// FramePool: the frames, which block stands in which, and which one goes when one is needed.
//
// All frames lie in one mapping that takes memory only as frames are first used, by large pages of
// the host where those are quickly had. The policy knows the frames 0 .. capacity-1; those beyond
// are spare, used only when all others are held, and free again as soon as they can be.
//
// A frame that may not go (held, dirty) and that the policy had to pass by among many others is
// parked: taken out of the policy until it may go, so that a cache full of such frames does not
// make every miss look at all of them.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "buffer.h"
#include "number_table.h"
#include "spindle/base/result.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

class FramePool {
 public:
  static constexpr std::size_t kParkFrom = 64;  ///< passed by in one search
  static constexpr std::size_t kParkAtMost = 256;

  FramePool(std::size_t capacity, std::size_t spare, std::uint32_t block_size);
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  /// Takes the memory and makes the policy; before any other use.
  Result<> open(CacheCore& cache, std::string_view policy);

  [[nodiscard]] Buffer* find(BlockNo block) {
    const std::uint32_t frame = by_block_.find(block.value);
    return frame == NumberTable::kAbsent ? nullptr : &buffers_[frame];
  }
  /// A frame to put a block in: a free one, or the policy's victim's. Null if none may go.
  Buffer* take(BlockNo incoming);
  /// A spare frame; null if they are all in use.
  Buffer* take_spare();
  /// Names the taken frame: from now on it is found by this number.
  void install(Buffer& buffer, BlockNo block);
  /// Gives back a frame that was taken and not installed, or cut off.
  void give_back(Buffer& buffer);
  /// The frame is no longer found by its number.
  void cut_off(Buffer& buffer);
  void touch(Buffer& buffer);
  /// The first use of a block that was read ahead counts as its arrival.
  void arrive(Buffer& buffer);
  /// To be called when a frame may have become evictable: parked ones go back to the policy, spare
  /// and cut-off ones become free.
  void settle(Buffer& buffer);

  /// The free frames; the next to be taken is last.
  [[nodiscard]] std::vector<std::uint32_t> free_frames() const;
  /// Every frame that is found by its number, the one used least recently first.
  std::vector<Buffer*> by_recency();
  Result<> set_policy(std::string_view name);
  [[nodiscard]] std::string_view policy() const { return policy_->name(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  void reset_evictions() { evictions_ = 0; }
  /// Calls `visit(Buffer&)` for every frame that is found by its number. The visit may free it: the
  /// lowest frame is the last, so that it is the first to be taken again.
  template <class Visit>
  void for_each(Visit visit) {
    for_each_between(0, made_, visit);
    for_each_between(capacity_, capacity_ + spare_made_, visit);
  }

 private:
  struct Search;

  template <class Visit>
  void for_each_between(std::size_t first, std::size_t end, Visit visit) {
    for (std::size_t i = end; i-- > first;) {
      if (buffers_[i].in_use && !buffers_[i].cut_off) visit(buffers_[i]);
    }
  }
  [[nodiscard]] bool is_spare(const Buffer& buffer) const { return buffer.frame >= capacity_; }
  Buffer* make(std::size_t frame);
  void ask_for_large_page(std::byte* at);
  Buffer* use(Buffer* buffer);
  Buffer* evict_for(BlockNo incoming);
  void park(const Search& search);
  void leave_policy(Buffer& buffer);
  void join_policy(Buffer& buffer);

  std::size_t capacity_;
  std::size_t spare_;
  std::uint32_t block_size_;
  CacheCore* cache_ = nullptr;
  Buffer* buffers_ = nullptr;
  std::byte* bytes_ = nullptr;
  std::byte* large_pages_end_ = nullptr;  ///< large pages were asked for up to here
  unsigned slow_large_pages_ = 0;
  std::size_t made_ = 0;
  std::size_t spare_made_ = 0;
  std::size_t used_ = 0;
  std::uint64_t clock_ = 0;  ///< accesses so far
  std::uint64_t evictions_ = 0;
  NumberTable by_block_;
  std::vector<Buffer*> free_;
  std::vector<Buffer*> free_spare_;
  std::unique_ptr<ReplacementPolicy> policy_;
};

}  // namespace spindle
