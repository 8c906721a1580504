// ControlFile: what reading and writing one file of .spindle does.
//
// A text is made when a read arrives at offset 0, and later offsets are served from the same text:
// so a reader never sees half of two states, and one who seeks back to the start sees the present
// one. A stream is read as a pipe is: each read takes what is there, and waits if there is nothing.
//
// What is written is either a value, handed over without its line end and the spaces around it, or
// a list of commands, one a line. Commands are applied in order up to the first that is refused:
// then the bytes of the lines before it count as written; if there are none, the write fails. An
// Error refuses: EINVAL and the like reach the writer's write(2), and the tree is told why.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "spindle/fs/tree.h"
#include "spindle/thread/wait_queue.h"

namespace spindle {

struct ControlFile {
  /// At most so many bytes of what is there, taken out of the stream; empty: nothing yet.
  using Take = std::function<Result<std::string>(std::size_t size)>;
  struct Stream {
    Take take = {};                         ///< empty: it is no stream
    thread::WaitQueue* arrivals = nullptr;  ///< woken when there may be more
  };

  /// Both empty: cannot be read. At most one of `read` and `read_for`.
  std::function<Result<std::string>()> read = {};
  std::function<Result<std::string>(const Caller& caller)> read_for = {};
  std::function<Result<>(std::string_view text)> write = {};  ///< empty: takes no value
  /// Empty: takes no commands. At most one of `write` and `command`.
  std::function<Result<>(const Caller& caller, std::string_view line)> command = {};
  /// Takes what is written as it is, and answers how much it took. Empty: it takes values or
  /// commands, if any.
  std::function<Result<std::size_t>(std::string_view bytes)> input = {};
  Stream stream = {};
  bool is_for_everyone = false;  ///< anybody may write: the commands check their caller
  bool is_private = false;       ///< only root and the user who mounted may read: it tells of files
  /// `read` shows the names that can be written, with the present one in brackets. Whoever writes
  /// any other text is told these names.
  bool is_choice = false;
  std::string path = {};  ///< shown when something is refused

  [[nodiscard]] bool is_readable() const { return read || read_for || stream.take; }
  [[nodiscard]] bool is_writable() const { return write || command || input; }
};

}  // namespace spindle
