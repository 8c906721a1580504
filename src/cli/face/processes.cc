// `spindle processes`: states, families, forks and signals of processes.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/face/face.h"
#include "cli/face/signals.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

const std::vector<Measure>& no_measures() {
  static const std::vector<Measure> kNone;
  return kNone;
}

class StatesForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "process-states"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {{"states",
                                                       "SWITCH_ON_IO,IO_RUN_LATER",
                                                       "States of processes",
                                                       {"io_length", "switch", "io_done"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"io_length", Kind::kNumber, "states: how long an I/O takes (ticks)", "5"},
        {"switch",
         Kind::kChoice,
         "states: when a process that starts an I/O gives up the CPU",
         "",
         {"SWITCH_ON_IO", "SWITCH_ON_END"}},
        {"io_done",
         Kind::kChoice,
         "states: when a process that comes back from I/O runs",
         "",
         {"IO_RUN_LATER", "IO_RUN_IMMEDIATE"}}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"total", "time (ticks)"},
                                                   {"cpu_busy", "CPU busy (ticks)"},
                                                   {"io_busy", "I/O busy (ticks)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "programs such as c5,i,c2: compute for 5 ticks, do an I/O, compute for 2";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json programs = Json::array();
    for (const std::vector<std::string>& row : rows)
      programs.push_back(fmt::format("{}", fmt::join(row, ",")));
    if (programs.empty()) complaint.make(no_input("programs", *this));
    return {{"programs", programs}};
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 3, 1, 100);
    const std::uint64_t steps = recipe.natural("steps", 3, 1, 100);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Json programs = Json::array();
    for (std::uint64_t p = 0; p < count; ++p) {
      std::string program;
      for (std::uint64_t s = 0; s < steps; ++s)
        program += (s == 0 ? "" : ",") +
                   (random.one_in(3) ? "i" : fmt::format("c{}", 1 + random.below(5)));
      programs.push_back(program);
    }
    return {{"programs", programs}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=2,seed={}", seed);
  }
  /// A case may name what was chosen in its algorithm alone.
  void complete(Json& problem, Complaint&) const override {
    if (problem["algorithm"] == policies().front().algorithm) return;
    const std::vector<std::string> choices = split(plain(problem["algorithm"]), ",");
    constexpr const char* kNames[] = {"switch", "io_done"};
    for (std::size_t i = 0; i < std::size(kNames) && i < choices.size(); ++i)
      if (!problem["parameters"].contains(kNames[i])) problem["parameters"][kNames[i]] = choices[i];
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "These programs share a CPU: {}. (c5 computes for five ticks; i is an I/O of {} ticks, and "
        "starting it and looking after its end take a tick of the CPU each.) When are they all "
        "done, and how long was the CPU busy?",
        listed(problem["input"]["programs"].get<std::vector<std::string>>()),
        plain(problem["parameters"]["io_length"]));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table(
        {"program", "steps", "computed (ticks)", "ready (ticks)", "waited (ticks)", "done (tick)"});
    const Json states = solved.answer.value("states", Json::array());
    for (std::size_t p = 0; p < states.size(); ++p) {
      const auto history = states[p].get<std::string>();
      const auto ticks = [&](std::string_view letters) {
        return std::to_string(std::ranges::count_if(
            history, [&](char c) { return letters.find(c) != std::string_view::npos; }));
      };
      table.add_row({std::to_string(p), plain(solved.input()["programs"][p]), ticks("cie"),
                     ticks("r"), ticks("w"), std::to_string(history.find_last_not_of(' ') + 1)});
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const double total = std::max(1.0, as_number(solved.answer["total"]));
    const auto share = [&](const char* key) {
      return fmt::format("{} ticks, {} %", plain(solved.answer[key]),
                         shown(100 * as_number(solved.answer[key]) / total));
    };
    return {{"time", plain(solved.answer["total"]) + " ticks"},
            {"CPU busy", share("cpu_busy")},
            {"I/O busy", share("io_busy")}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Picture StatesForm::picture(const Solved& solved) const {
  using chart::Meaning;
  chart::Timeline timeline;
  timeline.time_label = "time (ticks)";
  const Json states = solved.answer.value("states", Json::array());
  if (states.empty()) return {};
  static const std::map<char, std::pair<std::string_view, Meaning>> kStates = {
      {'c', {"run", Meaning::kRunning}},
      {'i', {"I/O", Meaning::kOverhead}},
      {'e', {"end", Meaning::kOverhead}},
      {'w', {"wait", Meaning::kDevice}},
      {'r', {"ready", Meaning::kWaiting}}};
  for (std::size_t p = 0; p < states.size(); ++p) {
    chart::Lane lane{fmt::format("process {}", p), {}, {}};
    const auto history = states[p].get<std::string>();
    for (std::size_t from = 0; from < history.size();) {
      std::size_t to = from;
      while (to < history.size() && history[to] == history[from]) ++to;
      if (const auto found = kStates.find(history[from]); found != kStates.end())
        lane.spans.push_back({static_cast<double>(from), static_cast<double>(to),
                              std::string(found->second.first), found->second.second});
      from = to;
    }
    timeline.resources.push_back(std::move(lane));
  }
  return timeline;
}

std::vector<std::string> StatesForm::reasons(const Solved& solved) const {
  static const std::map<char, std::string_view> kWhat = {{'c', "computes"},
                                                         {'i', "starts an I/O"},
                                                         {'e', "looks after the end of its I/O"},
                                                         {'r', "is ready, but another runs"},
                                                         {'w', "waits for its I/O"},
                                                         {' ', "has ended"}};
  std::vector<std::string> out;
  const Json states = solved.answer.value("states", Json::array());
  const std::size_t ticks = states.empty() ? 0 : states[0].get<std::string>().size();
  for (std::size_t tick = 0; tick < ticks; ++tick) {
    std::vector<std::string> clauses;
    for (std::size_t p = 0; p < states.size(); ++p) {
      const auto history = states[p].get<std::string>();
      if (tick != 0 && history[tick] == history[tick - 1] && history[tick] != 'i' &&
          history[tick] != 'e')
        continue;
      clauses.push_back(fmt::format("{} {}", p, kWhat.at(history[tick])));
    }
    if (!clauses.empty()) out.push_back(fmt::format("Tick {}: {}.", tick + 1, listed(clauses)));
  }
  return out;
}

class ForksForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "fork-count"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {{"forks", "COUNT", "How many processes"}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kNone;
    return kNone;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override { return no_measures(); }
  [[nodiscard]] std::string_view row_help() const override {
    return "forks: a program of fork(), &&, ||, !, if, else, for, while, exit and variables";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    std::vector<std::string> statements;
    for (const std::vector<std::string>& row : rows)
      statements.push_back(fmt::format("{}", fmt::join(row, ",")));
    if (rows.empty()) complaint.make(no_input("program", *this));
    return {{"program", fmt::format("{}", fmt::join(statements, " "))}};
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 3, 1, 30);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    std::string program = "fork()";
    for (std::uint64_t i = 1; i < count; ++i) {
      constexpr std::string_view kBetween[] = {"; ", " && ", " || "};
      program += std::string(kBetween[random.below(3)]) + (random.one_in(5) ? "!" : "") + "fork()";
    }
    return {{"program", program}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format("How many processes are there after  {}  in all?",
                       plain(problem["input"]["program"]));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"statement", "each becomes", "processes"});
    for (const Step& step : steps(solved))
      table.add_row({step.statement, shown(step.after / step.before), shown(step.after)});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"processes", plain(solved.answer["processes"])},
            {"of them new", plain(as_number(solved.answer["processes"]) - 1)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    for (const Step& step : steps(solved))
      out.push_back(fmt::format("{}: of {} come {}{}.", step.statement, shown(step.before),
                                shown(step.after), rule_of(step.statement)));
    return out;
  }

 private:
  /// What a child and its parent do after a fork, as far as the statement makes a difference.
  static std::string rule_of(const std::string& statement) {
    const auto has = [&](std::string_view text) { return statement.find(text) != statement.npos; };
    if (!has("fork")) return {};
    std::string rule = ": each that comes to a fork becomes two";
    if (has("&&") || has("||") || has("if") || has("while") || has("!") || has("="))
      rule += "; a child sees 0, which is false, its parent a number, which is true";
    if (has("&&")) rule += "; && goes on where it was true";
    if (has("||")) rule += "; || goes on where it was false";
    return rule;
  }

  struct Step {
    std::string statement;
    double before = 1;
    double after = 1;
  };
  [[nodiscard]] static std::vector<Step> steps(const Solved& solved) {
    std::vector<Step> list;
    for (const Json& step : solved.answer["steps"])
      list.push_back({plain(step[0]), list.empty() ? 1 : list.back().after, as_number(step[1])});
    return list;
  }
};

/// How the processes grow, statement by statement.
Picture ForksForm::picture(const Solved& solved) const {
  chart::Plot plot;
  plot.x_label = "statements";
  plot.y_label = "processes";
  plot.counts_across = plot.counts_up = true;
  plot.lines.push_back({"processes", {{0, 1}}, true, false});
  for (const Step& step : steps(solved))
    plot.lines[0].points.push_back({static_cast<double>(plot.lines[0].points.size()), step.after});
  return plot;
}

class TreeForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "process-tree"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"tree", "REPARENT", "Family of processes", {"reparent"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"reparent", Kind::kChoice, "tree: new parent of orphans", "", {"root", "parent"}}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override { return no_measures(); }
  [[nodiscard]] std::string_view row_help() const override {
    return "tree: actions as a+b (a creates b) or b- (b ends)";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json actions = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& action : split(part, ", ")) actions.push_back(action);
    if (actions.empty()) complaint.make(no_input("actions", *this));
    return {{"actions", actions}};
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 8, 1, 200);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Json actions = Json::array();
    std::vector<std::string> alive = {"a"};
    std::uint64_t made = 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t who = random.below(alive.size());
      if (who != 0 && random.one_in(3)) {
        actions.push_back(alive[who] + "-");
        alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(who));
        continue;
      }
      std::string name(1, static_cast<char>('a' + made % 26));
      if (made >= 26) name += std::to_string(made / 26);
      ++made;
      actions.push_back(alive[who] + "+" + name);
      alive.push_back(name);
    }
    return {{"actions", actions}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=7,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "Process a runs. Then (a+b: a makes b; b-: b ends):\n\n  {}\n\nWho is whose "
        "parent at the end?",
        fmt::join(problem["input"]["actions"].get<std::vector<std::string>>(), ", "));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Graph graph;
    graph.is_tree = true;
    graph.edge_meaning = "is the parent of";
    std::map<std::string, std::size_t> numbers;
    for (const auto& [name, parent] : solved.answer["parents"].items()) {
      numbers[name] = graph.nodes.size();
      graph.nodes.push_back({name, false});
    }
    for (const auto& [name, parent] : solved.answer["parents"].items())
      if (!parent.is_null()) graph.edges.push_back({numbers.at(plain(parent)), numbers.at(name)});
    return graph;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "parent"});
    for (const auto& [name, parent] : solved.answer["parents"].items())
      table.add_row({name, plain(parent)});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"processes", std::to_string(solved.answer["parents"].size())},
            {"tree", solved.answer["tree"].dump()}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    Solved part = solved;
    part.problem["input"]["actions"] = Json::array();
    Json before = Json::object();
    for (const Json& item : solved.input()["actions"]) {
      part.problem["input"]["actions"].push_back(item);
      Complaint ignored;
      if (!solve(part, ignored)) break;
      const auto action = item.get<std::string>();
      const std::string name = action.substr(0, action.find_first_of("+-"));
      std::vector<std::string> moved;
      for (const auto& [child, parent] : part.answer["parents"].items())
        if (before.contains(child) && before[child] != parent)
          moved.push_back(fmt::format("{} now has the parent {}", child, plain(parent)));
      if (!action.ends_with('-'))
        out.push_back(
            fmt::format("{}: {} is a child of {}.", action, action.substr(name.size() + 1), name));
      else
        out.push_back(fmt::format("{}: {} ends{}{}.", action, name,
                                  moved.empty() ? ", and leaves no orphans" : ": ", listed(moved)));
      before = part.answer["parents"];
    }
    return out;
  }
};

}  // namespace

const Face& processes_face() {
  static const StatesForm kStates;
  static const ForksForm kForks;
  static const TreeForm kTree;
  static const Face kFace = {"processes",
                             "Follow states, forks, orphans and signals of processes.",
                             {&kStates, &kForks, &kTree, &signals_form()}};
  return kFace;
}

}  // namespace spindle::cli
