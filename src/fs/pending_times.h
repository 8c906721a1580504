// PendingTimes: file times that are ahead of the disk.
//
// Reading changes the access time and overwriting the modification time, and nothing else of an
// inode. To make a transaction of each would cost more than the operation itself, so the node's
// times are changed in memory at once, and written by whatever comes first: the next transaction on
// the inode, an fsync, a sync of the volume, or a thread that writes all pending ones after the
// commit interval, many in a transaction. The thread lives while there is something to write.
#pragma once

#include <unordered_map>
#include <vector>

#include "node.h"
#include "spindle/thread/event.h"

namespace spindle {

class Volume;

class PendingTimes {
 public:
  explicit PendingTimes(Volume& volume) : volume_(volume) {}

  /// The node's times have just been changed in memory. Does not suspend.
  void add(Node& node);
  /// They have been written, or are of no interest any more.
  void drop(Node& node);
  /// Writes one node's times, if they are pending.
  Result<> write(Node& node);
  /// Writes them all.
  Result<> write_all();
  /// Ends the thread; what is pending is forgotten.
  void stop();

 private:
  Result<> write_some(const std::vector<NodeRef>& nodes);
  void run();

  Volume& volume_;
  std::unordered_map<Node*, NodeRef> nodes_;
  bool running_ = false;
  bool stopping_ = false;
  thread::Event hurry_{"pending times"};
  thread::Event ended_{"pending times ended"};
};

}  // namespace spindle
