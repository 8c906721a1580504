// Disks whose rotation counts: seek, rotation and transfer of each request; a form of `spindle
// disk`.

#include "cli/face/rotating.h"

#include <fmt/format.h>

#include <algorithm>

#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

class RotatingForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "disk-rotating"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<std::string_view> kCommon = {"seek_speed", "rotate_speed", "skew",
                                                          "zones", "window"};
    static const std::vector<FacePolicy> kPolicies = [] {
      std::vector<FacePolicy> list = {
          {"satf", "SATF", "Shortest access time first", kCommon},
          {"bsatf", "BSATF", "Shortest access time first, window by window", kCommon},
          {"asatf", "ASATF", "Shortest access time first, aged", kCommon},
          {"rotating-fifo", "FIFO", "First in, first out, on a turning disk", kCommon},
          {"rotating-sstf", "SSTF", "Shortest seek time first, on a turning disk", kCommon}};
      list[2].parameters.emplace_back("aging");
      return list;
    }();
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"seek_speed", Kind::kNumber,
         "satf and its variants: seek speed, in fortieths of a track per unit of time", "1"},
        {"rotate_speed", Kind::kNumber,
         "satf and its variants: degrees of rotation per unit of time", "1"},
        {"skew", Kind::kNumber, "satf and its variants: how many blocks later each track starts",
         "0"},
        {"zones", Kind::kNumbers, "satf and its variants: degrees that a block takes on each track",
         "30,30,30"},
        {"window", Kind::kNumber,
         "satf and its variants: how many of the oldest requests are considered"},
        {"aging", Kind::kNumber, "asatf: how much of a request's wait is subtracted from its cost",
         "0.5"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"total", "time"}, {"seek", "seek"}, {"rotate", "rotation"}, {"transfer", "transfer"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "satf and its variants: requests as BLOCK";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json queue = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& block : split(part, ", "))
          queue.push_back(read_number(block, "blocks", complaint, 0, 1e9));
    if (queue.empty()) complaint.make(no_input("blocks", *this));
    return {{"queue", queue}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 6, 1, 10'000);
    const std::uint64_t blocks = recipe.natural("blocks", 36, 1, 100'000);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Json queue = Json::array();
    for (std::uint64_t i = 0; i < count; ++i) queue.push_back(random.below(blocks));
    return {{"queue", queue}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
    return fmt::format(
        "A disk has {} tracks, with blocks of {} degrees; blocks {} are asked for. "
        "In which order does {} serve them, and how long does it take?",
        problem["parameters"]["zones"].size(), problem["parameters"]["zones"].dump(),
        problem["input"]["queue"].dump(), policy->title);
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Timeline timeline;
    timeline.time_label = "time (degrees at speed 1)";
    timeline.meanings = {{Meaning::kRunning, "transfer of a block"},
                         {Meaning::kWaiting, "rotation"},
                         {Meaning::kOverhead, "seek"}};
    chart::Lane lane{"disk", {}, {}};
    double now = 0;
    for (const Json& service : solved.answer["served"]) {
      const auto add = [&](std::size_t part, std::string label, Meaning meaning) {
        const double length = as_number(service[part]);
        if (length > 0) lane.spans.push_back({now, now + length, std::move(label), meaning});
        now += length;
      };
      add(1, "seek", Meaning::kOverhead);
      add(2, "rotate", Meaning::kWaiting);
      add(3, plain(service[0]), Meaning::kRunning);
    }
    timeline.resources.push_back(std::move(lane));
    return timeline;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"step", "block", "seek", "rotation", "transfer", "done"});
    double now = 0;
    std::size_t step = 0;
    for (const Json& service : solved.answer["served"]) {
      for (std::size_t part = 1; part <= 3; ++part) now += as_number(service[part]);
      table.add_row({std::to_string(++step), plain(service[0]), shown(as_number(service[1])),
                     shown(as_number(service[2])), shown(as_number(service[3])), shown(now)});
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    Facts facts;
    for (const Measure& measure : measures())
      facts.emplace_back(measure.title, shown(number_of(solved.answer, measure.key).value_or(0)));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const std::string_view name = solved.policy->name;
    const std::string_view rule = name == "rotating-fifo"   ? "it came first"
                                  : name == "rotating-sstf" ? "its track is the nearest"
                                  : name == "asatf" ? "what it takes, less for its wait, is least"
                                                    : "of those looked at it is reached soonest";
    for (const Json& service : solved.answer["served"])
      out.push_back(fmt::format("Block {}: {}; {} of seek and {} until it is under the head.",
                                plain(service[0]), rule, shown(as_number(service[1])),
                                shown(as_number(service[2]))));
    return out;
  }
};

}  // namespace

const Form& rotating_form() {
  static const RotatingForm kForm;
  return kForm;
}

}  // namespace spindle::cli
