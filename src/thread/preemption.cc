// Preemption: a timer's signal for each worker, and what its handler does.
//
// The handler runs on the stack of the thread that it interrupts, and yields there: when its turn
// comes again, the thread goes on, by return from the handler, on the same worker (its registers
// may hold addresses that belong to the kernel thread). In a section, or with interrupts off, the
// signal is only noted, and acted on at the end. Outside of the program's own code (in malloc, for
// example) it is ignored: such code may hold locks of the kernel thread. Then the timer ticks more
// often for a while, for a thread that only looks at the clock is hardly ever found anywhere else.

#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "spindle/base/clock.h"
#include "spindle/thread/section.h"
#include "thread/interrupted.h"
#include "thread/scheduler.h"

#if !defined(sigev_notify_thread_id)
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace spindle::thread {
namespace {

constexpr int kTickSignal = SIGVTALRM;

/// After a tick in vain the next one comes after this part of a slice. A thread that waits in the
/// kernel is left in peace after so many in a row.
constexpr std::int64_t kTicksInASlice = 16;
constexpr unsigned kMostTicksInVain = 1024;
constexpr std::int64_t kSoonestTickNs = 20'000;

struct TextRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// The first object is the program itself.
int note_program(dl_phdr_info* info, std::size_t, void* to) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    *static_cast<TextRange*>(to) = {begin, begin + segment.p_memsz};
  }
  return 1;
}

TextRange program_text;

void tick_soon(Worker& worker) {
  if (++worker.ticks_in_vain > kMostTicksInVain) return;
  itimerspec setting;
  timer_gettime(worker.timer, &setting);
  const timespec& slice = setting.it_interval;
  const std::int64_t slice_ns = slice.tv_sec * kNsPerSecond + slice.tv_nsec;
  if (slice_ns == 0) return;  // it does not tick any more
  const std::int64_t soon_ns = std::max(slice_ns / kTicksInASlice, kSoonestTickNs);
  setting.it_value = {.tv_sec = soon_ns / kNsPerSecond, .tv_nsec = soon_ns % kNsPerSecond};
  timer_settime(worker.timer, 0, &setting, nullptr);
}

void on_tick(int, siginfo_t*, void* raw_context) {
  Worker* const worker = current_worker();
  Control* const self = current_control;
  if (worker == nullptr || self == nullptr || !worker->scheduler->preempts()) return;
  if (worker->depth.load(std::memory_order_relaxed) != 0 || self->interrupts_off != 0) {
    worker->preemption_due.store(true, std::memory_order_relaxed);
    return;
  }
  auto& context = *static_cast<ucontext_t*>(raw_context);
  const std::uintptr_t at = interrupted(context).code;
  const int saved_errno = errno;
  if (at != 0 && (at < program_text.begin || at >= program_text.end)) {
    tick_soon(*worker);
    errno = saved_errno;
    return;
  }
  worker->ticks_in_vain = 0;
  // Only now, when the interrupted code is known to be the program's own, may another tick come:
  // one that interrupted this handler before would take its code for the thread's. The threads that
  // run before it returns get the mask of the interrupted one: ThreadSanitizer calls handlers with
  // all signals blocked.
  pthread_sigmask(SIG_SETMASK, &context.uc_sigmask, nullptr);
  self->scheduler->preempt(*self);
  errno = saved_errno;
  // The return from the handler restores the signal stack and mask as well, which are the worker's:
  // other threads may have changed them meanwhile.
  sigaltstack(nullptr, &context.uc_stack);
  pthread_sigmask(SIG_SETMASK, nullptr, &context.uc_sigmask);
}

bool install_tick_handler() {
  dl_iterate_phdr(note_program, &program_text);
  struct sigaction action = {};
  action.sa_sigaction = on_tick;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(kTickSignal, &action, nullptr) == 0;
}

/// Changes whether the calling kernel thread blocks the tick; true if it did before.
bool change_mask(int how) {
  sigset_t tick, before;
  sigemptyset(&tick);
  sigaddset(&tick, kTickSignal);
  pthread_sigmask(how, &tick, &before);
  return sigismember(&before, kTickSignal) == 1;
}

}  // namespace

Result<> Scheduler::start_timer(Worker& worker) const {
  if (!preempts()) return {};
  static const bool installed = install_tick_handler();
  CHECK(installed);
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kTickSignal;
  event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
  if (timer_create(CLOCK_MONOTONIC, &event, &worker.timer) != 0) {
    return Error{errno, "timer_create failed"};
  }
  worker.has_timer = true;
  worker.blocked_tick = change_mask(SIG_UNBLOCK);
  set_timer(worker, Ticks::kYes);
  return {};
}

void Scheduler::stop_timer(Worker& worker) {
  if (!std::exchange(worker.has_timer, false)) return;
  timer_delete(worker.timer);
  if (worker.blocked_tick) change_mask(SIG_BLOCK);
}

void Scheduler::set_timer(Worker& worker, Ticks ticks) const {
  if (!worker.has_timer) return;
  const std::int64_t period = ticks == Ticks::kYes ? preemption_ns_ : 0;
  const timespec span = {.tv_sec = period / kNsPerSecond, .tv_nsec = period % kNsPerSecond};
  const itimerspec setting = {.it_interval = span, .it_value = span};
  timer_settime(worker.timer, 0, &setting, nullptr);
}

void Scheduler::preempt(Control& self) {
  detail::enter_section();
  Worker& worker = *self.worker;
  worker.preemption_due.store(false, std::memory_order_relaxed);
  ++worker.preemptions;
  self.preempted = true;
  self.state = ThreadState::kReady;
  worker.preempted = &self;
  switch_from(self, nullptr);
  self.preempted = false;
  // The thread has just come to its turn: a tick meanwhile was for others.
  worker.preemption_due.store(false, std::memory_order_relaxed);
  detail::leave_section();
}

void Scheduler::yield_due() {
  Control* const self = current_control;
  if (self != nullptr && self->interrupts_off == 0) preempt(*self);
}

// Events were looked for, so threads that the time or a descriptor woke are ready now. Returns the
// interrupted thread if it keeps the worker; otherwise puts it among the ready ones.
Control* Scheduler::decide_preempted(Worker& worker) {
  Control& thread = *std::exchange(worker.preempted, nullptr);
  if (!policy_) {
    push(worker, thread);
    return nullptr;
  }
  TaskInfo info = info_of(thread);
  info.ran = info.now - account_of(thread).chosen_at;
  info.expected_burst.ns = std::max(info.expected_burst.ns - info.ran.ns, std::int64_t{0});
  const auto quantum = policy_->quantum(task_of(thread));
  const bool used_up = quantum && info.ran >= *quantum;
  if (!used_up && !policy_->preempts(task_of(thread), info)) return &thread;
  account(thread);
  tell_policy(thread, used_up ? Why::kQuantumExpired : Why::kPreempted);
  return nullptr;
}

namespace detail {

void turn_interrupts_off() {
  if (current_control == nullptr) return;
  ++current_control->interrupts_off;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void turn_interrupts_on() {
  Control* const self = current_control;
  if (self == nullptr) return;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  --self->interrupts_off;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const Worker& worker = *current_worker();
  const bool due = worker.preemption_due.load(std::memory_order_relaxed);
  if (due && worker.depth.load(std::memory_order_relaxed) == 0) self->scheduler->yield_due();
}

}  // namespace detail

bool interrupts_are_off() {
  const Worker* const worker = current_worker();
  const Control* const self = current_control;
  if (worker == nullptr || self == nullptr || !worker->scheduler->preempts()) return true;
  return worker->depth.load(std::memory_order_relaxed) != 0 || self->interrupts_off != 0;
}

}  // namespace spindle::thread
