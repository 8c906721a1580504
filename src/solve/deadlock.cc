// Deadlocks: the Banker's algorithm (Dijkstra 1965, Habermann 1969), detection with several units
// of a resource (Coffman, Elphick, Shoshani 1971), and cycles of a wait-for graph.
//
// Processes are looked at in order of number, again and again, as the textbooks do by hand; so the
// safe sequence found is one of many.

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;
using Units = std::vector<std::int64_t>;  ///< of each resource

constexpr std::int64_t kMostUnits = 1'000'000'000'000;
constexpr std::size_t kMostCells = 4'000'000;
constexpr double kMostDeadlockSteps = 3e9;

Units read_units(const Field& field) {
  Units units;
  for (const Field& item : field.items()) units.push_back(item.integer(0, kMostUnits));
  return units;
}

std::vector<Units> read_table(const Field& field, std::size_t width) {
  std::vector<Units> table;
  for (const Field& row : field.items()) {
    table.push_back(read_units(row));
    if (table.back().size() != width) row.fail("not as many resources as are available");
    if (table.size() * width > kMostCells) row.fail("too many");
    if (row.failed()) break;
  }
  return table;
}

bool covers(const Units& units, const Units& wanted) {
  for (std::size_t r = 0; r < units.size(); ++r)
    if (wanted[r] > units[r]) return false;
  return true;
}

/// Looking for a process that can end, again and again, takes this many steps at worst.
void bound_work(const Field& field, std::size_t processes, std::size_t resources,
                std::size_t times) {
  const double steps = static_cast<double>(processes) * static_cast<double>(processes) *
                       static_cast<double>(resources) * static_cast<double>(times);
  if (steps > kMostDeadlockSteps) field.fail("too many processes");
}

/// The order in which processes can end, each giving back what it holds, when each needs `wanted`
/// more. Those marked in `done` have ended before.
std::vector<std::size_t> order_of_ends(Units available, const std::vector<Units>& held,
                                       const std::vector<Units>& wanted, std::vector<bool>& done) {
  std::vector<std::size_t> order;
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t p = 0; p < held.size(); ++p) {
      if (done[p] || !covers(available, wanted[p])) continue;
      for (std::size_t r = 0; r < available.size(); ++r) available[r] += held[p][r];
      done[p] = progress = true;
      order.push_back(p);
    }
  }
  return order;
}

struct Bank {
  Units available;
  std::vector<Units> held;
  std::vector<Units> need;

  [[nodiscard]] std::optional<std::vector<std::size_t>> safe_sequence() const {
    std::vector<bool> done(held.size(), false);
    auto order = order_of_ends(available, held, need, done);
    return order.size() == held.size() ? std::optional(std::move(order)) : std::nullopt;
  }

  /// Grants the request if the state stays safe; says what the process is told.
  std::string ask(std::size_t process, const Units& wanted) {
    if (!covers(need[process], wanted)) return "error: more than its need";
    if (!covers(available, wanted)) return "wait: not available";
    const auto move = [&](std::int64_t sign) {
      for (std::size_t r = 0; r < wanted.size(); ++r) {
        available[r] -= sign * wanted[r];
        held[process][r] += sign * wanted[r];
        need[process][r] -= sign * wanted[r];
      }
    };
    move(1);
    if (safe_sequence()) return "granted";
    move(-1);
    return "wait: unsafe";
  }
};

Json banker(const Problem& problem) {
  Bank bank;
  bank.available = read_units(problem.input["available"]);
  bank.held = read_table(problem.input["allocation"], bank.available.size());
  bank.need = read_table(problem.input["max"], bank.available.size());
  if (bank.need.size() != bank.held.size())
    problem.input["max"].fail("not as many processes as in allocation");
  const Field requests = problem.input["requests"];
  bound_work(problem.input["allocation"], bank.held.size(), bank.available.size(),
             requests.is_list() ? 1 + requests.items().size() : 1);
  if (problem.failed()) return {};
  for (std::size_t p = 0; p < bank.held.size(); ++p)
    for (std::size_t r = 0; r < bank.available.size(); ++r)
      if ((bank.need[p][r] -= bank.held[p][r]) < 0)
        return problem.input["max"].items()[p].fail("the process holds more than its maximum"),
               Json();
  const auto sequence = bank.safe_sequence();
  Json answer = {{"need", bank.need}, {"safe", sequence.has_value()}};
  answer["sequence"] = sequence ? Json(*sequence) : Json();
  if (!problem.input["requests"].present()) return answer;
  Json answers = Json::array();
  for (const Field& item : problem.input["requests"].items()) {
    const std::vector<Field> pair = item.items();
    if (pair.size() != 2 || bank.held.empty()) item.fail("a request is [process, units]");
    if (problem.failed()) return {};
    const auto last = static_cast<std::int64_t>(bank.held.size()) - 1;
    const auto process = static_cast<std::size_t>(pair[0].integer(0, last));
    const Units wanted = read_units(pair[1]);
    if (wanted.size() != bank.available.size()) item.fail("not as many resources as are available");
    if (problem.failed()) return {};
    answers.push_back(bank.ask(process, wanted));
  }
  answer["answers"] = answers;
  return answer;
}

/// What processes hold, and what each asks for and waits.
struct Waiting {
  Units available;
  std::vector<Units> held;
  std::vector<Units> wanted;

  explicit Waiting(const Problem& problem)
      : available(read_units(problem.input["available"])),
        held(read_table(problem.input["allocation"], available.size())),
        wanted(read_table(problem.input["request"], available.size())) {
    if (wanted.size() != held.size())
      problem.input["request"].fail("not as many processes as in allocation");
  }

  /// Marks in `done` the processes that can end or need not; returns the order in which they end.
  std::vector<std::size_t> detect(std::vector<bool>& done) const {
    // A process that holds nothing keeps nobody waiting, and is not part of a deadlock.
    done.resize(held.size());
    for (std::size_t p = 0; p < held.size(); ++p)
      done[p] = std::ranges::all_of(held[p], [](std::int64_t units) { return units == 0; });
    return order_of_ends(available, held, wanted, done);
  }

  void end(std::size_t process) {
    for (std::size_t r = 0; r < available.size(); ++r) available[r] += held[process][r];
    held[process].assign(available.size(), 0);
    wanted[process].assign(available.size(), 0);
  }
};

Json detection(const Problem& problem) {
  const Waiting waiting(problem);
  bound_work(problem.input["allocation"], waiting.held.size(), waiting.available.size(), 1);
  if (problem.failed()) return {};
  std::vector<bool> done;
  const std::vector<std::size_t> finish = waiting.detect(done);
  Json deadlocked = Json::array();
  for (std::size_t p = 0; p < done.size(); ++p)
    if (!done[p]) deadlocked.push_back(p);
  return {{"deadlocked", deadlocked}, {"finish", finish}};
}

/// What it costs to end each process: `costs`, or if there are none the units that it holds.
std::vector<std::int64_t> read_costs(const Field& field, const std::vector<Units>& held) {
  std::vector<std::int64_t> costs;
  if (!field.present()) {
    for (const Units& units : held)
      costs.push_back(std::accumulate(units.begin(), units.end(), std::int64_t{0}));
    return costs;
  }
  costs = read_units(field);
  if (costs.size() != held.size()) field.fail("not one for each process");
  return costs;
}

/// Ends deadlocked processes, the cheapest first and of equals the first, until all others can go
/// on.
Json victims(const Problem& problem) {
  Waiting waiting(problem);
  const std::vector<std::int64_t> costs = read_costs(problem.input["costs"], waiting.held);
  bound_work(problem.input["allocation"], waiting.held.size(), waiting.available.size(),
             waiting.held.size());
  if (problem.failed()) return {};
  Json ended = Json::array();
  std::int64_t cost = 0;
  for (;;) {
    std::vector<bool> done;
    waiting.detect(done);
    std::optional<std::size_t> victim;
    for (std::size_t p = 0; p < done.size(); ++p)
      if (!done[p] && (!victim || costs[p] < costs[*victim])) victim = p;
    if (!victim) return {{"victims", ended}, {"cost", cost}};
    waiting.end(*victim);
    ended.push_back(*victim);
    cost += costs[*victim];
  }
}

/// A graph whose nodes are numbered in order of their names.
struct Graph {
  std::vector<std::string> names;
  std::vector<std::vector<std::size_t>> next;
};

Graph read_graph(const Field& edges) {
  Graph graph;
  std::map<std::string, std::size_t> numbers;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Field& item : edges.items()) {
    const std::vector<Field> pair = item.items();
    if (pair.size() != 2) item.fail("an edge is [from, to]");
    if (item.failed()) return graph;
    pairs.emplace_back(pair[0].text(), pair[1].text());
    numbers[pairs.back().first] = numbers[pairs.back().second] = 0;
  }
  for (auto& [name, number] : numbers) {
    number = graph.names.size();
    graph.names.push_back(name);
  }
  graph.next.resize(graph.names.size());
  for (const auto& [from, to] : pairs) graph.next[numbers[from]].push_back(numbers[to]);
  return graph;
}

/// Tarjan's strongly connected components (1972), with a stack of its own instead of recursion.
class Components {
 public:
  explicit Components(const Graph& graph)
      : graph_(graph),
        index_(graph.names.size()),
        low_(graph.names.size()),
        on_stack_(graph.names.size()),
        on_cycle_(graph.names.size()) {
    for (std::size_t node = 0; node < index_.size(); ++node)
      if (index_[node] == 0) visit(node);
  }
  [[nodiscard]] bool on_cycle(std::size_t node) const { return on_cycle_[node]; }

 private:
  struct Step {
    std::size_t node = 0;
    std::size_t edge = 0;
  };

  void enter(std::size_t node) {
    index_[node] = low_[node] = ++counter_;
    stack_.push_back(node);
    on_stack_[node] = true;
    path_.push_back({node, 0});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!path_.empty()) {
      const std::size_t node = path_.back().node;
      if (path_.back().edge < graph_.next[node].size()) {
        const std::size_t to = graph_.next[node][path_.back().edge++];
        if (to == node) on_cycle_[node] = true;
        if (index_[to] == 0)
          enter(to);
        else if (on_stack_[to])
          low_[node] = std::min(low_[node], index_[to]);
        continue;
      }
      path_.pop_back();
      if (!path_.empty()) low_[path_.back().node] = std::min(low_[path_.back().node], low_[node]);
      if (low_[node] == index_[node]) take_component(node);
    }
  }

  void take_component(std::size_t root) {
    const bool several = stack_.back() != root;
    for (bool last = false; !last;) {
      const std::size_t node = stack_.back();
      stack_.pop_back();
      on_stack_[node] = false;
      if (several) on_cycle_[node] = true;
      last = node == root;
    }
  }

  const Graph& graph_;
  std::vector<std::size_t> index_;  ///< 0: not seen yet
  std::vector<std::size_t> low_;
  std::vector<bool> on_stack_;
  std::vector<bool> on_cycle_;
  std::vector<std::size_t> stack_;
  std::vector<Step> path_;
  std::size_t counter_ = 0;
};

Json wait_for_cycle(const Problem& problem) {
  const Graph graph = read_graph(problem.input["edges"]);
  if (problem.failed()) return {};
  const Components components(graph);
  Json on_cycle = Json::array();
  for (std::size_t node = 0; node < graph.names.size(); ++node)
    if (components.on_cycle(node)) on_cycle.push_back(graph.names[node]);
  return {{"deadlock", !on_cycle.empty()}, {"on_cycle", on_cycle}};
}

}  // namespace

// The input's `names` are for programs that show the answer.
Json solve_deadlock(const Problem& problem) {
  static_cast<void>(problem.input["names"]);
  if (problem.algorithm == "BANKER") return banker(problem);
  if (problem.algorithm == "DETECTION") return detection(problem);
  if (problem.algorithm == "VICTIM") return victims(problem);
  if (problem.algorithm == "WAIT-FOR-CYCLE") return wait_for_cycle(problem);
  return problem.unknown_algorithm();
}

}  // namespace spindle
