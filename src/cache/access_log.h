// AccessLog: what happened to a cache, or a sample of it that stays small.
//
//   AccessLog log;
//   log.begin(1);                             // every block counts
//   log.accessed(block, CacheAccess::kHit);
//   log.thin();                               // only half as many blocks do, as if from the start
//   play(log.some_events(0, 100), shadow);    // shadow.accessed(block, access), shadow.forget(run)
//   ...
//
// Of each group of `one_in()` neighbours, a power of two, exactly one block is in the sample, so
// that no file is sampled too much or too little. Only its number decides whether a block is in, so
// the log has all that happens to a block, or nothing. The sample for twice `one_in()` is a part of
// this one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "spindle/cache/cache_observer.h"

namespace spindle {

/// The last steps of splitmix64.
constexpr std::uint64_t scattered(std::uint64_t number) {
  std::uint64_t hash = number + 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ull;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBull;
  return hash ^ (hash >> 31);
}

class AccessLog {
 public:
  enum class Kind : std::uint8_t {
    kHit,  ///< the first four as in CacheAccess
    kMiss,
    kBlank,
    kReadAhead,
    kKept,       ///< dirty, or needed by the journal
    kLetGo,      ///< neither any more
    kForgotten,  ///< this block
    kForgottenRun,
    kLength,  ///< the length of the run before it
    kEmptied,
  };
  /// Small, since there are many.
  class Event {
   public:
    Event(std::uint64_t number, Kind kind)
        : bits_(number << 4 | static_cast<std::uint64_t>(kind)) {}
    /// Of the block; of kLength, the length.
    [[nodiscard]] std::uint64_t number() const { return bits_ >> 4; }
    [[nodiscard]] Kind kind() const { return static_cast<Kind>(bits_ & 15); }

   private:
    std::uint64_t bits_;
  };

  /// Empties it.
  void begin(std::uint64_t one_in) {
    events_.clear();
    one_in_ = one_in;
  }
  /// Doubles `one_in`.
  void thin() {
    one_in_ *= 2;
    std::erase_if(events_, [this](const Event& event) {
      return event.kind() <= Kind::kForgotten && !is_chosen(event.number(), one_in_);
    });
  }
  void clear() { events_.clear(); }

  [[nodiscard]] std::uint64_t one_in() const { return one_in_; }
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  /// The events from `first` on, at most `most`, and one more if it belongs to the last.
  [[nodiscard]] std::span<const Event> some_events(std::size_t first, std::size_t most) const {
    std::size_t end = first + std::min(most, events_.size() - first);
    if (end < events_.size() && events_[end].kind() == Kind::kLength) ++end;
    return std::span(events_).subspan(first, end - first);
  }
  [[nodiscard]] bool is_sampled(BlockNo block) const {
    for (std::uint64_t level = 2; level <= one_in_; level *= 2)
      if (!is_chosen(block.value, level)) return false;
    return true;
  }

  void accessed(BlockNo block, CacheAccess access) {
    if (is_sampled(block)) add(block.value, static_cast<Kind>(access));
  }
  void kept(BlockNo block, bool is_kept) {
    if (is_sampled(block)) add(block.value, is_kept ? Kind::kKept : Kind::kLetGo);
  }
  void emptied() { add(0, Kind::kEmptied); }
  void forgotten(Run run) {
    if (run.length > kLongRun) {
      add(run.start.value, Kind::kForgottenRun);
      add(run.length, Kind::kLength);
      return;
    }
    for (BlockNo block = run.start; block != run.end(); ++block)
      if (is_sampled(block)) add(block.value, Kind::kForgotten);
  }

 private:
  /// A longer run is two events whatever the sample; others are as many as they have sampled
  /// blocks.
  static constexpr std::uint64_t kLongRun = 64;

  /// A group of `level` blocks has two halves: whether the block is in the chosen one.
  static bool is_chosen(std::uint64_t block, std::uint64_t level) {
    const int shift = std::countr_zero(level);
    const std::uint64_t group = block >> shift;
    return (block >> (shift - 1) & 1) == (scattered(group * 64 + static_cast<unsigned>(shift)) & 1);
  }
  void add(std::uint64_t number, Kind kind) { events_.emplace_back(number, kind); }

  std::vector<Event> events_;
  std::uint64_t one_in_ = 1;
};

/// Tells a cache what happened.
template <class Cache>
void play(std::span<const AccessLog::Event> events, Cache& cache) {
  using Kind = AccessLog::Kind;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const BlockNo block{events[i].number()};
    switch (const Kind kind = events[i].kind()) {
      case Kind::kHit:
      case Kind::kMiss:
      case Kind::kBlank:
      case Kind::kReadAhead:
        cache.accessed(block, static_cast<CacheAccess>(kind));
        break;
      case Kind::kKept:
      case Kind::kLetGo:
        cache.keep(block, kind == Kind::kKept);
        break;
      case Kind::kForgotten:
        cache.forget({block, 1});
        break;
      case Kind::kForgottenRun:
        cache.forget({block, events[++i].number()});
        break;
      case Kind::kLength:
        break;
      case Kind::kEmptied:
        cache.empty();
        break;
    }
  }
}

}  // namespace spindle
