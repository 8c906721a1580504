// Keeps a loaded policy from ending the process: if its answer does not come, or its own code makes
// a fault of the machine, only the call ends.
//
// A handler of such faults asks first:
//
//   abandon_policy_call(signal, info, context);   // comes back only if it was no policy's fault
//
// A call is abandoned only while the library's own code runs or sleeps: code that it calls, such as
// the allocator, may hold locks. What the call has allocated is never freed. Each kernel thread has
// a watch of its own; async-signal-safe.
#pragma once

#include <csignal>

namespace spindle {

/// Ends the call into a loaded library that is under way on this kernel thread, if the fault that
/// was signalled is one of the library's own code.
void abandon_policy_call(int signal, const siginfo_t* info, const void* context);

}  // namespace spindle
