#include "thread/overflow.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "spindle/policy/policy_watch.h"
#include "thread/interrupted.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kSignalStackSize = 64 * 1024;

struct sigaction previous_action;

void write_text(const char* text) {
  static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text)));
}

/// If the kernel finds no room for a signal's frame below the stack pointer, it tells no address;
/// such a frame is smaller than a page.
bool is_overflow(const Control& thread, const siginfo_t& info, const ucontext_t& context) {
  if (thread.canary) return StackPool::is_below(thread, interrupted(context).stack);
  if (info.si_code != SI_KERNEL) return StackPool::guards(thread, info.si_addr);
  const std::uintptr_t below =
      interrupted(context).stack - static_cast<std::uintptr_t>(getpagesize());
  return StackPool::guards(thread, reinterpret_cast<const void*>(below));
}

void on_fault(int signal, siginfo_t* info, void* context) {
  abandon_policy_call(signal, info, context);
  const Control* const thread = current_control;
  if (thread != nullptr && is_overflow(*thread, *info, *static_cast<ucontext_t*>(context))) {
    write_text("stack overflow in thread ");
    write_text(thread->name);
    write_text("\n");
    std::abort();
  }
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
    previous_action.sa_sigaction(signal, info, context);
  } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(signal);
  } else {
    // Returning repeats the access, this time with the previous action; but not a signal that was
    // sent.
    sigaction(signal, &previous_action, nullptr);
    if (info->si_code <= 0) raise(signal);
  }
}

bool install_fault_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSEGV, &action, &previous_action) == 0;
}

}  // namespace

OverflowReporter::OverflowReporter()
    : stack_(std::make_unique_for_overwrite<char[]>(kSignalStackSize)) {
  static const bool installed = install_fault_handler();
  CHECK(installed);
  stack_t stack = {};
  stack.ss_sp = stack_.get();
  stack.ss_size = kSignalStackSize;
  sigaltstack(&stack, &previous_);
}

OverflowReporter::~OverflowReporter() {
  sigaltstack(&previous_, nullptr);
}

}  // namespace spindle::thread
