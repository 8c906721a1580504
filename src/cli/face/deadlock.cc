// `spindle deadlock`: the Banker's algorithm, detection and recovery.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cli/face/wait_for.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using Units = std::vector<std::int64_t>;

std::string units_text(const Units& units) {
  return fmt::format("({})", fmt::join(units, ", "));
}

/// The names of the processes, as they were typed.
std::vector<std::string> names_of(const Solved& solved) {
  std::vector<std::string> names;
  const Json& input = solved.input();
  const std::size_t count = input.contains("allocation") ? input["allocation"].size() : 0;
  for (std::size_t p = 0; p < count; ++p)
    names.push_back(input.contains("names") && p < input["names"].size() ? plain(input["names"][p])
                                                                         : fmt::format("P{}", p));
  return names;
}

bool covers(const Units& units, const Units& wanted) {
  for (std::size_t r = 0; r < units.size(); ++r)
    if (wanted[r] > units[r]) return false;
  return true;
}

/// What the two algorithms on tables of units have in common.
class UnitsForm : public Form {
 public:
  /// `wanted` is the table that is given beside the allocation: "max" or "request".
  explicit UnitsForm(std::string_view wanted) : wanted_(wanted) {}

  [[nodiscard]] std::string domain(const Json&) const override { return "deadlock"; }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures;
    return kMeasures;
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json names = Json::array();
    Json allocation = Json::array();
    Json wanted = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() != 3) {
        complaint.make_malformed("processes", row, typed_as(*this));
        return {};
      }
      if (std::ranges::find(names, Json(row[0])) != names.end())
        complaint.make(fmt::format("processes: the name {} is used twice", row[0]));
      names.push_back(row[0]);
      for (auto& [list, text] : {std::pair(&allocation, &row[1]), {&wanted, &row[2]}}) {
        Json units = Json::array();
        for (const std::string& part : split(*text, ",; "))
          units.push_back(read_number(part, "units of " + row[0], complaint, 0, 1e12));
        list->push_back(units);
      }
    }
    if (names.empty()) complaint.make(no_input("processes", *this));
    return {{"names", names}, {"allocation", allocation}, {wanted_, wanted}};
  }

  void complete(Json& problem, Complaint& complaint) const override {
    if (!problem["input"].contains("available"))
      complaint.make("--available: the units that no process holds are missing");
  }

  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 5, 1, 1000);
    const std::uint64_t resources = recipe.natural("resources", 3, 1, 100);
    const std::uint64_t seed = recipe.seed();
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Random random(seed);
    Json input = {{"names", Json::array()}, {"allocation", Json::array()}};
    input["available"] = Json::array();
    for (std::uint64_t r = 0; r < resources; ++r) input["available"].push_back(random.below(4));
    for (std::uint64_t p = 0; p < count; ++p) {
      input["names"].push_back(fmt::format("P{}", p));
      Json held = Json::array();
      Json wanted = Json::array();
      for (std::uint64_t r = 0; r < resources; ++r) {
        const std::uint64_t units = random.below(4);
        held.push_back(units);
        wanted.push_back(wanted_ == "max" ? units + random.below(5) : random.below(3));
      }
      input["allocation"].push_back(held);
      input[wanted_].push_back(wanted);
    }
    return input;
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=5,seed={}", seed);
  }

 protected:
  struct State {
    Units available;
    std::vector<Units> held;
    std::vector<Units> needed;  ///< what each process may still ask for
  };

  [[nodiscard]] State state_of(const Solved& solved) const {
    State state{solved.input()["available"].get<Units>(),
                solved.input()["allocation"].get<std::vector<Units>>(),
                solved.input()[wanted_].get<std::vector<Units>>()};
    if (wanted_ == "max") state.needed = solved.answer["need"].get<std::vector<Units>>();
    return state;
  }

  /// In the search for deadlocks, a process that holds nothing is in none.
  [[nodiscard]] bool is_out_of_it(const Units& held) const {
    return wanted_ == "request" &&
           std::ranges::all_of(held, [](std::int64_t units) { return units == 0; });
  }

  /// The waits when no process can go on: each stuck process waits for all that hold what it lacks.
  [[nodiscard]] chart::Graph graph_of(const Solved& solved,
                                      const std::vector<std::size_t>& finished) const {
    chart::Graph graph;
    graph.edge_meaning = "waits for units that it holds";
    graph.trouble_meaning = "cannot finish";
    State state = state_of(solved);
    std::vector<bool> done(state.held.size());
    for (std::size_t p : finished) done[p] = true;
    for (std::size_t p = 0; p < done.size(); ++p) {
      graph.nodes.push_back({names_of(solved)[p], !done[p] && !is_out_of_it(state.held[p])});
      if (!done[p]) continue;
      for (std::size_t r = 0; r < state.available.size(); ++r)
        state.available[r] += state.held[p][r];
    }
    for (std::size_t p = 0; p < done.size(); ++p)
      for (std::size_t q = 0; q < done.size() && !done[p]; ++q) {
        bool lacks = false;
        for (std::size_t r = 0; r < state.available.size(); ++r)
          lacks = lacks || (state.needed[p][r] > state.available[r] && state.held[q][r] > 0);
        if (lacks && p != q && !done[q]) graph.edges.push_back({p, q});
      }
    return graph;
  }

  [[nodiscard]] std::vector<std::string> reasons_of(const Solved& solved,
                                                    const std::vector<std::size_t>& order) const {
    State state = state_of(solved);
    const std::vector<std::string> names = names_of(solved);
    std::vector<std::string> out;
    std::vector<bool> done(names.size());
    for (std::size_t p : order) {
      const Units before = state.available;
      for (std::size_t r = 0; r < before.size(); ++r) state.available[r] += state.held[p][r];
      out.push_back(
          fmt::format("{} needs {} more; {} are available: it can finish, and gives back "
                      "{}; then {} are.",
                      names[p], units_text(state.needed[p]), units_text(before),
                      units_text(state.held[p]), units_text(state.available)));
      done[p] = true;
    }
    for (std::size_t p = 0; p < done.size(); ++p) {
      if (!done[p] && is_out_of_it(state.held[p]))
        out.push_back(fmt::format(
            "{} holds nothing, so that nobody waits for it: it is not deadlocked.", names[p]));
      else if (!done[p] && !covers(state.available, state.needed[p]))
        out.push_back(fmt::format("{} needs {} more, but only {} are available: it cannot finish.",
                                  names[p], units_text(state.needed[p]),
                                  units_text(state.available)));
    }
    return out;
  }

  [[nodiscard]] static std::string sequence_text(const Solved& solved, const Json& order) {
    const std::vector<std::string> names = names_of(solved);
    std::vector<std::string> words;
    for (const Json& p : order) words.push_back(names[p.get<std::size_t>()]);
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
  }

  std::string wanted_;
};

class BankerForm final : public UnitsForm {
 public:
  BankerForm() : UnitsForm("max") {}
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"banker", "BANKER", "The Banker's algorithm", {"available", "requests"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"available", Kind::kNumbers, "units of each resource that no process holds", "", {}, true},
        {"requests",
         Kind::kWords,
         "banker: requests as NAME+UNIT+UNIT..., one after the other",
         "",
         {},
         true}};
    return kParameters;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "banker: processes as NAME:ALLOCATION:MAX, each UNITS,UNITS...";
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"process", "holds", "maximum"});
    const Json& input = problem["input"];
    for (std::size_t p = 0; p < input["allocation"].size(); ++p)
      table.add_row({fmt::format("P{}", p), units_text(input["allocation"][p].get<Units>()),
                     units_text(input["max"][p].get<Units>())});
    return fmt::format(
        "{} units of the resources are available.\n\n{}\nIs this state safe? If so, "
        "in which order can the processes finish?",
        units_text(input["available"].get<Units>()), table.text({}));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    if (solved.answer["safe"].get<bool>()) return way_out(solved);
    return graph_of(solved, finishing(solved));
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "holds", "maximum", "needs"});
    const State state = state_of(solved);
    for (std::size_t p = 0; p < state.held.size(); ++p)
      table.add_row({names_of(solved)[p], units_text(state.held[p]),
                     units_text(solved.input()["max"][p].get<Units>()),
                     units_text(state.needed[p])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const bool safe = solved.answer["safe"].get<bool>();
    Facts facts = {{"available", units_text(solved.input()["available"].get<Units>())},
                   {"safe", safe ? "yes" : "no"}};
    if (safe) facts.emplace_back("sequence", sequence_text(solved, solved.answer["sequence"]));
    if (!solved.answer.contains("answers")) return facts;
    const Json& requests = solved.input()["requests"];
    for (std::size_t i = 0; i < requests.size(); ++i)
      facts.emplace_back(
          fmt::format("{} asks for {}", names_of(solved)[requests[i][0].get<std::size_t>()],
                      units_text(requests[i][1].get<Units>())),
          plain(solved.answer["answers"][i]));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out = reasons_of(solved, finishing(solved));
    if (!solved.answer.contains("answers")) return out;
    State state = state_of(solved);
    for (const Json& request : solved.input()["requests"])
      out.push_back(answer_to(state, names_of(solved), request[0].get<std::size_t>(),
                              request[1].get<Units>()));
    return out;
  }

 private:
  /// Why the request is granted or not; if it is, the state is then the new one.
  static std::string answer_to(State& state, const std::vector<std::string>& names, std::size_t p,
                               const Units& wanted) {
    const std::string asks = fmt::format("{} asks for {}", names[p], units_text(wanted));
    if (!covers(state.needed[p], wanted))
      return fmt::format("{}, more than the {} that it may still need: an error.", asks,
                         units_text(state.needed[p]));
    if (!covers(state.available, wanted))
      return fmt::format("{}, but only {} are available: it waits.", asks,
                         units_text(state.available));
    State after = state;
    for (std::size_t r = 0; r < wanted.size(); ++r) {
      after.available[r] -= wanted[r];
      after.held[p][r] += wanted[r];
      after.needed[p][r] -= wanted[r];
    }
    const std::string left =
        fmt::format("{}; {} would be left, with which", asks, units_text(after.available));
    std::vector<std::string> order;
    for (std::size_t finished : finishing(after)) order.push_back(names[finished]);
    if (order.size() < names.size())
      return fmt::format("{} {} can finish: that is not safe, and it waits.", left,
                         order.empty() ? "nobody" : "only " + listed(order));
    state = after;
    return fmt::format("{} all can finish, in the order {}: granted.", left,
                       fmt::join(order, ", "));
  }

  /// What is available after each process of the safe sequence has given back what it holds.
  [[nodiscard]] chart::FrameTable way_out(const Solved& solved) const {
    chart::FrameTable picture;
    picture.references_label = "finishes";
    picture.fault_label = picture.footer_label = picture.loaded_meaning = "";
    picture.hit_meaning = "gives back";
    State state = state_of(solved);
    for (std::size_t r = 0; r < state.available.size(); ++r)
      picture.rows.push_back(fmt::format("units of R{}", r));
    const auto column = [&](const std::string& name, const Units& back) {
      picture.columns.push_back({name, {}, "", false});
      for (std::size_t r = 0; r < state.available.size(); ++r)
        picture.columns.back().cells.push_back(
            {std::to_string(state.available[r]),
             back[r] > 0 ? chart::FrameTable::State::kHit : chart::FrameTable::State::kKept});
    };
    column("start", Units(state.available.size()));
    for (std::size_t p : finishing(solved)) {
      for (std::size_t r = 0; r < state.available.size(); ++r)
        state.available[r] += state.held[p][r];
      column(names_of(solved)[p], state.held[p]);
    }
    return picture;
  }

  /// The processes of the safe sequence; if there is none, those that can finish all the same.
  [[nodiscard]] std::vector<std::size_t> finishing(const Solved& solved) const {
    if (solved.answer["safe"].get<bool>())
      return solved.answer["sequence"].get<std::vector<std::size_t>>();
    return finishing(state_of(solved));
  }
  static std::vector<std::size_t> finishing(State state) {
    std::vector<std::size_t> order;
    std::vector<bool> done(state.held.size());
    for (bool progress = true; progress;) {
      progress = false;
      for (std::size_t p = 0; p < done.size(); ++p) {
        if (done[p] || !covers(state.available, state.needed[p])) continue;
        for (std::size_t r = 0; r < state.available.size(); ++r)
          state.available[r] += state.held[p][r];
        done[p] = progress = true;
        order.push_back(p);
      }
    }
    return order;
  }
};

/// "P1+1+0+2" becomes [1, [1, 0, 2]].
void BankerForm::complete(Json& problem, Complaint& complaint) const {
  UnitsForm::complete(problem, complaint);
  Json& input = problem["input"];
  if (!input.contains("requests") || !input["requests"].is_array()) return;
  for (Json& request : input["requests"]) {
    if (!request.is_string()) continue;
    const std::vector<std::string> parts = split(request.get<std::string>(), "+");
    std::size_t process = 0;
    const Json names = input.value("names", Json::array());
    while (!parts.empty() && process < names.size() && names[process] != parts[0]) ++process;
    if (parts.size() < 2 || process == names.size())
      return complaint.make(
          fmt::format("--requests: {} is not NAME+UNIT+UNIT... of one of the "
                      "processes",
                      plain(request)));
    Json units = Json::array();
    for (std::size_t i = 1; i < parts.size(); ++i)
      units.push_back(read_number(parts[i], "--requests", complaint, 0, 1e12));
    request = {process, units};
  }
}

class DetectionForm final : public UnitsForm {
 public:
  DetectionForm() : UnitsForm("request") {}
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"detection", "DETECTION", "Deadlock detection", {"available"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"available",
         Kind::kNumbers,
         "units of each resource that no process holds",
         "",
         {},
         true}};
    return kParameters;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "detection: processes as NAME:ALLOCATION:REQUEST";
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"process", "holds", "asks for"});
    const Json& input = problem["input"];
    for (std::size_t p = 0; p < input["allocation"].size(); ++p)
      table.add_row({fmt::format("P{}", p), units_text(input["allocation"][p].get<Units>()),
                     units_text(input["request"][p].get<Units>())});
    return fmt::format(
        "{} units of the resources are available.\n\n{}\nWhich processes are "
        "deadlocked?",
        units_text(input["available"].get<Units>()), table.text({}));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    return graph_of(solved, solved.answer["finish"].get<std::vector<std::size_t>>());
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "holds", "asks for", "deadlocked"});
    const State state = state_of(solved);
    const auto stuck = solved.answer["deadlocked"].get<std::vector<std::size_t>>();
    for (std::size_t p = 0; p < state.held.size(); ++p)
      table.add_row({names_of(solved)[p], units_text(state.held[p]), units_text(state.needed[p]),
                     std::ranges::find(stuck, p) == stuck.end() ? "no" : "yes"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"deadlocked", sequence_text(solved, solved.answer["deadlocked"])},
            {"can finish, in this order", sequence_text(solved, solved.answer["finish"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return reasons_of(solved, solved.answer["finish"].get<std::vector<std::size_t>>());
  }
};

/// Which process is ended so that the others can go on.
class VictimForm final : public UnitsForm {
 public:
  VictimForm() : UnitsForm("request") {}
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"victim", "VICTIM", "Recovery from a deadlock", {"available", "costs"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"available", Kind::kNumbers, "", "", {}, true},
        {"costs",
         Kind::kNumbers,
         "victim: cost of ending each process [the units that it holds]",
         "",
         {},
         true}};
    return kParameters;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "victim: processes as NAME:ALLOCATION:REQUEST";
  }
  /// The processes that could finish before any was ended.
  void finish(Solved& solved) const override {
    Solved detection = solved;
    detection.problem["algorithm"] = "DETECTION";
    Complaint ignored;
    if (solve(detection, ignored)) solved.answer["finish"] = detection.answer["finish"];
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"process", "holds", "asks for", "cost"});
    const Json& input = problem["input"];
    for (std::size_t p = 0; p < input["allocation"].size(); ++p)
      table.add_row({fmt::format("P{}", p), units_text(input["allocation"][p].get<Units>()),
                     units_text(input["request"][p].get<Units>()), cost_text(input, p)});
    return fmt::format(
        "{} units of the resources are available.\n\n{}\nOf those that are deadlocked the "
        "cheapest is ended, one after the other, until all can finish. Which are they?",
        units_text(input["available"].get<Units>()), table.text({}));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    return graph_of(solved, solved.answer["finish"].get<std::vector<std::size_t>>());
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "holds", "asks for", "cost", "ended"});
    const State state = state_of(solved);
    const auto ended = solved.answer["victims"].get<std::vector<std::size_t>>();
    for (std::size_t p = 0; p < state.held.size(); ++p)
      table.add_row({names_of(solved)[p], units_text(state.held[p]), units_text(state.needed[p]),
                     cost_text(solved.input(), p),
                     std::ranges::find(ended, p) == ended.end() ? "no" : "yes"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"ended, in this order", sequence_text(solved, solved.answer["victims"])},
            {"cost", plain(solved.answer["cost"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out =
        reasons_of(solved, solved.answer["finish"].get<std::vector<std::size_t>>());
    const std::vector<std::string> names = names_of(solved);
    for (const Json& victim : solved.answer["victims"]) {
      const auto p = victim.get<std::size_t>();
      out.push_back(fmt::format(
          "{} is ended, at a cost of {}, the least of those that are still deadlocked; it gives "
          "back {}.",
          names[p], cost_text(solved.input(), p),
          units_text(solved.input()["allocation"][p].get<Units>())));
    }
    return out;
  }

 private:
  static std::string cost_text(const Json& input, std::size_t p) {
    if (input.contains("costs")) return plain(input["costs"][p]);
    const Units held = input["allocation"][p].get<Units>();
    return std::to_string(std::accumulate(held.begin(), held.end(), std::int64_t{0}));
  }
};

}  // namespace

const Face& deadlock_face() {
  static const BankerForm kBanker;
  static const DetectionForm kDetection;
  static const VictimForm kVictim;
  static const Face kFace = {
      "deadlock",
      "Avoid and find deadlocks: the Banker's algorithm, detection, victims, cycles.",
      {&kBanker, &kDetection, &kVictim, &wait_for_form()}};
  return kFace;
}

}  // namespace spindle::cli
