// WatchLoop: `spindle watch` at a terminal: keys, signals, and the mount's answers, until somebody
// quits or the mount goes.
#pragma once

#include <memory>
#include <string>

#include "cli/watch/reader.h"
#include "cli/watch/screen.h"
#include "cli/watch/terminal.h"

namespace spindle::cli {

inline constexpr double kShortestIntervalSeconds = 0.1;
inline constexpr double kLongestIntervalSeconds = 3600;

class WatchLoop {
 public:
  WatchLoop(Terminal& terminal, std::string mount, double interval_s);
  ~WatchLoop();
  WatchLoop(const WatchLoop&) = delete;
  WatchLoop& operator=(const WatchLoop&) = delete;

  /// Returns the signal that ended the loop, or 0. Complains if the mount is gone.
  int run(Complaint& complaint);

 private:
  void ask_when_due();
  [[nodiscard]] int wait_ms() const;
  void wait();
  void take_signal();
  void take_keys();
  void press(const KeyPress& press);
  void press_in_menu(const KeyPress& press);
  void press_letter(char letter);
  void change_interval(bool longer);
  void choose_panel(int step);
  void take_answers(Complaint& complaint);
  void take_activity(const WatchReader::Answer& answer, Complaint& complaint);
  void open_menu(const WatchReader::Answer& answer);
  void draw();

  Terminal& terminal_;
  WatchReader reader_;
  WatchScreen screen_;
  std::optional<Activity> before_;
  std::optional<Figures> figures_;
  int signals_ = -1;  ///< a signalfd
  int signal_ = 0;
  bool quits_ = false;
  bool changed_ = true;
  std::int64_t asked_ns_ = 0;  ///< when the activity was asked for that is to come; 0: none is
  std::int64_t due_ns_ = 0;
};

}  // namespace spindle::cli
