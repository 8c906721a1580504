#include "cli/shell/keys.h"

namespace spindle::cli {
namespace {

volatile std::sig_atomic_t interrupts = 0;
volatile std::sig_atomic_t taken_interrupts = 0;
volatile std::sig_atomic_t suspended = 0;
volatile std::sig_atomic_t ended_by = 0;
int takers = 0;

constexpr int kMostTrapped = 32;
volatile std::sig_atomic_t trapped[kMostTrapped] = {};

void on_key(int signal) {
  if (signal == SIGINT)
    interrupts = interrupts + 1;
  else
    suspended = 1;
}

void on_trapped(int signal) {
  trapped[signal] = 1;
}

void on_end(int signal) {
  ended_by = signal;
}

}  // namespace

Keys::Keys(bool takes_them) : takes_them_(takes_them) {
  if (!takes_them_) return;
  if (takers++ == 0) {
    forget_interrupt();
    suspended = 0;
  }
  struct sigaction action {};
  action.sa_handler = on_key;
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTSTP, &action, &suspend_);
}

Keys::~Keys() {
  if (!takes_them_) return;
  --takers;
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTSTP, &suspend_, nullptr);
}

bool Keys::was_interrupted() {
  return interrupts != 0;
}

void Keys::forget_interrupt() {
  interrupts = 0;
  taken_interrupts = 0;
}

bool Keys::take_interrupt() {
  const bool is_new = interrupts != taken_interrupts;
  taken_interrupts = interrupts;
  return is_new;
}

bool Keys::take_suspension() {
  const bool was = suspended != 0;
  suspended = 0;
  return was;
}

void set_trap(int signal, TrapKind kind) {
  struct sigaction action {};
  const bool ends = signal == SIGTERM || signal == SIGHUP;
  if (kind == TrapKind::kNoted) action.sa_handler = on_trapped;
  if (kind == TrapKind::kIgnored) action.sa_handler = SIG_IGN;
  if (kind == TrapKind::kDefault) action.sa_handler = ends ? on_end : SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  trapped[signal] = 0;
}

void add_trapped(int signal) {
  trapped[signal] = 1;
}

int trapped_signal() {
  for (int signal = 1; signal < kMostTrapped; ++signal)
    if (trapped[signal] != 0) return signal;
  return 0;
}

void take_trapped(int signal) {
  trapped[signal] = 0;
}

void note_ending_signals() {
  struct sigaction action {};
  action.sa_handler = on_end;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
}

int ended_by_signal() {
  return ended_by;
}

}  // namespace spindle::cli
