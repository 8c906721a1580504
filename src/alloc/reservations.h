// Reservations: room kept free behind files that grow, so that files written in turns do not lie
// interleaved block by block.
//
// A file that asks for the block right after those it got last is growing. It then gets a window:
// free blocks behind its last ones, as many as it has got so far in a row, within bounds. Windows
// are no promise: all of them are given up when a search finds nothing else, and the least recently
// used one when there are too many. They stand in memory only.
//
// This class only remembers; the free runs themselves are moved by SpaceManager.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "spindle/base/id.h"

namespace spindle {

class Reservations {
 public:
  static constexpr std::size_t kMaxFiles = 1024;
  static constexpr std::uint64_t kMinWindow = 8;  ///< blocks
  static constexpr std::uint64_t kMaxWindowBytes = 8u << 20;

  struct Growth {
    InodeNo owner;
    BlockNo expected;         ///< where its last blocks ended
    std::uint64_t grown = 0;  ///< blocks got in a row
    Run window;               ///< begins at `expected`, or is empty
  };

  explicit Reservations(std::uint32_t block_size) : max_window_(kMaxWindowBytes / block_size) {}

  /// What is known of the owner if it goes on at `hint`; otherwise null.
  Growth* going_on(InodeNo owner, BlockNo hint);
  /// How long a window the growth deserves.
  [[nodiscard]] std::uint64_t window_for(const Growth& growth) const;
  /// Remembers that the owner got `run`, going on or not, and now has `window` behind it. Returns
  /// windows that are given up for it.
  std::vector<Run> note(InodeNo owner, Run run, Run window, bool goes_on);
  /// Forgets the owner; its window, if it had one, is given up.
  std::optional<Run> forget(InodeNo owner);
  /// Gives up all windows.
  std::vector<Run> release_all();
  /// Gives up the windows that touch the run.
  std::vector<Run> release_touching(Run run);
  [[nodiscard]] std::uint64_t reserved() const { return reserved_; }  ///< blocks

 private:
  void set_window(Growth& growth, Run window);

  std::uint64_t max_window_;
  std::uint64_t reserved_ = 0;
  std::list<Growth> by_use_;  ///< last used first
  std::unordered_map<InodeNo, std::list<Growth>::iterator> by_owner_;
};

}  // namespace spindle
