#include "cpu_run.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

namespace spindle {
namespace {

constexpr std::uint64_t kMostDecisions = 4'000'000;
constexpr std::uint64_t kMostDecisionsOfOne = 20;
/// With more than that, only the first choices are kept.
constexpr std::uint64_t kMostRanks = 10'000'000;
/// How many of those that were passed by are kept for explanations.
constexpr std::size_t kMostOthers = 6;

bool is_equal(const CpuChoice::Candidate& a, const CpuChoice::Candidate& b) {
  constexpr double kTolerance = 1e-9;
  return a.rank && b.rank ? std::abs(*a.rank - *b.rank) < kTolerance : a.since == b.since;
}

}  // namespace

CpuRun::CpuRun(std::vector<CpuPolicy*> policies, const std::vector<CpuProcess>& processes,
               const Rules& rules)
    : policies_(std::move(policies)),
      processes_(processes),
      rules_(rules),
      is_any_bound_(std::ranges::any_of(processes,
                                        [&](const CpuProcess& p) {
                                          return std::countr_one(p.affinity) <
                                                 static_cast<int>(rules.cpus);
                                        })),
      states_(processes.size()),
      cpus_(rules.cpus) {
  by_arrival_.resize(processes.size());
  std::iota(by_arrival_.begin(), by_arrival_.end(), std::size_t{0});
  std::ranges::stable_sort(by_arrival_, {}, [&](std::size_t p) { return processes[p].arrival; });
  for (std::size_t p = 0; p < processes.size(); ++p) {
    states_[p].left = processes[p].bursts[0];
    if (rules.estimate) states_[p].estimate = rules.estimate->first;
  }
}

bool CpuRun::run() {
  const std::uint64_t most_decisions = kMostDecisions + kMostDecisionsOfOne * processes_.size();
  for (std::uint64_t decisions = 0; finished_ < processes_.size(); ++decisions) {
    const std::optional<VirtualTime> time = next_event();
    if (!time || decisions == most_decisions) return false;
    if (rules_.until && *rules_.until <= *time) {
      advance_to(*rules_.until);
      for (Cpu& cpu : cpus_)
        if (cpu.running && now_ == cpu.slice_end) end_slice(cpu);
      return true;
    }
    advance_to(*time);
    end_slices();
    for (Event event : rules_.same_instant) tell(event);
    // With several CPUs, no process is preempted while one of them is idle.
    if (cpus_.size() > 1) dispatch();
    settle();
  }
  return true;
}

std::optional<VirtualTime> CpuRun::next_event() const {
  std::optional<VirtualTime> time;
  const auto consider = [&time](VirtualTime t) { time = time ? std::min(*time, t) : t; };
  for (std::size_t c = 0; c < cpus_.size(); ++c) {
    if (!cpus_[c].running) continue;
    consider(cpus_[c].slice_end);
    // At the end of the switch, a process that came meanwhile may preempt the one that was chosen.
    if (cpus_[c].start > now_) consider(cpus_[c].start);
    if (const auto alarm = policy_of(c).alarm(); alarm && *alarm > now_) consider(*alarm);
  }
  if (arrived_ < by_arrival_.size()) consider(processes_[by_arrival_[arrived_]].arrival);
  if (!returns_.empty()) consider(returns_.top().at);
  return time;
}

TaskInfo CpuRun::info(std::size_t process) const {
  return {.now = now_,
          .priority = processes_[process].priority,
          .ran = states_[process].ran,
          .expected_burst = expected_burst(process),
          .deadline = processes_[process].deadline,
          .weight = processes_[process].weight,
          .group = processes_[process].group};
}

VirtualTime CpuRun::expected_burst(std::size_t process) const {
  const State& state = states_[process];
  if (!rules_.estimate) return state.left;
  const VirtualTime done = processes_[process].bursts[state.burst] - state.left;
  return std::max(VirtualTime{0}, state.estimate - done);
}

void CpuRun::advance_to(VirtualTime time) {
  for (std::size_t c = 0; c < cpus_.size(); ++c) {
    const Cpu& cpu = cpus_[c];
    if (!cpu.running || time <= cpu.start) continue;
    const VirtualTime from = std::max(cpu.start, now_);
    State& state = states_[*cpu.running];
    if (!state.first_start) state.first_start = from;
    state.left = state.left - (time - from);
    state.ran += time - from;
    busy_ += time - from;
    record(c, *cpu.running, from, time);
  }
  now_ = time;
}

// Ends the slices that are over now, and those of processes that the policy takes back now.
void CpuRun::end_slices() {
  for (std::size_t c = 0; c < cpus_.size(); ++c) {
    Cpu& cpu = cpus_[c];
    if (!cpu.running) continue;
    if (now_ == cpu.slice_end)
      end_slice(cpu);
    else if (cpu.start <= now_ && policy_of(c).alarm() == now_)
      cpu.cut = {*std::exchange(cpu.running, std::nullopt), Why::kPreempted};
  }
}

// The running process is at the end of its quantum, of its burst, or of all.
void CpuRun::end_slice(Cpu& cpu) {
  const std::size_t process = *cpu.running;
  State& state = states_[process];
  if (!state.first_start) state.first_start = now_;
  cpu.running.reset();
  if (state.left.ns > 0) {
    cpu.cut = {process, Why::kQuantumExpired};
    return;
  }
  policy_of(*state.ran_on).waits(TaskId{process}, info(process));
  if (state.burst + 1 < processes_[process].bursts.size()) {
    use_device(process);
  } else {
    state.end = now_;
    state.ended = true;
    ++finished_;
    policy_of(*state.ran_on).finished(TaskId{process});
  }
}

void CpuRun::use_device(std::size_t process) {
  State& state = states_[process];
  const VirtualTime from = rules_.single_device ? std::max(now_, device_free_) : now_;
  const VirtualTime to = from + processes_[process].bursts[state.burst + 1];
  device_free_ = std::max(device_free_, to);
  device_.push_back({process, from, to});
  returns_.push({to, ++returns_so_far_, process});
  if (rules_.estimate) {
    const auto burst = static_cast<double>(processes_[process].bursts[state.burst].ns);
    const auto before = static_cast<double>(state.estimate.ns);
    const double alpha = rules_.estimate->alpha;
    state.estimate.ns = std::llround(alpha * burst + (1 - alpha) * before);
  }
  state.burst += 2;
  state.left = processes_[process].bursts[state.burst];
}

void CpuRun::tell(Event event) {
  switch (event) {
    case Event::kArrival:
      while (arrived_ < by_arrival_.size() && processes_[by_arrival_[arrived_]].arrival <= now_)
        make_ready(by_arrival_[arrived_++], Why::kCreated);
      break;
    case Event::kDevice:
      while (!returns_.empty() && returns_.top().at <= now_) {
        const std::size_t process = returns_.top().process;
        returns_.pop();
        make_ready(process, Why::kWoken);
      }
      break;
    case Event::kPreempted:
      for (Cpu& cpu : cpus_) {
        if (!cpu.cut) continue;
        make_ready(cpu.cut->process, cpu.cut->why);
        take_off(cpu, *cpu.cut);
        cpu.cut.reset();
      }
      break;
  }
}

void CpuRun::make_ready(std::size_t process, Why why) {
  State& state = states_[process];
  const std::size_t home = home_of(process, why);
  // A policy that has never seen it is told that it is new.
  const bool is_known = is_shared() || state.home == home;
  if (!is_known && state.home) policy_of(*state.home).finished(TaskId{process});
  policy_of(home).ready(TaskId{process}, info(process), is_known ? why : Why::kCreated);
  state.home = home;
  state.ran = {};
  ++cpus_[home].waiting;
  for (std::size_t c = 0; c < cpus_.size(); ++c)
    if (is_shared() || c == home) cpus_[c].look = true;
  if (!rules_.explains) return;
  waiting_.insert(process);
  state.ready_since = now_;
  if (state.segment) choices_[*state.segment].rank_then = policy_of(home).rank({process}, now_);
}

// The CPU in whose queue it waits: the one that it lost, or the one with the fewest to serve.
std::size_t CpuRun::home_of(std::size_t process, Why why) const {
  const std::optional<std::size_t> last = states_[process].home;
  if (is_shared()) return 0;
  if (last && (why != Why::kWoken || !rules_.migrates)) return *last;
  std::optional<std::size_t> best;
  std::size_t least = 0;
  for (std::size_t c = 0; c < cpus_.size(); ++c) {
    if (!may_run(process, c)) continue;
    const std::size_t load = cpus_[c].waiting + (cpus_[c].running || cpus_[c].cut ? 1 : 0);
    if (best && (least < load || (least == load && last != c))) continue;
    best = c;
    least = load;
  }
  return *best;
}

// Goes on until no running process is beaten by a waiting one. A process that loses its CPU to one
// bound to it may itself beat the one that runs on another.
void CpuRun::settle() {
  bool was_beaten = preempt();
  dispatch();
  for (std::size_t c = 1; c < cpus_.size() && is_any_bound_ && was_beaten; ++c) {
    was_beaten = preempt();
    dispatch();
  }
}

// Puts the beaten processes back into the queue; those that `dispatch` leaves where they were go
// on. Of equals, those that were chosen later stand behind. Returns whether any was beaten.
bool CpuRun::preempt() {
  std::vector<std::size_t> beaten;
  for (std::size_t c = 0; c < cpus_.size(); ++c)
    if (is_beaten(c)) beaten.push_back(c);
  std::ranges::sort(beaten, std::greater<>(), [this](std::size_t c) { return cpus_[c].slice; });
  for (std::size_t c : beaten) {
    Cpu& cpu = cpus_[c];
    take_off(cpu, {*std::exchange(cpu.running, std::nullopt), Why::kPreempted});
    cpu.beaten_at = now_;
    make_ready(*cpu.unfinished, Why::kPreempted);
  }
  return !beaten.empty();
}

// Whether a process has become ready that should have this CPU at once, and may run on it. Who
// only grew better while it waited does not take the CPU by itself.
bool CpuRun::is_beaten(std::size_t c) {
  Cpu& cpu = cpus_[c];
  if (!cpu.running || now_ < cpu.start || !std::exchange(cpu.look, false)) return false;
  CpuPolicy& policy = policy_of(c);
  const auto loses = [&] { return policy.preempts(TaskId{*cpu.running}, info(*cpu.running)); };
  if (!loses()) return false;
  if (!is_any_bound_) return true;
  const Search rival = search(policy, [&](TaskId task) { return may_run(task.value, c); });
  if (rival.found) policy.ready(*rival.found, info(rival.found->value), Why::kPassedOver);
  const bool loses_to_rival = rival.found && loses();
  hand_back(policy, rival);
  return loses_to_rival;
}

void CpuRun::take_off(Cpu& cpu, const Cut& cut) {
  cpu.unfinished = cut.process;
  cpu.gave_way = {cut.process, cut.why};
  cpu.gave_way_at = now_;
}

/// What the policies say of those that wait, before one of them is chosen.
void CpuRun::note_ranks() {
  ranks_ += waiting_.size();
  rules_.explains = ranks_ < kMostRanks;
  if (!rules_.explains) return;
  for (const std::size_t p : waiting_)
    states_[p].rank = policy_of(*states_[p].home).rank(TaskId{p}, now_);
}

CpuChoice CpuRun::choice_of(std::size_t c, std::size_t process) const {
  const auto candidate = [this](std::size_t p) {
    return CpuChoice::Candidate{p, states_[p].ready_since, states_[p].rank};
  };
  CpuChoice choice{.at = now_, .chosen = candidate(process)};
  for (const std::size_t p : waiting_) {
    if (p == process) continue;
    if (!may_run(p, c)) {
      choice.is_any_bound = true;
      continue;
    }
    const CpuChoice::Candidate other = candidate(p);
    ++choice.others_count;
    choice.is_any_equal = choice.is_any_equal || is_equal(other, choice.chosen);
    if (choice.others.size() < kMostOthers) choice.others.push_back(other);
  }
  const Cpu& cpu = cpus_[c];
  if (cpu.gave_way && cpu.gave_way_at == now_ && cpu.gave_way->process != process &&
      waiting_.contains(cpu.gave_way->process))
    choice.gave_way = cpu.gave_way;
  return choice;
}

void CpuRun::dispatch() {
  if (rules_.explains) note_ranks();
  if (is_shared()) return dispatch_shared();
  for (std::size_t c = 0; c < cpus_.size(); ++c) {
    if (cpus_[c].running) continue;
    if (cpus_[c].waiting == 0 && !(rules_.migrates && take_from_longest(c))) continue;
    if (const std::optional<TaskId> task = policy_of(c).next(now_)) {
      --cpus_[c].waiting;
      start(c, *task);
    }
  }
}

// Takes out the first for which there is a place, and those in front of it.
CpuRun::Search CpuRun::search(CpuPolicy& policy, const std::function<bool(TaskId)>& fits) {
  Search search;
  for (search.found = policy.next(now_); search.found && !fits(*search.found);
       search.found = policy.next(now_))
    search.passed_over.push_back(*search.found);
  return search;
}

void CpuRun::hand_back(CpuPolicy& policy, const Search& search) {
  for (auto task = search.passed_over.rbegin(); task != search.passed_over.rend(); ++task)
    policy.ready(*task, info(task->value), Why::kPassedOver);
}

// The best of the queue for which there is a place; those that are passed over stay where they
// are.
std::optional<TaskId> CpuRun::take_for(CpuPolicy& policy, const std::function<bool(TaskId)>& fits) {
  const Search best = search(policy, fits);
  hand_back(policy, best);
  return best.found;
}

// Starts as many of the best as there are CPUs free, each where it was last if it can be.
void CpuRun::dispatch_shared() {
  struct Pair {
    TaskId task;
    std::size_t cpu = 0;
  };
  std::vector<Pair> chosen;
  std::vector<std::size_t> free;
  for (std::size_t c = 0; c < cpus_.size(); ++c)
    if (!cpus_[c].running) free.push_back(c);
  const auto place_of = [&](TaskId task) {
    const auto may = [&](std::size_t c) { return may_run(task.value, c); };
    const auto last = std::ranges::find_if(
        free, [&](std::size_t c) { return states_[task.value].ran_on == c && may(c); });
    return last != free.end() ? last : std::ranges::find_if(free, may);
  };
  while (!free.empty()) {
    const auto task = take_for(*policies_[0], [&](TaskId t) { return place_of(t) != free.end(); });
    if (!task) break;
    const auto place = place_of(*task);
    chosen.push_back({*task, *place});
    free.erase(place);
  }
  // One that stands where another was last changes places with it.
  for (Pair& a : chosen)
    for (Pair& b : chosen)
      if (states_[a.task.value].ran_on == b.cpu && states_[b.task.value].ran_on != b.cpu &&
          may_run(b.task.value, a.cpu))
        std::swap(a.cpu, b.cpu);
  // Of the others, the first to be chosen has the first of their CPUs.
  const auto is_new_there = [&](const Pair& pair) {
    return states_[pair.task.value].ran_on != pair.cpu;
  };
  for (auto a = chosen.begin(); a != chosen.end(); ++a)
    for (auto b = a + 1; b != chosen.end() && is_new_there(*a); ++b)
      if (b->cpu < a->cpu && is_new_there(*b) && may_run(a->task.value, b->cpu) &&
          may_run(b->task.value, a->cpu))
        std::swap(a->cpu, b->cpu);
  for (const Pair& pair : chosen) start(pair.cpu, pair.task);
}

// Moves the best of the longest queue that may run on the idle CPU to it.
bool CpuRun::take_from_longest(std::size_t thief) {
  std::vector<std::size_t> others;
  for (std::size_t c = 0; c < cpus_.size(); ++c)
    if (cpus_[c].waiting > (cpus_[c].running ? 0 : 1)) others.push_back(c);
  std::ranges::stable_sort(others, std::greater<>(),
                           [this](std::size_t c) { return cpus_[c].waiting; });
  for (std::size_t from : others) {
    const auto task = take_for(policy_of(from), [&](TaskId t) { return may_run(t.value, thief); });
    if (!task) continue;
    --cpus_[from].waiting;
    policy_of(from).finished(*task);
    policy_of(thief).ready(*task, info(task->value), Why::kCreated);
    states_[task->value].home = thief;
    if (rules_.explains) states_[task->value].rank = policy_of(thief).rank(*task, now_);
    ++cpus_[thief].waiting;
    return true;
  }
  return false;
}

void CpuRun::start(std::size_t c, TaskId task) {
  Cpu& cpu = cpus_[c];
  const std::size_t process = task.value;
  State& state = states_[process];
  const bool goes_on = cpu.unfinished == process && cpu.beaten_at == now_;
  if (cpu.unfinished && *cpu.unfinished != process) ++preemptions_;
  cpu.unfinished.reset();
  const bool is_other = cpu.last && *cpu.last != process;
  cpu.running = cpu.last = process;
  cpu.look = false;
  if (is_other) ++switches_;
  if (rules_.explains && !goes_on) cpu.choice = choice_of(c, process);
  waiting_.erase(process);
  if (goes_on) return;
  cpu.slice = ++slices_so_far_;
  cpu.start = is_other ? now_ + rules_.context_switch : now_;
  if (state.ran_on && *state.ran_on != c) {
    ++migrations_;
    cpu.start += rules_.migration_cost;
  }
  state.ran_on = c;
  const std::optional<VirtualTime> quantum = policy_of(c).quantum(task);
  cpu.slice_end = cpu.start + (quantum ? std::min(*quantum, state.left) : state.left);
}

// What goes on without a break is one segment.
void CpuRun::record(std::size_t c, std::size_t process, VirtualTime from, VirtualTime to) {
  std::optional<std::size_t>& last = cpus_[c].segment;
  if (last && gantt_[*last].process == process && gantt_[*last].to == from) {
    gantt_[*last].to = to;
    return;
  }
  last = gantt_.size();
  gantt_.push_back({process, from, to, c});
  if (!rules_.explains) return;
  states_[process].segment = last;
  choices_.push_back(cpus_[c].choice);
}

}  // namespace spindle
