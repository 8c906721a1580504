// The life of processes: arrival, fork, program, end, and who reaps them.

#include "kernel.h"
#include "lua_program.h"
#include "paging.h"
#include "paths.h"
#include "spindle/base/check.h"
#include "wait_graph.h"

namespace spindle {
namespace {

constexpr std::size_t kMostName = 15;

}  // namespace

Process* Kernel::find_process(ProcessNumber number) const {
  const auto found = processes.find(number);
  return found == processes.end() ? nullptr : found->second.get();
}

Thread* Kernel::find_thread(ProcessNumber number) const {
  if (number <= 0 || number > kMostNumber) return nullptr;
  return thread_by_number_[static_cast<std::size_t>(number)];
}

Result<ProcessNumber> Kernel::next_number() {
  for (ProcessNumber tries = 0; tries < kMostNumber; ++tries) {
    if (++last_number_ > kMostNumber) last_number_ = 300;
    if (find_thread(last_number_) == nullptr && !processes.contains(last_number_))
      return last_number_;
  }
  return Error{EAGAIN, "there is no number left for a process"};
}

Process* Kernel::make_kernel_process(const char* name, Process* parent) {
  const ProcessNumber number = next_number().take();
  auto process = std::make_unique<Process>();
  process->id = process->group = process->session = number;
  process->parent = parent;
  process->is_kernel = true;
  process->started = now();
  process->directory = std::string("/");
  process->child_events = std::make_unique<WaitQueue>();
  Process* made = process.get();
  processes.emplace(number, std::move(process));
  rename(*made, name);
  return made;
}

void Kernel::rename(Process& process, const std::string& name) {
  process.name = name.substr(0, kMostName);
  for (Thread* thread : process.threads) {
    thread->name = process.name;
    thread->interned_name = events.intern(process.name);
  }
}

std::uint64_t Kernel::processes_of(std::uint32_t uid) const {
  const auto found = threads_of_user_.find(uid);
  return found == threads_of_user_.end() ? 0 : found->second;
}

Result<Process*> Kernel::make_process(const std::string& name, Process& parent) {
  const ProcessNumber number = TRY(next_number());
  auto process = std::make_unique<Process>();
  process->id = number;
  process->parent = &parent;
  process->group = parent.group;
  process->session = parent.session;
  process->directory = parent.directory;
  process->uid = parent.uid;
  process->gid = parent.gid;
  process->umask = parent.umask;
  process->wakers = parent.wakers;
  process->terminal = parent.terminal;
  process->limits = parent.limits;
  process->started = now();
  process->child_events = std::make_unique<WaitQueue>();
  process->name = name.substr(0, kMostName);
  Process* made = process.get();
  processes.emplace(number, std::move(process));
  parent.children.push_back(made);
  ++forks_;
  return made;
}

Result<> Kernel::may_add_thread(const Process& process) const {
  if (thread_count_ >= configuration.most_processes)
    return Error{EAGAIN, "the machine has as many processes as it may"};
  const std::uint64_t limit = process.limits[kLimitProcesses].soft;
  if (processes_of(process.uid) >= limit)
    return Error{EAGAIN, "the user has as many processes as the limit allows"};
  return {};
}

Result<Thread*> Kernel::make_thread(Process& process, std::unique_ptr<Program> program) {
  TRY(may_add_thread(process));
  const bool is_first = process.threads.empty();
  auto made = std::make_unique<Thread>();
  Thread* thread = made.get();
  thread->id = is_first ? process.id : TRY(next_number());
  thread->process = &process;
  thread->program = std::move(program);
  thread->started = now();
  thread->group = process.uid;
  if (configuration.estimate) thread->estimate = configuration.estimate->first;
  thread_by_number_[static_cast<std::size_t>(thread->id)] = thread;
  threads_.emplace(thread, std::move(made));
  process.threads.push_back(thread);
  thread->name = process.name;
  thread->interned_name = events.intern(process.name);
  ++thread_count_;
  ++threads_of_user_[process.uid];
  return thread;
}

Result<> Kernel::load_program(Thread& thread, const std::string& path,
                              const std::vector<std::string>& arguments,
                              const std::string* source) {
  Process& process = *thread.process;
  const std::string text =
      source != nullptr ? *source : TRY(read_whole(host, path, kMostProgramBytes));
  LuaProgram::Options options;
  options.memory = program_memory_;
  options.most_bytes = configuration.program_bytes;
  options.name = path;
  options.arguments = arguments;
  options.environment = process.environment;
  options.random = &random;
  auto program = LuaProgram::load(options, text, last_message);
  if (!program.ok()) return program.error();
  // A process that has not arrived has no memory yet.
  if (has_arrived(process)) TRY(paging->load(process, path));
  thread.program = std::move(program).take();
  const auto file = host.lookup(path);
  process.path = file.ok() ? file->path : path;
  process.arguments = arguments;
  process.arguments.insert(process.arguments.begin(), path);
  process.has_executed = true;
  process.wakers = wakers_in(text);
  return {};
}

Result<ProcessNumber> Kernel::start(const StartRequest& request) {
  Process* parent = find_process(request.parent);
  if (parent == nullptr || parent->is_zombie) return Error{ESRCH, "there is no such parent"};
  if (request.nice < -20 || request.nice > 19) return Error{EINVAL, "nice is -20 to 19"};
  if (request.at && *request.at < now()) return Error{EINVAL, "that time is past"};
  if (request.weight && *request.weight == 0) return Error{EINVAL, "a weight is above 0"};
  Process* process =
      TRY(make_process(request.name.empty() ? program_name(request.path) : request.name, *parent));
  const auto give_up = [&](const Error& error) {
    discard(*process);
    return error;
  };
  process->uid = request.uid;
  process->gid = request.gid;
  process->directory = request.directory;
  process->umask = request.umask;
  process->environment = request.environment;
  process->terminal = request.terminal;
  process->started = request.at.value_or(now());
  if (parent->id == 1) process->group = process->session = process->id;
  host.as_user(request.uid, request.gid, request.umask);
  if (const auto folder = host.lookup(request.directory); folder.ok())
    process->directory = folder->path;
  auto thread = make_thread(*process, nullptr);
  if (!thread.ok()) return give_up(thread.error());
  if (auto loaded = load_program(**thread, request.path, request.arguments,
                                 request.source ? &*request.source : nullptr);
      !loaded.ok())
    return give_up(loaded.error());
  if (auto opened = open_standard(*process, request.descriptors); !opened.ok())
    return give_up(opened.error());
  enter(**thread, request);
  return process->id;
}

void Kernel::discard(Process& process) {
  std::erase(process.parent->children, &process);
  while (!process.threads.empty()) drop_thread(*process.threads.back());
  close_all(process);
  paging->leave(process);
  processes.erase(process.id);
}

// The thread has all that it needs: it arrives now, or at the time asked for.
void Kernel::enter(Thread& thread, const StartRequest& request) {
  thread.nice = request.nice;
  thread.priority = request.priority;
  thread.weight = request.weight;
  thread.deadline = request.deadline;
  if (request.group != 0) thread.group = request.group;
  thread.started = thread.process->started;
  add_record(*thread.process, thread.started);
  ++waiting_arrivals_;
  thread.arrival = agenda.add(thread.started, AgendaEntry::Kind::kArrival, thread.id);
}

void Kernel::add_record(Process& process, VirtualTime arrival) {
  ProcessRecord record;
  record.id = process.id;
  record.name = process.name;
  record.arrival = arrival;
  process.record = records.add(std::move(record));
}

void Kernel::arrive(Thread& thread) {
  Process& process = *thread.process;
  thread.arrival = 0;
  host.as_user(process.uid, process.gid, process.umask);
  const auto loaded = process.space ? Result<>() : paging->load(process, process.path);
  if (!loaded.ok()) {
    write_error(thread, process.name + ": " + loaded.error().what + "\n");
    return end_process(process, kSigKill);
  }
  thread.state = ThreadState::kStopped;
  if (thread.stop_wanted) return;
  make_ready(thread, Why::kCreated);
}

// The end.

void Kernel::end_process(Process& process, int wait_status) {
  if (process.is_exiting) return;
  process.is_exiting = true;
  process.wait_status = wait_status;
  // Threads that wait for a device end later; until the last one has, the process still exists.
  const std::vector<Thread*> all = process.threads;
  for (Thread* thread : all) {
    if (thread->state == ThreadState::kDisk)
      thread->is_killed = true;
    else
      end_thread(*thread);
  }
}

void Kernel::end_thread(Thread& thread) {
  Process& process = *thread.process;
  if (thread.state == ThreadState::kBlocked || thread.state == ThreadState::kDisk)
    leave_wait(thread);
  else
    scheduler->take_off(thread);
  if (thread.call != SystemCall::kNone && thread.has_request) thread.call = SystemCall::kNone;
  thread.state = ThreadState::kDead;
  process.dead_user += thread.user;
  process.dead_system += thread.system;
  process.dead_minor_faults += thread.minor_faults;
  process.dead_major_faults += thread.major_faults;
  settle_record(thread);
  paging->cancel(thread);
  leave_synchronisation(thread);
  if (const auto joiners = process.joiners.find(thread.id); joiners != process.joiners.end())
    wake_all(*joiners->second);
  drop_thread(thread);
  for (const Thread* other : process.threads) suspect(*other);
  is_quiet_unseen_ = true;
  if (process.threads.empty()) finish_exit(process);
}

ProcessRecord* Kernel::record_of(const Process& process) {
  return process.record ? records.find(*process.record) : nullptr;
}

void Kernel::settle_record(const Thread& thread) {
  ProcessRecord* const found = record_of(*thread.process);
  if (found == nullptr) return;
  ProcessRecord& record = *found;
  record.cpu += thread.user + thread.system;
  record.switching += thread.switching;
  record.ready += thread.waited;
  record.blocked += thread.slept;
  if (thread.slices != 0 && (!record.has_run || thread.first_run < record.first_run))
    record.first_run = thread.first_run;
  record.has_run = record.has_run || thread.slices != 0;
}

void Kernel::leave_synchronisation(Thread& thread) {
  synchronisation.resources.forget(thread.id);
  grant_resources();
}

void Kernel::drop_thread(Thread& thread) {
  Process& process = *thread.process;
  scheduler->forget(thread);
  thread_by_number_[static_cast<std::size_t>(thread.id)] = nullptr;
  std::erase(process.threads, &thread);
  --thread_count_;
  if (--threads_of_user_[process.uid] == 0) threads_of_user_.erase(process.uid);
  if (std::exchange(thread.arrival, 0) != 0) --waiting_arrivals_;
  const auto found = threads_.find(&thread);
  dead_threads_.push_back(std::move(found->second));
  threads_.erase(found);
}

void Kernel::finish_exit(Process& process) {
  if (events.enabled()) {
    MachineEvent ended = event(MachineEventKind::kExit, nullptr);
    ended.thread = ended.process = process.id;
    ended.name = events.intern(process.name);
    ended.value = process.wait_status;
    events.record(ended);
  }
  process.is_zombie = true;
  process.is_exiting = true;
  if (ProcessRecord* const record = record_of(process)) {
    record->end = now();
    record->has_ended = true;
    record->wait_status = process.wait_status;
  }
  close_all(process);
  paging->leave(process);
  Process& init = *find_process(1);
  for (Process* child : std::vector<Process*>(process.children)) {
    child->parent = &init;
    init.children.push_back(child);
    if (child->is_zombie) reap(*child);
  }
  process.children.clear();
  tell_parent(process);
}

void Kernel::reap(Process& process) {
  CHECK(process.is_zombie);
  Process& parent = *process.parent;
  parent.children_user += process.dead_user + process.children_user;
  parent.children_system += process.dead_system + process.children_system;
  parent.children_minor_faults += process.dead_minor_faults + process.children_minor_faults;
  parent.children_major_faults += process.dead_major_faults + process.children_major_faults;
  std::erase(parent.children, &process);
  const auto found = processes.find(process.id);
  dead_processes_.push_back(std::move(found->second));
  processes.erase(found);
}

}  // namespace spindle
