// The text of .spindle/README: no line is wider than a terminal of 80 columns.
#pragma once

#include <string_view>

namespace spindle {

inline constexpr std::string_view kReadme =
    R"(This directory shows what happens under this mount, and steers it.

Read a file with cat; set one with echo (those marked *):
  echo sstf > .spindle/disk/scheduler
A value that is refused fails with "Invalid argument"; last_error says why.
A policy may also come from a library: write its whole path, see
spindle-policy(7). On a mount with -o ro the kernel allows no writes, not even
here; all files can still be read. A twin file NAME.json holds the same data for
programs. Names end in their unit.

  last_error               why the last operation or setting failed, in words
  version, process_id      version and process number of the daemon
  reset                    write anything: resets all counters and shadows, for
                           an experiment
  trace                    the last events under each request, from the call to
                           the arm, if trace_on
  trace_pipe               the same events as they happen: a read waits;
                           trace_pipe.jsonl has them as JSON lines
  record_pipe              each operation since the first read, as
                           `spindle record` stores them
  record_pipe_contents     the same with the bytes that are written
                           (both contain names of files: only root and the user
                           who has mounted may read them)
* trace_on, trace_size     whether events are kept, and how many
  activity.json            what `spindle watch` shows, in one piece: arm,
                           blocks, busiest files ...

  volume/statistics        the volume: size, free blocks and inodes, state (also
                           one file for each)
  volume/usage             files, blocks and runs by allocation strategy: how
                           fragmented they are
  volume/free_runs         how many free runs there are of each length
  volume/longest_free_run_blocks   the longest of them
  volume/defrag            write plan, defragment, unite, pack or down and an
                           inode's number, and read the result from the same
                           open file; see spindle-defrag(1)
* volume/fit               the policy that picks a free run
  volume/errors            the last important errors
  volume/sync              write anything: writes all changes to the disk, each
                           block to its own place

  cache/statistics         the buffer cache: reads = hits + misses, dirty blocks
                           (also one file for each)
* cache/policy             which block is evicted when room is needed
  cache/whatif             what each replacement policy would have hit, and at
                           half and double size
  cache/lru_curve          LRU's hit ratio at every size of the cache, from the
                           same reads
  cache/history            reads and hits over time since the last reset
* cache/watch              whether the shadows for cache/whatif run; off:
                           cache/whatif is empty
  cache/drop, cache/reset  write anything: empties the cache; resets its
                           counters

  disk/statistics          the disk: requests, arm movement, seek, rotation and
                           transfer time, queue
* disk/scheduler           in which order the arm serves requests
* disk/model               which disk is simulated
  disk/geometry            its cylinders, heads and tracks
* disk/pace                wall time for each unit of the disk's virtual time;
                           0: none
  disk/whatif              what each arm policy would have cost on these very
                           requests, fastest first; a new scheduler or model
                           resets it, but not disk/statistics
  disk/whatif_moves        the last 256 stops of the arm under each of them
  disk/moves               the last 1000 moves of the arm, oldest first
  disk/history             all its moves since the last reset, scheduler or
                           model, in groups of equally many
* disk/watch               whether the shadows for disk/whatif run; off:
                           disk/whatif is empty
  disk/purposes            what the requests were for: data, metadata, journal
  disk/response_times      how many requests took how long
  disk/seek_distances      how many times the arm moved how far
  disk/reset               write anything: resets the counters

  journal/statistics       transactions, group commits, the log's ends and fill
  journal/state            working, or why it failed
  journal/commit           write anything: makes all changes durable
  journal/checkpoint       write anything: writes all blocks home and empties
                           the log

  requests/latency         each kind of request to the volume: how many, and how
                           long they took
  requests/reset           write anything: resets the counters

  threads/list             the daemon's user-space threads: state, what they
                           wait for, switches
  threads/backtraces       the same in words, and where in the code each thread
                           is
* threads/policy           in which order ready threads run
  threads/statistics       how many threads live, how often they were switched,
                           how stacks are guarded

  proc, sys                the simulated machine, as Linux's /proc and /sys show
                           a real one; spindle enter MOUNT [COMMAND] binds them
                           over /proc and /sys
  proc/PID/ctl             its settings; takes verbs: kill TERM, stop, start,
                           nice 5, cpus 0-2, ...
  machine/run              write a program's path and arguments to start it;
                           see docs/MACHINE.md
  machine/status           write process numbers, then read the state of each
  machine/terminal         what processes print, and what they read
* machine/rate, machine/policy, ...   its clock and its scheduler
  machine/gantt, machine/blocked, machine/deadlocks, ...
                           what Linux does not show

Files of the volume carry two attributes:
  getfattr -n user.spindle.alloc FILE                 its allocation strategy
  setfattr -n user.spindle.alloc -v linked FILE|DIR   changes it; on a directory
                                                      for new files
  getfattr -n user.spindle.map --only-values FILE     where its blocks are
)";

}  // namespace spindle
