// ReplacementPool: frames among which one ReplacementPolicy chooses.
//
// With global replacement there is one pool, of all frames; with local, each space has one, and so
// has the cache of files. A pool numbers its frames for the policy, from 0, and grows as needed:
// then a new policy is told of all frames in order of their last use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "memory_page.h"
#include "spindle/base/result.h"

namespace spindle {

class ReplacementPool {
 public:
  /// The name and the conventions must make a policy.
  ReplacementPool(std::vector<Frame>& frames, std::string name,
                  const ReplacementConventions& conventions, std::size_t capacity);
  ReplacementPool(const ReplacementPool&) = delete;
  ReplacementPool& operator=(const ReplacementPool&) = delete;

  /// The frame, which is in no pool or in this one, came in or was used.
  void insert(FrameIndex frame);
  void touch(const Frame& frame) { policy_->touched(FrameNo{frame.pool_place}); }
  void set_dirty(const Frame& frame, bool dirty) {
    policy_->set_dirty(FrameNo{frame.pool_place}, dirty);
  }
  void erase(FrameIndex frame);
  /// `may_go(frame)` says whether it may.
  template <class MayGo>
  FrameIndex victim(const MayGo& may_go, PageKey incoming) {
    struct Context {
      ReplacementPool* pool;
      const MayGo* may_go;
    } context{this, &may_go};
    const auto place = policy_->victim({[](void* raw, FrameNo at) {
                                          const auto& seen = *static_cast<Context*>(raw);
                                          return (*seen.may_go)(seen.pool->frame_at_[at.value]);
                                        },
                                        &context},
                                       incoming);
    return place ? frame_at_[place->value] : kNoFrame;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const ReplacementPolicy& policy() const { return *policy_; }
  /// As the constructor; or an object of the caller's, for as many frames.
  void set_policy(std::string name);
  void set_policy(std::unique_ptr<ReplacementPolicy> policy);
  [[nodiscard]] std::vector<FrameIndex> frames() const;

 private:
  void retell();

  std::vector<Frame>& frames_;
  std::string name_;
  ReplacementConventions conventions_;
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<FrameIndex> frame_at_;  ///< by place
  std::vector<std::uint32_t> free_;   ///< places, the next one last
  std::uint64_t size_ = 0;
};

}  // namespace spindle
