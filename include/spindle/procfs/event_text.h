// The machine's ring of events as texts that other programs read.
//
//   std::string trace = ftrace_header(0, ring.end()) + ...;
//   for (n = ring.first(); n < ring.end(); ++n) ftrace_line(ring, ring.at(n), trace);
//   std::string json = chrome_trace(ring, cpus);          // chrome://tracing, Perfetto, Speedscope
//   std::string calls = strace_text(ring, pid);           // as of strace -f -ttt -T
//
// Perfetto recognises ftrace's text by its first line. In Chrome's JSON each CPU is a track of what
// ran on it, each thread one of its system calls and page faults; wake-ups are arrows. Slices of a
// track nest; one whose begin the ring has forgotten is left out, and one without an end is cut at
// the newest event.
#pragma once

#include <string>

#include "spindle/machine/machine_event.h"

namespace spindle::procfs {

/// The comment that opens a trace; `kept` of `written` events follow.
std::string ftrace_header(std::uint64_t kept, std::uint64_t written, std::uint32_t cpus);
/// Appends the line of one event; nothing for one that ftrace has no line for.
void ftrace_line(const EventRing& ring, const MachineEvent& event, std::string& text);
std::string ftrace_text(const EventRing& ring, std::uint32_t cpus);

std::string chrome_trace(const EventRing& ring, std::uint32_t cpus);

/// The system calls and signals of one process, with all its threads.
std::string strace_text(const EventRing& ring, ProcessNumber process);

}  // namespace spindle::procfs
