// Files: pipes, terminals and the other things that descriptors stand for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "spindle/base/result.h"
#include "spindle/machine/machine_event.h"
#include "wait_queue.h"

namespace spindle {

struct Process;

/// Bytes on their way from the writers to the readers.
struct Pipe {
  static constexpr std::size_t kCapacity = 65'536;
  std::uint64_t number = 0;
  std::string bytes;
  std::size_t taken = 0;  ///< how many of `bytes` were read, from the front
  /// By process: how many of its descriptors stand for that end.
  std::map<ProcessNumber, unsigned> readers;
  std::map<ProcessNumber, unsigned> writers;
  WaitQueue waiting_readers;
  WaitQueue waiting_writers;

  [[nodiscard]] std::size_t size() const { return bytes.size() - taken; }
  std::string take(std::size_t most) {
    std::string out = bytes.substr(taken, most);
    taken += out.size();
    if (taken == bytes.size() || taken > kCapacity) {
      bytes.erase(0, taken);
      taken = 0;
    }
    return out;
  }
};

/// The terminal of a session: what was typed and not yet read, and what was written and not yet
/// collected.
struct Terminal {
  static constexpr std::size_t kCapacity = 1u << 20;
  std::string input;
  bool at_end = false;  ///< nobody will type anything more
  std::string output;
  WaitQueue waiting_readers;
  std::int32_t foreground_group = -1;
};

struct OpenFile {
  enum class Kind : std::uint8_t { kFile, kPipe, kTerminal, kNull };
  Kind kind = Kind::kFile;
  bool may_read = false;
  bool may_write = false;
  bool appends = false;
  std::uint32_t flags = 0;  ///< as open(2) has them
  std::string path;
  std::uint64_t file = 0;
  std::uint64_t position = 0;
  std::shared_ptr<Pipe> pipe;
  int terminal = -1;  ///< -1: the machine's console
};

/// Counts one more descriptor of the process that stands for the file.
void hold(OpenFile& file, const Process& process);
/// An end of a pipe, for a descriptor.
std::shared_ptr<OpenFile> reading_end(const std::shared_ptr<Pipe>& pipe);
std::shared_ptr<OpenFile> writing_end(const std::shared_ptr<Pipe>& pipe);

struct Files {
  static constexpr std::size_t kMostPipes = 4096;

  /// ENFILE if there are too many.
  Result<std::shared_ptr<Pipe>> make_pipe();
  /// The pipe of that name, which is made if no descriptor stands for it.
  Result<std::shared_ptr<Pipe>> named_pipe(const std::string& name);

  std::uint64_t last_pipe = 0;
  std::size_t pipes = 0;  ///< that exist
  std::map<std::string, std::weak_ptr<Pipe>, std::less<>> named_pipes;
  std::map<int, Terminal> terminals;
};

}  // namespace spindle
