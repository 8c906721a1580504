// Calls about files and directories. `text` is a path, from the process's directory on.

#include <fcntl.h>

#include <algorithm>

#include "calls.h"
#include "kernel.h"
#include "paging.h"
#include "paths.h"

namespace spindle {
namespace {

constexpr std::int64_t kMostTransfer = 1 << 20;

std::string path_of(const Thread& thread, const std::string& text) {
  return absolute_path(thread.process->directory, text);
}

Result<OpenFile*> descriptor(const Thread& thread, std::int64_t number) {
  const auto& descriptors = thread.process->descriptors;
  const auto found = descriptors.find(static_cast<int>(number));
  if (found == descriptors.end()) return Error{EBADF, "there is no such descriptor"};
  return found->second.get();
}

Outcome read_terminal(Kernel& kernel, Thread& thread, const OpenFile& file) {
  if (file.terminal < 0) return Response::of(std::string());
  Terminal& terminal = kernel.files.terminals[file.terminal];
  const auto most = static_cast<std::size_t>(thread.request.numbers[1]);
  if (terminal.input.empty()) {
    if (terminal.at_end) return Response::of(std::string());
    kernel.block(thread, &terminal.waiting_readers, "tty_read",
                 "tty" + std::to_string(file.terminal), Kernel::Awake::kRetries);
    return Outcome::waits();
  }
  // A line at a time, as a terminal gives them.
  const std::size_t line = terminal.input.find('\n');
  const std::size_t count =
      std::min({most, terminal.input.size(), line == std::string::npos ? most : line + 1});
  Response response = Response::of(terminal.input.substr(0, count));
  terminal.input.erase(0, count);
  return response;
}

Outcome read_pipe(Kernel& kernel, Thread& thread, Pipe& pipe) {
  if (pipe.size() == 0) {
    if (pipe.writers.empty()) return Response::of(std::string());
    kernel.block(thread, &pipe.waiting_readers, "pipe_read",
                 "pipe:[" + std::to_string(pipe.number) + "]", Kernel::Awake::kRetries);
    return Outcome::waits();
  }
  Response response = Response::of(pipe.take(static_cast<std::size_t>(thread.request.numbers[1])));
  kernel.wake_all(pipe.waiting_writers);
  return response;
}

Outcome write_pipe(Kernel& kernel, Thread& thread, Pipe& pipe) {
  if (pipe.readers.empty()) {
    kernel.send(*thread.process, kSigPipe, &thread);
    return Error{EPIPE, "nobody reads from the pipe"};
  }
  // progress[0]: what went in before.
  const std::string& text = thread.request.text;
  const auto done = static_cast<std::size_t>(thread.progress[0]);
  const std::size_t count = std::min(text.size() - done, Pipe::kCapacity - pipe.size());
  pipe.bytes.append(text, done, count);
  thread.progress[0] += static_cast<std::int64_t>(count);
  if (count != 0) kernel.wake_all(pipe.waiting_readers);
  if (done + count == text.size()) return Response::of(static_cast<std::int64_t>(text.size()));
  kernel.block(thread, &pipe.waiting_writers, "pipe_write",
               "pipe:[" + std::to_string(pipe.number) + "]", Kernel::Awake::kRetries);
  return Outcome::waits();
}

Outcome status_answer(const Result<HostFile>& file) {
  if (!file.ok()) return file.error();
  Response response = Response::of(static_cast<std::int64_t>(file->size));
  response.numbers[1] = file->is_directory ? 1 : 0;
  response.numbers[2] = static_cast<std::int64_t>(file->id);
  response.number_count = 3;
  for (const std::int64_t more : std::initializer_list<std::int64_t>{
           file->mode, file->links, file->uid, file->gid, file->modified_s})
    response.list.push_back(std::to_string(more));
  response.list.push_back(file->path);
  return response;
}

Outcome after_reading(Thread& thread, Outcome outcome) {
  if (outcome.kind != Outcome::Kind::kAnswered || outcome.response.error != 0) return outcome;
  ++thread.process->read_calls;
  thread.process->read_characters += outcome.response.text.size();
  return outcome;
}

Outcome after_writing(Thread& thread, Outcome outcome) {
  if (outcome.kind != Outcome::Kind::kAnswered || outcome.response.error != 0) return outcome;
  ++thread.process->write_calls;
  thread.process->written_characters += static_cast<std::uint64_t>(outcome.response.numbers[0]);
  return outcome;
}

}  // namespace

/// text: path. numbers: flags, as open(2) has them. Answers the descriptor.
Outcome call_open(Kernel& kernel, Thread& thread) {
  const auto flags = static_cast<int>(thread.request.numbers[0]);
  const auto opened =
      kernel.open_file(*thread.process, path_of(thread, thread.request.text), flags);
  if (!opened.ok()) return opened.error();
  return Response::of(*opened);
}

/// numbers: descriptor.
Outcome call_close(Kernel& kernel, Thread& thread) {
  const std::int64_t number = thread.request.numbers[0];
  if (const auto file = descriptor(thread, number); !file.ok()) return file.error();
  kernel.close(*thread.process, static_cast<int>(number));
  return Response::nothing();
}

/// numbers: descriptor, how much at most. Answers the bytes; none at the end.
Outcome call_read(Kernel& kernel, Thread& thread) {
  const std::int64_t number = thread.request.numbers[0];
  std::int64_t& most = thread.request.numbers[1];
  const auto file = descriptor(thread, number);
  if (!file.ok()) return file.error();
  if (!(*file)->may_read) return Error{EBADF, "the descriptor is not open for reading"};
  if (most < 0) return Error{EINVAL, "the count is negative"};
  most = std::min(most, kMostTransfer);
  switch ((*file)->kind) {
    case OpenFile::Kind::kTerminal:
      return after_reading(thread, read_terminal(kernel, thread, **file));
    case OpenFile::Kind::kPipe:
      return after_reading(thread, read_pipe(kernel, thread, *(*file)->pipe));
    case OpenFile::Kind::kNull:
      return after_reading(thread, Response::of(std::string()));
    default:
      return after_reading(thread, kernel.paging->read(thread, **file));
  }
}

/// numbers: descriptor. text: the bytes. Answers how many were written.
Outcome call_write(Kernel& kernel, Thread& thread) {
  const auto file = descriptor(thread, thread.request.numbers[0]);
  if (!file.ok()) return file.error();
  if (!(*file)->may_write) return Error{EBADF, "the descriptor is not open for writing"};
  const auto size = static_cast<std::int64_t>(thread.request.text.size());
  switch ((*file)->kind) {
    case OpenFile::Kind::kTerminal:
      kernel.show(thread, (*file)->terminal, thread.request.text);
      return after_writing(thread, Response::of(size));
    case OpenFile::Kind::kPipe:
      return after_writing(thread, write_pipe(kernel, thread, *(*file)->pipe));
    case OpenFile::Kind::kNull:
      return after_writing(thread, Response::of(size));
    default:
      return after_writing(thread, kernel.write_file(thread, **file));
  }
}

/// numbers: descriptor, offset, from where (0 start, 1 here, 2 end). Answers the new position.
Outcome call_seek(Kernel& kernel, Thread& thread) {
  const auto& numbers = thread.request.numbers;
  const auto file = descriptor(thread, numbers[0]);
  if (!file.ok()) return file.error();
  if ((*file)->kind != OpenFile::Kind::kFile) return Error{ESPIPE, "it has no positions"};
  std::int64_t base = 0;
  if (numbers[2] == 1) base = static_cast<std::int64_t>((*file)->position);
  if (numbers[2] == 2) {
    const auto size = kernel.host.size((*file)->file);
    if (!size.ok()) return size.error();
    base = static_cast<std::int64_t>(*size);
  }
  constexpr std::int64_t kFarthest = std::int64_t{1} << 40;
  if (numbers[1] < -kFarthest || numbers[1] > kFarthest || base + numbers[1] < 0)
    return Error{EINVAL, "there is no such position"};
  (*file)->position = static_cast<std::uint64_t>(base + numbers[1]);
  return Response::of(base + numbers[1]);
}

/// text: path. Answers size, whether it is a directory, and its number; and as a list mode, links,
/// owner, group, when it was changed last, and the path without symbolic links.
Outcome call_status(Kernel& kernel, Thread& thread) {
  return status_answer(kernel.host.lookup(path_of(thread, thread.request.text)));
}

/// The same, of the link itself if the path is one.
Outcome call_link_status(Kernel& kernel, Thread& thread) {
  return status_answer(kernel.host.lookup(path_of(thread, thread.request.text), LastLink::kKept));
}

/// text: path. numbers: the new size.
Outcome call_truncate(Kernel& kernel, Thread& thread) {
  const auto file = kernel.host.lookup(path_of(thread, thread.request.text));
  if (!file.ok()) return file.error();
  if (thread.request.numbers[0] < 0) return Error{EINVAL, "the size is negative"};
  if (!file->may_write) return Error{EACCES, "the user may not write to the file"};
  return Response::of(
      kernel.truncate_file(file->id, static_cast<std::uint64_t>(thread.request.numbers[0])));
}

/// text: path.
Outcome call_remove(Kernel& kernel, Thread& thread) {
  return Response::of(kernel.host.remove(path_of(thread, thread.request.text)));
}

/// text, more: the paths before and after.
Outcome call_rename(Kernel& kernel, Thread& thread) {
  return Response::of(kernel.host.rename(path_of(thread, thread.request.text),
                                         path_of(thread, thread.request.more)));
}

/// text, more: the path of the file, and the new one.
Outcome call_link(Kernel& kernel, Thread& thread) {
  return Response::of(
      kernel.host.link(path_of(thread, thread.request.text), path_of(thread, thread.request.more)));
}

/// text: where it leads. more: the path of the new link.
Outcome call_make_link(Kernel& kernel, Thread& thread) {
  if (thread.request.text.size() >= kLongestPath)
    return Error{ENAMETOOLONG, "the target is too long"};
  return Response::of(
      kernel.host.make_link(thread.request.text, path_of(thread, thread.request.more)));
}

/// text: path. Answers where the link leads.
Outcome call_read_link(Kernel& kernel, Thread& thread) {
  auto target = kernel.host.read_link(path_of(thread, thread.request.text));
  if (!target.ok()) return target.error();
  return Response::of(std::move(target).take());
}

/// text: path. numbers: the permissions.
Outcome call_change_mode(Kernel& kernel, Thread& thread) {
  const std::int64_t mode = thread.request.numbers[0];
  if (mode < 0 || mode > 07777) return Error{EINVAL, "permissions are 0 to 7777, octal"};
  return Response::of(kernel.host.change_mode(path_of(thread, thread.request.text),
                                              static_cast<std::uint32_t>(mode)));
}

/// text: path. numbers: when it was changed last, in seconds since 1970 (-1: now).
Outcome call_set_times(Kernel& kernel, Thread& thread) {
  const std::int64_t seconds = thread.request.numbers[0];
  constexpr std::int64_t kLatest = std::int64_t{1} << 40;
  if (seconds < -1 || seconds > kLatest) return Error{EINVAL, "there is no such time"};
  return Response::of(kernel.host.set_modified(
      path_of(thread, thread.request.text),
      seconds == -1 ? std::nullopt : std::optional<std::int64_t>(seconds)));
}

/// numbers: the new mask (-1: none, it only asks). Answers the one before.
Outcome call_umask(Kernel&, Thread& thread) {
  const std::int64_t mask = thread.request.numbers[0];
  if (mask < -1 || mask > 0777) return Error{EINVAL, "a mask is 0 to 777, octal"};
  const std::uint32_t before = thread.process->umask;
  if (mask >= 0) thread.process->umask = static_cast<std::uint32_t>(mask);
  return Response::of(before);
}

/// text: path.
Outcome call_make_directory(Kernel& kernel, Thread& thread) {
  return Response::of(kernel.host.make_directory(path_of(thread, thread.request.text), 0777));
}

/// text: path. Answers the names.
Outcome call_list(Kernel& kernel, Thread& thread) {
  constexpr std::int64_t kTimeOfNameNs = 500;
  auto names = kernel.host.list(path_of(thread, thread.request.text));
  if (!names.ok()) return names.error();
  thread.debt_ns += static_cast<std::int64_t>(names->size()) * kTimeOfNameNs;
  Response response;
  response.list = std::move(names).take();
  response.has_list = true;
  return response;
}

/// text: path. Answers the file's content, which is to be a part of the program.
Outcome call_do_file(Kernel& kernel, Thread& thread) {
  auto text = read_whole(kernel.host, path_of(thread, thread.request.text), kMostProgramBytes);
  if (!text.ok()) return text.error();
  return Response::of(std::move(text).take());
}

/// text: path; empty: none, it only asks. Answers the directory.
Outcome call_change_directory(Kernel& kernel, Thread& thread) {
  if (!thread.request.text.empty()) {
    const auto file = kernel.host.lookup(path_of(thread, thread.request.text));
    if (!file.ok()) return file.error();
    if (!file->is_directory) return Error{ENOTDIR, "it is not a directory"};
    thread.process->directory = file->path;
  }
  return Response::of(thread.process->directory);
}

/// Answers the descriptors to read from and to write to.
Outcome call_pipe(Kernel& kernel, Thread& thread) {
  const auto pipe = kernel.files.make_pipe();
  if (!pipe.ok()) return pipe.error();
  const auto reading = kernel.add_descriptor(*thread.process, reading_end(*pipe));
  if (!reading.ok()) return reading.error();
  const auto writing = kernel.add_descriptor(*thread.process, writing_end(*pipe));
  if (!writing.ok()) {
    kernel.close(*thread.process, *reading);
    return writing.error();
  }
  Response response = Response::of(*reading);
  response.numbers[1] = *writing;
  response.number_count = 2;
  return response;
}

/// numbers: descriptor, the one that shall be the same (-1: a free one). Answers that.
Outcome call_duplicate(Kernel& kernel, Thread& thread) {
  Process& process = *thread.process;
  const auto from = process.descriptors.find(static_cast<int>(thread.request.numbers[0]));
  if (from == process.descriptors.end()) return Error{EBADF, "there is no such descriptor"};
  const std::int64_t to = thread.request.numbers[1];
  if (to == from->first) return Response::of(to);
  const std::shared_ptr<OpenFile> file = from->second;
  if (to < 0) {
    const auto added = kernel.add_descriptor(process, file);
    if (!added.ok()) return added.error();
    return Response::of(*added);
  }
  if (to >= 4096) return Error{EBADF, "descriptors are 0 to 4095"};
  kernel.close(process, static_cast<int>(to));
  hold(*file, process);
  process.descriptors[static_cast<int>(to)] = file;
  return Response::of(to);
}

}  // namespace spindle
