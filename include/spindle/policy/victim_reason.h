// VictimReason: why a replacement policy named a frame, as data; the words for it are the caller's.
//
//   auto hand = policy->hand();                          // and marks(frame) of each frame
//   auto frame = policy->victim({}, incoming);
//   VictimReason why = policy->reason(*frame);           // before anything else happens
//
// A bit that was set in the marks before `victim`, and is clear in those after, was cleared by the
// search. So a policy answers from what it keeps anyway: nothing is recorded, and a policy that is
// never asked costs no more.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace spindle {

/// What a page had before the others.
enum class VictimGround : std::uint8_t {
  kUnsaid,
  kLoadedFirst,
  kUsedLongestAgo,
  kUsedLast,
  kFewestUses,           ///< the marks' value is how many
  kMostUses,             ///< the same
  kUsedAgainLatest,      ///< the value is the number of that reference, from 1 on, or kNeverAgain
  kLowestClass,          ///< of NRU: the value
  kLowestCounter,        ///< of ageing: the value, the bit of this tick before its `limit` bits
  kFirstFrame,           ///< among equals
  kDrawnByLot,           ///< from its number on, the first frame that may go
  kBitFoundClear,        ///< a hand that goes from frame to frame, and clears bits, found it so
  kBitFoundClearInRow,   ///< the same for a search through a queue, from its oldest page on
  kNotVisitedAgain,      ///< SIEVE's hand found it so
  kRoundOfHand,          ///< enhanced CLOCK: `count` is the round, 1 to 4, in which it was found
  kLeftWorkingSet,       ///< clean, and its use noted more than `limit` references ago
  kFirstClean,           ///< none has left the working set; the first clean one with a clear bit
  kWhereHandStood,       ///< nor is one clean with a clear bit
  kOldestOfNew,          ///< of the pages used once, `count`, of which there should be `limit`
  kLongestUnusedOfKept,  ///< of those that were used again: `count` and `limit` are of the others
  kOldestOfSmallQueue,   ///< of S3-FIFO: used there once at most
  kOldestOfMainQueue,    ///< of S3-FIFO: with no uses left
};

inline constexpr std::uint64_t kNeverAgain = ~std::uint64_t{0};

struct VictimReason {
  VictimGround ground = VictimGround::kUnsaid;
  VictimGround among_equals = VictimGround::kUnsaid;  ///< which of those with the same value goes
  std::uint64_t count = 0;
  std::uint64_t limit = 0;
};

/// What a policy keeps of the page in a frame; nothing where it keeps no such thing.
struct FrameMarks {
  std::optional<bool> referenced;          ///< the reference bit
  std::optional<bool> dirty;               ///< the dirty bit
  std::optional<std::uint64_t> value;      ///< the number by which pages are compared
  std::optional<std::uint64_t> noted_use;  ///< the reference at which a hand last saw it used
};

/// "loaded-first"; empty for what is no ground.
std::string_view victim_ground_name(VictimGround ground);

}  // namespace spindle
