// WhatIf: the shadows that watch a mounted volume, and the control files that show them.
//
//   WhatIf what_if(disk, cache);          // watching from now on
//   what_if.add_files(control);           // disk/whatif, disk/moves, cache/whatif, reset, ...
//
// Shadow instances of every arm policy see the requests of the live disk, and of every replacement
// policy the accesses to the live cache (disk/what_if.h, cache/replacement_what_if.h): one `cat`
// says what each would have cost on this very workload. Either can be switched off, and then costs
// one comparison a request.
//
// Belongs to the runtime's kernel thread. Must go before the disk and the cache do; the tree that
// has its files must not be used after that.
#pragma once

#include "spindle/cache/buffer_cache.h"
#include "spindle/cache/replacement_what_if.h"
#include "spindle/control/control_tree.h"
#include "spindle/disk/arm_history.h"
#include "spindle/disk/arm_trace.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/disk/what_if.h"

namespace spindle {

class WhatIf {
 public:
  WhatIf(SimulatedDisk& disk, BufferCache& cache);
  ~WhatIf();
  WhatIf(const WhatIf&) = delete;
  WhatIf& operator=(const WhatIf&) = delete;

  /// Switching on starts all counting of the shadows anew.
  void watch_disk(bool on);
  void watch_cache(bool on);

  void add_files(ControlTree& tree);
  /// The last moves of the arm; none while the disk is not watched.
  [[nodiscard]] const ArmTrace& moves() const { return moves_; }

 private:
  static constexpr std::size_t kKeptMoves = 1000;

  void add_disk_files(ControlTree& tree);
  void add_cache_files(ControlTree& tree);

  SimulatedDisk& disk_;
  BufferCache& cache_;
  ArmWhatIf arms_;
  ArmTrace moves_{kKeptMoves};
  ArmHistory history_;
  ReplacementWhatIf replacements_;
  bool watches_disk_ = false;
  bool watches_cache_ = false;
};

}  // namespace spindle
