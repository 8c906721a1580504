// Session: one mount. Translates the kernel's FUSE requests into operations of two trees.
//
//   auto session = TRY(Session::mount(options, volume, control));
//   session->serve();          // inside a runtime; returns when the mount is gone
//
// The runtime watches /dev/fuse; each request is read into a buffer of a pool and served by a
// user-space thread of its own, so that one that waits for the disk stops no other. Nodes with
// kControlBit go to the control tree, all others to the volume; the name ".spindle" in the root
// leads from one to the other and is listed by neither.
//
// All changes of the volume come through this mount, or it is told of them (`content_changed`), so
// the kernel may cache names and attributes for as long as it likes; of control files it may cache
// nothing. Two operations that libfuse 3.14 does not know are served from the raw request:
// FUSE_STATX (birth time) and FUSE_TMPFILE.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "spindle/fs/tree.h"
#include "spindle/fuse/busy_files.h"
#include "spindle/fuse/request_statistics.h"

namespace spindle {

inline constexpr NodeId kControlRoot = kControlBit | kRootNode;

struct SessionState;

class Session {
 public:
  struct Options {
    std::string source;  ///< shown in /proc/mounts
    std::string mount_point;
    bool read_only = false;
    bool allow_other = false;
    bool default_permissions = true;
    std::string atime;           ///< "noatime", "relatime", "strictatime" or empty
    std::string kernel_options;  ///< more for mount(2), each with a comma before it: ",nodev"
    /// Tells how much of the volume is free; must not suspend. With nothing free the kernel keeps
    /// what it keeps of any mount.
    std::function<std::uint64_t()> free_bytes = [] { return std::uint64_t{0}; };
    bool debug = false;  ///< log every request
  };

  /// Mounts. The reason in words if it fails; libfuse's own message has gone to standard error
  /// then.
  static Result<std::unique_ptr<Session>> mount(Options options, Tree& volume, Tree& control);
  ~Session();  ///< unmounts if it is still mounted

  /// Serves requests until the file system is unmounted, then until the last request is answered.
  /// Called in a thread of the runtime. `ready` is called once, when the kernel's first request has
  /// been answered: from then on the mount answers.
  Result<> serve(const std::function<void()>& ready);
  /// Unmounts as `umount -l` does; serve() returns when the kernel has let go. May be called from a
  /// signal watcher.
  void unmount();

  // Tells the kernel what changed without a request of this mount, or it would go on showing what
  // it has cached. Not to be called from the runtime's kernel thread: the kernel may first have to
  // ask something that is answered there.

  void content_changed(NodeId file);
  void name_changed(NodeId directory, const std::string& name);

  /// Of the volume's requests; those to control files are not counted.
  [[nodiscard]] RequestStatistics& statistics();
  /// How many of the volume's requests have come; from any kernel thread.
  [[nodiscard]] std::uint64_t requests_begun() const;
  [[nodiscard]] BusyFiles& busy_files();

 private:
  explicit Session(std::unique_ptr<SessionState> state);
  std::unique_ptr<SessionState> state_;
};

}  // namespace spindle
