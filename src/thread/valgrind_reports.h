// Under valgrind, which takes all threads for one: tells which thread made the error that valgrind
// has just reported.
#pragma once

#include "thread/control.h"

namespace spindle::thread {

/// The program runs under valgrind.
bool runs_on_valgrind();
/// To be called when the thread is about to be left: names it if there were reports since the last
/// call.
void name_in_reports(const Control& thread);
/// Tells valgrind that these addresses are a stack.
void announce_stack(const void* bottom, const void* top);

}  // namespace spindle::thread
