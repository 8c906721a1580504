// MountControl: a mounted volume as other programs see it: through the files of its .spindle.
//
//   MountControl control(directory, complaint);       // complains unless a volume is mounted there
//   control.write("disk/scheduler", "sstf");
//   const Json rows = control.json("disk/whatif");
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/words.h"

namespace spindle::cli {

class MountControl {
 public:
  /// Every failure, here and later, goes to `complaint`, which must live as long.
  MountControl(std::string directory, Complaint& complaint);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// The text of a control file; empty if it cannot be read.
  [[nodiscard]] std::string text(const std::string& name) const;
  /// The same without its line end.
  [[nodiscard]] std::string value(const std::string& name) const;
  /// `name`.json, parsed; null if it cannot be.
  [[nodiscard]] Json json(const std::string& name) const;
  /// The value that a choice has now: what stands in brackets.
  [[nodiscard]] std::string chosen(const std::string& name) const;
  /// A refusal is told with the reason that the volume gives.
  void write(const std::string& name, const std::string& value) const;
  /// Makes all that was written reach its place on the disk.
  void sync() const;
  /// The same, except that what the journal holds stays in the log.
  void commit() const;

 private:
  [[nodiscard]] std::string path(const std::string& name) const;
  /// The kernel hands over what it holds; then the volume is told by the file `trigger`.
  void hand_over(const char* trigger) const;

  std::string directory_;
  Complaint& complaint_;
};

/// A program that was run to its end, with the terminal of ours.
struct CommandRun {
  int status = 0;  ///< as a shell has it: 127 not found, 128 + the signal that ended it
  std::int64_t elapsed_ns = 0;
};
/// Where its output would spoil ours, it goes to standard error.
enum class Output : bool { kAsIs, kToError };
CommandRun run_command(const std::vector<std::string>& words, Output output, Complaint& complaint);

/// To the file; "-" is standard output.
void write_file(const std::string& path, std::string_view content, Complaint& complaint);
/// "12.345 ms" out of nanoseconds, in the unit that suits.
std::string duration_text(std::int64_t ns);

}  // namespace spindle::cli
