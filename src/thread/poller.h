// Poller: what can wake an idle worker from outside: descriptors (epoll) and posted work (eventfd).
//
// A descriptor is registered level-triggered at its first wait and stays armed, so that a thread
// that waits again and again costs no system call beyond epoll_wait's. Only when an event comes
// that nobody waits for is the descriptor disarmed, until the next wait. All but `post` belongs to
// the worker's kernel thread.
//
// A read that is likely to find nothing, as the last one did, is tried only when other threads have
// run and none is ready: if one of these is to write what is read, it is there by then, and neither
// a vain read nor a look for events was needed.
//
// A lone worker that lingers does the opposite with the watched descriptor that had the last event:
// it has its watcher read to find out whether there is another, and asks epoll now and then only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "spindle/base/result.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/wait_queue.h"
#include "thread/awake_processors.h"
#include "thread/runtime_lock.h"

namespace spindle::thread {

class Poller {
 public:
  enum class Direction : std::uint8_t { kReadable, kWritable };

  static Result<std::unique_ptr<Poller>> create();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Parks the calling thread; see io.h.
  Result<> wait(int fd, Direction direction, Deadline deadline);
  /// Before a read: if it would be in vain, judging by the last ones, parks the calling thread
  /// until it is worth trying, but not beyond the deadline. ECANCELED as `wait`. `switches`: of the
  /// worker so far.
  Result<> put_off_read(int fd, Deadline deadline, std::uint64_t switches);
  /// Lets the first of the reads that were put off be tried. False if there is none, or no other
  /// thread has run since it was put off.
  bool try_one_read(std::uint64_t switches);
  void forget(int fd);
  /// Forgets all descriptors that are neither watched nor waited for: they may be closed where
  /// nobody can forget them.
  void forget_idle();
  Result<> watch(int fd, FdWatcher& watcher);

  /// From any kernel thread.
  void post(std::function<void()> work);
  [[nodiscard]] bool has_posted() const { return has_posted_.load(); }
  /// An exception that leaves one of the functions ends the program.
  void run_posted() noexcept;

  /// Looks at the descriptors, waiting until `deadline_ns` (a past one: not at all; kNever: for
  /// ever) for the first event, posted work or a kick. The lock, if given, is unlocked while it
  /// waits.
  void poll(std::int64_t deadline_ns, RuntimeLock* lock);
  /// Ends a `poll` that waits.
  void kick();

  [[nodiscard]] bool anyone_waits() const { return waiting_threads_ > 0; }
  [[nodiscard]] bool anything_registered() const { return registered_ > 0; }

 private:
  struct Descriptor {
    Descriptor(int number);
    int fd;
    std::uint32_t armed = 0;
    bool registered = false;
    FdWatcher* watcher = nullptr;
    int reads_to_put_off = 0;
    bool listed = false;  // in `put_off_`
    std::uint64_t put_off_after_switches = 0;
    std::array<char, 16> label;
    WaitQueue readers;
    WaitQueue writers;
    WaitQueue later_readers;  // threads whose reads were put off
  };

  Poller(int epoll_fd, int event_fd) : epoll_fd_(epoll_fd), event_fd_(event_fd) {}
  static bool is_waited_for(const Descriptor& descriptor);
  Descriptor* find(int fd) const;
  Result<Descriptor*> arm(int fd, std::uint32_t events);
  Result<> set_armed(Descriptor& descriptor, std::uint32_t events);
  Result<> park(WaitQueue& queue, Deadline deadline);
  void dispatch(int fd, std::uint32_t events) noexcept;
  int wait_for_events(epoll_event* events, std::int64_t deadline_ns);
  int linger(epoll_event* events, std::int64_t at_most_ns, std::int64_t linger_ns);
  int look_for_a_while(epoll_event* events, std::int64_t at_most_ns, bool& has_read) noexcept;
  int sleep_for_events(epoll_event* events, std::int64_t at_most_ns);

  int epoll_fd_;
  int event_fd_;
  bool has_nanosecond_wait_ = true;
  std::atomic<std::int64_t> linger_again_ns_ = 0;
  AwakeProcessors processors_;                            // used by the one worker that waits
  std::vector<std::unique_ptr<Descriptor>> descriptors_;  // by number
  std::size_t registered_ = 0;
  std::size_t waiting_threads_ = 0;
  std::deque<int> put_off_;         // descriptors that have or had `later_readers`
  FdWatcher* favourite_ = nullptr;  // of a lone worker: the watcher that was last readable
  int reads_before_look_ = 0;

  std::mutex inbox_mutex_;
  std::vector<std::function<void()>> inbox_;  // guarded by inbox_mutex_
  std::atomic<bool> has_posted_ = false;
  std::atomic<bool> asleep_ = false;
};

}  // namespace spindle::thread
