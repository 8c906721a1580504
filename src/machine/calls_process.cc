// Calls about processes and threads, and about time.

#include <algorithm>

#include "calls.h"
#include "kernel.h"
#include "paging.h"
#include "paths.h"

namespace spindle {
namespace {

constexpr std::int64_t kNoHang = 1;
constexpr std::int64_t kUntraced = 2;
constexpr std::int64_t kLongestNs = std::int64_t{1} << 60;

/// The child's number, its wait status, and its name.
Response report(const Process& child, int status) {
  Response response = Response::of(child.id);
  response.numbers[1] = status;
  response.number_count = 2;
  return response;
}

Error no_such_process() {
  return {ESRCH, "there is no such process"};
}

/// The process that a call is about: for 0 the caller's own; otherwise one of its children or
/// itself.
Result<Process*> subject(Kernel& kernel, Thread& thread, std::int64_t number) {
  if (number == 0) return thread.process;
  Process* process = kernel.find_process(static_cast<ProcessNumber>(number));
  if (process == nullptr) return no_such_process();
  if (process != thread.process && process->parent != thread.process) return no_such_process();
  return process;
}

void inherit(const Process& from, Process& to) {
  to.path = from.path;
  to.arguments = from.arguments;
  to.environment = from.environment;
  to.dispositions = from.dispositions;
  to.descriptors = from.descriptors;
  for (auto& [number, file] : to.descriptors) hold(*file, to);
}

void inherit(const Thread& from, Thread& to) {
  to.cpus_allowed = from.cpus_allowed;
  to.scheduling = from.scheduling;
  to.nice = from.nice;
  to.realtime_priority = from.realtime_priority;
  to.io_priority = from.io_priority;
  to.priority = from.priority;
  to.weight = from.weight;
  to.group = from.group;
  to.deadline = from.deadline;
  to.blocked = from.blocked;
  to.cpu = from.cpu;
}

/// Of a new process or, if it is of the same one, of a new thread.
void note_fork(Kernel& kernel, const Thread& thread, const Thread& child) {
  if (!kernel.events.enabled()) return;
  MachineEvent forked = kernel.event(MachineEventKind::kFork, &thread);
  forked.other = child.id;
  forked.other_name = child.interned_name;
  forked.value = child.process == thread.process ? 1 : 0;
  kernel.events.record(forked);
}

}  // namespace

Outcome call_compute(Kernel&, Thread&) {
  return Response::nothing();
}

/// Answers a line for each process: the words are number, parent, group, state, nice, CPU time in
/// ms, terminal (-1: none), then name and arguments.
Outcome call_processes(Kernel& kernel, Thread& thread) {
  constexpr std::int64_t kTimeOfEachNs = 4'000;
  Response response;
  response.has_list = true;
  for (const auto& [number, process] : kernel.processes) {
    if (!kernel.has_arrived(*process)) continue;
    thread.debt_ns += kTimeOfEachNs;
    const auto found = kernel.snapshot_process(number, WithAreas::kNo);
    if (!found.ok()) continue;
    const ProcessSnapshot& p = *found;
    const int nice = p.threads.empty() ? 0 : p.threads.front().nice;
    std::string line = std::to_string(p.id) + " " + std::to_string(p.parent) + " " +
                       std::to_string(p.group) + " " + p.state + " " + std::to_string(nice) + " " +
                       std::to_string((p.user + p.system).ns / 1'000'000) + " " +
                       std::to_string(p.terminal) + " " + p.name;
    for (std::size_t i = 1; i < p.arguments.size(); ++i) line += " " + p.arguments[i];
    response.list.push_back(std::move(line));
  }
  return response;
}

/// numbers: status. text: what the program died of, or empty.
Outcome call_exit(Kernel& kernel, Thread& thread) {
  if (!thread.request.text.empty())
    kernel.write_error(thread, thread.process->name + ": " + thread.request.text + "\n");
  kernel.end_process(*thread.process, static_cast<int>(thread.request.numbers[0] & 0xFF) << 8);
  return Outcome::gone();
}

/// numbers: status, which counts if it is the last thread.
Outcome call_exit_thread(Kernel& kernel, Thread& thread) {
  Process& process = *thread.process;
  if (process.threads.size() == 1) return call_exit(kernel, thread);
  kernel.end_thread(thread);
  return Outcome::gone();
}

/// function: the child's. Answers the child's number.
Outcome call_fork(Kernel& kernel, Thread& thread) {
  Process& parent = *thread.process;
  // This comes before all is copied for the child.
  if (const auto may = kernel.may_add_thread(parent); !may.ok()) return may.error();
  // The machine's memory is copied on write; what the program itself keeps is copied now.
  constexpr std::size_t kBytesForNothing = 64u << 10;
  constexpr std::int64_t kTimeOfByteNs = 5;
  const std::size_t bytes = std::max(thread.program->bytes(), kBytesForNothing);
  thread.debt_ns += static_cast<std::int64_t>(bytes - kBytesForNothing) * kTimeOfByteNs;
  auto program = thread.program->make_child(thread.request.function);
  if (!program.ok()) return program.error();
  auto made = kernel.make_process(parent.name, parent);
  if (!made.ok()) return made.error();
  Process& child = **made;
  const auto give_up = [&](const Error& error) -> Outcome {
    kernel.discard(child);
    return error;
  };
  if (auto forked = kernel.paging->fork(parent, child); !forked.ok())
    return give_up(forked.error());
  auto thread_made = kernel.make_thread(child, std::move(program).take());
  if (!thread_made.ok()) return give_up(thread_made.error());
  inherit(parent, child);
  inherit(thread, **thread_made);
  const ProcessNumber number = child.id;
  note_fork(kernel, thread, **thread_made);
  kernel.add_record(child, kernel.now());
  kernel.arrive(**thread_made);
  return Response::of(number);
}

/// function: the new thread's. Answers its number.
Outcome call_thread(Kernel& kernel, Thread& thread) {
  if (const auto may = kernel.may_add_thread(*thread.process); !may.ok()) return may.error();
  auto program = thread.program->make_thread(thread.request.function);
  if (!program.ok()) return program.error();
  auto made = kernel.make_thread(*thread.process, std::move(program).take());
  if (!made.ok()) return made.error();
  inherit(thread, **made);
  const ProcessNumber number = (*made)->id;
  note_fork(kernel, thread, **made);
  kernel.make_ready(**made, Why::kCreated);
  return Response::of(number);
}

/// text: path. list: arguments. Answers only if it fails.
Outcome call_exec(Kernel& kernel, Thread& thread) {
  Process& process = *thread.process;
  const std::string path = absolute_path(process.directory, thread.request.text);
  constexpr std::size_t kMostBytes = std::size_t{2} << 20;  // as on Linux
  std::size_t bytes = path.size();
  for (const std::string& argument : thread.request.list) bytes += argument.size();
  if (bytes > kMostBytes) return Error{E2BIG, "the arguments are too long"};
  // The old program must be there until the new one can be had.
  const std::vector<std::string> arguments = thread.request.list;
  if (auto loaded = kernel.load_program(thread, path, arguments, nullptr); !loaded.ok())
    return loaded.error();
  for (Thread* other : std::vector<Thread*>(process.threads))
    if (other != &thread) kernel.end_thread(*other);
  for (SignalDisposition& disposition : process.dispositions)
    if (disposition.kind == SignalDisposition::Kind::kHandler) disposition = {};
  thread.interrupted.clear();
  kernel.rename(process, program_name(path));
  if (ProcessRecord* const record = kernel.record_of(process)) record->name = process.name;
  if (kernel.events.enabled()) {
    MachineEvent executed = kernel.event(MachineEventKind::kExec, &thread);
    executed.text = kernel.events.intern(path);
    kernel.events.record(executed);
  }
  return Response::nothing();
}

/// numbers: which (-1 any, 0 of its own group, -g of group g), options (1: do not wait; 2: stopped
/// ones, too). Answers number and wait status; 0 if there is none yet and it does not wait.
Outcome call_wait(Kernel& kernel, Thread& thread) {
  Process& process = *thread.process;
  const std::int64_t which = thread.request.numbers[0];
  const std::int64_t options = thread.request.numbers[1];
  bool exists = false;
  for (Process* child : process.children) {
    if (!is_wanted(*child, process, which)) continue;
    exists = true;
    if (child->is_zombie) {
      Response response = report(*child, child->wait_status);
      kernel.reap(*child);
      return response;
    }
    if ((options & kUntraced) != 0 && std::exchange(child->stop_to_tell, false))
      return report(*child, 0x7F | kSigStop << 8);
  }
  if (!exists) return Error{ECHILD, "there is no such child"};
  if ((options & kNoHang) != 0) return Response::of(0);
  kernel.block(thread, process.child_events.get(), "do_wait", {}, Kernel::Awake::kRetries);
  return Outcome::waits();
}

/// numbers: thread. Answers when it has ended.
Outcome call_join(Kernel& kernel, Thread& thread) {
  const auto number = static_cast<ProcessNumber>(thread.request.numbers[0]);
  if (number == thread.id) return Error{EDEADLK, "a thread cannot wait for itself"};
  Thread* other = kernel.find_thread(number);
  if (other == nullptr || other->process != thread.process) return Response::nothing();
  auto& queue = thread.process->joiners[number];
  if (queue == nullptr) queue = std::make_unique<WaitQueue>();
  kernel.block(thread, queue.get(), "futex_wait", std::to_string(number), Kernel::Awake::kRetries);
  return Outcome::waits();
}

/// Answers the numbers of process, parent and thread.
Outcome call_identity(Kernel&, Thread& thread) {
  Response response = Response::of(thread.process->id);
  response.numbers[1] = thread.process->parent == nullptr ? 0 : thread.process->parent->id;
  response.numbers[2] = thread.id;
  response.number_count = 3;
  return response;
}

/// numbers: process (0: its own), group (0: a new one).
Outcome call_set_group(Kernel& kernel, Thread& thread) {
  auto process = subject(kernel, thread, thread.request.numbers[0]);
  if (!process.ok()) return process.error();
  const auto group = static_cast<ProcessNumber>(thread.request.numbers[1]);
  if (group < 0) return Error{EINVAL, "there is no such group"};
  if ((*process)->session == (*process)->id) return Error{EPERM, "it leads a session"};
  (*process)->group = group == 0 ? (*process)->id : group;
  return Response::nothing();
}

/// Answers the session's number.
Outcome call_set_session(Kernel&, Thread& thread) {
  Process& process = *thread.process;
  if (process.group == process.id) return Error{EPERM, "it leads a group"};
  process.group = process.session = process.id;
  process.terminal = -1;
  return Response::of(process.id);
}

/// numbers: ns.
Outcome call_sleep(Kernel& kernel, Thread& thread) {
  const std::int64_t span_ns = thread.request.numbers[0];
  if (span_ns < 0 || span_ns > kLongestNs) return Error{EINVAL, "it is not a valid time span"};
  if (span_ns == 0) return Response::nothing();
  kernel.block(thread, nullptr, "hrtimer_nanosleep", {}, Kernel::Awake::kAnswered);
  kernel.set_timer(thread, span_ns);
  return Outcome::waits();
}

Outcome call_yield(Kernel& kernel, Thread& thread) {
  if (std::exchange(thread.progress[0], 1) != 0) return Response::nothing();
  kernel.give_way(thread);
  return Outcome::waits();
}

/// Answers the virtual time, ns.
Outcome call_time(Kernel& kernel, Thread&) {
  return Response::of(kernel.now().ns);
}

/// text: a line for the descriptor 1, without the formalities of `write`.
Outcome call_print(Kernel& kernel, Thread& thread) {
  kernel.say(&thread, thread.request.text);
  return Response::nothing();
}

}  // namespace spindle
