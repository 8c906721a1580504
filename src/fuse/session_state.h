// The inside of a Session: what its two halves share. session.cc receives requests and sends
// answers; operations.cc turns each request into one call of a tree.
#pragma once

#include <linux/fuse.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kernel_cache.h"
#include "listing_hints.h"
#include "open_writers.h"
#include "request_buffers.h"
#include "spindle/fs/interruption.h"
#include "spindle/fuse/session.h"
#include "spindle/thread/event.h"
#include "spindle/thread/runtime.h"
#include "write_errors.h"

// libfuse names the requests' headers as the kernel does, except one struct that both define.
#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

namespace spindle {

/// A request as the kernel handed it over.
struct Received {
  RequestBuffers::Buffer buffer;
  std::size_t size = 0;     ///< with its header
  std::int64_t at_ns = 0;   ///< by monotonic_ns
  bool is_bounded = false;  ///< counts for SessionState::kMostBounded

  [[nodiscard]] const fuse_in_header& header() const {
    return *reinterpret_cast<const fuse_in_header*>(buffer.get());
  }
};

struct SessionState final : thread::FdWatcher {
  SessionState(Session::Options options_, Tree& volume_, Tree& control_)
      : options(std::move(options_)), volume(volume_), control(control_) {}
  ~SessionState() override;

  bool readable() override;
  /// Serves what the kernel has held back: that a deleted file was let go comes after up to eight
  /// requests that were made later.
  void catch_up();
  void begin(RequestBuffers::Buffer buffer, std::size_t size);
  /// Gives the request a thread, which serves it.
  void spawn(Received request);
  /// Leaves requests to the kernel until a bounded one has ended.
  void rest();
  [[nodiscard]] bool must_rest() const {
    return bounded >= kMostBounded || (bounded > 0 && buffers.are_many_out());
  }
  /// Takes no more requests; what is under way ends.
  void let_go();
  void serve(Received request);
  /// Answers a request that nothing can serve.
  void refuse(const fuse_in_header& header, const Error& reason);
  /// The request has been answered.
  void end_request();

  /// Keeps a request that asks where the data of a file lies until the kernel has handed over what
  /// it holds of the file (open_writers.h). What waits has no thread, and does not count as
  /// bounded, since the writes that it waits for do: however many programs ask, it costs no more
  /// than the bytes of their requests.
  void collect_later(Received request);
  /// Serves what waits, one after another, until there is none.
  void collect();
  static constexpr std::size_t kMostCollectors = 4;
  /// Hands a raw request to its operation, which answers it.
  void perform(std::span<std::byte> raw);

  /// The kernel keeps further requests while this many are under way. Counted are those that end
  /// by themselves: all but the requests to control files, which may wait for others.
  static constexpr std::size_t kMostBounded = 256;
  /// A bounded request has ended.
  void leave_bound();

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
  KernelCache kernel_cache;
  ListingHints listing_hints;
  WriteErrors write_errors;
  OpenWriters open_writers;
  std::unordered_set<Interruption*> interruptible;  ///< of requests that may take long
  /// Of requests that libfuse does not know, by their numbers.
  std::unordered_map<std::uint64_t, Interruption*> raw_interruptible;

  /// The raw request that libfuse is about to hand to its operation: read before anything suspends.
  const fuse_in_header* current = nullptr;
  std::uint64_t init_request = 0;     ///< the id of FUSE_INIT: flags are added to its answer on the
                                      ///< way out
  std::uint32_t more_init_flags = 0;  ///< the flags that are added
  std::uint64_t last_failed_request = 0;
  std::function<void()> ready;
  std::size_t in_flight = 0;
  std::size_t bounded = 0;  ///< of those, requests that count for kMostBounded
  bool rests = false;
  std::deque<Received> waiting_for_writes;
  std::size_t collectors = 0;  ///< threads that serve those
  bool gone = false;           ///< the kernel has let go of the mount
  Result<> outcome;            ///< why the mount never answered, if it did not
  thread::Event finished;
};

/// libfuse's table of our operations.
const fuse_lowlevel_ops& fuse_operations();

/// The operations that libfuse does not know, or not in full, from the raw request; the answer is
/// written to `fd`.
void serve_statx(SessionState& session, const fuse_in_header& header);
void serve_temporary_file(SessionState& session, const fuse_in_header& header);
void serve_set_xattr(SessionState& session, const fuse_in_header& header);
/// FUSE_INTERRUPT. False if it is about no request of these; libfuse may know it.
bool serve_interrupt(SessionState& session, const fuse_in_header& header);

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
