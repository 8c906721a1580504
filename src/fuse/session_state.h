// The inside of a Session: what its two halves share. session.cc receives requests and sends
// answers; operations.cc turns each request into one call of a tree.
#pragma once

#include <linux/fuse.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "listing_hints.h"
#include "open_writers.h"
#include "spindle/fs/interruption.h"
#include "spindle/fuse/session.h"
#include "spindle/thread/event.h"
#include "spindle/thread/runtime.h"
#include "write_errors.h"

// libfuse names the requests' headers as the kernel does, except one struct that both define.
#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

namespace spindle {

inline constexpr std::size_t kLargestTransfer = 1u << 20;
inline constexpr std::size_t kRequestBufferSize = kLargestTransfer + 4096;

/// Buffers for requests. The one given back last, which is still in the processor's cache, is taken
/// first. Pages are touched only as far as requests reach; buffers beyond a few go back to the
/// host.
class RequestBuffers {
 public:
  using Buffer = std::unique_ptr<std::byte[]>;
  RequestBuffers();
  Buffer take();
  void give(Buffer buffer);

 private:
  static constexpr std::size_t kKept = 8;
  std::vector<Buffer> free_;
};

struct SessionState final : thread::FdWatcher {
  SessionState(Session::Options options_, Tree& volume_, Tree& control_)
      : options(std::move(options_)), volume(volume_), control(control_) {}
  ~SessionState() override;

  void readable() override;
  /// Takes no more requests; what is under way ends.
  void let_go();
  void serve_request(RequestBuffers::Buffer buffer, std::size_t size);
  /// Hands a raw request to its operation, which answers it.
  void perform(std::span<std::byte> raw);

  [[nodiscard]] Tree& tree(NodeId node) { return (node & kControlBit) != 0 ? control : volume; }
  /// How long the kernel may keep what it is told of the node.
  [[nodiscard]] double validity_seconds(NodeId node) const;
  /// Makes the kernel ask anew for the node's attributes.
  void forget_attributes(NodeId node) { (void)fuse_lowlevel_notify_inval_inode(fuse, node, -1, 0); }

  Session::Options options;
  Tree& volume;
  Tree& control;
  fuse_session* fuse = nullptr;
  int fd = -1;
  bool mounted = false;
  bool kernel_opens_directories = false;  ///< without asking the daemon
  RequestStatistics statistics;
  std::atomic<std::uint64_t> requests_begun{0};  ///< counted by one kernel thread
  BusyFiles busy_files;
  RequestBuffers buffers;
  ListingHints listing_hints;
  WriteErrors write_errors;
  OpenWriters open_writers;
  std::unordered_set<Interruption*> interruptible;  ///< reads that may wait for ever

  /// The raw request that libfuse is about to hand to its operation: read before anything suspends.
  const fuse_in_header* current = nullptr;
  std::uint64_t init_request = 0;     ///< the id of FUSE_INIT: flags are added to its answer on the
                                      ///< way out
  std::uint32_t more_init_flags = 0;  ///< the flags that are added
  std::uint64_t last_failed_request = 0;
  std::function<void()> ready;
  std::size_t in_flight = 0;
  bool gone = false;  ///< the kernel has let go of the mount
  Result<> outcome;   ///< why the mount never answered, if it did not
  thread::Event finished;
};

/// libfuse's table of our operations.
const fuse_lowlevel_ops& fuse_operations();

/// The operations that libfuse does not know, or not in full, from the raw request; the answer is
/// written to `fd`.
void serve_statx(SessionState& session, const fuse_in_header& header);
void serve_temporary_file(SessionState& session, const fuse_in_header& header);
void serve_set_xattr(SessionState& session, const fuse_in_header& header);

/// Attributes as libfuse wants them.
struct stat to_stat(const Attributes& attributes);
/// Answers a raw request.
void reply_raw(SessionState& session, std::uint64_t request, int error,
               std::span<const std::byte> body);

/// How long the kernel may keep what it was told of the volume: for ever, since all changes pass
/// through it.
inline constexpr double kValidForever = 365.0 * 86400.0;
inline double SessionState::validity_seconds(NodeId node) const {
  return (node & kControlBit) != 0 || write_errors.has(node) ? 0.0 : kValidForever;
}

}  // namespace spindle
