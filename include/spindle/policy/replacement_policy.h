// ReplacementPolicy: which frame goes when one is needed?
//
// Frames are numbered 0 .. capacity-1; what stands in a frame is named by a PageKey. The owner
// tells the policy what happens (inserted, touched, erased) and asks for a victim; the owner, not
// the policy, then calls `erased`. `inserted`, `touched` and `erased` are O(1) and allocate
// nothing: all memory (about 16 to 60 bytes a frame) is taken when the policy is made. A pure
// object: no I/O, no lock. The same object evicts buffers of the live cache, pages of the simulated
// machine, and the pages of an exercise.
//
//   policy->inserted(frame, key);   // a page came into a free frame: a miss was served
//   policy->touched(frame);         // a hit
//   auto frame = policy->victim(may_go, incoming_key);
//   policy->erased(*frame);         // its page was written back and is gone
//
// A frame that `victim` named and that is then erased counts as evicted: its key may become a
// ghost. A frame erased without having been named was dropped by its owner, and leaves no trace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "spindle/base/id.h"
#include "spindle/base/result.h"
#include "spindle/policy/victim_reason.h"

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

/// The choices in which textbooks differ.
struct ReplacementConventions {
  /// CLOCK and second chance: whether the reference bit of a page is set when it is loaded. Off, a
  /// page that is read once goes at the hand's first pass.
  bool clock_bit_on_load = false;
  /// LFU and MFU, equal counts: the page used least recently goes, or the one that was loaded
  /// first.
  enum class Tie : std::uint8_t { kLeastRecent, kFirstLoaded };
  Tie frequency_tie = Tie::kLeastRecent;
  /// LFU and MFU: whether a page that comes back goes on from the count with which it left. If so,
  /// the counts of all pages ever seen are kept, in memory that grows with them.
  bool keep_counts = false;
  std::uint64_t seed = 1;  ///< of "random"
  /// NRU and ageing: how many references make a tick of the clock, at which NRU clears the
  /// reference bits and ageing shifts its counters; 0: as many as there are frames.
  std::uint64_t tick_references = 0;
  unsigned aging_bits = 8;  ///< of ageing's counters; 1 to 63
  /// WSClock: a page not used for more than so many references has left the working set; 0: four
  /// times as many as there are frames.
  std::uint64_t working_set_references = 0;
};

class ReplacementPolicy {
 public:
  virtual ~ReplacementPolicy() = default;
  /// The name it is chosen by: one of `replacement_policy_names`.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// A page came into `frame`, which is empty.
  virtual void inserted(FrameNo frame, PageKey key) = 0;
  /// The page in `frame` was used again.
  virtual void touched(FrameNo frame) = 0;
  /// The page in `frame` differs from its copy on the disk now, or no longer does. For the policies
  /// that spare pages which would have to be written first (NRU, enhanced CLOCK, WSClock). If the
  /// caller never tells, no page is ever dirty.
  virtual void set_dirty(FrameNo frame, bool dirty) {
    static_cast<void>(frame), static_cast<void>(dirty);
  }
  /// The frame, which is not empty, is empty now. At any time, for any frame.
  virtual void erased(FrameNo frame) = 0;
  /// The frame that should go, among those that may; nothing if none may. Does not remove it: asked
  /// again at once, the answer is the same. A frame that may not go is passed by and stays as it
  /// is. At worst every frame is looked at a fixed number of times (CLOCK and SIEVE: twice).
  /// `incoming` is the page for which room is made, where that is known; 2Q and ARC decide exactly
  /// as published only then.
  virtual std::optional<FrameNo> victim(Evictable evictable,
                                        std::optional<PageKey> incoming = std::nullopt) = 0;

  // For explanations. A policy that says nothing is explained by what happened to the page.

  /// Why `victim`, which was the last call of the policy to change anything, named this frame.
  [[nodiscard]] virtual VictimReason reason(FrameNo victim) const {
    return static_cast<void>(victim), VictimReason{};
  }
  /// What it goes by, of a frame that is not empty.
  [[nodiscard]] virtual FrameMarks marks(FrameNo frame) const {
    return static_cast<void>(frame), FrameMarks{};
  }
  /// The frame at which the next search begins, if a hand goes from frame to frame by number.
  [[nodiscard]] virtual std::optional<FrameNo> hand() const { return std::nullopt; }
};

/// A policy over `capacity` frames, at least 1 and less than 2^31; EINVAL for a name that is none
/// of `replacement_policy_names`, or a capacity out of range.
Result<std::unique_ptr<ReplacementPolicy>> make_replacement_policy(
    std::string_view name, std::size_t capacity, const ReplacementConventions& conventions = {});
std::span<const std::string_view> replacement_policy_names();

/// Belady's optimum over `capacity` frames for a run that uses exactly these pages in this order:
/// the page whose next use lies farthest ahead goes; of those never used again, the one loaded
/// first. It must be told of every reference, by `inserted` or `touched`; there must be fewer than
/// 2^32 - 1. O(log n), with 8 bytes a reference.
std::unique_ptr<ReplacementPolicy> make_optimal_policy(std::size_t capacity,
                                                       std::span<const PageKey> references);

}  // namespace spindle
