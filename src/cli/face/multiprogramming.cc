// Several processes in one memory: global and local replacement, and the curve of thrashing.

#include <fmt/format.h>

#include <set>

#include "cli/face/memory_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

/// What both forms have in common: processes with their references.
class ProcessesForm : public Form {
 public:
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"frames", Kind::kNumber, "number of frames", "12"},
        {"scope", Kind::kChoice, "shared: whose frame may be replaced", "", {"global", "local"}},
        {"allotment",
         Kind::kChoice,
         "shared, local scope: how the frames are divided",
         "",
         {"equal", "proportional"}},
        {"quantum", Kind::kNumber, "shared, thrashing: references that a process makes in a turn",
         "4"},
        {"fault_time", Kind::kNumber, "shared, thrashing: time to fetch a page", "10"},
        {"degree", Kind::kNumber, "thrashing: largest number of processes, like those given"}};
    return kParameters;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "shared, thrashing: processes as NAME:PAGE,PAGE...";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json processes = Json::array();
    for (const std::vector<std::string>& row : rows) {
      Json pages = Json::array();
      for (std::size_t i = 1; i < row.size(); ++i)
        for (const std::string& page : split(row[i], ", "))
          pages.push_back(read_number(page, "pages of " + row[0], complaint, 0, 1e12));
      if (pages.empty()) complaint.make_malformed("processes", row, "NAME:PAGE,PAGE...");
      check_name_is_new(row[0], processes, "processes", complaint);
      processes.push_back({row[0], pages});
    }
    if (processes.empty()) complaint.make(no_input("processes", *this));
    return {{"processes", processes}};
  }
  /// Each process goes round in a set of pages of its own, and now and then moves on.
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 4, 1, 100);
    const std::uint64_t length = recipe.natural("length", 60, 1, 100'000);
    const std::uint64_t pages = recipe.natural("pages", 4, 1, 10'000);
    Random random(recipe.seed());
    recipe.finish_as("phases");
    if (complaint.made()) return {};
    Json processes = Json::array();
    for (std::uint64_t p = 0; p < count; ++p) {
      Json references = Json::array();
      std::uint64_t first = 0;
      for (std::uint64_t i = 0; i < length; ++i) {
        if (random.one_in(20)) ++first;
        references.push_back(first + random.below(pages));
      }
      processes.push_back({fmt::format("P{}", p + 1), references});
    }
    return {{"processes", processes}};
  }

 protected:
  [[nodiscard]] static std::string processes_text(const Json& problem) {
    std::string text;
    for (const Json& process : problem["input"]["processes"]) {
      std::vector<std::string> pages;
      for (const Json& page : process[1]) pages.push_back(plain(page));
      text += fmt::format("  {}: {}\n", plain(process[0]), fmt::join(pages, " "));
    }
    return text;
  }
};

class SharedForm final : public ProcessesForm {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "multiprogramming"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<std::string_view> kAll = {"frames", "scope", "allotment", "quantum",
                                                       "fault_time"};
    static const std::vector<FacePolicy> kPolicies = {
        {"shared-lru", "LRU", "Least recently used, of several processes", kAll},
        {"shared-fifo", "FIFO", "First in, first out, of several processes", kAll},
        {"shared-clock", "CLOCK", "CLOCK, of several processes", kAll}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"faults", "faults"}, {"time", "time"}, {"utilization", "CPU utilisation", true}};
    return kMeasures;
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("phases:count=2,length=8,pages=3,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "These processes share {} frames ({}), in turns of {} references:\n\n{}\n"
        "How many faults does each have?",
        plain(problem["parameters"]["frames"]), plain(problem["algorithm"]),
        plain(problem["parameters"]["quantum"]), processes_text(problem));
  }
  /// How the frames are divided at the end.
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::MemoryMap map;
    map.unit = "frames";
    std::uint64_t at = 0;
    for (const auto& [name, frames] : solved.answer["frames_of_each"].items()) {
      const auto count = frames.get<std::uint64_t>();
      if (count != 0) map.parts.push_back({at, count, name, Meaning::kRunning});
      at += count;
    }
    const auto all = static_cast<std::uint64_t>(as_number(solved.parameters()["frames"]));
    if (at < all) map.parts.push_back({at, all - at, "free", Meaning::kFree});
    return map;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "references", "pages", "faults", "frames at the end"});
    for (const Json& process : solved.input()["processes"]) {
      const std::string name = plain(process[0]);
      std::set<double> pages;
      for (const Json& page : process[1]) pages.insert(as_number(page));
      table.add_row({name, std::to_string(process[1].size()), std::to_string(pages.size()),
                     plain(solved.answer["faults_of_each"][name]),
                     plain(solved.answer["frames_of_each"][name])});
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"faults", plain(solved.answer["faults"])},
            {"time", plain(solved.answer["time"])},
            {"CPU in use", shown(100 * as_number(solved.answer["utilization"])) + " %"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const bool is_local = solved.parameters().value("scope", "global") == "local";
    for (const auto& [name, faults] : solved.answer["faults_of_each"].items())
      out.push_back(fmt::format(
          "{}: faults {}, frames at the end {}; {}.", name, plain(faults),
          plain(solved.answer["frames_of_each"][name]),
          is_local ? "it replaces only its own pages, and no other process takes its frames"
                   : "its pages compete with all others, and any of them may go for it"));
    return out;
  }
};

class ThrashingForm final : public ProcessesForm {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "thrashing"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"thrashing",
         "LRU",
         "Thrashing, under LRU",
         {"frames", "scope", "allotment", "quantum", "fault_time", "degree"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"best_utilization", "highest CPU utilisation", true}, {"best_degree", "best degree"}};
    return kMeasures;
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("phases:count=6,length=60,pages=4,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "{} processes, each of which goes round in a few pages, share {} frames; a page takes {} "
        "to come. How many of them should be in memory at once?",
        problem["input"]["processes"].size(), plain(problem["parameters"]["frames"]),
        plain(problem["parameters"]["fault_time"]));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Plot plot;
    plot.x_label = "processes in memory";
    plot.counts_across = true;
    plot.y_label = "CPU in use (%)";
    plot.lines.push_back({"CPU in use", {}, false, false});
    for (const Json& point : solved.answer["curve"])
      plot.lines[0].points.push_back({as_number(point[0]), 100 * as_number(point[1])});
    return plot;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"processes", "CPU in use (%)", "faults"});
    for (const Json& point : solved.answer["curve"])
      table.add_row({plain(point[0]), shown(100 * as_number(point[1])), plain(point[2])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"best degree", plain(solved.answer["best_degree"])},
            {"CPU in use then", shown(100 * as_number(solved.answer["best_utilization"])) + " %"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    double before = 0;
    for (const Json& point : solved.answer["curve"]) {
      const double now = as_number(point[1]);
      out.push_back(fmt::format(
          "With {}: {} faults, the CPU in use for {} %; {}.", plain(point[0]), plain(point[2]),
          shown(100 * now),
          now >= before ? "while one waits for its page, another runs"
                        : "they take each other's frames, and wait for the paging device"));
      before = now;
    }
    return out;
  }
};

}  // namespace

const Form& shared_form() {
  static const SharedForm kForm;
  return kForm;
}

const Form& thrashing_form() {
  static const ThrashingForm kForm;
  return kForm;
}

}  // namespace spindle::cli
