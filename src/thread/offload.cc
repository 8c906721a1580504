#include "spindle/thread/offload.h"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "spindle/thread/section.h"
#include "spindle/thread/thread.h"
#include "thread/runtime_lock.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

/// A call, kept by the thread that waits for it and by the helper that makes it.
class Call {
 public:
  /// By the thread, in one section.
  Call(std::function<void()> work, bool may_be_left);
  /// False if the deadline came first. The call is left then, and also if the thread is cancelled.
  bool wait(Deadline deadline);

  /// By the helper.
  static void make(const std::shared_ptr<Call>& call);
  /// True if nobody waits for it any more.
  [[nodiscard]] bool left() const { return left_.load(std::memory_order_acquire); }

  /// What the thread's errno is after the call, which has ended.
  [[nodiscard]] int error_number() const { return error_number_; }

 private:
  class Leaving;

  std::function<void()> work_;
  int error_number_ = errno;  // the thread's, then the helper's
  Scheduler& scheduler_ = *current_scheduler;
  WaitQueue done_{"blocking call", WaitKind::kEvent};
  WaitNode node_;
  std::mutex mutex_;  // while it is held, the waiting thread stays in its runtime
  bool ended_ = false;
  std::atomic<bool> left_ = false;
};

/// Exists during a wait, however that ends.
class Call::Leaving {
 public:
  explicit Leaving(Call& call) : call_(call) {}
  ~Leaving() {
    const std::lock_guard lock(call_.mutex_);
    call_.left_.store(true, std::memory_order_release);
  }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

 private:
  Call& call_;
};

Call::Call(std::function<void()> work, bool may_be_left) : work_(std::move(work)) {
  node_.interruptible = may_be_left;
  done_.enqueue(node_);
}

bool Call::wait(Deadline deadline) {
  const Runtime::ExternalWork pending(*scheduler_.runtime());
  const Leaving leaving(*this);
  if (WaitQueue::park(node_, deadline)) return true;
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Call::make(const std::shared_ptr<Call>& call) {
  errno = call->error_number_;
  if (!call->left()) call->work_();
  call->error_number_ = errno;
  call->work_ = nullptr;  // with what it owns
  const std::lock_guard lock(call->mutex_);
  call->ended_ = true;
  if (call->left()) return;
  call->scheduler_.post([call] {
    if (call->node_.queue != nullptr) call->done_.wake(call->node_);
  });
}

/// The helpers of the process. Idle ones are told to end with it; those that make a call are left
/// alone, for a thread may have called std::exit while another one waits for the call.
///
/// As long as a call stands in the queue, some helper is about to look there: whoever puts the
/// first call in wakes one, and a helper that takes a call wakes another for the next one before it
/// makes its own, which may take for ever. So of many short calls at a time most find a helper that
/// is awake. A forked process has none of its parent's helpers.
class Helpers {
 public:
  Helpers();
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;
  ~Helpers();

  /// False if the kernel gives no helper.
  bool submit(std::shared_ptr<Call> call);
  bool has_one();

 private:
  struct Helper {
    std::thread thread;
    std::shared_ptr<Call> makes;
  };
  /// Kept alive by each helper, for one that makes a call may outlive the others and the Helpers.
  struct Common {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<Call>> queue;
    std::atomic<std::size_t> queued = 0;
    std::deque<Helper> helpers;
    std::size_t asleep = 0;
    std::size_t called = 0;   // helpers that sleep, to look at the queue
    std::size_t looking = 0;  // helpers that were called, or are awake without a call
    bool ends = false;
  };

  /// True if a sleeping helper must be notified.
  static bool call_another(const std::shared_ptr<Common>& common);
  static void add_helper(const std::shared_ptr<Common>& common);
  static void serve(const std::shared_ptr<Common>& common, Helper& self);
  static void sleep(Common& common, std::unique_lock<std::mutex>& lock);
  static std::shared_ptr<Call> take(Common& common);

  static Helpers* of_process_;
  static std::shared_ptr<Common>* of_parent_;
  std::shared_ptr<Common> common_ = std::make_shared<Common>();
};

constinit Helpers* Helpers::of_process_ = nullptr;
constinit std::shared_ptr<Helpers::Common>* Helpers::of_parent_ = nullptr;

// What the child has of its parent's is in whatever state fork found it, and stays as it is: there
// is nobody to join.
Helpers::Helpers() {
  of_process_ = this;
  pthread_atfork(nullptr, nullptr, [] {
    if (of_process_ == nullptr) return;
    auto& common = of_process_->common_;
    of_parent_ = new auto(std::exchange(common, std::make_shared<Common>()));
  });
}

Helpers::~Helpers() {
  of_process_ = nullptr;
  std::vector<std::thread> to_join;
  {
    const std::lock_guard lock(common_->mutex);
    common_->ends = true;
    for (Helper& helper : common_->helpers) {
      if (helper.makes != nullptr) {
        helper.thread.detach();
      } else {
        to_join.push_back(std::move(helper.thread));
      }
    }
  }
  common_->changed.notify_all();
  for (std::thread& thread : to_join) thread.join();
}

bool Helpers::submit(std::shared_ptr<Call> call) {
  bool sleeps = false;
  {
    const std::lock_guard lock(common_->mutex);
    common_->queue.push_back(std::move(call));
    ++common_->queued;
    sleeps = call_another(common_);
    if (common_->helpers.empty()) {
      take(*common_);
      return false;
    }
  }
  if (sleeps) common_->changed.notify_one();
  return true;
}

bool Helpers::has_one() {
  const std::lock_guard lock(common_->mutex);
  if (common_->helpers.empty()) add_helper(common_);
  return !common_->helpers.empty();
}

// With the lock. At the end nobody is left to join another helper.
bool Helpers::call_another(const std::shared_ptr<Common>& common) {
  if (common->queue.empty() || common->looking > 0 || common->ends) return false;
  if (common->asleep > common->called) {
    ++common->called;
    ++common->looking;
    return true;
  }
  if (common->helpers.size() < kMostHelpers) add_helper(common);
  return false;
}

// A helper takes no signals: it begins with the mask of the kernel thread that makes it.
void Helpers::add_helper(const std::shared_ptr<Common>& common) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Helper& helper = common->helpers.emplace_back();
  try {
    helper.thread = std::thread([common, &helper] { serve(common, helper); });
    ++common->looking;
  } catch (const std::system_error&) {
    common->helpers.pop_back();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// With the lock.
std::shared_ptr<Call> Helpers::take(Common& common) {
  std::shared_ptr<Call> call = std::move(common.queue.front());
  common.queue.pop_front();
  --common.queued;
  return call;
}

// Sleeps, but first looks for a moment whether there is another call.
void Helpers::sleep(Common& common, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  for (int i = 0; i < kMostSpins && common.queued == 0; ++i) pause_processor();
  lock.lock();
  if (!common.queue.empty() || common.ends) return;
  --common.looking;
  ++common.asleep;
  common.changed.wait(lock, [&] { return common.called > 0 || common.ends; });
  --common.asleep;
  if (common.called > 0) {
    --common.called;
  } else {
    ++common.looking;
  }
}

void Helpers::serve(const std::shared_ptr<Common>& common, Helper& self) {
  std::unique_lock lock(common->mutex);
  for (;;) {
    while (common->queue.empty() && !common->ends) sleep(*common, lock);
    if (common->ends) return;  // calls not begun, which may take for ever, are dropped
    self.makes = take(*common);
    --common->looking;
    const bool another_sleeps = call_another(common);
    lock.unlock();
    if (another_sleeps) common->changed.notify_one();
    Call::make(self.makes);
    lock.lock();
    ++common->looking;
    self.makes.reset();
  }
}

// Used in a section: their lock must not be held by a thread that is preempted.
Helpers& helpers() {
  static Helpers only;
  return only;
}

}  // namespace

namespace detail {

bool has_helper() {
  if (current_control == nullptr) return true;
  const Section section;
  return helpers().has_one();
}

bool run_on_helper(std::function<void()> work, Deadline deadline) {
  if (current_control == nullptr) {
    work();
    return true;
  }
  const Section section;
  const auto call = std::make_shared<Call>(std::move(work), deadline != kNever);
  if (!helpers().submit(call)) Call::make(call);
  const bool ended = call->wait(deadline);
  if (ended) current_thread::error_number() = call->error_number();
  return ended;
}

}  // namespace detail
}  // namespace spindle::thread
