// Lingering: a worker that has just had an event looks again for a while before it sleeps.
//
// To put a processor to sleep and to wake it takes longer than most answers of a server do. Where
// requests follow one another, looking for the next one instead makes each come to its answer two
// to three times as fast, for no more time of the processor than the sleep would have taken.
// Between two looks whoever else wants the processor gets it; if he keeps it for long, the worker
// does not linger for a while, but sleeps, and is woken like anybody. A worker that has had nothing
// for the whole while sleeps as ever, so that an idle process costs nothing.
//
// Who waits for the answer sleeps, too. While many events follow one another, the idle processors
// of a virtual machine are kept from halting, where the process may ask for that (as root).
#pragma once

#include <cstdint>

namespace spindle::thread {

/// For all workers of this process, from now on; 0, as it is at first: not at all. From any kernel
/// thread.
void set_linger_ns(std::int64_t linger_ns);

}  // namespace spindle::thread
