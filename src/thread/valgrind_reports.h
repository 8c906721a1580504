// Under valgrind: whose bug it is that valgrind has just reported, for all threads are one to it.
#pragma once

#include "thread/control.h"

namespace spindle::thread {

/// The program runs under valgrind.
bool runs_on_valgrind();
/// The thread is about to be left: if there were reports since the last time, it is named.
void name_in_reports(const Control& thread);
/// Somebody will run on these addresses.
void announce_stack(const void* bottom, const void* top);

}  // namespace spindle::thread
