// The signals that reach the shell: Ctrl-C and Ctrl-Z of a person, and the request to end.
#pragma once

#include <csignal>

namespace spindle::cli {

/// While an object of it lives that takes them, Ctrl-C and Ctrl-Z are only noted.
class Keys {
 public:
  explicit Keys(bool takes_them);
  ~Keys();
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  /// Whether Ctrl-C was pressed since the outermost object was made.
  static bool was_interrupted();
  /// To be called when a program has dealt with the Ctrl-C.
  static void forget_interrupt();
  /// Whether it was pressed since this was asked last.
  static bool take_interrupt();
  static bool take_suspension();

 private:
  bool takes_them_;
  struct sigaction interrupt_ {};
  struct sigaction suspend_ {};
};

/// What the shell does when a signal comes: what is usual, nothing, or note it for a trap.
enum class TrapKind { kDefault, kIgnored, kNoted };
void set_trap(int signal, TrapKind kind);
/// Notes the signal as if it had come.
void add_trapped(int signal);
/// A signal that was noted and not taken yet; 0: there is none.
int trapped_signal();
void take_trapped(int signal);

/// From now on TERM and HUP are noted.
void note_ending_signals();
/// Which of them came; 0: none did.
int ended_by_signal();

}  // namespace spindle::cli
