// The machine at one instant, as plain data.

#include <algorithm>

#include "kernel.h"
#include "limits.h"
#include "lua_program.h"
#include "paging.h"

namespace spindle {
namespace {

ThreadSnapshot snapshot_of(const Thread& thread) {
  ThreadSnapshot out;
  out.id = thread.id;
  out.name = thread.name;
  out.state = state_letter(thread);
  out.on_cpu = thread.state == ThreadState::kRunning;
  out.cpu = thread.cpu;
  out.started = thread.started;
  out.user = thread.user;
  out.system = thread.system;
  out.ran = thread.ran;
  out.waited = thread.waited;
  out.slices = thread.slices;
  out.voluntary_switches = thread.voluntary;
  out.involuntary_switches = thread.involuntary;
  out.minor_faults = thread.minor_faults;
  out.major_faults = thread.major_faults;
  out.disk_delay = thread.disk_delay;
  out.scheduling = thread.scheduling;
  out.nice = thread.nice;
  out.realtime_priority = thread.realtime_priority;
  out.io_priority = thread.io_priority;
  out.cpus_allowed = thread.cpus_allowed;
  out.pending = thread.pending;
  out.blocked = thread.blocked;
  out.wait_channel = thread.wait.channel;
  out.waits_for = thread.wait.object;
  out.call = thread.call;
  return out;
}

/// The state of the whole: of a thread that runs or is ready, if there is one.
char state_of(const Process& process) {
  if (process.is_zombie) return 'Z';
  if (process.is_kernel) return 'I';
  if (process.threads.empty()) return 'S';
  char state = state_letter(*process.threads.front());
  for (const Thread* thread : process.threads)
    if (state_letter(*thread) == 'R') state = 'R';
  return state;
}

void add_accounts(const Process& process, ProcessSnapshot& out) {
  out.user = process.dead_user;
  out.system = process.dead_system;
  out.minor_faults = process.dead_minor_faults;
  out.major_faults = process.dead_major_faults;
  for (const Thread* thread : process.threads) {
    out.user += thread->user;
    out.system += thread->system;
    out.minor_faults += thread->minor_faults;
    out.major_faults += thread->major_faults;
  }
  out.children_user = process.children_user;
  out.children_system = process.children_system;
  out.children_minor_faults = process.children_minor_faults;
  out.children_major_faults = process.children_major_faults;
  out.read_characters = process.read_characters;
  out.written_characters = process.written_characters;
  out.read_calls = process.read_calls;
  out.write_calls = process.write_calls;
  out.read_bytes = process.read_bytes;
  out.written_bytes = process.written_bytes;
}

DescriptorSnapshot snapshot_of(int number, const OpenFile& file, const MachineHost& host) {
  DescriptorSnapshot out;
  out.number = number;
  out.flags = file.flags;
  out.position = file.position;
  if (file.kind == OpenFile::Kind::kPipe) {
    out.inode = file.pipe->number;
    out.target = "pipe:[" + std::to_string(file.pipe->number) + "]";
  } else {
    out.inode = file.file;
    out.target = file.kind == OpenFile::Kind::kFile ? host.real_path(file.path) : file.path;
  }
  return out;
}

void add_signals(const Process& process, ProcessSnapshot& out) {
  out.pending = process.pending;
  for (std::size_t signal = 1; signal <= kMostSignal; ++signal) {
    const auto kind = process.dispositions[signal].kind;
    if (kind == SignalDisposition::Kind::kIgnore) out.ignored |= SignalSet{1} << signal;
    if (kind == SignalDisposition::Kind::kHandler) out.caught |= SignalSet{1} << signal;
  }
}

std::vector<ProcessNumber> numbers_of(const WaitQueue& queue) {
  std::vector<ProcessNumber> numbers;
  for (const Thread* thread : queue.threads()) numbers.push_back(thread->id);
  return numbers;
}

ObjectSnapshot snapshot_of(const Resource& resource) {
  constexpr std::string_view kKinds[] = {"mutex", "semaphore", "resource"};
  ObjectSnapshot out;
  out.kind = kKinds[static_cast<std::size_t>(resource.kind)];
  out.name = resource.name;
  out.value = resource.available;
  out.total = resource.total;
  for (const auto& [holder, amount] : resource.held) out.owners.push_back(holder);
  out.waiting.assign(resource.waiting.begin(), resource.waiting.end());
  return out;
}

std::vector<ObjectSnapshot> objects_of(const Synchronisation& synchronisation) {
  std::vector<ObjectSnapshot> objects;
  for (const auto& [name, resource] : synchronisation.resources.all())
    objects.push_back(snapshot_of(*resource));
  for (const auto& [name, waiting] : synchronisation.conditions)
    objects.push_back({"condition", name, 0, 0, {}, numbers_of(waiting)});
  for (const auto& [name, queue] : synchronisation.queues) {
    std::vector<ProcessNumber> waiting = numbers_of(queue.receivers);
    std::ranges::copy(numbers_of(queue.senders), std::back_inserter(waiting));
    objects.push_back({"queue",
                       name,
                       static_cast<std::int64_t>(queue.messages.size()),
                       static_cast<std::int64_t>(queue.capacity),
                       {},
                       std::move(waiting)});
  }
  return objects;
}

MemoryTotals totals_of(const MemoryManager& memory) {
  const MemoryUsage usage = memory.usage();
  const std::uint64_t page = memory.configuration().page_size;
  MemoryTotals out;
  out.page_size = memory.configuration().page_size;
  out.total = usage.total;
  out.free = usage.free;
  out.cached = usage.cached;
  out.anonymous = usage.anonymous;
  out.mapped = usage.mapped;
  out.shared = usage.shared;
  out.dirty = usage.dirty;
  out.writeback = usage.writeback;
  out.active = usage.active;
  out.inactive = usage.inactive;
  out.page_tables = usage.page_tables;
  out.committed = usage.committed;
  out.swap_total = usage.swap_total;
  out.swap_free = usage.swap_free;
  out.swap_cached = usage.swap_cached;
  out.faults = usage.faults;
  out.major_faults = usage.major_faults;
  out.read_bytes = usage.pages_in * page;
  out.written_bytes = usage.pages_out * page;
  out.swapped_in = usage.swapped_in;
  out.swapped_out = usage.swapped_out;
  out.allocated_frames = usage.allocated;
  out.freed_frames = usage.freed;
  return out;
}

MemoryAreaSnapshot snapshot_of(const AreaStatistics& seen) {
  const MemoryArea& area = seen.area;
  MemoryAreaSnapshot out;
  out.start = area.start.value;
  out.end = area.end.value;
  out.kind = area.kind;
  out.read = area.protection.read;
  out.write = area.protection.write;
  out.execute = area.protection.execute;
  out.shared = area.shared;
  out.offset = area.offset;
  out.inode = area.kind == AreaKind::kSegment ? area.segment.value : area.file.value;
  out.name = area.kind == AreaKind::kHeap    ? "[heap]"
             : area.kind == AreaKind::kStack ? "[stack]"
                                             : area.name;
  out.resident = seen.resident;
  out.proportional = seen.proportional;
  out.shared_clean = seen.shared_clean;
  out.shared_dirty = seen.shared_dirty;
  out.private_clean = seen.private_clean;
  out.private_dirty = seen.private_dirty;
  out.referenced = seen.referenced;
  out.anonymous = seen.anonymous;
  out.swapped = seen.swap;
  out.swap_proportional = seen.proportional_swap;
  return out;
}

void add_memory(const Process& process, const MemoryManager& memory, WithAreas areas,
                ProcessSnapshot& out) {
  if (!process.space) return;
  const AddressSpaceStatistics seen = memory.statistics(process.space);
  out.peak_size = seen.peak_size;
  out.peak_resident = seen.peak_resident;
  out.page_table_bytes = seen.page_tables;
  out.heap_start = process.heap.value;
  out.out_of_memory_score = seen.oom_score;
  if (areas == WithAreas::kNo) return;
  for (const AreaStatistics& area : memory.area_statistics(process.space))
    out.areas.push_back(snapshot_of(area));
}

CpuSnapshot snapshot_of(const Scheduler::Cpu& cpu) {
  CpuSnapshot out;
  out.times = cpu.times;
  out.running = cpu.current == nullptr ? 0 : cpu.current->id;
  for (const Thread* thread = cpu.queue.oldest(); thread != nullptr; thread = thread->queue_after)
    out.ready.push_back(thread->id);
  out.switches = cpu.switches;
  out.migrations_in = cpu.migrations_in;
  out.preemptions = cpu.preemptions;
  out.interrupts = cpu.interrupts;
  return out;
}

}  // namespace

SystemSnapshot Kernel::snapshot_system() {
  scheduler->charge_all();
  SystemSnapshot out;
  out.now = now();
  out.configuration = configuration;
  for (const auto& cpu : scheduler->cpus()) {
    out.cpus.push_back(snapshot_of(*cpu));
    out.switches += cpu->switches;
    for (const std::uint64_t count : cpu->interrupts) out.interrupts += count;
  }
  out.forks = forks_;
  count_tasks(out);
  out.load = load_;
  out.pressure = pressure_.snapshot();
  out.last_process = last_number_;
  out.disks.push_back(disk->snapshot(now()));
  out.slabs = {
      {"process", processes.size(), processes.size(), sizeof(Process)},
      {"thread", thread_count_, thread_count_, sizeof(Thread)},
      {"agenda_entry", agenda.size(), agenda.size(), sizeof(AgendaEntry)},
      {"event", events.end() - events.first(), configuration.event_capacity, sizeof(MachineEvent)},
      {"program_kib", program_memory_->used() / 1024, configuration.all_program_bytes / 1024,
       1024}};
  out.memory = totals_of(paging->memory());
  out.objects = objects_of(synchronisation);
  std::ranges::move(paging->segments(), std::back_inserter(out.objects));
  out.deadlocks = deadlocks;
  return out;
}

// A process that has just arrived counts as ready, on the CPU where all begin.
void Kernel::count_tasks(SystemSnapshot& out) const {
  constexpr std::uint64_t kKernelThreads = 2;
  out.running = scheduler->running() + scheduler->ready();
  out.threads = kKernelThreads;
  for (const auto& [number, process] : processes) {
    if (!has_arrived(*process)) continue;
    ++out.processes;
    out.threads += process->threads.size();
    for (const Thread* thread : process->threads) {
      if (thread->state == ThreadState::kDisk) ++out.blocked;
      if (thread->state != ThreadState::kNew || state_letter(*thread) != 'R') continue;
      ++out.running;
      out.cpus[thread->cpu].ready.push_back(thread->id);
    }
  }
  for (CpuSnapshot& cpu : out.cpus) std::ranges::sort(cpu.ready);
}

Result<ProcessSnapshot> Kernel::snapshot_process(ProcessNumber number, WithAreas areas) {
  scheduler->charge_all();
  const Process* process = find_process(number);
  if (process == nullptr || !has_arrived(*process)) return Error{ESRCH, "there is no such process"};
  ProcessSnapshot out;
  out.id = process->id;
  out.space = process->space;
  out.parent = process->parent == nullptr ? 0 : process->parent->id;
  out.group = process->group;
  out.session = process->session;
  out.name = process->name;
  out.state = state_of(*process);
  out.is_kernel = process->is_kernel;
  out.has_executed = process->has_executed;
  out.uid = process->uid;
  out.gid = process->gid;
  out.umask = process->umask;
  out.terminal = process->terminal;
  if (const auto terminal = files.terminals.find(process->terminal);
      terminal != files.terminals.end())
    out.foreground_group = terminal->second.foreground_group;
  out.wait_status = process->wait_status;
  out.started = process->started;
  add_accounts(*process, out);
  add_signals(*process, out);
  for (const Thread* thread : process->threads) out.threads.push_back(snapshot_of(*thread));
  if (process->is_kernel || process->is_zombie) return out;
  out.arguments = process->arguments;
  out.environment = process->environment;
  out.executable = process->path.empty() ? "" : host.real_path(process->path);
  out.directory = host.real_path(process->directory);
  for (const auto& [descriptor, file] : process->descriptors)
    out.descriptors.push_back(snapshot_of(descriptor, *file, host));
  for (std::size_t i = 0; i < kLimits; ++i)
    out.limits.push_back(
        {std::string(kLimitNames[i].name), process->limits[i].soft, process->limits[i].hard});
  add_memory(*process, paging->memory(), areas, out);
  out.traced = process->is_traced;
  return out;
}

}  // namespace spindle
