// A run of a scenario, with which thread had which CPU when, and samples of the machine's state on
// the way.

#include <algorithm>
#include <map>
#include <utility>

#include "spindle/base/check.h"
#include "spindle/machine/memory.h"
#include "spindle/machine/scenario.h"

namespace spindle {
namespace {

constexpr std::size_t kSamples = 128;

/// Turns switches into spans.
class SpanRecorder {
 public:
  SpanRecorder(ScenarioRun& run, std::uint32_t cpus) : run_(run), open_(cpus) {}

  void take(const EventRing& events) {
    for (seen_ = std::max(seen_, events.first()); seen_ < events.end(); ++seen_) {
      const MachineEvent& event = events.at(seen_);
      if (event.kind != MachineEventKind::kSwitch) continue;
      close(event.cpu, event.at);
      if (event.other != 0)
        open_[event.cpu] = {event.cpu,
                            event.other,
                            std::string(events.text(event.other_name)),
                            event.at + VirtualTime{event.value},
                            {}};
    }
  }
  void close_all(VirtualTime at) {
    for (std::uint32_t cpu = 0; cpu < open_.size(); ++cpu) close(cpu, at);
  }

 private:
  void close(std::uint32_t cpu, VirtualTime at) {
    CpuSpan& span = open_[cpu];
    if (span.thread == 0) return;
    span.to = at;
    if (span.from < span.to) add(span);
    span = {};
  }
  void add(const CpuSpan& span) {
    ++run_.all_spans;
    if (run_.spans.size() < ScenarioRun::kMostSpans) run_.spans.push_back(span);
  }

  ScenarioRun& run_;
  std::vector<CpuSpan> open_;  ///< of each CPU
  std::uint64_t seen_ = 0;
};

/// All of memory; neighbours of the same kind are one piece.
std::vector<MemoryPiece> pieces_of(const Machine& machine) {
  std::map<SpaceId, std::string> owners;
  for (const ProcessNumber number : machine.processes())
    if (const auto process = machine.snapshot_process(number, WithAreas::kNo); process.ok())
      owners[process->space] = process->name + "-" + std::to_string(number);
  const std::uint64_t page = machine.memory().configuration().page_size;
  std::vector<MemoryPiece> pieces;
  for (const FrameRow& row : machine.memory().frames()) {
    const bool has_owner = row.use != FrameUse::kFree && row.space;
    MemoryPiece piece{row.frame.value * page, row.count * page, row.use,
                      has_owner ? owners[row.space] : ""};
    MemoryPiece* const last = pieces.empty() ? nullptr : &pieces.back();
    const bool joins = last != nullptr && last->from + last->bytes == piece.from &&
                       last->use == piece.use && last->owner == piece.owner;
    if (joins)
      last->bytes += piece.bytes;
    else
      pieces.push_back(std::move(piece));
  }
  return pieces;
}

/// Takes samples at equal distances, the first at time 0: twice as far apart each time there are
/// too many.
class Sampler {
 public:
  explicit Sampler(ScenarioRun& run) : run_(run), samples_(run.samples) {}

  /// Takes the samples before `end`; nothing happens until then.
  void look_until(Machine& machine, VirtualTime end) {
    while (next_ < end) {
      machine.run_until(next_);
      take(machine);
      if (samples_.size() > 2 * kSamples) thin_out();
      next_ = last_at_ + distance_;
    }
  }

 private:
  void take(const Machine& machine) {
    const SystemSnapshot system = machine.snapshot_system();
    RunSample sample;
    sample.at = system.now;
    VirtualTime busy;
    for (const CpuSnapshot& cpu : system.cpus)
      busy += cpu.times.total() - cpu.times.idle - cpu.times.iowait;
    const VirtualTime span = system.now - last_at_;
    if (span.ns > 0)
      sample.cpu_use = static_cast<double>((busy - last_busy_).ns) /
                       (static_cast<double>(span.ns) * static_cast<double>(system.cpus.size()));
    sample.faults = system.memory.faults - last_faults_;
    sample.major_faults = system.memory.major_faults - last_major_faults_;
    sample.runnable = system.running;
    sample.free_bytes = system.memory.free;
    samples_.push_back(sample);
    note_fullest(machine, system);
    last_at_ = system.now;
    last_busy_ = busy;
    last_faults_ = system.memory.faults;
    last_major_faults_ = system.memory.major_faults;
  }

  /// It goes through all frames, so it is not done at each of many small steps.
  void note_fullest(const Machine& machine, const SystemSnapshot& system) {
    constexpr std::uint64_t kSteps = 64;
    constexpr std::uint64_t kStepsOfUsed = 16;  // of memory that is nearly empty
    const MemoryTotals& memory = system.memory;
    const std::uint64_t used = memory.total - memory.free;
    const std::uint64_t step = std::min(memory.total / kSteps, most_used_ / kStepsOfUsed);
    if (!run_.fullest.empty() && used <= most_used_ + step) return;
    most_used_ = used;
    run_.fullest = pieces_of(machine);
    run_.fullest_at = system.now;
  }

  void thin_out() {
    std::vector<RunSample> kept{samples_.front()};
    for (std::size_t i = 1; i + 1 < samples_.size(); i += 2) {
      RunSample both = samples_[i + 1];
      both.cpu_use = (samples_[i].cpu_use + both.cpu_use) / 2;
      both.faults += samples_[i].faults;
      both.major_faults += samples_[i].major_faults;
      kept.push_back(both);
    }
    samples_ = std::move(kept);
    distance_.ns *= 2;
  }

  ScenarioRun& run_;
  std::vector<RunSample>& samples_;
  std::uint64_t most_used_ = 0;
  VirtualTime next_;
  VirtualTime distance_{1'000'000};
  VirtualTime last_at_, last_busy_;
  std::uint64_t last_faults_ = 0, last_major_faults_ = 0;
};

/// What is printed is kept up to a bound.
void add_to_console(std::string& console, std::string_view text) {
  constexpr std::size_t kMost = std::size_t{16} << 20;
  constexpr std::string_view kMore = "\n(more was printed)\n";
  if (console.size() >= kMost) return;
  console += text.substr(0, kMost - console.size());
  if (console.size() == kMost) console += kMore;
}

}  // namespace

Result<ScenarioRun> run_scenario(const Scenario& scenario, std::string& message) {
  ScenarioRun run;
  run.host = std::make_unique<MemoryHost>();
  for (const auto& [path, content] : scenario.files) run.host->add(path, content);
  run.machine = TRY(Machine::create(scenario.configuration, *run.host));
  Machine& machine = *run.machine;
  machine.on_console([&](std::string_view text) { add_to_console(run.console, text); });
  for (const StartRequest& request : scenario.processes) {
    if (const auto started = machine.start(request); !started.ok()) {
      message = request.name + ": " + started.error().what +
                (started.code() == ENOEXEC ? ": " + machine.last_message() : "");
      return started.error();
    }
  }
  SpanRecorder recorder(run, scenario.configuration.cpus);
  Sampler sampler(run);
  while (!machine.finished() && !machine.stuck()) {
    const auto next = machine.next_event();
    if (!next || scenario.until < *next) break;
    sampler.look_until(machine, *next);
    CHECK(machine.step());
    ++run.instants;
    recorder.take(machine.events());
  }
  run.is_stuck = machine.stuck();
  if (!machine.finished() && !run.is_stuck) machine.run_until(scenario.until);
  recorder.take(machine.events());
  recorder.close_all(machine.now());
  machine.on_console({});
  return run;
}

}  // namespace spindle
