// Jobs in a multi-level feedback queue, each with an I/O now and then: a form of `spindle cpu`.

#include <fmt/format.h>

#include <cmath>

#include "cli/face/cpu_forms.h"
#include "cli/face/cpu_schedule.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

struct Job {
  double arrival = 0;
  double run_time = 0;
  double between = 0;
};

Job job_of(const Json& row) {
  return {as_number(row[0]), as_number(row[1]), as_number(row[2])};
}

class MlfqForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "mlfq"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"mlfq-jobs",
         "MLFQ",
         "Multi-level feedback queue of jobs",
         {"quanta", "allotments", "boost", "io_time", "stay", "io_bump"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"quanta", Kind::kNumbers, "", "10,10,10"},
        {"allotments", Kind::kNumbers, ""},
        {"boost", Kind::kNumber, "", "0"},
        {"io_time", Kind::kNumber, "mlfq-jobs: how long an I/O takes (ms)", "5"},
        {"stay", Kind::kFlag, "", "no"},
        {"io_bump", Kind::kFlag, "", "no"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"avg_turnaround", "mean turnaround (ms)"},
                                                   {"avg_response", "mean response (ms)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "mlfq-jobs: jobs as ARRIVAL:RUN_TIME[:TIME_BETWEEN_IO]";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"mean turnaround", shown(as_number(solved.answer["avg_turnaround"])) + " ms"},
            {"mean response", shown(as_number(solved.answer["avg_response"])) + " ms"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Json MlfqForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                         Complaint& complaint) const {
  Json jobs = Json::array();
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != 2 && row.size() != 3)
      return complaint.make_malformed("jobs", row, "ARRIVAL:RUN_TIME[:TIME_BETWEEN_IO]"), Json();
    constexpr std::string_view kParts[] = {"arrival", "run time", "time between I/Os"};
    Json job = Json::array();
    for (std::size_t part = 0; part < row.size(); ++part)
      job.push_back(read_number(row[part], kParts[part], complaint, 0, 1e9));
    if (job.size() == 2) job.push_back(0);
    jobs.push_back(std::move(job));
  }
  if (jobs.empty()) complaint.make(no_input("jobs", *this));
  return {{"jobs", jobs}};
}

Json MlfqForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 3, 1, 100'000);
  Random random(recipe.seed());
  const std::uint64_t high = recipe.natural("high", 60, 1, 1'000'000);
  recipe.finish_as("uniform");
  if (complaint.made()) return {};
  Json jobs = Json::array();
  for (std::uint64_t job = 0; job < count; ++job)
    jobs.push_back({job == 0 ? 0 : random.below(5 * count), 1 + random.below(high),
                    random.one_in(2) ? 1 + random.below(8) : 0});
  return {{"jobs", jobs}};
}

std::string MlfqForm::question(const Json& problem) const {
  chart::Table table({"job", "arrival (ms)", "run time (ms)", "I/O after each (ms)"});
  std::size_t number = 0;
  for (const Json& row : problem["input"]["jobs"])
    table.add_row({std::to_string(number++), plain(row[0]), plain(row[1]),
                   as_number(row[2]) > 0 ? plain(row[2]) : "-"});
  return fmt::format(
      "These jobs share a CPU. A multi-level feedback queue gives quanta of {} ms from the top; an "
      "I/O takes {} ms.\n\n{}\nDraw the Gantt chart. What are the response and the turnaround of "
      "each?",
      fmt::join(split(problem["parameters"]["quanta"].dump(), "[,]"), ", "),
      plain(problem["parameters"]["io_time"]), table.text({}));
}

Picture MlfqForm::picture(const Solved& solved) const {
  if (!solved.answer.contains("gantt")) return {};
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  timeline.resources.push_back({"CPU", {}, {}});
  const Json& jobs = solved.input()["jobs"];
  const double io_time = as_number(solved.parameters()["io_time"]);
  std::vector<double> since;
  std::vector<double> ran(jobs.size());
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    since.push_back(job_of(jobs[job]).arrival);
    timeline.tasks.push_back({fmt::format("job {}", job), {}, {{since[job], false, "arrival"}}});
  }
  for (const Json& item : solved.answer["gantt"]) {
    const auto job = item[0].get<std::size_t>();
    const double from = as_number(item[1]);
    const double to = as_number(item[2]);
    timeline.resources[0].spans.push_back({from, to, std::to_string(job), Meaning::kRunning});
    auto& spans = timeline.tasks[job].spans;
    if (since[job] < from) spans.push_back({since[job], from, "", Meaning::kWaiting});
    spans.push_back({from, to, "", Meaning::kRunning});
    since[job] = to;
    ran[job] += to - from;
    const Job asked = job_of(jobs[job]);
    const bool waits = asked.between > 0 && ran[job] < asked.run_time &&
                       std::fmod(ran[job], asked.between) < kTimeTolerance && io_time > 0;
    if (!waits) continue;
    spans.push_back({to, to + io_time, "", Meaning::kDevice});
    since[job] = to + io_time;
  }
  return timeline;
}

chart::Table MlfqForm::table(const Solved& solved) const {
  chart::Table table({"job", "arrival (ms)", "run time (ms)", "I/O after each (ms)",
                      "response (ms)", "turnaround (ms)", "completion (ms)"});
  const Json& jobs = solved.input()["jobs"];
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const Job job = job_of(jobs[j]);
    const auto of = [&](const char* key) { return plain(solved.answer[key][j]); };
    table.add_row({std::to_string(j), shown(job.arrival), shown(job.run_time),
                   job.between > 0 ? shown(job.between) : "-", of("response"), of("turnaround"),
                   of("completion")});
  }
  return table;
}

std::vector<std::string> MlfqForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  for (const Json& choice : solved.answer.value("choices", Json::array())) {
    const Json& item = solved.answer["gantt"][out.size()];
    const Json& level = choice["level"];
    const Json& then = choice["then"];
    const std::string after =
        then.is_null() || then == level ? ""
        : level < then ? fmt::format("; its allotment is used up, it goes to queue {}", plain(then))
                       : "; all go back to the top";
    out.push_back(fmt::format(
        "At {} ms: job {} runs until {} ms, from queue {}, the highest that has one{}.",
        shown(as_number(item[1])), plain(item[0]), shown(as_number(item[2])), plain(level), after));
  }
  return out;
}

}  // namespace

const Form& mlfq_form() {
  static const MlfqForm kForm;
  return kForm;
}

}  // namespace spindle::cli
