// `spindle realtime`: periodic tasks with deadlines.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/face/realtime_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// A schedule that repeats only later is shown up to here.
constexpr std::int64_t kLongestShown = 10'000;
constexpr std::size_t kMostMarks = 400;

struct Task {
  std::string name;
  double period = 0;
  double execution = 0;
  double deadline = 0;  ///< counted from the release
};

std::vector<Task> tasks_of(const Json& input) {
  std::vector<Task> tasks;
  for (const Json& row : input["tasks"]) {
    Task task{plain(row[0]), as_number(row[1]), as_number(row[2]), as_number(row[1])};
    if (row.size() > 3) task.deadline = as_number(row[3]);
    tasks.push_back(task);
  }
  return tasks;
}

/// Whether all tasks are released together again by then; of periods that are no whole numbers that
/// is taken to be so.
bool repeats_by(const std::vector<Task>& tasks, double until) {
  double all = 1;
  for (const Task& task : tasks) {
    if (task.period != std::floor(task.period)) return true;
    if (all > until) return false;
    all = static_cast<double>(
        std::lcm(static_cast<std::int64_t>(all), static_cast<std::int64_t>(task.period)));
  }
  return all <= until;
}

class RealtimeForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "realtime"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"rm", "RM", "Rate monotonic", {"until"}},
        {"dm", "DM", "Deadline monotonic", {"until"}},
        {"edf", "EDF", "Earliest deadline first", {"until"}},
        {"llf", "LLF", "Least laxity first", {"until"}},
        {"fixed", "FIXED", "Fixed priorities, in the order of the list", {"until"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"until", Kind::kNumber, "length of the schedule (ms) [until it repeats]"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"missed", "missed deadlines"},
                                                   {"utilization", "utilisation"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "tasks as NAME:PERIOD:EXECUTION[:DEADLINE]";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uunifast:count=3,utilisation=0.8,seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  void finish(Solved& solved) const override {
    if (solved.answer.contains("misses")) solved.answer["missed"] = solved.answer["misses"].size();
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Json RealtimeForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                             Complaint& complaint) const {
  Json tasks = Json::array();
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != 3 && row.size() != 4) {
      complaint.make_malformed("tasks", row, "NAME:PERIOD:EXECUTION[:DEADLINE]");
      return {};
    }
    check_name_is_new(row[0], tasks, "tasks", complaint);
    constexpr std::string_view kParts[] = {"", "period of ", "execution of ", "deadline of "};
    Json task = {row[0]};
    for (std::size_t part = 1; part < row.size(); ++part)
      task.push_back(read_number(row[part], std::string(kParts[part]) + row[0], complaint, 0, 1e9));
    tasks.push_back(std::move(task));
  }
  if (tasks.empty()) complaint.make(no_input("tasks", *this));
  return {{"tasks", tasks}};
}

/// Draws the tasks by UUniFast (Bini and Buttazzo 2005): all ways to divide the utilisation among
/// them are equally likely. Periods divide 120, so that the schedule repeats soon; times are
/// rounded to tenths.
Json RealtimeForm::generate(Recipe& recipe, Complaint& complaint) const {
  constexpr int kPeriods[] = {8, 10, 12, 15, 20, 24, 30, 40, 60};
  const std::uint64_t count = recipe.natural("count", 3, 1, 1000);
  const std::uint64_t seed = recipe.seed();
  const double utilisation = recipe.number("utilisation", 0.8, 0.01, 100);
  recipe.finish_as("uunifast");
  if (complaint.made()) return {};
  Random random(seed);
  Json tasks = Json::array();
  double left = utilisation;
  for (std::uint64_t t = 0; t < count; ++t) {
    const double others = static_cast<double>(count - t - 1);
    const double next = others == 0 ? 0 : left * std::pow(random.unit(), 1 / others);
    const int period = kPeriods[random.below(std::size(kPeriods))];
    const double execution = std::max(0.1, std::round((left - next) * period * 10) / 10);
    tasks.push_back({fmt::format("T{}", t + 1), period, shown(execution)});
    left = next;
  }
  return {{"tasks", tasks}};
}

void RealtimeForm::complete(Json& problem, Complaint& complaint) const {
  if (problem["parameters"].contains("until") || !problem["input"].contains("tasks")) return;
  std::int64_t until = 1;
  for (const Json& row : problem["input"]["tasks"]) {
    if (!row.is_array() || row.size() < 2) return;
    const double period = as_number(row[1]);
    if (period <= 0) return complaint.make(fmt::format("period of {}: not above 0", plain(row[0])));
    if (period != std::floor(period))
      return complaint.make("--until is needed if a period is not a whole number");
    until = std::lcm(until, static_cast<std::int64_t>(period));
    if (until > kLongestShown) until = kLongestShown;
  }
  problem["parameters"]["until"] = until;
}

std::string RealtimeForm::question(const Json& problem) const {
  const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
  chart::Table table({"task", "period (ms)", "execution (ms)", "deadline (ms)"});
  for (const Task& task : tasks_of(problem["input"]))
    table.add_row({task.name, shown(task.period), shown(task.execution), shown(task.deadline)});
  return fmt::format(
      "These tasks are released at 0 and then once in each period.\n\n{}\nDraw the "
      "schedule up to {} ms under the rule: {}. Is a deadline missed?",
      table.text({}), plain(problem["parameters"]["until"]), policy->title);
}

Picture RealtimeForm::picture(const Solved& solved) const {
  using chart::Meaning;
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  timeline.resources.push_back({"CPU", {}, {}});
  const std::vector<Task> tasks = tasks_of(solved.input());
  for (const Task& task : tasks) timeline.tasks.push_back({task.name, {}, {}});
  double end = 0;
  for (const Json& item : solved.answer["gantt"]) {
    const std::string name = plain(item[0]);
    const chart::Span span{as_number(item[1]), as_number(item[2]), name, Meaning::kRunning};
    timeline.resources[0].spans.push_back(span);
    const auto task = std::ranges::find(tasks, name, &Task::name);
    if (task != tasks.end())
      timeline.tasks[static_cast<std::size_t>(task - tasks.begin())].spans.push_back(span);
    end = std::max(end, span.to);
  }
  for (std::size_t t = 0; t < tasks.size() && tasks[t].period > 0; ++t)
    for (std::size_t n = 0; n < kMostMarks; ++n) {
      const double at = static_cast<double>(n) * tasks[t].period + tasks[t].deadline;
      if (at > end + tasks[t].period) break;
      timeline.tasks[t].marks.push_back({at, false, "deadline"});
    }
  for (const Json& miss : solved.answer["misses"]) {
    const auto task = std::ranges::find(tasks, plain(miss[0]), &Task::name);
    if (task == tasks.end()) continue;
    auto& marks = timeline.tasks[static_cast<std::size_t>(task - tasks.begin())].marks;
    std::erase_if(marks, [&](const chart::Mark& mark) { return mark.at == as_number(miss[1]); });
    marks.push_back({as_number(miss[1]), true, "missed deadline"});
  }
  return timeline;
}

chart::Table RealtimeForm::table(const Solved& solved) const {
  chart::Table table({"task", "period (ms)", "execution (ms)", "deadline (ms)", "utilisation (%)"});
  for (const Task& task : tasks_of(solved.input()))
    table.add_row({task.name, shown(task.period), shown(task.execution), shown(task.deadline),
                   shown(100 * task.execution / task.period)});
  return table;
}

Facts RealtimeForm::facts(const Solved& solved) const {
  const auto count = static_cast<double>(solved.input()["tasks"].size());
  const double bound = count * (std::pow(2.0, 1 / count) - 1);
  Facts facts = {
      {"utilisation", shown(100 * number_of(solved.answer, "utilization").value_or(0)) + " %"}};
  const std::vector<Task> tasks = tasks_of(solved.input());
  const bool is_at_end_of_period =
      std::ranges::all_of(tasks, [](const Task& task) { return task.deadline == task.period; });
  // The bound is only about tasks that are due when they are released again.
  if (solved.policy->name == "rm" && is_at_end_of_period)
    facts.emplace_back("bound of Liu and Layland", shown(100 * bound) + " %");
  std::vector<std::string> misses;
  for (const Json& miss : solved.answer["misses"])
    misses.push_back(fmt::format("{} at {} ms", plain(miss[0]), plain(miss[1])));
  facts.emplace_back("missed deadlines", misses.empty() ? "none" : listed(misses));
  const double until = as_number(solved.parameters()["until"]);
  if (misses.empty() && !repeats_by(tasks, until))
    facts.emplace_back("seen until", shown(until) + " ms, before the schedule repeats");
  return facts;
}

std::vector<std::string> RealtimeForm::reasons(const Solved& solved) const {
  const std::vector<Task> tasks = tasks_of(solved.input());
  const std::string_view policy = solved.policy->name;
  std::vector<std::string> out;
  const Json choices = solved.answer.value("choices", Json::array());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Json& item = solved.answer["gantt"][i];
    const auto task = std::ranges::find(tasks, plain(item[0]), &Task::name);
    if (task == tasks.end()) continue;
    constexpr double kNsInMs = 1e6;
    const double rank = number_or_zero(choices[i], "rank") / kNsInMs;
    std::string why;
    if (policy == "rm")
      why = fmt::format("its period, {} ms, is the shortest", shown(task->period));
    if (policy == "dm")
      why = fmt::format("its deadline, {} ms after the release, is the shortest",
                        shown(task->deadline));
    if (policy == "edf") why = fmt::format("its deadline, at {} ms, is the earliest", shown(rank));
    if (policy == "llf")
      why = fmt::format("its laxity, {} ms until it can wait no longer, is the least", shown(rank));
    if (policy == "fixed") why = "it stands first in the list";
    out.push_back(fmt::format("At {} ms: {} runs until {} ms; of those that are ready {}.",
                              shown(as_number(item[1])), task->name, plain(item[2]), why));
  }
  for (const Json& miss : solved.answer["misses"])
    out.push_back(fmt::format("At {} ms: the deadline of {} has come, and it is not done.",
                              plain(miss[1]), plain(miss[0])));
  return out;
}

}  // namespace

const Form& schedule_form() {
  static const RealtimeForm kForm;
  return kForm;
}

const Face& realtime_face() {
  static const Face kFace = [] {
    Face face = {"realtime",
                 "Schedule periodic tasks with deadlines, with the working and the picture.",
                 {&schedule_form()}};
    face.forms.insert(face.forms.end(), analysis_forms().begin(), analysis_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
