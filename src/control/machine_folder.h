// .spindle/machine, in parts: what can be set, what is shown, how programs are started.
#pragma once

#include "control/machine_access.h"
#include "spindle/control/control_tree.h"

namespace spindle::control {

void add_machine_settings(ControlTree& tree, MachineAccess machine);
void add_machine_tables(ControlTree& tree, MachineAccess machine);
void add_machine_traces(ControlTree& tree, MachineAccess machine);
/// machine/run, status and last_message.
void add_machine_programs(ControlTree& tree, MachineAccess machine);
void add_machine_terminal(ControlTree& tree, MachineAccess machine);

}  // namespace spindle::control
