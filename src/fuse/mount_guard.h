// A process that lets a killed daemon end.
//
// The kernel fails whatever waits for a daemon as soon as /dev/fuse is closed. But a kernel thread
// of the daemon may itself wait in the kernel, uninterruptibly, for an answer of the daemon, when
// it tells the kernel to drop pages (open_writers.h) or names. If it were killed at that moment,
// the process could not end, /dev/fuse would stay open, and all users of the mount would wait for
// ever. So a child process, which has nothing open, waits for the end of the serving thread, or for
// its word that an abort, a fault or the like ends it: while the kernel dumps the process, no
// thread ends. If the daemon has not ended soon after, the child cuts the connection.
#pragma once

#include <string>

namespace spindle {

/// Starts the guard of what has just been mounted there. Called by the kernel thread that serves
/// the mount; asks the mount nothing. The guard ends with the daemon.
void guard_mount(const std::string& mount_point);

}  // namespace spindle
