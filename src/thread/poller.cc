#include "thread/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>
#include <utility>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/thread/linger.h"
#include "spindle/thread/section.h"

namespace spindle::thread {
namespace {

constexpr int kMostEvents = 64;
/// After a read that had to wait, so many are put off before one is tried at once again, to see
/// whether data comes faster by now.
constexpr int kReadsToPutOff = 16;
/// If the processor was away for longer, another process computes: a worker that sleeps gets it
/// back sooner than one that yields. So the worker does not linger for thirty times as long as it
/// was away.
constexpr std::int64_t kLongAwayNs = 200'000;
constexpr std::int64_t kSleepsForAway = 30;
/// An event within this time counts as following the one before it, even if the worker slept for
/// it: the processors of the asking process and of the worker may both have had to be woken.
constexpr std::int64_t kSoonNs = 200'000;
/// While a worker lingers, so many looks by reading one descriptor come between two looks at all.
constexpr int kReadsBetweenLooks = 3;

/// Adds one to a count as long as it exists.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

std::atomic<std::int64_t> lingers_for_ns = 0;

}  // namespace

void set_linger_ns(std::int64_t ns) {
  lingers_for_ns.store(ns, std::memory_order_relaxed);
}

Poller::Descriptor::Descriptor(int number)
    : fd(number),
      readers(label.data(), WaitKind::kReadable),
      writers(label.data(), WaitKind::kWritable),
      later_readers(label.data(), WaitKind::kReadable) {
  std::snprintf(label.data(), label.size(), "fd %d", number);
}

Result<std::unique_ptr<Poller>> Poller::create() {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return Error{errno, "epoll_create1 failed"};
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::unique_ptr<Poller> poller(new Poller(epoll_fd, event_fd));
  if (event_fd < 0) return Error{errno, "eventfd failed"};
  epoll_event event = {.events = EPOLLIN, .data = {.fd = event_fd}};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) != 0) {
    return Error{errno, "epoll_ctl failed"};
  }
  return poller;
}

Poller::~Poller() {
  close(epoll_fd_);
  if (event_fd_ >= 0) close(event_fd_);
}

Poller::Descriptor* Poller::find(int fd) const {
  const auto at = static_cast<std::size_t>(fd);
  return fd >= 0 && at < descriptors_.size() ? descriptors_[at].get() : nullptr;
}

Result<> Poller::set_armed(Descriptor& descriptor, std::uint32_t events) {
  epoll_event event = {.events = events, .data = {.fd = descriptor.fd}};
  const int operation = events == 0             ? EPOLL_CTL_DEL
                        : descriptor.registered ? EPOLL_CTL_MOD
                                                : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_fd_, operation, descriptor.fd, &event) != 0) {
    return Error{errno, "the descriptor cannot be polled"};
  }
  const bool registered = events != 0;
  if (registered && !descriptor.registered) ++registered_;
  if (!registered && descriptor.registered) --registered_;
  descriptor.registered = registered;
  descriptor.armed = events;
  return {};
}

Result<Poller::Descriptor*> Poller::arm(int fd, std::uint32_t events) {
  if (fd < 0) return Error{EBADF, "the descriptor cannot be polled"};
  const auto at = static_cast<std::size_t>(fd);
  if (at >= descriptors_.size()) descriptors_.resize(at + 1);
  if (!descriptors_[at]) descriptors_[at] = std::make_unique<Descriptor>(fd);
  Descriptor& descriptor = *descriptors_[at];
  if ((descriptor.armed & events) != events) TRY(set_armed(descriptor, descriptor.armed | events));
  return &descriptor;
}

Result<> Poller::wait(int fd, Direction direction, Deadline deadline) {
  const bool reads = direction == Direction::kReadable;
  Descriptor& descriptor = *TRY(arm(fd, reads ? EPOLLIN : EPOLLOUT));
  if (reads) descriptor.reads_to_put_off = kReadsToPutOff;
  return park(reads ? descriptor.readers : descriptor.writers, deadline);
}

Result<> Poller::park(WaitQueue& queue, Deadline deadline) {
  WaitNode node;
  queue.enqueue(node);
  const Counted counted(waiting_threads_);
  const bool woken = WaitQueue::park(node, deadline);
  if (!woken) return Error{ETIMEDOUT, "the descriptor was not ready in time"};
  // The descriptor is gone or new if it was forgotten; `forget` marks the nodes that it wakes.
  if (node.cancelled) return Error{ECANCELED, "the descriptor was forgotten"};
  return {};
}

Result<> Poller::put_off_read(int fd, Deadline deadline, std::uint64_t switches) {
  const Descriptor* const known = find(fd);
  if (known == nullptr || known->reads_to_put_off == 0) return {};
  const Result<Descriptor*> armed = arm(fd, EPOLLIN);
  if (!armed.ok() || --(*armed)->reads_to_put_off == 0) return {};
  Descriptor& descriptor = **armed;
  descriptor.put_off_after_switches = switches;
  if (!std::exchange(descriptor.listed, true)) put_off_.push_back(fd);
  const Result<> woken = park(descriptor.later_readers, deadline);
  return woken.code() == ETIMEDOUT ? Result<>() : woken;
}

bool Poller::try_one_read(std::uint64_t switches) {
  while (!put_off_.empty()) {
    Descriptor& descriptor = *find(put_off_.front());
    // One switch leads to the root, another from there to a thread: only after both has a thread
    // run.
    const bool waits = !descriptor.later_readers.empty();
    if (waits && switches <= descriptor.put_off_after_switches + 1) return false;
    put_off_.pop_front();
    descriptor.listed = false;
    if (descriptor.later_readers.wake_all() > 0) return true;
  }
  return false;
}

void Poller::forget(int fd) {
  Descriptor* const descriptor = find(fd);
  if (descriptor == nullptr) return;
  if (descriptor->registered) static_cast<void>(set_armed(*descriptor, 0).ok());
  if (descriptor->registered) --registered_;  // it was closed before it was forgotten
  for (WaitQueue* queue :
       {&descriptor->readers, &descriptor->writers, &descriptor->later_readers}) {
    while (WaitNode* node = queue->front()) {
      node->cancelled = true;
      queue->wake(*node);
    }
  }
  if (descriptor->listed) std::erase(put_off_, fd);
  if (favourite_ == descriptor->watcher) favourite_ = nullptr;
  descriptors_[static_cast<std::size_t>(fd)].reset();
}

void Poller::forget_idle() {
  for (const auto& descriptor : descriptors_) {
    const bool idle = descriptor && descriptor->watcher == nullptr && !is_waited_for(*descriptor);
    if (idle) forget(descriptor->fd);
  }
}

bool Poller::is_waited_for(const Descriptor& descriptor) {
  return !descriptor.readers.empty() || !descriptor.writers.empty() ||
         !descriptor.later_readers.empty();
}

Result<> Poller::watch(int fd, FdWatcher& watcher) {
  const Descriptor* known = find(fd);
  if (known != nullptr && (known->watcher != nullptr || is_waited_for(*known))) {
    return Error{EEXIST, "the descriptor is already waited for"};
  }
  TRY(arm(fd, EPOLLIN))->watcher = &watcher;
  return {};
}

void Poller::dispatch(int fd, std::uint32_t events) noexcept {
  Descriptor* descriptor = find(fd);
  if (descriptor == nullptr) return;  // an earlier event's watcher forgot it
  const std::uint32_t broken = events & (EPOLLERR | EPOLLHUP);
  std::uint32_t wanted = 0;
  if (descriptor->watcher != nullptr) wanted |= EPOLLIN;
  if (!descriptor->readers.empty() || !descriptor->later_readers.empty()) wanted |= EPOLLIN;
  if (!descriptor->writers.empty()) wanted |= EPOLLOUT;
  const bool unwanted = (events & (EPOLLIN | EPOLLOUT) & ~wanted) != 0;
  // epoll reports breakage whether asked for or not, so only leaving epoll silences it.
  if (unwanted || (broken != 0 && wanted == 0)) {
    static_cast<void>(set_armed(*descriptor, wanted).ok());
  }
  if (events & (EPOLLOUT | broken)) descriptor->writers.wake_all();
  if (events & (EPOLLIN | broken)) {
    descriptor->readers.wake_all();
    descriptor->later_readers.wake_all();
    FdWatcher* const watcher = descriptor->watcher;
    favourite_ = watcher;  // first, for `readable` may have it forgotten
    if (watcher != nullptr) watcher->readable();
  }
}

// Looks again and again for a moment; 0 if nothing came, or others want the processor, or the
// favourite has read what came.
int Poller::look_for_a_while(epoll_event* events, std::int64_t at_most_ns,
                             bool& has_read) noexcept {
  std::int64_t now_ns = monotonic_ns();
  if (now_ns < linger_again_ns_.load(std::memory_order_relaxed)) return 0;
  const std::int64_t end_ns = now_ns + at_most_ns;
  do {
    if (favourite_ != nullptr && --reads_before_look_ >= 0) {
      has_read = favourite_->readable();
      if (has_read) return 0;
    } else {
      const int count = epoll_wait(epoll_fd_, events, kMostEvents, 0);
      if (count != 0) return count;
      reads_before_look_ = kReadsBetweenLooks;
    }
    // The process that sends requests may be waiting for this very processor.
    std::this_thread::yield();
    const std::int64_t before_ns = std::exchange(now_ns, monotonic_ns());
    const std::int64_t away_ns = now_ns - before_ns;
    if (away_ns > kLongAwayNs) {
      linger_again_ns_.store(now_ns + kSleepsForAway * away_ns, std::memory_order_relaxed);
      return 0;
    }
  } while (!has_posted_.load() && now_ns < end_ns);
  return 0;
}

int Poller::sleep_for_events(epoll_event* events, std::int64_t at_most_ns) {
  if (has_nanosecond_wait_) {
    const struct timespec timeout = {.tv_sec = at_most_ns / kNsPerSecond,
                                     .tv_nsec = at_most_ns % kNsPerSecond};
    const int count = epoll_pwait2(epoll_fd_, events, kMostEvents,
                                   at_most_ns == kNever ? nullptr : &timeout, nullptr);
    // Filters of system calls refuse the ones that they do not know by EPERM, too.
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_nanosecond_wait_ = false;
  }
  const std::int64_t ms = std::min<std::int64_t>((at_most_ns - 1) / kNsPerMs + 1, INT32_MAX);
  return epoll_wait(epoll_fd_, events, kMostEvents,
                    at_most_ns == kNever ? -1 : static_cast<int>(ms));
}

// While events follow one another the first sleep is short: if nothing comes, the processors must
// not be kept awake while the worker sleeps on.
int Poller::linger(epoll_event* events, std::int64_t at_most_ns, std::int64_t linger_ns) {
  bool has_read = false;
  int count = look_for_a_while(events, std::min(linger_ns, at_most_ns), has_read);
  if (count > 0 || has_read) processors_.event_came();
  if (count != 0 || has_read) return count;
  if (processors_.are_awake()) {
    count = sleep_for_events(events, std::min(kSoonNs, at_most_ns));
    if (count != 0) return count;
    processors_.none_came();
    if (at_most_ns <= kSoonNs) return 0;
  }
  const std::int64_t before_ns = monotonic_ns();
  count = sleep_for_events(events, at_most_ns);
  if (count > 0 && monotonic_ns() - before_ns < kSoonNs) {
    processors_.event_came();
  } else {
    processors_.none_came();
  }
  return count;
}

int Poller::wait_for_events(epoll_event* events, std::int64_t deadline_ns) {
  const std::int64_t left =
      deadline_ns == kNever ? kNever : std::max<std::int64_t>(0, deadline_ns - monotonic_ns());
  if (left == 0) return epoll_wait(epoll_fd_, events, kMostEvents, 0);
  const std::int64_t wanted_ns = lingers_for_ns.load(std::memory_order_relaxed);
  return wanted_ns == 0 ? sleep_for_events(events, left) : linger(events, left, wanted_ns);
}

void Poller::poll(std::int64_t deadline_ns, RuntimeLock* lock) {
  const bool waits = deadline_ns != 0;
  // Either `post` sees that the worker sleeps and writes to the eventfd, or the worker sees here
  // that something was posted: both sides store first and look after (sequentially consistent).
  if (waits) asleep_.store(true);
  if (has_posted_.load()) deadline_ns = 0;
  if (waits && lock != nullptr) {
    favourite_ = nullptr;  // no watcher may be called without the lock
    lock->unlock();
  }
  std::array<epoll_event, kMostEvents> events;
  const int count = wait_for_events(events.data(), deadline_ns);
  const int error = errno;
  if (waits && lock != nullptr) lock->lock();
  if (waits) asleep_.store(false);
  CHECK(count >= 0 || error == EINTR);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd != event_fd_) {
      dispatch(event.data.fd, event.events);
      continue;
    }
    // A kick is for the worker that waits: one that only looks leaves it there.
    std::uint64_t wakes = 0;
    if (waits) static_cast<void>(!read(event_fd_, &wakes, sizeof wakes));
  }
}

void Poller::kick() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(event_fd_, &one, sizeof one));
}

void Poller::post(std::function<void()> work) {
  const Section section;
  {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.push_back(std::move(work));
    has_posted_.store(true);
  }
  if (asleep_.exchange(false)) kick();  // once for all work posted until it wakes
}

void Poller::run_posted() noexcept {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(inbox_mutex_);
    posted.swap(inbox_);
    has_posted_.store(false);
  }
  for (auto& work : posted) work();
}

}  // namespace spindle::thread
