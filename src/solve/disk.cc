// The arm of a disk: a queue that is all there at the start, and requests that arrive over time.
//
// Conventions: `direction` (up), `count_return` of the circular ones (true), `turn` of SCAN and
// C-SCAN (edge, or at the last request), `reentry` of C-SCAN (edge: from edge to edge; request:
// from the edge straight to the first request), and those of arm_conventions.h.

#include <algorithm>
#include <numeric>

#include "arm_conventions.h"
#include "domains.h"
#include "spindle/policy/arm_queue.h"
#include "spindle/policy/policy_library.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostCylinders = std::int64_t{1} << 40;

constexpr double kLongestTimeNs = 1e18;
constexpr std::size_t kMostLookedAt = 30'000;

/// Whether a decision may look at every request.
bool looks_at_all(const Problem& problem) {
  constexpr std::string_view kFarSighted[] = {"SATF",  "BSATF",       "SPTF",    "ASATF",
                                              "FSCAN", "N-STEP-SCAN", "DEADLINE"};
  return std::ranges::find(kFarSighted, problem.algorithm) != std::end(kFarSighted) ||
         is_policy_library(problem.algorithm) ||
         (problem.algorithm == "SSTF" && problem.parameters["tie"].raw() == "rotation");
}

/// The arm and the way it goes.
class Arm {
 public:
  explicit Arm(const Problem& problem) {
    const std::int64_t cylinders = problem.parameters["cylinders"].integer(1, kMostCylinders);
    state_.cylinders = static_cast<std::uint64_t>(cylinders);
    state_.at =
        Cylinder{static_cast<std::uint64_t>(problem.parameters["head"].integer(0, cylinders - 1))};
    state_.moving_up =
        problem.parameters["direction"].choice({"up|right|higher", "down|left|lower"}) == 0;
    counts_return_ = problem.parameters["count_return"].flag_or(true);
    lands_on_edge_ =
        problem.parameters["reentry"].choice(
            {"edge", "request|first-request|first|next|nearest|direct|straight|jump"}) == 0;
    path_ = {state_.at.value};
  }

  [[nodiscard]] const ArmState& state() const { return state_; }
  [[nodiscard]] std::uint64_t movement() const { return movement_; }
  [[nodiscard]] const std::vector<std::uint64_t>& path() const { return path_; }

  /// Goes to the request; answers over how many cylinders.
  std::uint64_t go(const ArmChoice& choice, Cylinder request) {
    const std::uint64_t before = movement_;
    const bool circles = choice.by_way_of.size() == 2;
    for (std::size_t i = 0; i < choice.by_way_of.size(); ++i)
      if (!circles || i == 0 || lands_on_edge_) move_to(choice.by_way_of[i]);
    const Cylinder left = state_.at;
    move_to(request);
    if (!counts_return_ && choice.return_distance != 0)
      movement_ -=
          circles && !lands_on_edge_ ? arm_distance(left, request) : choice.return_distance;
    state_.moving_up = choice.moving_up;
    return movement_ - before;
  }

 private:
  void move_to(Cylinder there) {
    movement_ += arm_distance(state_.at, there);
    state_.at = there;
    path_.push_back(there.value);
  }

  ArmState state_;
  bool counts_return_ = true;
  bool lands_on_edge_ = true;
  std::uint64_t movement_ = 0;
  std::vector<std::uint64_t> path_;
};

/// What the policy said of a choice, and the nearest requests on both sides among the others.
Json choice_of(const ArmChoice& choice, Cylinder from, Cylinder to, const ArmQueue& others) {
  Json turns = Json::array();
  for (const Cylinder turn : choice.by_way_of) turns.push_back(turn.value);
  const auto cylinder = [&](std::optional<std::size_t> request) {
    return request ? Json(others.cylinder_of(*request).value) : Json();
  };
  const auto below = from == Cylinder{0}
                         ? std::nullopt
                         : others.nearest(Cylinder{from.value - 1}, false, others.size());
  return {{"ground", arm_ground_name(choice.ground)},
          {"from", from.value},
          {"to", to.value},
          {"up", choice.moving_up},
          {"turns", turns},
          {"above", cylinder(others.nearest(from, true, others.size()))},
          {"below", cylinder(below)}};
}

struct Arrival {
  VirtualTime at;
  Cylinder cylinder;
  bool is_write = false;
};

std::vector<Arrival> read_arrivals(const Problem& problem, std::uint64_t cylinders) {
  std::vector<Arrival> arrivals;
  for (const Field& item : problem.input["requests"].items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() != 2 && parts.size() != 3)
      item.fail("a request is [arrival, cylinder] or [arrival, cylinder, \"w\"]");
    if (problem.failed()) break;
    const auto cylinder = parts[1].integer(0, static_cast<std::int64_t>(cylinders) - 1);
    const bool is_write = parts.size() == 3 && parts[2].choice({"r", "w"}) == 1;
    arrivals.push_back({parts[0].time(), Cylinder{static_cast<std::uint64_t>(cylinder)}, is_write});
  }
  return arrivals;
}

/// What a request costs.
struct Times {
  VirtualTime per_cylinder;
  VirtualTime service;
};

/// Which request was served when.
struct Served {
  std::vector<std::size_t> order;
  std::vector<VirtualTime> completion;  ///< by request
  Json choices;                         ///< in the order of service, where they are explained
};

/// Serves the requests as they arrive, in whatever order they stand.
Served serve(const std::vector<Arrival>& arrivals, const Times& times, ArmPolicy& policy, Arm& arm,
             bool explains) {
  Served served{{}, std::vector<VirtualTime>(arrivals.size()), Json::array()};
  // The queue numbers them as they arrive.
  std::vector<std::size_t> turns(arrivals.size());
  std::iota(turns.begin(), turns.end(), std::size_t{0});
  std::ranges::stable_sort(turns, {}, [&](std::size_t i) { return arrivals[i].at; });
  ArmQueue queue;
  VirtualTime now;
  std::size_t arrived = 0;
  while (served.order.size() < arrivals.size()) {
    if (queue.empty()) now = std::max(now, arrivals[turns[arrived]].at);
    for (; arrived < turns.size() && arrivals[turns[arrived]].at <= now; ++arrived) {
      const Arrival& arrival = arrivals[turns[arrived]];
      queue.add(arrival.cylinder, arrival.at, arrival.is_write);
    }
    ArmState state = arm.state();
    state.now = now;
    const ArmChoice choice = policy.choose(queue, state);
    const std::size_t request = turns[choice.index];
    queue.remove(choice.index);
    if (explains) {
      served.choices.push_back(choice_of(choice, state.at, arrivals[request].cylinder, queue));
      served.choices.back()["time"] = in_units(now);
    }
    const auto distance = static_cast<std::int64_t>(arm.go(choice, arrivals[request].cylinder));
    now += VirtualTime{distance * times.per_cylinder.ns} + times.service;
    served.completion[request] = now;
    served.order.push_back(request);
  }
  return served;
}

Json responses(const std::vector<Arrival>& arrivals, const Served& served, const Arm& arm) {
  VirtualTime sum;
  VirtualTime longest;
  Json completions = Json::array();
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const VirtualTime response = served.completion[i] - arrivals[i].at;
    sum += response;
    longest = std::max(longest, response);
    completions.push_back(in_units(served.completion[i]));
  }
  const double mean = arrivals.empty() ? 0
                                       : static_cast<double>(sum.ns) / kUnitNs /
                                             static_cast<double>(arrivals.size());
  Json answer = {{"order", served.order},
                 {"completion", completions},
                 {"total_movement", arm.movement()},
                 {"mean_response", rounded(mean)},
                 {"max_response", in_units(longest)}};
  if (arrivals.size() <= kLongestListed) answer["path"] = arm.path();
  return answer;
}

}  // namespace

Json solve_disk(const Problem& problem) {
  Arm arm(problem);
  const std::vector<std::uint64_t> cylinders =
      problem.input["queue"].naturals(arm.state().cylinders - 1);
  const auto policy = make_arm(problem, read_arm_conventions(problem));
  if (problem.failed()) return {};
  if (!policy) return problem.unknown_algorithm();
  if (looks_at_all(problem) && cylinders.size() > kMostLookedAt)
    return problem.input["queue"].fail("too long for an algorithm that looks at all of it"), Json();
  ArmQueue queue;
  for (std::uint64_t cylinder : cylinders) queue.add(Cylinder{cylinder});
  const bool explains = problem.explains && cylinders.size() <= kLongestListed;
  std::vector<std::uint64_t> order;
  Json choices = Json::array();
  while (!queue.empty()) {
    const ArmChoice choice = policy->choose(queue, arm.state());
    const Cylinder request = queue.cylinder_of(choice.index);
    queue.remove(choice.index);
    if (explains) choices.push_back(choice_of(choice, arm.state().at, request, queue));
    arm.go(choice, request);
    order.push_back(request.value);
  }
  const double mean =
      order.empty() ? 0 : static_cast<double>(arm.movement()) / static_cast<double>(order.size());
  Json answer = {{"total_movement", arm.movement()}, {"mean_movement", rounded(mean)}};
  if (order.size() > kLongestListed) return answer;
  answer["order"] = order;
  answer["path"] = arm.path();
  if (explains) answer["choices"] = choices;
  return answer;
}

Json solve_disk_online(const Problem& problem) {
  Arm arm(problem);
  const std::vector<Arrival> arrivals = read_arrivals(problem, arm.state().cylinders);
  const Times times{problem.parameters["seek_per_cylinder"].time_or({kUnitNs}),
                    problem.parameters["service_time"].time_or({})};
  const auto policy = make_arm(problem, read_arm_conventions(problem));
  if (problem.failed()) return {};
  if (!policy) return problem.unknown_algorithm();
  if (looks_at_all(problem) && arrivals.size() > kMostLookedAt)
    return problem.input["requests"].fail("too many for an algorithm that looks at all"), Json();
  const double longest_way = 2.0 * static_cast<double>(arm.state().cylinders);
  const double longest_step = longest_way * static_cast<double>(times.per_cylinder.ns) +
                              static_cast<double>(times.service.ns);
  if (longest_step * static_cast<double>(arrivals.size()) > kLongestTimeNs)
    return problem.input["requests"].fail("the times add up to more than can be counted"), Json();
  const bool explains = problem.explains && arrivals.size() <= kLongestListed;
  const Served served = serve(arrivals, times, *policy, arm, explains);
  Json answer = responses(arrivals, served, arm);
  if (explains) answer["choices"] = served.choices;
  return answer;
}

}  // namespace spindle
