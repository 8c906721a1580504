// What comes to the shell by signals: Ctrl-C and Ctrl-Z of a person, and the wish that it ends.
#pragma once

#include <csignal>

namespace spindle::cli {

/// While an object that takes them lives, Ctrl-C and Ctrl-Z are only noted.
class Keys {
 public:
  explicit Keys(bool takes_them);
  ~Keys();
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  /// Since the last outermost one was made.
  static bool was_interrupted();
  /// A program dealt with it.
  static void forget_interrupt();
  /// The same, once for each time.
  static bool take_interrupt();
  static bool take_suspension();

 private:
  bool takes_them_;
  struct sigaction interrupt_ {};
  struct sigaction suspend_ {};
};

/// What becomes of a signal that a script has commands for, or wants to be deaf to.
enum class TrapKind { kDefault, kIgnored, kNoted };
void set_trap(int signal, TrapKind kind);
/// As if the signal had come.
void add_trapped(int signal);
/// One that came and was not taken yet; 0: none did.
int trapped_signal();
void take_trapped(int signal);

/// From now on TERM and HUP are noted.
void note_ending_signals();
/// The one that came; 0 if none did.
int ended_by_signal();

}  // namespace spindle::cli
