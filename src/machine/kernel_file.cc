// Descriptors, and the content of files as it moves between the disk and programs.

#include <fcntl.h>

#include <algorithm>

#include "kernel.h"
#include "paging.h"
#include "paths.h"

namespace spindle {
namespace {

/// Below 0: the machine's console.
std::shared_ptr<OpenFile> terminal_file(int terminal) {
  auto file = std::make_shared<OpenFile>();
  file->kind = OpenFile::Kind::kTerminal;
  file->terminal = terminal;
  file->may_read = file->may_write = true;
  file->flags = O_RDWR;
  file->path = terminal < 0 ? "/dev/console" : "/dev/pts/" + std::to_string(terminal);
  return file;
}

}  // namespace

void hold(OpenFile& file, const Process& process) {
  if (file.pipe != nullptr)
    ++(file.may_write ? file.pipe->writers : file.pipe->readers)[process.id];
}

std::shared_ptr<OpenFile> reading_end(const std::shared_ptr<Pipe>& pipe) {
  auto file = std::make_shared<OpenFile>();
  file->kind = OpenFile::Kind::kPipe;
  file->pipe = pipe;
  file->may_read = true;
  file->flags = O_RDONLY;
  return file;
}

std::shared_ptr<OpenFile> writing_end(const std::shared_ptr<Pipe>& pipe) {
  auto file = reading_end(pipe);
  file->may_read = false;
  file->may_write = true;
  file->flags = O_WRONLY;
  return file;
}

Result<std::shared_ptr<Pipe>> Files::make_pipe() {
  if (pipes >= Files::kMostPipes) return Error{ENFILE, "there are too many pipes"};
  ++pipes;
  const auto drop = [this](Pipe* pipe) {
    --pipes;
    delete pipe;
  };
  std::shared_ptr<Pipe> pipe(new Pipe, drop);
  pipe->number = ++last_pipe;
  return pipe;
}

Result<std::shared_ptr<Pipe>> Files::named_pipe(const std::string& name) {
  std::erase_if(named_pipes, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Pipe>& named = named_pipes[name];
  auto pipe = named.lock();
  if (pipe == nullptr) named = pipe = TRY(make_pipe());
  return pipe;
}

Result<int> Kernel::add_descriptor(Process& process, std::shared_ptr<OpenFile> file) {
  int number = 0;
  for (const auto& [taken, other] : process.descriptors) {
    if (taken != number) break;
    ++number;
  }
  if (static_cast<std::uint64_t>(number) >= process.limits[kLimitFiles].soft)
    return Error{EMFILE, "the process has as many descriptors as the limit allows"};
  hold(*file, process);
  process.descriptors.emplace(number, std::move(file));
  return number;
}

void Kernel::close(Process& process, int descriptor) {
  const auto found = process.descriptors.find(descriptor);
  if (found == process.descriptors.end()) return;
  const std::shared_ptr<OpenFile> file = found->second;
  process.descriptors.erase(found);
  if (file->pipe == nullptr) return;
  Pipe& pipe = *file->pipe;
  auto& holders = file->may_write ? pipe.writers : pipe.readers;
  const auto held = holders.find(process.id);
  if (--held->second != 0) return;
  holders.erase(held);
  WaitQueue& waiting = file->may_write ? pipe.waiting_readers : pipe.waiting_writers;
  if (holders.empty()) return wake_all(waiting);
  // The threads that are left may wait for one another.
  for (const Thread* thread : waiting.threads()) suspect(*thread);
}

void Kernel::close_all(Process& process) {
  while (!process.descriptors.empty()) close(process, process.descriptors.begin()->first);
}

Result<int> Kernel::open_file(Process& process, const std::string& path, int flags) {
  if (path == "/dev/null") {
    auto nothing = std::make_shared<OpenFile>();
    nothing->kind = OpenFile::Kind::kNull;
    nothing->path = path;
    nothing->flags = static_cast<std::uint32_t>(flags);
    nothing->may_read = (flags & O_ACCMODE) != O_WRONLY;
    nothing->may_write = (flags & O_ACCMODE) != O_RDONLY;
    return add_descriptor(process, std::move(nothing));
  }
  Result<HostFile> found = host.lookup(path);
  if (found.ok() && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
    return Error{EEXIST, "the file exists already"};
  if (found.code() == ENOENT && (flags & O_CREAT) != 0) found = host.create(path, 0666);
  const HostFile file = TRY(std::move(found));
  if (file.is_directory) return Error{EISDIR, "it is a directory"};
  const bool reads = (flags & O_ACCMODE) != O_WRONLY;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if ((reads && !file.may_read) || (writes && !file.may_write))
    return Error{EACCES, "the user may not do that with the file"};
  if ((flags & O_TRUNC) != 0) TRY(truncate_file(file.id, 0));
  if ((flags & O_TRUNC) == 0) paging->opened(file);
  auto opened = std::make_shared<OpenFile>();
  opened->path = file.path;
  opened->file = file.id;
  opened->flags = static_cast<std::uint32_t>(flags);
  opened->may_read = reads;
  opened->may_write = writes;
  opened->appends = (flags & O_APPEND) != 0;
  return add_descriptor(process, std::move(opened));
}

// "" the terminal, "tty:NUMBER" another one, "pipe:NAME" an end of a pipe, ">>PATH" or a path: a
// file.
Result<int> Kernel::open_one(Process& process, int number, const std::string& what) {
  const bool writes = number != 0;
  if (what.empty()) return add_descriptor(process, terminal_file(process.terminal));
  if (what.starts_with("tty:"))
    return add_descriptor(process, terminal_file(std::atoi(what.c_str() + 4)));
  if (what.starts_with("pipe:")) {
    const auto pipe = TRY(files.named_pipe(what.substr(5)));
    return add_descriptor(process, writes ? writing_end(pipe) : reading_end(pipe));
  }
  const bool appends = what.starts_with(">>");
  const int flags = !writes ? O_RDONLY : O_WRONLY | O_CREAT | (appends ? O_APPEND : O_TRUNC);
  return open_file(process, absolute_path(process.directory, appends ? what.substr(2) : what),
                   flags);
}

Result<> Kernel::open_standard(Process& process, const std::vector<std::string>& descriptors) {
  for (int number = 0; number < 3; ++number) {
    const auto place = static_cast<std::size_t>(number);
    const std::string what = place < descriptors.size() ? descriptors[place] : "";
    // One file for output and errors has one position.
    if (number == 2 && !what.empty() && what == descriptors[1])
      TRY(add_descriptor(process, process.descriptors.at(1)));
    else
      TRY(open_one(process, number, what));
  }
  return {};
}

// What people see and type.

void Kernel::show(const Thread& thread, int number, std::string_view text) {
  if (number < 0) return say(&thread, text);
  Terminal& terminal = files.terminals[number];
  terminal.output.append(text);
  if (terminal.output.size() > Terminal::kCapacity)
    terminal.output.erase(0, terminal.output.size() - Terminal::kCapacity);
}

std::size_t Kernel::type(int number, std::string_view text, bool at_end) {
  Terminal& terminal = files.terminals[number];
  const std::string_view typed =
      text.substr(0, Terminal::kCapacity - std::min(Terminal::kCapacity, terminal.input.size()));
  terminal.input.append(typed);
  terminal.at_end = at_end && typed.size() == text.size();
  wake_all(terminal.waiting_readers);
  note_change();
  return typed.size();
}

void Kernel::clear_terminal(int number) {
  Terminal& terminal = files.terminals[number];
  terminal.input.clear();
  terminal.output.clear();
  terminal.at_end = false;
}

std::string Kernel::take_output(int number) {
  return std::exchange(files.terminals[number].output, {});
}

void Kernel::write_error(const Thread& thread, std::string_view text) {
  const auto found = thread.process->descriptors.find(2);
  if (found == thread.process->descriptors.end()) return;
  OpenFile& file = *found->second;
  if (file.kind == OpenFile::Kind::kTerminal) return show(thread, file.terminal, text);
  if (file.kind == OpenFile::Kind::kPipe && !file.pipe->readers.empty()) {
    file.pipe->bytes.append(text.substr(0, Pipe::kCapacity - file.pipe->size()));
    return wake_all(file.pipe->waiting_readers);
  }
  // The last words of a dying process do not wait for the disk.
  if (file.kind != OpenFile::Kind::kFile) return;
  const auto size = host.size(file.file);
  if (size.ok() && host.write(file.file, *size, std::as_bytes(std::span(text))).ok())
    file.position = *size + text.size();
}

// Files.

// Has the thread wait until `bytes` have moved; with programmed I/O it moves them itself.
Outcome Kernel::write_to_disk(Thread& thread, std::uint64_t file, std::uint64_t offset,
                              std::uint64_t bytes) {
  const Run run = disk->place(file, offset, bytes);
  const BlockRequest request{.cookie = static_cast<std::uint64_t>(thread.id),
                             .run = run,
                             .is_write = true,
                             .issued = now(),
                             .thread = thread.id,
                             .rank = io_rank(thread)};
  thread.process->written_bytes += run.length * kMachineBlockSize;
  if (events.enabled()) {
    MachineEvent issued = event(MachineEventKind::kBlockIssue, &thread);
    issued.arguments = {static_cast<std::int64_t>(run.start.value),
                        static_cast<std::int64_t>(run.length), 1};
    events.record(issued);
  }
  if (configuration.device_mode == DeviceMode::kProgrammed && disk->is_idle()) {
    const VirtualTime finish = disk->serve_now(request, now());
    return Outcome::busy((finish - now()).ns + configuration.costs.word_io_ns(run.length));
  }
  disk->add(request, now());
  schedule_disk();
  block_for_disk(thread, "io_schedule");
  return Outcome::waits();
}

void Kernel::schedule_disk() {
  const auto due = disk->due();
  if (due && !std::exchange(disk_is_scheduled_, true))
    agenda.add(std::max(*due, now()), AgendaEntry::Kind::kDisk);
}

void Kernel::disk_done() {
  disk_is_scheduled_ = false;
  const BlockRequest done = disk->complete(now());
  schedule_disk();
  const bool is_page = Paging::is_transfer(done.cookie);
  Thread* thread = is_page ? nullptr : find_thread(static_cast<ProcessNumber>(done.cookie));
  const std::uint32_t cpu = thread == nullptr ? 0 : thread->cpu;
  std::int64_t cost_ns = configuration.costs.interrupt_ns;
  if (configuration.device_mode == DeviceMode::kInterrupt)
    cost_ns *= static_cast<std::int64_t>(done.run.length);
  if (configuration.device_mode != DeviceMode::kDma)
    cost_ns += configuration.costs.word_io_ns(done.run.length);
  scheduler->interrupt(Interrupt::kDisk, cpu, cost_ns);
  if (events.enabled()) {
    MachineEvent completed = event(MachineEventKind::kBlockComplete, thread);
    completed.arguments = {static_cast<std::int64_t>(done.run.start.value),
                           static_cast<std::int64_t>(done.run.length), done.is_write ? 1 : 0};
    completed.value = (now() - done.issued).ns;
    events.record(completed);
  }
  if (is_page) paging->complete(done);
  if (thread != nullptr) wake(*thread);
}

Result<> Kernel::truncate_file(std::uint64_t file, std::uint64_t size) {
  TRY(host.truncate(file, size));
  paging->truncated(file, size);
  return {};
}

Outcome Kernel::write_file(Thread& thread, OpenFile& file) {
  const std::string& text = thread.request.text;
  if (text.empty()) return Response::of(0);
  if (file.appends && thread.progress[0] == 0) {
    const auto size = host.size(file.file);
    if (!size.ok()) return size.error();
    file.position = *size;
  }
  if (file.position + text.size() > thread.process->limits[kLimitFileSize].soft) {
    send(*thread.process, kSigXfsz, &thread);
    return Error{EFBIG, "the file would be larger than the limit allows"};
  }
  if (std::exchange(thread.progress[0], 1) == 0)
    return write_to_disk(thread, file.file, file.position, text.size());
  if (const auto written = host.write(file.file, file.position, std::as_bytes(std::span(text)));
      !written.ok())
    return written.error();
  paging->written(file.file, file.position, text);
  file.position += text.size();
  return Response::of(static_cast<std::int64_t>(text.size()));
}

}  // namespace spindle
