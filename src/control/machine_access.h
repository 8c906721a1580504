// How the files of .spindle reach the simulated machine.
//
// The machine runs on a kernel thread of its own, whose host may need this one: so it is asked on a
// helper, while the asking thread waits and the mount's other requests go on. A thread that only
// looks needs no helper while the machine is at rest. What comes back is a copy; nothing holds the
// machine while a text is made of it.
#pragma once

#include <utility>

#include "spindle/machine/live_machine.h"
#include "spindle/thread/offload.h"

namespace spindle::control {

class MachineAccess {
 public:
  explicit MachineAccess(LiveMachine& live) : live_(live) {}

  /// What `work()` returns, a Result; EAGAIN if the host gives no helper. This thread must not do
  /// it instead: the machine may be waiting for it.
  template <class Work>
  auto beside(Work work) const -> decltype(work()) {
    return TRY(thread::offload_elsewhere(work));
  }

  /// What `use(machine)` returns, a Result.
  template <class Use>
  auto with(Use use) const -> decltype(use(std::declval<Machine&>())) {
    return beside([&] { return live_.with(use); });
  }

  /// What `look(machine)` returns, a Result: at once if nobody holds the machine, otherwise as
  /// `with`.
  template <class Look>
  auto look(Look look) const -> decltype(look(std::declval<const Machine&>())) {
    if (auto seen = live_.look_if_free(look)) return std::move(*seen);
    return with(look);
  }

  [[nodiscard]] LiveMachine& live() const { return live_; }

 private:
  LiveMachine& live_;
};

}  // namespace spindle::control
