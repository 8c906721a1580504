// Signals: sent, pending, blocked, and what becomes of their target.

#include <bit>

#include "kernel.h"

namespace spindle {
namespace {

constexpr SignalSet bit(int signal) {
  return SignalSet{1} << signal;
}
constexpr SignalSet kUnblockable = bit(kSigKill) | bit(kSigStop);
constexpr SignalSet kStops = bit(kSigStop) | bit(kSigTstp) | bit(kSigTtin) | bit(kSigTtou);

/// Whether the signal would do nothing to the process.
bool is_ignored(const Process& process, int signal) {
  using Kind = SignalDisposition::Kind;
  if (process.id == 1) return true;
  const SignalDisposition& disposition = process.dispositions[static_cast<std::size_t>(signal)];
  if (disposition.kind == Kind::kIgnore) return true;
  return disposition.kind == Kind::kDefault && default_action(signal) == SignalAction::kIgnore;
}

/// Also forgets those that were sent to one of its threads.
void forget_pending(Process& process, SignalSet signals) {
  process.pending &= ~signals;
  for (Thread* thread : process.threads) thread->pending &= ~signals;
}

/// Calls that no handler interrupts: it runs when they are over.
bool is_uninterruptible(const Thread& thread) {
  return thread.request.call == SystemCall::kMutexLock ||
         (thread.request.call == SystemCall::kConditionWait && !thread.wait.is_retried);
}

}  // namespace

SignalSet Kernel::deliverable(const Thread& thread) const {
  return (thread.pending | thread.process->pending) & (~thread.blocked | kUnblockable);
}

Result<> Kernel::kill(ProcessNumber target, int signal, std::uint32_t by) {
  if (signal < 0 || signal > kMostSignal) return Error{EINVAL, "there is no such signal"};
  if (target < 0) {
    bool found = false;
    std::vector<ProcessNumber> members;
    for (const auto& [number, process] : processes)
      if (process->group == -target && (by == 0 || process->uid == by)) members.push_back(number);
    for (const ProcessNumber number : members) {
      found = true;
      // Others of the group may have been reaped since.
      if (Process* process = find_process(number); process != nullptr && signal != 0)
        send(*process, signal);
    }
    if (!found) return Error{ESRCH, "there is no such process group"};
    return {};
  }
  Process* process = find_process(target);
  Thread* thread = process == nullptr ? find_thread(target) : nullptr;
  if (thread != nullptr) process = thread->process;
  if (process == nullptr) return Error{ESRCH, "there is no such process"};
  if (by != 0 && process->uid != by) return Error{EPERM, "the process is another user's"};
  if (process->is_kernel && signal != 0) return {};
  if (signal != 0 && !process->is_zombie) send(*process, signal, thread);
  return {};
}

void Kernel::send(Process& process, int signal, Thread* only) {
  if (process.is_zombie || process.is_kernel || process.is_exiting) return;
  if (events.enabled()) {
    const Thread* first = process.threads.empty() ? nullptr : process.threads.front();
    MachineEvent sent = event(MachineEventKind::kSignalSent, nullptr);
    sent.number = static_cast<std::int16_t>(signal);
    sent.other = process.id;
    if (first != nullptr) sent.other_name = first->interned_name;
    events.record(sent);
  }
  if (signal == kSigCont) resume(process);
  if (signal == kSigKill && process.id != 1) return end_process(process, kSigKill);
  if ((kStops & bit(signal)) != 0) forget_pending(process, bit(kSigCont));
  // A blocked signal pends all the same: there may be a handler when it is unblocked.
  const Thread* target =
      only != nullptr || process.threads.empty() ? only : process.threads.front();
  const bool is_blocked = target != nullptr && (target->blocked & bit(signal)) != 0;
  if (is_ignored(process, signal) && (process.id == 1 || !is_blocked)) return;
  if (only == nullptr)
    process.pending |= bit(signal);
  else
    only->pending |= bit(signal);
  for (Thread* thread : std::vector<Thread*>(process.threads)) {
    if (only != nullptr && thread != only) continue;
    if ((deliverable(*thread) & bit(signal)) == 0) continue;
    nudge(*thread, signal);
    return;
  }
}

void Kernel::set_disposition(Process& process, int signal, SignalDisposition disposition) {
  process.dispositions[static_cast<std::size_t>(signal)] = disposition;
  // SIGCONT by default does nothing here: a process that makes this call is not stopped.
  const bool does_nothing =
      is_ignored(process, signal) || (disposition.kind == SignalDisposition::Kind::kDefault &&
                                      default_action(signal) == SignalAction::kContinue);
  if (does_nothing) forget_pending(process, bit(signal));
}

// The thread has a signal pending: delivers it now, unless the thread will soon do so itself.
void Kernel::nudge(Thread& thread, int signal) {
  // A process that a signal stopped deals with others when it goes on.
  if ((thread.process->holders & static_cast<std::uint8_t>(Holder::kSignal)) != 0) return;
  const auto kind = thread.process->dispositions[static_cast<std::size_t>(signal)].kind;
  if (kind == SignalDisposition::Kind::kDefault) {
    // Nothing that the thread does can change what happens.
    if (thread.state != ThreadState::kDisk) static_cast<void>(deliver(thread));
    return;
  }
  switch (thread.state) {
    case ThreadState::kBlocked:
      if (!is_uninterruptible(thread)) interrupt_wait(thread);
      break;
    case ThreadState::kReady:
    case ThreadState::kRunning:
      if (!thread.has_request || !thread.activity.is_user) break;
      scheduler->change(thread, [&] {
        if (deliver(thread)) static_cast<void>(prepare(thread));
      });
      break;
    default:
      break;
  }
}

void Kernel::interrupt_wait(Thread& thread) {
  if (thread.request.call == SystemCall::kConditionWait) return wake(thread);
  synchronisation.resources.cancel(thread.id);
  answer(thread, Response::of(Error{EINTR, "a signal came"}));
  grant_resources();
}

bool Kernel::deliver(Thread& thread) {
  while (const SignalSet pending = deliverable(thread)) {
    const int signal = std::countr_zero(pending);
    (((thread.pending & bit(signal)) != 0) ? thread.pending : thread.process->pending) &=
        ~bit(signal);
    if (!deliver_one(thread, signal)) return false;
    if (thread.stop_wanted) return thread.state != ThreadState::kStopped;
  }
  return true;
}

bool Kernel::deliver_one(Thread& thread, int signal) {
  const SignalDisposition disposition =
      thread.process->dispositions[static_cast<std::size_t>(signal)];
  const bool is_handled = disposition.kind == SignalDisposition::Kind::kHandler;
  if (events.enabled()) {
    MachineEvent handled = event(MachineEventKind::kSignalHandled, &thread);
    handled.number = static_cast<std::int16_t>(signal);
    handled.value = is_handled ? 1 : is_ignored(*thread.process, signal) ? 2 : 0;
    events.record(handled);
  }
  if (is_handled) {
    thread.interrupted.push_back({std::move(thread.request), std::move(thread.response),
                                  thread.activity, thread.has_request, thread.blocked});
    thread.request = {};
    thread.response = {};
    thread.activity = {};
    thread.has_request = false;
    thread.blocked |= bit(signal);
    thread.program->enter_handler(disposition.function, signal);
    return true;
  }
  if (is_ignored(*thread.process, signal)) return true;
  switch (default_action(signal)) {
    case SignalAction::kStop:
      stop(*thread.process);
      return true;
    case SignalAction::kTerminate:
      end_process(*thread.process, signal);
      return false;
    case SignalAction::kCore:
      end_process(*thread.process, signal | 0x80);
      return false;
    default:
      return true;
  }
}

void Kernel::finish_handler(Thread& thread) {
  InterruptedWork work = std::move(thread.interrupted.back());
  thread.interrupted.pop_back();
  thread.request = std::move(work.request);
  thread.response = std::move(work.response);
  thread.activity = work.activity;
  thread.has_request = work.has_request;
  thread.blocked = work.blocked;
}

void Kernel::stop(Process& process) {
  forget_pending(process, bit(kSigCont));
  process.stop_to_tell = true;
  hold_threads(process, Holder::kSignal);
  tell_parent(process);
}

void Kernel::resume(Process& process) {
  forget_pending(process, kStops);
  let_threads_go(process, Holder::kSignal);
}

void Kernel::hold_threads(Process& process, Holder who) {
  process.holders |= static_cast<std::uint8_t>(who);
  for (Thread* thread : std::vector<Thread*>(process.threads)) {
    thread->stop_wanted = true;
    if (thread->state != ThreadState::kReady && thread->state != ThreadState::kRunning) continue;
    scheduler->take_off(*thread);
    thread->state = ThreadState::kStopped;
    thread->blocked_since = now();
  }
}

void Kernel::let_threads_go(Process& process, Holder who) {
  process.holders &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(who));
  if (process.holders != 0) return;
  for (Thread* thread : std::vector<Thread*>(process.threads)) {
    if (!std::exchange(thread->stop_wanted, false)) continue;
    if (thread->state == ThreadState::kStopped && thread->arrival == 0) {
      thread->slept += now() - thread->blocked_since;
      make_ready(*thread, Why::kWoken);
    } else if (const SignalSet pending = deliverable(*thread)) {
      nudge(*thread, std::countr_zero(pending));
    }
    if (process.is_exiting) return;
  }
}

// Sends SIGCHLD to the parent, and wakes it if it waits.
void Kernel::tell_parent(Process& process) {
  Process& parent = *process.parent;
  const auto& disposition = parent.dispositions[kSigChld];
  const bool nobody_asks = parent.id == 1 || disposition.kind == SignalDisposition::Kind::kIgnore;
  if (process.is_zombie && nobody_asks) reap(process);
  send(parent, kSigChld);
  wake_all(*parent.child_events);
}

}  // namespace spindle
