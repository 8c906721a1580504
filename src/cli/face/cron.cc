// `spindle cron`: when a cron expression comes next.

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ctime>

#include "cli/face/face.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// The time "2024-01-31T23:59" as minutes since 1970.
std::int64_t minutes_of(const std::string& time) {
  const auto number = [&](std::size_t at, std::size_t length) {
    return std::stoi(time.substr(at, length));
  };
  const std::chrono::sys_days day{std::chrono::year{number(0, 4)} /
                                  std::chrono::month{static_cast<unsigned>(number(5, 2))} /
                                  std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  return std::int64_t{day.time_since_epoch().count()} * 24 * 60 + number(11, 2) * 60 +
         number(14, 2);
}

std::string_view weekday_of(const std::string& time) {
  constexpr std::string_view kDays[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                        "Monday",   "Tuesday", "Wednesday"};
  const std::int64_t days = minutes_of(time) / (24 * 60);
  return kDays[((days % 7) + 7) % 7];
}

std::string span_text(std::int64_t minutes) {
  const std::int64_t days = minutes / (24 * 60);
  return (days == 0 ? "" : fmt::format("{} d ", days)) +
         fmt::format("{}:{:02}", minutes / 60 % 24, minutes % 60);
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min);
}

/// The unit in which a picture measures time, so that the last run has a short number.
struct Scale {
  std::string_view unit;
  std::int64_t minutes = 1;

  /// A time in this unit, to a hundredth: no picture shows more.
  [[nodiscard]] double of(std::int64_t span) const {
    return std::round(100.0 * static_cast<double>(span) / static_cast<double>(minutes)) / 100;
  }
};

Scale scale_for(std::int64_t span) {
  constexpr std::int64_t kHour = 60;
  constexpr std::int64_t kDay = 24 * kHour;
  if (span <= 4 * kHour) return {"minutes", 1};
  return span <= 4 * kDay ? Scale{"hours", kHour} : Scale{"days", kDay};
}

class CronForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "cron"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"vixie", "VIXIE", "Next times of a cron expression", {"after", "count", "star"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"after",
         Kind::kText,
         "tell the times after this one, such as 2024-01-31T23:59 [now]",
         "",
         {},
         true},
        {"count", Kind::kNumber, "how many times to tell", "6"},
        {"star",
         Kind::kChoice,
         "which day fields do not restrict the days: all that begin with *, or only * itself",
         "",
         {"begins", "whole"}}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"hours", "hours to the last"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "an expression as 'MINUTE HOUR DAY MONTH WEEKDAY', or @daily";
  }
  /// The fields may be typed as one word or as five; a file has one on a line.
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    std::vector<std::string> words;
    for (const std::vector<std::string>& row : rows)
      words.push_back(fmt::format("{}", fmt::join(row, ",")));
    if (words.empty()) complaint.make(no_input("expression", *this));
    return {{"expression", fmt::format("{}", fmt::join(words, " "))}};
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    const std::uint64_t hour = random.below(20);
    const std::string fields[] = {
        random.one_in(2) ? fmt::format("*/{}", 5 * (1 + random.below(6)))
                         : std::to_string(random.below(60)),
        random.one_in(2) ? fmt::format("{}-{}", hour, hour + 3) : std::to_string(hour),
        random.one_in(3) ? std::to_string(1 + random.below(28)) : "*",
        random.one_in(4) ? std::to_string(1 + random.below(12)) : "*",
        random.one_in(2) ? "*" : fmt::format("{}", random.below(7))};
    return {{"expression", fmt::format("{}", fmt::join(fields, " "))},
            {"after",
             fmt::format("2024-{:02}-{:02}T12:00", 1 + random.below(12), 1 + random.below(28))}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override {
    if (!problem["input"].contains("after")) problem["input"]["after"] = now_text();
    const std::string after = plain(problem["input"]["after"]);
    bool is_time = after.size() >= 16;
    for (const std::size_t digit : {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15})
      is_time = is_time && after[digit] >= '0' && after[digit] <= '9';
    if (!is_time)
      complaint.make(fmt::format("--after: '{}' is not a time like 2024-01-31T23:59", after));
  }
  void finish(Solved& solved) const override {
    const Json& times = solved.answer["times"];
    if (!times.empty())
      solved.answer["hours"] = static_cast<double>(minutes_of(times.back().get<std::string>()) -
                                                   minutes_of(after_of(solved))) /
                               60;
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format("When do the next {} runs of  {}  come after {} ({})?",
                       plain(problem["parameters"]["count"]), plain(problem["input"]["expression"]),
                       plain(problem["input"]["after"]),
                       weekday_of(plain(problem["input"]["after"])));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    std::vector<std::int64_t> spans;
    for (const Json& time : solved.answer["times"])
      spans.push_back(minutes_of(time.get<std::string>()) - minutes_of(after_of(solved)));
    const Scale scale = scale_for(spans.empty() ? 0 : spans.back());
    chart::Plot plot;
    plot.x_label = fmt::format("{} after {}", scale.unit, after_of(solved));
    plot.y_label = "runs";
    plot.counts_up = true;
    plot.lines.push_back({"runs", {{0, 0}}, true, false});
    for (const std::int64_t span : spans)
      plot.lines[0].points.push_back(
          {scale.of(span), static_cast<double>(plot.lines[0].points.size())});
    return plot;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"run", "time", "day", "after the last (h:min)"});
    std::int64_t last = minutes_of(after_of(solved));
    std::size_t run = 0;
    for (const Json& item : solved.answer["times"]) {
      const auto time = item.get<std::string>();
      table.add_row({std::to_string(++run), time, std::string(weekday_of(time)),
                     span_text(minutes_of(time) - last)});
      last = minutes_of(time);
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"expression", plain(solved.input()["expression"])}, {"after", after_of(solved)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    const std::vector<std::string> fields = split(plain(solved.input()["expression"]), " \t");
    std::vector<std::string> out;
    for (const Json& item : solved.answer["times"]) {
      const auto time = item.get<std::string>();
      if (fields.size() != 5) {
        out.push_back(fmt::format("{} is the next for {}.", time, listed(fields)));
        continue;
      }
      out.push_back(fmt::format(
          "{}: minute {} is in {}, hour {} in {}, month {} in {}; {}.", time,
          std::stoi(time.substr(14, 2)), fields[0], std::stoi(time.substr(11, 2)), fields[1],
          std::stoi(time.substr(5, 2)), fields[3], day_reason(solved, fields, time)));
    }
    return out;
  }

 private:
  /// Which of the two day fields has that day: both, or one where one is enough.
  [[nodiscard]] static std::string day_reason(const Solved& solved,
                                              const std::vector<std::string>& fields,
                                              const std::string& time) {
    const std::string of_month = fmt::format("day {}", std::stoi(time.substr(8, 2)));
    const std::string_view of_week = weekday_of(time);
    if (!is_on(solved, fmt::format("59 23 * * {}", fields[4]), time))
      return fmt::format("{} in {}, which is enough, as {} is not in {}", of_month, fields[2],
                         of_week, fields[4]);
    if (!is_on(solved, fmt::format("59 23 {} * *", fields[2]), time))
      return fmt::format("{} in {}, which is enough, as {} is not in {}", of_week, fields[4],
                         of_month, fields[2]);
    return fmt::format("{} in {} and {} in {}", of_month, fields[2], of_week, fields[4]);
  }
  /// Whether an expression for the end of some days has the day of that time.
  [[nodiscard]] static bool is_on(const Solved& solved, const std::string& expression,
                                  const std::string& time) {
    const std::string day = time.substr(0, 10);
    Solved probe = solved;
    probe.problem["input"] = {{"expression", expression}, {"after", day + "T00:00"}};
    probe.problem["parameters"]["count"] = 1;
    Complaint ignored;
    return solve(probe, ignored) && plain(probe.answer["times"][0]).starts_with(day);
  }
  [[nodiscard]] static std::string after_of(const Solved& solved) {
    return plain(solved.input()["after"]);
  }
};

}  // namespace

const Face& cron_face() {
  static const CronForm kForm;
  static const Face kFace = {"cron", "Tell when a cron expression comes next.", {&kForm}};
  return kFace;
}

}  // namespace spindle::cli
