// What keeps a loaded policy from taking the process with it: an answer that does not come, and a
// fault of the machine in the policy's own code, end the call and not the process.
//
// A handler of such faults asks first:
//
//   abandon_policy_call(signal, info, context);   // comes back only if it was no policy's fault
//
// A call is abandoned where the library's own code is at work, or is asleep, and nowhere else: what
// runs below it, as the allocator, may hold locks. What the call has made is left as it is. One
// watch a kernel thread; async-signal-safe.
#pragma once

#include <csignal>

namespace spindle {

/// Ends the call into a loaded library that is under way on this kernel thread, if the fault that
/// was signalled is one of the library's own code.
void abandon_policy_call(int signal, const siginfo_t* info, const void* context);

}  // namespace spindle
