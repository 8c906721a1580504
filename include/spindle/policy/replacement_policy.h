// ReplacementPolicy: which frame goes when one is needed?
//
// Frames are numbered 0 .. capacity-1; what stands in a frame is named by a PageKey. The owner
// tells the policy what happens (inserted, touched, erased) and asks for a victim; the owner, not
// the policy, then calls `erased`. Every operation is O(1), or O(log n) where the algorithm cannot
// do better. A pure object: no I/O, no lock. The same object evicts buffers of the live cache,
// pages of the simulated machine, and the pages of an exercise.
//
//   policy->inserted(frame, key);   // a page came into a free frame: a miss was served
//   policy->touched(frame);         // a hit
//   auto frame = policy->victim(may_go);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// The identity of a page, stable while it is out: policies with ghosts (2Q, ARC, S3-FIFO) know it
/// again.
using PageKey = std::uint64_t;

/// Whether a frame may be taken now (it may be pinned, or dirty). A plain function and its context.
struct Evictable {
  bool (*may_go)(void* context, FrameNo frame) = nullptr;
  void* context = nullptr;
  bool operator()(FrameNo frame) const { return may_go == nullptr || may_go(context, frame); }
};

class ReplacementPolicy {
 public:
  virtual ~ReplacementPolicy() = default;
  /// The name it is chosen by: "lru", "fifo", "clock", "lfu", "2q", "arc", "sieve", "s3-fifo".
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void inserted(FrameNo frame, PageKey key) = 0;
  virtual void touched(FrameNo frame) = 0;
  /// The frame is empty again: its page was evicted (after `victim`) or dropped by its owner.
  virtual void erased(FrameNo frame) = 0;
  /// The frame that should go, among those that may; nothing if none may. Does not remove it.
  virtual std::optional<FrameNo> victim(Evictable evictable) = 0;
};

/// A policy over `capacity` frames; EINVAL for a name that is none of `replacement_policy_names`.
Result<std::unique_ptr<ReplacementPolicy>> make_replacement_policy(std::string_view name,
                                                                   std::size_t capacity);
std::span<const std::string_view> replacement_policy_names();

}  // namespace spindle
