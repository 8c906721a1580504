// Shares of the CPU: a lottery whose draws are given, strides, and the slices of the completely
// fair scheduler: forms of `spindle cpu`.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/cpu_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

constexpr std::size_t kMostColumns = 2000;

double sum_of(const Json& numbers) {
  double sum = 0;
  for (const Json& number : numbers) sum += as_number(number);
  return sum;
}

class LotteryForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "proportional-share"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"lottery-jobs",
         "LOTTERY",
         "Lottery of jobs",
         {"quantum", "full_quantum", "draws", "seed"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"quantum", Kind::kNumber, "", "1"},
        {"full_quantum", Kind::kFlag,
         "lottery-jobs: whether a job that ends within a quantum keeps the CPU to its end", "yes"},
        {"draws",
         Kind::kNumbers,
         "lottery-jobs: the numbers that are drawn, in order",
         "",
         {},
         true},
        {"seed", Kind::kNumber, "", "1"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"unfairness_first_over_last", "first end over last end", true}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "lottery-jobs: jobs as RUN_TIME:TICKETS";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json jobs = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() != 2) return complaint.make_malformed("jobs", row, "RUN_TIME:TICKETS"), Json();
      jobs.push_back({read_number(row[0], "run time", complaint, 0, 1e9),
                      read_number(row[1], "tickets", complaint, 1, 1e9)});
    }
    if (jobs.empty()) complaint.make(no_input("jobs", *this));
    return {{"jobs", jobs}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const Json numbers = drawn_numbers(recipe, complaint, 3, 1, 9);
    Json jobs = Json::array();
    for (const Json& number : numbers)
      jobs.push_back({number, 25 * (1 + (jobs.size() + number.get<std::uint64_t>()) % 4)});
    return {{"jobs", jobs}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,high=4,seed={}", seed);
  }
  /// The question names the numbers that are drawn.
  void complete(Json& problem, Complaint&) const override {
    Json& input = problem["input"];
    if (input.contains("draws") || !input["jobs"].is_array()) return;
    Random random(static_cast<std::uint64_t>(as_number(problem["parameters"]["seed"])));
    const double quantum = std::max(as_number(problem["parameters"]["quantum"]), 1e-6);
    double turns = 0;
    for (const Json& job : input["jobs"])
      if (job.is_array() && job.size() == 2) turns += as_number(job[0]) / quantum + 1;
    if (turns > kMostColumns) return;
    Json draws = Json::array();
    for (double turn = 0; turn < turns; ++turn) draws.push_back(random.below(1'000'000));
    input["draws"] = draws;
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"job", "run time (ms)", "tickets"});
    for (std::size_t job = 0; job < problem["input"]["jobs"].size(); ++job)
      table.add_row({std::to_string(job), plain(problem["input"]["jobs"][job][0]),
                     plain(problem["input"]["jobs"][job][1])});
    std::vector<std::string> draws;
    for (const Json& draw : problem["input"]["draws"]) draws.push_back(plain(draw));
    return fmt::format(
        "These jobs draw lots for each quantum of {} ms: the winner holds the ticket of the number "
        "drawn, modulo the tickets left.\n\n{}\nThe numbers are {}. Who runs when?",
        plain(problem["parameters"]["quantum"]), table.text({}), listed(draws));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"job", "run time (ms)", "tickets", "quanta won", "completion (ms)"});
    const Json& jobs = solved.input()["jobs"];
    const Json& winners = solved.answer["winners"];
    for (std::size_t job = 0; job < jobs.size(); ++job)
      table.add_row({std::to_string(job), plain(jobs[job][0]), plain(jobs[job][1]),
                     std::to_string(std::ranges::count(winners, Json(job))),
                     plain(solved.answer["completion"][job])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"quanta", std::to_string(solved.answer["winners"].size())},
            {"first end over last end", plain(solved.answer["unfairness_first_over_last"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

/// One quantum: who had it and when, as pictures and reasons show it.
struct Turn {
  std::size_t job = 0;
  double from = 0;
  double ran = 0;
  double left = 0;     ///< run time that the job has left after it
  double tickets = 0;  ///< of all jobs that had not ended
};

std::vector<Turn> turns_of(const Solved& solved) {
  const Json& jobs = solved.input()["jobs"];
  const double quantum = as_number(solved.parameters()["quantum"]);
  const bool full = solved.parameters().value("full_quantum", true);
  std::vector<double> left;
  double tickets = 0;
  for (const Json& job : jobs) {
    left.push_back(as_number(job[0]));
    tickets += as_number(job[1]);
  }
  std::vector<Turn> turns;
  double now = 0;
  for (const Json& winner : solved.answer["winners"]) {
    const auto job = winner.get<std::size_t>();
    const double ran = std::min(left[job], quantum);
    left[job] -= ran;
    turns.push_back({job, now, ran, left[job], tickets});
    now += full ? quantum : ran;
    if (left[job] <= 0) tickets -= as_number(jobs[job][1]);
  }
  return turns;
}

Picture LotteryForm::picture(const Solved& solved) const {
  chart::Timeline timeline;
  timeline.time_label = "time (ms)";
  timeline.resources.push_back({"CPU", {}, {}});
  auto& spans = timeline.resources[0].spans;
  std::size_t last = solved.input()["jobs"].size();
  for (const Turn& turn : turns_of(solved)) {
    if (turn.job == last && spans.back().to == turn.from)
      spans.back().to += turn.ran;
    else
      spans.push_back(
          {turn.from, turn.from + turn.ran, std::to_string(turn.job), Meaning::kRunning});
    last = turn.job;
  }
  if (spans.size() > kMostColumns) return {};
  return timeline;
}

std::vector<std::string> LotteryForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json draws = solved.input().value("draws", Json::array());
  for (const Turn& turn : turns_of(solved)) {
    const std::size_t number = out.size();
    const std::string drawn =
        number < draws.size()
            ? fmt::format("{} modulo {} tickets is {}", plain(draws[number]), shown(turn.tickets),
                          draws[number].get<std::uint64_t>() %
                              static_cast<std::uint64_t>(std::max(turn.tickets, 1.0)))
            : fmt::format("one of {} tickets is drawn", shown(turn.tickets));
    out.push_back(fmt::format("At {} ms: {}, a ticket of job {}; it runs {} ms{}.",
                              shown(turn.from), drawn, turn.job, shown(turn.ran),
                              turn.left <= 0 ? ", and ends" : ""));
  }
  return out;
}

class StrideForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "proportional-share"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"stride-tickets", "STRIDE", "Strides and passes", {"big", "slices"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"big", Kind::kNumber,
         "stride-tickets: the stride of a job is this number divided by its tickets", "10000"},
        {"slices", Kind::kNumber, "stride-tickets: number of slices", "8"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kNone;
    return kNone;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "stride-tickets: TICKETS of each job";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return {{"tickets", read_numbers(rows, "tickets", complaint)}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    return {{"tickets", drawn_numbers(recipe, complaint, 3, 1, 10)}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "Jobs hold {} tickets; one ticket pays {} for a slice, the others that divided by their "
        "number. Who gets the first {} slices, and how far is each then?",
        fmt::join(split(problem["input"]["tickets"].dump(), "[,]"), ", "),
        plain(problem["parameters"]["big"]), plain(problem["parameters"]["slices"]));
  }
  /// Each column is a slice: the job that had it, and all passes after it.
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    using CellState = chart::FrameTable::State;
    const Json& order = solved.answer["order"];
    if (order.size() > kMostColumns) return {};
    chart::FrameTable picture;
    picture.references_label = "slice";
    picture.fault_label = picture.footer_label = picture.hit_meaning = "";
    picture.loaded_meaning = "runs: its stride is added";
    picture.kept_meaning = "waits";
    const Json& strides = solved.answer["strides"];
    std::vector<double> passes(strides.size());
    for (std::size_t job = 0; job < strides.size(); ++job)
      picture.rows.push_back(fmt::format("pass of job {}", job));
    for (std::size_t slice = 0; slice < order.size(); ++slice) {
      const auto job = order[slice].get<std::size_t>();
      passes[job] += as_number(strides[job]);
      chart::FrameTable::Column column{std::to_string(slice + 1), {}, "", false};
      for (std::size_t j = 0; j < passes.size(); ++j)
        column.cells.push_back(
            {shown(passes[j]), j == job ? CellState::kLoaded : CellState::kKept});
      picture.columns.push_back(std::move(column));
    }
    return picture;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"job", "tickets", "stride", "slices", "pass at the end"});
    for (std::size_t job = 0; job < solved.answer["strides"].size(); ++job)
      table.add_row({std::to_string(job), plain(solved.input()["tickets"][job]),
                     plain(solved.answer["strides"][job]),
                     std::to_string(std::ranges::count(solved.answer["order"], Json(job))),
                     plain(solved.answer["passes"][job])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"slices", std::to_string(solved.answer["order"].size())}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const Json& strides = solved.answer["strides"];
    std::vector<double> passes(strides.size());
    for (const Json& winner : solved.answer["order"]) {
      const auto job = winner.get<std::size_t>();
      const double before = passes[job];
      passes[job] += as_number(strides[job]);
      out.push_back(fmt::format(
          "Slice {}: job {} has the lowest pass, {}, the first of those that do; {} + {} = {}.",
          out.size() + 1, job, shown(before), shown(before), plain(strides[job]),
          shown(passes[job])));
    }
    return out;
  }
};

class SlicesForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "proportional-share"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"cfs-slices",
         "CFS-SLICE",
         "Slices of the completely fair scheduler",
         {"latency", "granularity", "weight0", "stretch"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"latency", Kind::kNumber, "", "48"},
        {"granularity", Kind::kNumber, "", "6"},
        {"weight0", Kind::kNumber, "cfs-slices: weight of nice value 0", "1024"},
        {"stretch", Kind::kFlag,
         "cfs-slices: whether the latency grows if slices would be too short", "no"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"period", "until each ran (ms)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "cfs-slices: WEIGHT of each task";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return {{"weights", read_numbers(rows, "weights", complaint)}};
  }
  /// Draws nice values from -5 to 5, and gives their weights.
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    constexpr int kWeights[] = {3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335};
    Json weights = Json::array();
    for (const Json& number : drawn_numbers(recipe, complaint, 3, 1, std::size(kWeights)))
      weights.push_back(kWeights[(number.get<std::size_t>() - 1) % std::size(kWeights)]);
    return {{"weights", weights}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,seed={}", seed);
  }
  void finish(Solved& solved) const override {
    solved.answer["period"] = sum_of(solved.answer["slices"]);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "Tasks of weight {} share a CPU under the completely fair scheduler, with a latency of {} "
        "ms and slices of {} ms at least. How long is the slice of each, and how far does it move "
        "its virtual time?",
        fmt::join(split(problem["input"]["weights"].dump(), "[,]"), ", "),
        plain(problem["parameters"]["latency"]), plain(problem["parameters"]["granularity"]));
  }
  /// One round of slices.
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    const Json& slices = solved.answer["slices"];
    if (slices.size() > kMostColumns) return {};
    chart::Timeline timeline;
    timeline.time_label = "time (ms)";
    timeline.resources.push_back({"CPU", {}, {}});
    double now = 0;
    for (std::size_t task = 0; task < slices.size(); ++task) {
      const double to = now + as_number(slices[task]);
      timeline.resources[0].spans.push_back({now, to, std::to_string(task), Meaning::kRunning});
      now = to;
    }
    return timeline;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"task", "weight", "slice (ms)", "virtual time (ms)"});
    for (std::size_t task = 0; task < solved.answer["slices"].size(); ++task)
      table.add_row({std::to_string(task), plain(solved.input()["weights"][task]),
                     plain(solved.answer["slices"][task]),
                     plain(solved.answer["vruntime_step"][task])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"until each ran", shown(as_number(solved.answer["period"])) + " ms"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const Json& weights = solved.input()["weights"];
    const Json& parameters = solved.parameters();
    const double sum = sum_of(weights);
    const double shortest = as_number(parameters["granularity"]);
    double latency = as_number(parameters["latency"]);
    if (parameters.value("stretch", false))
      latency = std::max(latency, shortest * static_cast<double>(weights.size()));
    for (std::size_t task = 0; task < weights.size(); ++task) {
      const double share = latency * as_number(weights[task]) / sum;
      const Json& slice = solved.answer["slices"][task];
      out.push_back(fmt::format(
          "Task {}: {} x {} / {} = {} ms{}; its virtual time moves by {} x {} / {} = {} ms.", task,
          shown(latency), plain(weights[task]), shown(sum), shown(share),
          share < shortest ? fmt::format(", lengthened to {}", plain(slice)) : "", plain(slice),
          plain(parameters["weight0"]), plain(weights[task]),
          plain(solved.answer["vruntime_step"][task])));
    }
    return out;
  }
};

}  // namespace

const Form& lottery_form() {
  static const LotteryForm kForm;
  return kForm;
}

const Form& stride_form() {
  static const StrideForm kForm;
  return kForm;
}

const Form& slices_form() {
  static const SlicesForm kForm;
  return kForm;
}

}  // namespace spindle::cli
