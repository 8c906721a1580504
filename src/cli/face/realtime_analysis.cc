// What can be said of periodic tasks without a schedule: response times, and the bound of Liu and
// Layland: forms of `spindle realtime`.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/face/formula.h"
#include "cli/face/realtime_forms.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

/// The form's rows, generators and quizzes are those of the schedules.
class ResponseTimeForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "realtime"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"response-time", "RESPONSE-TIME", "Response times, tasks in order of priority"}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kNone;
    return kNone;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"too_late", "tasks too late"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return schedule_form().row_help(); }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return schedule_form().read_rows(rows, complaint);
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    return schedule_form().generate(recipe, complaint);
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return schedule_form().quiz_recipe(seed);
  }
  void finish(Solved& solved) const override {
    solved.answer["too_late"] = std::ranges::count(solved.answer["response"], Json());
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"task", "period (ms)", "execution (ms)", "deadline (ms)"});
    for (const Json& row : problem["input"]["tasks"])
      table.add_row({plain(row[0]), plain(row[1]), plain(row[2]), plain(deadline_of(row))});
    return fmt::format(
        "These periodic tasks run by fixed priorities, the first in the list being the most "
        "important.\n\n{}\nHow long does each take at worst to respond, and is each in time?",
        table.text({}));
  }
  /// From the moment when all tasks are released, the response of each, and its deadline.
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Timeline timeline;
    timeline.time_label = "time since the release (ms)";
    const Json& tasks = solved.input()["tasks"];
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const double deadline = as_number(deadline_of(tasks[t]));
      const Json& response = solved.answer["response"][t];
      const bool in_time = !response.is_null();
      const double end = in_time ? as_number(response) : deadline;
      chart::Lane lane{plain(tasks[t][0]), {}, {{deadline, !in_time, "deadline"}}};
      const double own = std::min(as_number(tasks[t][2]), end);
      if (end > own) lane.spans.push_back({0, end - own, "", Meaning::kWaiting});
      lane.spans.push_back({end - own, end, "", Meaning::kRunning});
      timeline.tasks.push_back(std::move(lane));
    }
    return timeline;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table(
        {"task", "period (ms)", "execution (ms)", "deadline (ms)", "response at worst (ms)"});
    const Json& tasks = solved.input()["tasks"];
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const Json& response = solved.answer["response"][t];
      table.add_row({plain(tasks[t][0]), plain(tasks[t][1]), plain(tasks[t][2]),
                     plain(deadline_of(tasks[t])),
                     response.is_null() ? "too late" : plain(response)});
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"all in time", plain(solved.answer["schedulable"])}};
  }
  /// The fixed point of each task, round by round.
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    constexpr std::size_t kMostRounds = 50;
    std::vector<std::string> out;
    const Json& tasks = solved.input()["tasks"];
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const double execution = as_number(tasks[t][2]);
      const double deadline = as_number(deadline_of(tasks[t]));
      std::vector<std::string> rounds = {shown(execution)};
      double response = execution;
      for (double last = 0; last != response && response <= deadline;) {
        last = response;
        response = execution;
        for (std::size_t before = 0; before < t; ++before)
          response +=
              std::ceil(last / as_number(tasks[before][1]) - 1e-9) * as_number(tasks[before][2]);
        if (last != response && rounds.size() < kMostRounds) rounds.push_back(shown(response));
      }
      std::string text = fmt::format("{}: {} ms, ", plain(tasks[t][0]), fmt::join(rounds, ", "));
      if (response <= deadline)
        text += "which stays: its own time, and that of all releases before it in that span";
      else
        text += fmt::format("which is beyond its deadline, {} ms", shown(deadline));
      out.push_back(text + later_release(solved.answer["response"][t], response, deadline) + ".");
    }
    return out;
  }

 private:
  /// The first release is not always the one that takes longest: the next may come before it is
  /// done.
  static std::string later_release(const Json& worst, double first, double deadline) {
    if (deadline < first || worst == Json(first)) return "";
    return worst.is_null()
               ? "; a later release, which waits for it, misses its deadline"
               : fmt::format("; a later release, which waits for it, takes {} ms", plain(worst));
  }

  static const Json& deadline_of(const Json& row) { return row.size() > 3 ? row[3] : row[1]; }
};

Formula bound() {
  return {.domain = "realtime",
          .policy = {"rm-bound", "RM-BOUND", "Bound of Liu and Layland"},
          .quantities = {{{"tasks", Kind::kNumber, "rm-bound: number of tasks", "3"},
                          {1, 2, 3, 4, 5, 8, 10}}},
          .results = {{"bound", "utilisation that rate monotonic can always schedule", "of 1"}},
          .curve = {"tasks", 1, 41, "tasks"},
          .question =
              [](const Json& p) {
                return fmt::format(
                    "Up to which utilisation are {} periodic tasks schedulable by rates, whatever "
                    "their periods are?",
                    value_text(p.value("tasks", Json())));
              },
          .reasons =
              [](const Solved& solved) {
                const std::string n = value_text(solved.parameters().value("tasks", Json()));
                return std::vector<std::string>{
                    fmt::format("{0} x (2^(1/{0}) - 1) = {1}; for ever more tasks it falls to the "
                                "logarithm of 2, 0.6931.",
                                n, value_text(solved.answer["bound"]))};
              }};
}

}  // namespace

const std::vector<const Form*>& analysis_forms() {
  static const ResponseTimeForm kResponse;
  static const FormulaForm kBound[] = {FormulaForm(bound())};
  static const std::vector<const Form*> kList = {&kResponse, &kBound[0]};
  return kList;
}

}  // namespace spindle::cli
