// Lingering: a worker that has just had an event looks again for a while before it sleeps.
//
// To put a processor to sleep and to wake it takes longer than most answers of a server. Where
// requests follow one another, a worker that looks for the next one instead answers each two to
// three times as fast, for no more processor time than sleeping would have taken. Between two looks
// any other process that wants the processor gets it; if it keeps it for long, the worker does not
// linger for some time, but sleeps and is woken as usual. A worker that found nothing while it
// lingered sleeps as usual, so that an idle process costs nothing.
//
// The process that waits for the answer sleeps, too. While many events follow one another, the idle
// processors of a virtual machine are kept from halting, if the process may ask for that (as root).
#pragma once

#include <cstdint>

namespace spindle::thread {

/// Sets how long all workers of this process linger from now on; 0, the default: not at all. May be
/// called by any kernel thread.
void set_linger_ns(std::int64_t linger_ns);

}  // namespace spindle::thread
