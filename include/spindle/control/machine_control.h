// The control files of the simulated machine: .spindle/proc and sys, as Linux has them for a real
// one, and .spindle/machine, for what Linux does not show and to steer it.
//
//   MachineControl control(tree, live, "/mnt");
//
// Nothing here makes the machine before one of its files is read or written: until then it costs
// nothing. Each text is made of one copy of the machine's state, taken on a helper thread, so the
// mount's own requests go on meanwhile.
#pragma once

#include <memory>
#include <string>

#include "spindle/control/control_tree.h"
#include "spindle/machine/live_machine.h"

namespace spindle {

class MachineControl {
 public:
  /// Adds all files. `live` must outlive this, and this the tree.
  MachineControl(ControlTree& tree, LiveMachine& live, const std::string& mount_point);
  ~MachineControl();
  MachineControl(const MachineControl&) = delete;
  MachineControl& operator=(const MachineControl&) = delete;

 private:
  std::unique_ptr<VirtualFolder> proc_;
  std::unique_ptr<VirtualFolder> sys_;
};

}  // namespace spindle
