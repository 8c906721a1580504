#include "spindle/thread/runtime.h"

#include <atomic>
#include <utility>

#include "spindle/base/log.h"
#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/passage.h"
#include "thread/sanitizer.h"
#include "thread/scheduler.h"

// Where the program is made with a sanitizer, its library defines one of them.
extern "C" {
[[gnu::weak]] void __asan_init();
[[gnu::weak]] void __tsan_init();
}

namespace spindle::thread {
namespace {

bool program_has_a_sanitizer() {
  return &__asan_init != nullptr || &__tsan_init != nullptr;
}

/// Once: a sanitizer that is not told of switches takes one thread's stack for another's.
void warn_of_untold_sanitizer() {
  static constinit std::atomic_flag warned;
  if (sanitizer::kIsTold || !program_has_a_sanitizer() || warned.test_and_set()) return;
  log(LogLevel::kWarning,
      "the program is made with a sanitizer and the thread library is not, so some of its reports "
      "will be wrong: configure Spindle with -DSPINDLE_SANITIZE=address, or =thread");
}

}  // namespace

std::string_view to_string(GuardKind kind) {
  switch (kind) {
    case GuardKind::kMadvise:
      return "guard page (MADV_GUARD_INSTALL)";
    case GuardKind::kMprotect:
      return "guard page (mprotect)";
    case GuardKind::kCanary:
      return "canary";
  }
  return "?";
}

Runtime::Runtime(std::unique_ptr<Scheduler> scheduler) : scheduler_(std::move(scheduler)) {}
// A static one that still runs at the program's exit stays as it is: the thread that called exit
// stands on one of its stacks.
Runtime::~Runtime() {
  if (scheduler_->runtime() != nullptr && exit_has_begun()) {
    static_cast<void>(scheduler_.release());
  }
}

Result<std::unique_ptr<Runtime>> Runtime::create(Options options) {
  warn_of_untold_sanitizer();
  auto scheduler = TRY(Scheduler::create(std::move(options)));
  return std::unique_ptr<Runtime>(new Runtime(std::move(scheduler)));
}

Result<std::unique_ptr<Runtime>> Runtime::create() {
  return create(Options{});
}

Result<> Runtime::run(std::function<void()> main) {
  return scheduler_->run(std::move(main), *this);
}

Runtime* Runtime::current() {
  return current_scheduler == nullptr ? nullptr : current_scheduler->runtime();
}

void Runtime::add_idle_handler(IdleHandler& handler) {
  const Section section;
  scheduler_->add_idle_handler(handler);
}
void Runtime::remove_idle_handler(IdleHandler& handler) {
  const Section section;
  scheduler_->remove_idle_handler(handler);
}

Result<> Runtime::watch(int fd, FdWatcher& watcher) {
  const Section section;
  return scheduler_->poller().watch(fd, watcher);
}
void Runtime::unwatch(int fd) {
  const Section section;
  scheduler_->poller().forget(fd);
}

void Runtime::post(std::function<void()> work) {
  scheduler_->post(std::move(work));
}

Runtime::ExternalWork::ExternalWork(Runtime& runtime) : runtime_(runtime) {
  const Section section;
  ++runtime_.scheduler().external_work();
}
Runtime::ExternalWork::~ExternalWork() {
  const Section section;
  --runtime_.scheduler().external_work();
}

Result<> Runtime::set_policy(std::string_view name) {
  const Section section;
  return scheduler_->set_policy(name);
}
void Runtime::set_policy(std::unique_ptr<CpuPolicy> policy) {
  const Section section;
  scheduler_->set_policy(std::move(policy));
}
std::uint64_t Runtime::deadlocks() const {
  const Section section;
  return scheduler_->deadlocks();
}
std::string_view Runtime::policy_name() const {
  const Section section;
  return scheduler_->policy_name();
}
GuardKind Runtime::guard_kind() const {
  const Section section;
  const StoppedWorld stopped(*scheduler_);
  return scheduler_->stacks().guard_kind();
}
std::size_t Runtime::live_threads() const {
  return scheduler_->live_threads();
}
unsigned Runtime::workers() const {
  return scheduler_->workers();
}

namespace {
std::uint64_t sum(const Scheduler& scheduler, std::uint64_t Worker::*counter) {
  const Section section;
  const StoppedWorld stopped(scheduler);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < scheduler.workers(); ++i) total += scheduler.worker(i).*counter;
  return total;
}
}  // namespace

std::uint64_t Runtime::switches() const {
  return sum(*scheduler_, &Worker::switches);
}
std::uint64_t Runtime::preemptions() const {
  return sum(*scheduler_, &Worker::preemptions);
}
std::uint64_t Runtime::steals() const {
  return sum(*scheduler_, &Worker::steals);
}
std::uint64_t Runtime::lock_order_inversions() const {
  const Section section;
  return scheduler_->lock_order().inversions();
}

}  // namespace spindle::thread
