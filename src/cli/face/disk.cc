// `spindle disk`: the arm of a disk, with all requests there at the start, or arriving over time.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/disk_reasons.h"
#include "cli/face/face.h"
#include "cli/face/formula.h"
#include "cli/face/rotating.h"
#include "cli/face/traces.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

bool is_online(const Json& input) {
  return input.contains("requests");
}

bool is_circular(std::string_view policy) {
  return policy == "c-scan" || policy == "c-look";
}

class DiskForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json& input) const override {
    return is_online(input) ? "disk-online" : "disk";
  }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"mean_response", "mean response (ms)"},
                                                   {"total_movement", "movement (cylinders)"},
                                                   {"mean_movement", "mean movement (cylinders)"},
                                                   {"max_response", "longest response (ms)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "requests as CYLINDER, or as ARRIVAL:CYLINDER[:w]";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=8,seed={},cylinders=200", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return disk_reasons(solved);
  }
};

const std::vector<FacePolicy>& DiskForm::policies() const {
  static const auto kPolicies = [] {
    std::vector<FacePolicy> list = {
        {"fcfs", "FCFS", "First come, first served", {}},
        {"sstf", "SSTF", "Shortest seek time first", {"tie"}},
        {"scan", "SCAN", "SCAN, the elevator", {"turn"}},
        {"c-scan", "C-SCAN", "Circular SCAN", {"count_return", "turn", "reentry"}},
        {"look", "LOOK", "LOOK", {}},
        {"c-look", "C-LOOK", "Circular LOOK", {"count_return"}},
        {"fscan", "FSCAN", "FSCAN", {}},
        {"n-step-scan", "N-STEP-SCAN", "N-step SCAN", {"steps"}},
        {"v-r", "V(R)", "V(R)", {"r"}},
        {"deadline", "DEADLINE", "Deadline", {"read_deadline", "write_deadline", "batch"}}};
    for (FacePolicy& policy : list)
      for (std::string_view common :
           {"head", "cylinders", "direction", "seek_per_cylinder", "service_time"})
        policy.parameters.push_back(common);
    return list;
  }();
  return kPolicies;
}

const std::vector<FaceParameter>& DiskForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"head", Kind::kNumber, "start position of the arm (cylinder)", "0"},
      {"cylinders", Kind::kNumber, "number of cylinders of the disk", "200"},
      {"direction",
       Kind::kChoice,
       "direction in which the arm moves first",
       "",
       {"up", "down"},
       false,
       false},
      {"tie",
       Kind::kChoice,
       "SSTF: which of two equally near requests is served first",
       "",
       {"lower", "higher", "arrival", "direction"}},
      {"count_return", Kind::kFlag, "C-SCAN, C-LOOK: whether the return counts as movement"},
      {"turn", Kind::kChoice, "SCAN, C-SCAN: where the arm turns", "", {"edge", "request"}},
      {"reentry",
       Kind::kChoice,
       "C-SCAN: where the return of the arm ends",
       "",
       {"edge", "request"}},
      {"steps", Kind::kNumber, "N-step SCAN: how many requests a sweep serves", "4"},
      {"r", Kind::kNumber, "V(R): cost of turning, as a fraction of the disk: 0 is SSTF, 1 is LOOK",
       "0.2"},
      {"read_deadline", Kind::kNumber, "deadline: how long a read may wait (ms)", "500"},
      {"write_deadline", Kind::kNumber, "deadline: how long a write may wait (ms)", "5000"},
      {"batch", Kind::kNumber,
       "deadline: how many requests are served between two checks of the deadlines", "16"},
      {"seek_per_cylinder", Kind::kNumber,
       "requests with arrival times: seek time for each cylinder (ms)"},
      {"service_time", Kind::kNumber,
       "requests with arrival times: time for each request, besides the seek (ms)"},
  };
  return kParameters;
}

Json DiskForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                         Complaint& complaint) const {
  Json queue = Json::array();
  Json requests = Json::array();
  for (const std::vector<std::string>& row : rows) {
    if (row.size() == 2 || (row.size() == 3 && row[2] == "w")) {
      const Json arrival = read_number(row[0], "arrival", complaint);
      requests.push_back({arrival, read_number(row[1], "cylinder", complaint, 0, 1e12)});
      if (row.size() == 3) requests.back().push_back("w");
      continue;
    }
    if (row.size() != 1) complaint.make("requests: '" + row[0] + "...' has too many parts");
    for (const std::string& cylinder : split(row[0], ", "))
      queue.push_back(read_number(cylinder, "cylinder", complaint, 0, 1e12));
  }
  if (!queue.empty() && !requests.empty())
    complaint.make("requests: either all have an arrival, or none");
  if (queue.empty() && requests.empty()) complaint.make(no_input("requests", *this));
  if (requests.empty()) return {{"queue", queue}};
  return {{"requests", requests}};
}

Json DiskForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 10, 1, 5'000'000);
  const std::uint64_t seed = recipe.seed();
  const std::uint64_t cylinders = recipe.natural("cylinders", 200, 1, 1'000'000'000);
  const std::uint64_t gap = recipe.natural("gap", 0, 0, 1'000'000);
  const bool in_order = recipe.kind() == "sequential";
  if (!in_order && recipe.kind() != "uniform") recipe.unknown_kind("uniform and sequential");
  recipe.finish();
  if (complaint.made()) return {};
  Random random(seed);
  Json list = Json::array();
  std::uint64_t now = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t cylinder = in_order ? i % cylinders : random.below(cylinders);
    if (gap == 0) {
      list.push_back(cylinder);
    } else {
      now += random.below(2 * gap + 1);
      list.push_back({now, cylinder});
    }
  }
  return {{gap == 0 ? "queue" : "requests", list}};
}

std::string DiskForm::question(const Json& problem) const {
  const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
  const Json& parameters = problem["parameters"];
  std::vector<std::string> cylinders;
  for (const Json& cylinder : problem["input"]["queue"]) cylinders.push_back(plain(cylinder));
  return fmt::format(
      "The arm of a disk with {} cylinders stands on cylinder {} and moves {}. Requests wait, in "
      "order of arrival, for the cylinders\n\n  {}\n\nIn which order does {} serve them, and over "
      "how many cylinders does the arm move?",
      plain(parameters["cylinders"]), plain(parameters["head"]),
      parameters.value("direction", "up"), fmt::join(cylinders, ", "), policy->title);
}

/// The cylinders in the order of service.
std::vector<std::uint64_t> served_cylinders(const Solved& solved) {
  std::vector<std::uint64_t> cylinders;
  if (!solved.answer.contains("order")) return cylinders;
  for (const Json& item : solved.answer["order"])
    cylinders.push_back(is_online(solved.input())
                            ? static_cast<std::uint64_t>(
                                  as_number(solved.input()["requests"][item.get<std::size_t>()][1]))
                            : item.get<std::uint64_t>());
  return cylinders;
}

chart::ArmPath arm_path(const Solved& solved) {
  using Stop = chart::ArmPath::Stop;
  using StopKind = chart::ArmPath::Kind;
  const Json& parameters = solved.parameters();
  chart::ArmPath path;
  path.cylinders = parameters["cylinders"].get<std::uint64_t>();
  const std::vector<std::uint64_t> served = served_cylinders(solved);
  std::vector<std::uint64_t> all = {parameters["head"].get<std::uint64_t>()};
  if (solved.answer.contains("path"))
    all = solved.answer["path"].get<std::vector<std::uint64_t>>();
  else
    all.insert(all.end(), served.begin(), served.end());
  const bool uncounted =
      is_circular(solved.policy->name) && !parameters.value("count_return", true);
  const bool up = parameters.value("direction", "up") == "up";
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Stop stop{all[i], StopKind::kTurn, true};
    if (i == 0)
      stop.kind = StopKind::kStart;
    else if (next < served.size() && all[i] == served[next])
      stop.kind = StopKind::kServed, ++next;
    if (uncounted && i != 0) stop.way_counts = up ? all[i - 1] <= all[i] : all[i] <= all[i - 1];
    path.stops.push_back(stop);
  }
  return path;
}

Picture DiskForm::picture(const Solved& solved) const {
  if (!solved.answer.contains("order")) return {};
  return arm_path(solved);
}

chart::Table DiskForm::table(const Solved& solved) const {
  if (!is_online(solved.input())) {
    chart::Table table({"step", "cylinder", "distance (cylinders)", "way so far (cylinders)"});
    if (!solved.answer.contains("order")) return table;
    std::uint64_t way = 0;
    std::uint64_t since = 0;
    std::size_t step = 0;
    const chart::ArmPath path = arm_path(solved);
    for (std::size_t i = 1; i < path.stops.size(); ++i) {
      const std::uint64_t from = path.stops[i - 1].cylinder;
      const std::uint64_t to = path.stops[i].cylinder;
      if (path.stops[i].way_counts) since += from < to ? to - from : from - to;
      if (path.stops[i].kind != chart::ArmPath::Kind::kServed) continue;
      way += since;
      table.add_row(
          {std::to_string(++step), std::to_string(to), std::to_string(since), std::to_string(way)});
      since = 0;
    }
    return table;
  }
  chart::Table table(
      {"request", "arrival (ms)", "cylinder", "served as", "completion (ms)", "response (ms)"});
  const Json& requests = solved.input()["requests"];
  std::vector<std::size_t> place(requests.size());
  for (std::size_t i = 0; i < solved.answer["order"].size(); ++i)
    place[solved.answer["order"][i].get<std::size_t>()] = i + 1;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const double completion = as_number(solved.answer["completion"][i]);
    table.add_row({std::to_string(i + 1), plain(requests[i][0]), plain(requests[i][1]),
                   std::to_string(place[i]), shown(completion),
                   shown(completion - as_number(requests[i][0]))});
  }
  return table;
}

Facts DiskForm::facts(const Solved& solved) const {
  const Json& answer = solved.answer;
  Facts facts = {{"movement of the arm",
                  shown(number_of(answer, "total_movement").value_or(0)) + " cylinders"}};
  if (const auto mean = number_of(answer, "mean_movement"))
    facts.emplace_back("mean of a request", shown(*mean) + " cylinders");
  if (const auto mean = number_of(answer, "mean_response"))
    facts.emplace_back("mean response", shown(*mean) + " ms");
  if (const auto longest = number_of(answer, "max_response"))
    facts.emplace_back("longest response", shown(*longest) + " ms");
  return facts;
}

}  // namespace

const Face& disk_face() {
  static const DiskForm kForm;
  static const Face kFace = [] {
    Face face = {"disk",
                 "Move a disk's arm from request to request, with the working and the picture.",
                 {&kForm, &rotating_form()},
                 replay_disks};
    face.forms.insert(face.forms.end(), disk_time_forms().begin(), disk_time_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
