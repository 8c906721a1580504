// A process that lets a killed daemon end.
//
// The kernel fails whatever waits for a daemon as soon as /dev/fuse is closed. But a kernel thread
// of the daemon may itself wait in the kernel, deaf to signals, for an answer of the daemon: where
// it tells the kernel to drop pages (open_writers.h) or names. Killed in that moment the process
// could not end, /dev/fuse would stay open, and all who use the mount would wait for ever. So a
// child, which has nothing open, waits for the end of the thread that serves; if the process is not
// gone soon after, it cuts the connection.
#pragma once

#include <string>

namespace spindle {

/// Makes the guard of what has just been mounted there. Called by the kernel thread that serves the
/// mount; asks the mount nothing. The guard ends with the daemon.
void guard_mount(const std::string& mount_point);

}  // namespace spindle
