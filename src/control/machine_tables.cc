// What Linux does not show of a machine: which thread had each CPU when, which waits in which
// queue, the objects of synchronisation and the deadlocks.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "control/machine_folder.h"
#include "spindle/chart/timeline.h"
#include "spindle/control/fact_files.h"
#include "spindle/machine/memory.h"

namespace spindle::control {
namespace {

double ms(VirtualTime time) {
  return static_cast<double>(time.ns) / 1e6;
}

std::string list_of(const std::vector<ProcessNumber>& numbers) {
  return numbers.empty() ? "-" : fmt::format("{}", fmt::join(numbers, ","));
}

void add_system_table(ControlTree& tree, MachineAccess machine, const std::string& path,
                      std::function<FactTable(const SystemSnapshot&)> make) {
  add_table(tree, path, [machine, make = std::move(make)]() -> Result<FactTable> {
    return make(TRY(
        machine.with([](Machine& m) -> Result<SystemSnapshot> { return m.snapshot_system(); })));
  });
}

FactTable cpus_table(const SystemSnapshot& system) {
  FactTable table({"cpu", "running", "ready", "switches", "preemptions", "migrations_in", "user_ms",
                   "nice_ms", "system_ms", "interrupt_ms", "iowait_ms", "idle_ms"});
  for (std::size_t i = 0; i < system.cpus.size(); ++i) {
    const CpuSnapshot& cpu = system.cpus[i];
    const CpuTimes& t = cpu.times;
    table.add_row({std::uint64_t{i}, std::int64_t{cpu.running}, std::uint64_t{cpu.ready.size()},
                   cpu.switches, cpu.preemptions, cpu.migrations_in, ms(t.user), ms(t.nice),
                   ms(t.system), ms(t.irq), ms(t.iowait), ms(t.idle)});
  }
  return table;
}

FactTable objects_table(const SystemSnapshot& system) {
  FactTable table({"kind", "name", "value", "total", "owners", "waiting"});
  for (const ObjectSnapshot& object : system.objects) {
    table.add_row({object.kind, object.name, object.value, object.total, list_of(object.owners),
                   list_of(object.waiting)});
  }
  return table;
}

FactTable deadlocks_table(const SystemSnapshot& system) {
  FactTable table({"found_ms", "threads", "victim", "description"});
  for (const DeadlockSnapshot& deadlock : system.deadlocks) {
    table.add_row({ms(deadlock.found), list_of(deadlock.threads), std::int64_t{deadlock.victim},
                   deadlock.description});
  }
  return table;
}

/// The threads that `wanted` picks, of all processes.
std::vector<std::pair<ProcessNumber, ThreadSnapshot>> threads_of(
    const Machine& machine, bool (*wanted)(const ThreadSnapshot&)) {
  std::vector<std::pair<ProcessNumber, ThreadSnapshot>> found;
  for (const ProcessNumber number : machine.processes()) {
    auto process = machine.snapshot_process(number, WithAreas::kNo);
    if (!process.ok() || process->is_kernel) continue;
    for (ThreadSnapshot& thread : process->threads) {
      if (wanted(thread)) found.emplace_back(number, std::move(thread));
    }
  }
  return found;
}

Result<FactTable> ready_table(Machine& machine) {
  FactTable table({"thread", "process", "name", "cpu", "nice", "ran_ms", "waited_ms"});
  const auto is_ready = [](const ThreadSnapshot& t) { return t.state == 'R' && !t.on_cpu; };
  for (const auto& [process, t] : threads_of(machine, is_ready)) {
    table.add_row({std::int64_t{t.id}, std::int64_t{process}, t.name, std::uint64_t{t.cpu},
                   std::int64_t{t.nice}, ms(t.ran), ms(t.waited)});
  }
  return table;
}

Result<FactTable> blocked_table(Machine& machine) {
  FactTable table({"thread", "process", "name", "state", "call", "waits_in", "waits_for"});
  const auto is_blocked = [](const ThreadSnapshot& t) { return t.state != 'R' && t.state != 'I'; };
  for (const auto& [process, t] : threads_of(machine, is_blocked)) {
    table.add_row({std::int64_t{t.id}, std::int64_t{process}, t.name, std::string(1, t.state),
                   std::string(name_of(t.call)), t.wait_channel, t.waits_for});
  }
  return table;
}

/// Which thread had a CPU, and from when to when.
struct Slice {
  std::size_t cpu = 0;
  VirtualTime from, to;
  ProcessNumber thread = 0;
  std::string name;
};

/// As far back as the ring of events goes, in the order of their ends.
std::vector<Slice> slices_of(const Machine& machine) {
  std::vector<Slice> slices;
  const EventRing& ring = machine.events();
  std::vector<Slice> running(machine.configuration().cpus);
  const auto end_slice = [&](std::size_t cpu, VirtualTime at) {
    if (running[cpu].thread == 0) return;
    running[cpu].to = at;
    slices.push_back(running[cpu]);
  };
  for (std::uint64_t n = ring.first(); n < ring.end(); ++n) {
    const MachineEvent& event = ring.at(n);
    if (event.kind != MachineEventKind::kSwitch || event.cpu >= running.size()) continue;
    end_slice(event.cpu, event.at);
    running[event.cpu] = {
        event.cpu, event.at, {}, event.other, std::string(ring.text(event.other_name))};
  }
  for (std::size_t cpu = 0; cpu < running.size(); ++cpu) end_slice(cpu, machine.now());
  return slices;
}

Result<FactTable> slices_table(Machine& machine) {
  FactTable table({"cpu", "from_ms", "to_ms", "thread", "name"});
  for (const Slice& slice : slices_of(machine))
    table.add_row({std::uint64_t{slice.cpu}, ms(slice.from), ms(slice.to),
                   std::int64_t{slice.thread}, slice.name});
  return table;
}

/// The same, drawn.
Result<std::string> gantt_text(Machine& machine) {
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  timeline.resources.resize(machine.configuration().cpus);
  for (std::size_t cpu = 0; cpu < timeline.resources.size(); ++cpu)
    timeline.resources[cpu].label = fmt::format("CPU {}", cpu);
  for (const Slice& slice : slices_of(machine))
    timeline.resources[slice.cpu].spans.push_back(
        {ms(slice.from), ms(slice.to), fmt::format("{} {}", slice.thread, slice.name)});
  return chart::overview_text(timeline, {.width = 100});
}

/// The record of a process that has not ended: with what its threads have done by now.
ProcessRecord so_far(const Machine& machine, ProcessRecord record) {
  const auto process = machine.snapshot_process(record.id, WithAreas::kNo);
  if (!process.ok()) return record;
  for (const ThreadSnapshot& thread : process->threads) {
    const VirtualTime cpu = thread.user + thread.system;
    record.cpu += cpu;
    record.ready += thread.waited;
    record.blocked.ns +=
        std::max<std::int64_t>(0, (machine.now() - thread.started - cpu - thread.waited).ns);
  }
  return record;
}

Result<FactTable> records_table(Machine& machine) {
  FactTable table({"process", "name", "arrival_ms", "first_run_ms", "end_ms", "cpu_ms", "ready_ms",
                   "blocked_ms", "status"});
  for (const ProcessRecord& record : machine.records()) {
    const ProcessRecord r = record.has_ended ? record : so_far(machine, record);
    table.add_row({std::int64_t{r.id}, r.name, ms(r.arrival),
                   r.has_run ? Value(ms(r.first_run)) : Value(std::string("-")),
                   r.has_ended ? Value(ms(r.end)) : Value(std::string("-")), ms(r.cpu), ms(r.ready),
                   ms(r.blocked),
                   r.has_ended ? Value(std::int64_t{r.wait_status}) : Value(std::string("-"))});
  }
  return table;
}

Result<FactTable> arm_table(Machine& machine) {
  FactTable table({"at_ms", "thread", "op", "block", "count", "from_cylinder", "to_cylinder",
                   "cylinders", "took_ms"});
  for (const ArmMove& m : machine.arm_moves())
    table.add_row({ms(m.at), std::int64_t{m.thread}, std::string(m.is_write ? "write" : "read"),
                   m.run.start.value, m.run.length, m.from.value, m.to.value, m.distance,
                   ms(m.took)});
  return table;
}

/// Whose the address spaces are: number and command.
class SpaceOwners {
 public:
  explicit SpaceOwners(const Machine& machine) {
    for (const ProcessNumber number : machine.processes()) {
      const auto process = machine.snapshot_process(number, WithAreas::kNo);
      if (process.ok() && process->space) owners_[process->space] = {number, process->name};
    }
  }
  [[nodiscard]] Value number(SpaceId space) const {
    const auto found = owners_.find(space);
    return found == owners_.end() ? Value(std::string("-"))
                                  : Value(std::int64_t{found->second.first});
  }
  [[nodiscard]] std::string command(SpaceId space) const {
    const auto found = owners_.find(space);
    return found == owners_.end() ? "-" : found->second.second;
  }

 private:
  std::map<SpaceId, std::pair<ProcessNumber, std::string>> owners_;
};

/// The frames that hold something.
Result<FactTable> frames_table(Machine& machine) {
  FactTable table(
      {"frame", "count", "use", "process", "command", "page", "mappings", "referenced", "dirty"});
  const SpaceOwners owners(machine);
  for (const FrameRow& row : machine.memory().frames()) {
    if (row.use == FrameUse::kFree) continue;
    table.add_row({row.frame.value, row.count, std::string(name_of(row.use)),
                   owners.number(row.space), owners.command(row.space), row.page,
                   std::uint64_t{row.mappings}, row.referenced, row.dirty});
  }
  return table;
}

Result<FactTable> page_tables_table(Machine& machine) {
  FactTable table(
      {"process", "command", "page", "count", "frame", "slot", "writable", "referenced", "dirty"});
  const SpaceOwners owners(machine);
  const auto number = [](const auto& id) {
    return id ? Value(std::uint64_t{id->value}) : Value(std::string("-"));
  };
  const MemoryManager& memory = machine.memory();
  for (const SpaceId space : memory.spaces()) {
    for (const PageRow& row : memory.page_table(space)) {
      table.add_row({owners.number(space), owners.command(space), row.page, row.count,
                     number(row.frame), number(row.slot), row.writable, row.referenced, row.dirty});
    }
  }
  return table;
}

Result<FactTable> tlb_table(Machine& machine) {
  FactTable table({"cpu", "set", "way", "process", "asid", "page", "frame"});
  const SpaceOwners owners(machine);
  for (const TlbRow& row : machine.memory().tlb()) {
    table.add_row({std::uint64_t{row.cpu}, std::uint64_t{row.set}, std::uint64_t{row.way},
                   owners.number(row.space), std::uint64_t{row.asid}, row.page, row.frame.value});
  }
  return table;
}

/// What programs printed and the machine had to say, one line each.
Result<std::string> log_text(Machine& machine) {
  const EventRing& ring = machine.events();
  std::string text;
  for (std::uint64_t n = ring.first(); n < ring.end(); ++n) {
    const MachineEvent& event = ring.at(n);
    std::string said;
    if (event.kind == MachineEventKind::kMessage) {
      said = ring.text(event.text);
    } else if (event.kind == MachineEventKind::kDeadlock) {
      said = fmt::format("deadlock of {} threads", event.value);
    } else {
      continue;
    }
    while (said.ends_with('\n')) said.pop_back();
    text += fmt::format("[{:5}.{:06}] {}[{}]: {}\n", event.at.ns / 1'000'000'000,
                        event.at.ns / 1000 % 1'000'000, ring.text(event.name), event.thread, said);
  }
  return text;
}

void add_machine_table(ControlTree& tree, MachineAccess machine, const std::string& path,
                       Result<FactTable> (*make)(Machine&)) {
  add_table(tree, path, [machine, make] { return machine.with(make); });
}

}  // namespace

void add_machine_tables(ControlTree& tree, MachineAccess machine) {
  add_system_table(tree, machine, "machine/cpu_times", cpus_table);
  add_system_table(tree, machine, "machine/ipcs", objects_table);
  add_system_table(tree, machine, "machine/semaphores", [](const SystemSnapshot& system) {
    SystemSnapshot locks = system;
    std::erase_if(locks.objects, [](const ObjectSnapshot& object) {
      return object.kind != "semaphore" && object.kind != "mutex" && object.kind != "condition";
    });
    return objects_table(locks);
  });
  add_system_table(tree, machine, "machine/deadlocks", deadlocks_table);
  add_machine_table(tree, machine, "machine/ready", ready_table);
  add_machine_table(tree, machine, "machine/blocked", blocked_table);
  add_machine_table(tree, machine, "machine/slices", slices_table);
  tree.add_file("machine/gantt", {.read = [machine] { return machine.with(gantt_text); }});
  add_machine_table(tree, machine, "machine/records", records_table);
  add_machine_table(tree, machine, "machine/arm", arm_table);
  add_machine_table(tree, machine, "machine/frames", frames_table);
  add_machine_table(tree, machine, "machine/page_tables", page_tables_table);
  add_machine_table(tree, machine, "machine/tlb", tlb_table);
  tree.add_file("machine/log", {.read = [machine] { return machine.with(log_text); }});
}

}  // namespace spindle::control
