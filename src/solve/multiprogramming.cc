// Several processes in one memory: which frame is taken when a process needs one, and how the CPU
// starves when there are too many of them (Denning 1968: thrashing).
//
// The processes have the CPU in turns of `quantum` references (1), each of which takes a unit of
// time. A fault takes `fault_time` (0) more, on one paging device that serves in order; meanwhile
// the others run. Conventions: `scope` (global: any frame may go; local: each process replaces its
// own pages alone), `allotment` of local frames (equal; proportional to how many pages a process
// has).

#include <algorithm>
#include <deque>
#include <set>

#include "domains.h"
#include "page_frames.h"
#include "page_policies.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestPageOfProcess = std::uint64_t{1} << 40;
constexpr std::size_t kMostPagedProcesses = 1000;
constexpr std::size_t kMostReferences = 20'000'000;

struct PagedProcess {
  std::string name;
  std::vector<PageKey> references;
};

struct MultiprogrammingRules {
  std::size_t frames = 1;
  std::uint64_t quantum = 1;
  VirtualTime fault_time;
  bool is_local = false;
  bool is_proportional = false;
};

class PagedMachine {
 public:
  PagedMachine(const Problem& problem, std::span<const PagedProcess> processes,
               const MultiprogrammingRules& rules)
      : processes_(processes), rules_(rules), states_(processes.size()) {
    const std::vector<std::size_t> shares =
        rules.is_local ? allotments() : std::vector<std::size_t>{rules.frames};
    for (const std::size_t share : shares)
      memories_.emplace_back(make_page_policy(problem, share, {}), share);
  }

  void run() {
    for (std::size_t p = 0; p < processes_.size(); ++p)
      if (!processes_[p].references.empty()) ready_.push_back(p);
    while (!ready_.empty() || !waiting_.empty()) {
      if (ready_.empty()) now_ = std::max(now_, waiting_.front().until);
      come_back();
      if (!ready_.empty()) take_turn();
    }
  }

  [[nodiscard]] double utilization() const {
    return now_.ns == 0 ? 0 : static_cast<double>(busy_.ns) / static_cast<double>(now_.ns);
  }
  [[nodiscard]] std::uint64_t faults() const {
    std::uint64_t sum = 0;
    for (const State& state : states_) sum += state.faults;
    return sum;
  }

  [[nodiscard]] Json answer() const {
    Json of_each = Json::object();
    Json frames = Json::object();
    std::uint64_t references = 0;
    for (std::size_t p = 0; p < processes_.size(); ++p) {
      of_each[processes_[p].name] = states_[p].faults;
      frames[processes_[p].name] = held_by(p);
      references += processes_[p].references.size();
    }
    return {{"faults", faults()},        {"hits", references - faults()},
            {"faults_of_each", of_each}, {"frames_of_each", frames},
            {"time", in_units(now_)},    {"utilization", rounded(utilization())}};
  }

 private:
  struct State {
    std::size_t at = 0;
    std::uint64_t faults = 0;
  };
  struct Wait {
    VirtualTime until;
    std::size_t process = 0;
  };

  [[nodiscard]] std::vector<std::size_t> allotments() const {
    std::vector<std::size_t> sizes;
    std::size_t all = 0;
    for (const PagedProcess& process : processes_) {
      const std::set<PageKey> pages(process.references.begin(), process.references.end());
      sizes.push_back(rules_.is_proportional ? std::max<std::size_t>(1, pages.size()) : 1);
      all += sizes.back();
    }
    // Each gets one frame, and its share of the rest; what is left over goes to the first.
    std::size_t left = rules_.frames - sizes.size();
    const std::size_t rest = left;
    for (std::size_t& size : sizes) {
      const std::size_t more = rest * size / all;
      size = 1 + more;
      left -= more;
    }
    for (std::size_t p = 0; left > 0; p = (p + 1) % sizes.size(), --left) ++sizes[p];
    return sizes;
  }

  static PageKey key_of(std::size_t process, PageKey page) { return PageKey{process} << 41 | page; }

  [[nodiscard]] std::size_t held_by(std::size_t process) const {
    const std::vector<PageKey>& pages = memories_[rules_.is_local ? process : 0].pages();
    return static_cast<std::size_t>(
        std::ranges::count_if(pages, [&](PageKey page) { return page >> 41 == process; }));
  }

  [[nodiscard]] bool has_more(std::size_t p) const {
    return states_[p].at < processes_[p].references.size();
  }

  /// Makes the processes ready whose page has come; one that waited for its last page is done.
  void come_back() {
    for (; !waiting_.empty() && waiting_.front().until <= now_; waiting_.pop_front())
      if (has_more(waiting_.front().process)) ready_.push_back(waiting_.front().process);
  }

  void take_turn() {
    const std::size_t p = ready_.front();
    ready_.pop_front();
    State& state = states_[p];
    const std::vector<PageKey>& references = processes_[p].references;
    PageFrames& memory = memories_[rules_.is_local ? p : 0];
    for (std::uint64_t i = 0; i < rules_.quantum && has_more(p); ++i) {
      const bool hit = memory.refer(key_of(p, references[state.at++])).hit;
      now_ += VirtualTime{kUnitNs};
      busy_ += VirtualTime{kUnitNs};
      if (hit) continue;
      ++state.faults;
      if (rules_.fault_time.ns == 0) continue;
      device_free_ = std::max(device_free_, now_) + rules_.fault_time;
      waiting_.push_back({device_free_, p});
      come_back();
      return;
    }
    come_back();
    if (has_more(p)) ready_.push_back(p);
  }

  std::span<const PagedProcess> processes_;
  MultiprogrammingRules rules_;
  std::vector<State> states_;
  std::vector<PageFrames> memories_;  ///< one for all, or one for each process
  std::deque<std::size_t> ready_;
  std::deque<Wait> waiting_;  ///< the device serves in order, so in order of their ends
  VirtualTime now_;
  VirtualTime busy_;
  VirtualTime device_free_;
};

MultiprogrammingRules read_multiprogramming_rules(const Problem& problem, VirtualTime fault_time) {
  const Field& parameters = problem.parameters;
  MultiprogrammingRules rules;
  rules.frames = static_cast<std::size_t>(parameters["frames"].integer(1, 10'000'000));
  rules.quantum = static_cast<std::uint64_t>(parameters["quantum"].integer_or(1, 1, 1 << 30));
  rules.fault_time = parameters["fault_time"].time_or(fault_time);
  rules.is_local = parameters["scope"].choice({"global", "local"}) == 1;
  rules.is_proportional = parameters["allotment"].choice({"equal", "proportional"}) == 1;
  return rules;
}

/// [name, pages].
std::vector<PagedProcess> read_paged_processes(const Problem& problem) {
  const Field field = problem.input["processes"];
  std::vector<PagedProcess> processes;
  std::size_t references = 0;
  for (const Field& item : field.items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() != 2) item.fail("a process is [name, pages]");
    if (problem.failed()) return processes;
    processes.push_back({parts[0].text(), parts[1].naturals(kLargestPageOfProcess)});
    references += processes.back().references.size();
    if (references > kMostReferences || processes.size() > kMostPagedProcesses)
      item.fail("too many");
  }
  if (processes.empty()) field.fail("there must be some");
  return processes;
}

/// Whether the case can be run at all.
bool is_sound(const Problem& problem, const MultiprogrammingRules& rules, std::size_t processes) {
  if (!problem.failed() && problem.algorithm == "OPT") problem.unknown_algorithm();
  if (!problem.failed() && make_page_policy(problem, 1, {}) == nullptr) problem.unknown_algorithm();
  if (!problem.failed() && rules.is_local && rules.frames < processes)
    problem.parameters["frames"].fail("fewer than there are processes");
  return !problem.failed();
}

}  // namespace

Json solve_multiprogramming(const Problem& problem) {
  const std::vector<PagedProcess> processes = read_paged_processes(problem);
  const MultiprogrammingRules rules = read_multiprogramming_rules(problem, {});
  if (!is_sound(problem, rules, processes.size())) return {};
  PagedMachine machine(problem, processes, rules);
  machine.run();
  return machine.answer();
}

// How busy the CPU is with the first process alone, with the first two, and so on; or with up to
// `degree` processes like the only one.
Json solve_thrashing(const Problem& problem) {
  std::vector<PagedProcess> processes = read_paged_processes(problem);
  const MultiprogrammingRules rules = read_multiprogramming_rules(problem, {10 * kUnitNs});
  const auto degree = static_cast<std::size_t>(problem.parameters["degree"].integer_or(
      static_cast<std::int64_t>(processes.size()), 1, kMostPagedProcesses));
  if (problem.failed()) return {};
  const std::size_t given = processes.size();
  for (std::size_t p = given; p < degree; ++p) processes.push_back(processes[p % given]);
  processes.resize(std::min(degree, processes.size()));
  std::size_t work = 0;
  for (std::size_t p = 0; p < processes.size(); ++p)
    work += processes[p].references.size() * (processes.size() - p);
  if (work > kMostReferences) problem.input["processes"].fail("too many references in all");
  if (!is_sound(problem, rules, processes.size())) return {};
  Json curve = Json::array();
  double highest = -1;
  std::size_t best = 0;
  for (std::size_t count = 1; count <= processes.size(); ++count) {
    PagedMachine machine(problem, std::span(processes).first(count), rules);
    machine.run();
    curve.push_back({count, rounded(machine.utilization()), machine.faults()});
    if (machine.utilization() <= highest + 1e-9) continue;
    highest = machine.utilization();
    best = count;
  }
  return {{"curve", curve}, {"best_degree", best}, {"best_utilization", rounded(highest)}};
}

}  // namespace spindle
