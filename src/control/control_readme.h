// The text of .spindle/README: no line is wider than a terminal of 80 columns.
#pragma once

#include <string_view>

namespace spindle {

inline constexpr std::string_view kReadme =
    R"(This directory shows what happens under this mount, and steers it.

Read a file with cat; set one with echo (those marked *):
  echo sstf > .spindle/disk/scheduler
A value that is refused fails with "Invalid argument"; last_error says why.
A policy may also come out of a library: write its whole path, see
spindle-policy(7). On a mount with -o ro the kernel lets nothing be written,
not even here: all can be read. Files with a twin NAME.json hold the same for
programs. Names end in their unit.

  last_error               why the last operation or setting failed, in words
  version, process_id      of the daemon
  reset                    write anything: all counters and shadows start anew,
                           for an experiment
  trace                    the last events under each request, from the call to
                           the arm, if trace_on
  trace_pipe               the same as it happens: a read waits;
                           trace_pipe.jsonl in JSON lines
  record_pipe              each operation from the first read on, as
                           `spindle record` stores them
  record_pipe_contents     the same with what is written
                           (these tell names of files: only root and the user
                           who has mounted may read them)
* trace_on, trace_size     whether events are kept, and how many
  activity.json            what `spindle watch` shows, in one piece: arm,
                           blocks, busiest files ...

  volume/statistics        the volume: size, free blocks and inodes, state (one
                           file for each, too)
  volume/usage             files, blocks and runs by allocation strategy: how
                           fragmented they are
  volume/free_runs         how many free runs there are of each length
  volume/longest_free_run_blocks   the longest of them
  volume/defrag            takes plan, defragment, unite, pack or down and an
                           inode's number, and tells the same open file what
                           became of it; see spindle-defrag(1)
* volume/fit               how a free run is picked
  volume/errors            the last errors worth telling
  volume/sync              write anything: all that was written is on the disk,
                           and at home there

  cache/statistics         the buffer cache: reads = hits + misses, dirty blocks
                           (a file each, too)
* cache/policy             which block goes when room is needed
  cache/whatif             what each replacement policy would have hit, and at
                           half and double size
  cache/lru_curve          LRU's ratio of hits at every size of the cache, out
                           of the same reads
  cache/history            reads and hits over time since the last reset
* cache/watch              whether the shadows behind cache/whatif watch; off:
                           it is empty
  cache/drop, cache/reset  write anything: empties the cache; starts counting
                           anew

  disk/statistics          the disk: requests, arm movement, seek, rotation and
                           transfer time, queue
* disk/scheduler           in which order the arm serves requests
* disk/model               which disk is simulated
  disk/geometry            its cylinders, heads and tracks
* disk/pace                wall time for each unit of the disk's virtual time;
                           0: none
  disk/whatif              what each arm policy would have cost on these very
                           requests, fastest first; a new scheduler or model
                           starts it anew, while disk/statistics count on
  disk/whatif_moves        the last 256 stops of the arm under each of them
  disk/moves               the last 1000 moves of the arm, oldest first
  disk/history             all its moves since the last reset, scheduler or
                           model, in stretches of equally many
* disk/watch               whether the shadows behind disk/whatif watch; off: it
                           is empty
  disk/purposes            what the requests were for: data, metadata, journal
  disk/response_times      how many requests took how long
  disk/seek_distances      how many times the arm moved how far
  disk/reset               write anything: starts counting anew

  journal/statistics       transactions, group commits, the log's ends and fill
  journal/state            working, or why it failed
  journal/commit           write anything: makes all durable
  journal/checkpoint       write anything: writes home, empties the log

  requests/latency         each kind of request to the volume: how many, and how
                           long they took
  requests/reset           write anything: starts counting anew

  threads/list             the daemon's user-space threads: state, what they
                           wait for, switches
  threads/backtraces       the same in words, with where in the code each of
                           them stands
* threads/policy           in which order those that are ready run
  threads/statistics       how many live, how often one followed another, how
                           stacks are guarded

  proc, sys                the simulated machine, as Linux's /proc and /sys show
                           a real one; spindle enter MOUNT [COMMAND] binds them
                           over /proc and /sys
  proc/PID/ctl             its settings; takes verbs: kill TERM, stop, start,
                           nice 5, cpus 0-2, ...
  machine/run              write a program's path and arguments: it starts; see
                           docs/MACHINE.md
  machine/status           how processes fare
  machine/terminal         what they print, and what they read
* machine/rate, machine/policy, ...   its clock and its scheduler
  machine/gantt, machine/blocked, machine/deadlocks, ...
                           what Linux does not show

Files of the volume carry two attributes:
  getfattr -n user.spindle.alloc FILE                 its allocation strategy
  setfattr -n user.spindle.alloc -v linked FILE|DIR   changes it; of a directory
                                                      for new files
  getfattr -n user.spindle.map --only-values FILE     where its blocks are
)";

}  // namespace spindle
