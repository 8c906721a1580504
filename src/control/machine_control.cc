#include "spindle/control/machine_control.h"

#include "control/machine_folder.h"
#include "control/process_folder.h"
#include "control/sys_folder.h"

namespace spindle {

MachineControl::MachineControl(ControlTree& tree, LiveMachine& live,
                               const std::string& mount_point) {
  const control::MachineAccess machine(live);
  proc_ = std::make_unique<control::ProcessFolder>(machine, mount_point);
  sys_ = std::make_unique<control::SysFolder>(machine);
  tree.add_folder("proc", *proc_);
  tree.add_folder("sys", *sys_);
  control::add_machine_settings(tree, machine);
  control::add_machine_tables(tree, machine);
  control::add_machine_traces(tree, machine);
  control::add_machine_programs(tree, machine);
  control::add_machine_terminal(tree, machine);
}

MachineControl::~MachineControl() = default;

}  // namespace spindle
