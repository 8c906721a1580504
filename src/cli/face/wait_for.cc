#include "cli/face/wait_for.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

class WaitForForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "deadlock"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"wait-for", "WAIT-FOR-CYCLE", "Cycles of the wait-for graph", {}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters;
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures;
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "wait-for: edges as WAITING:HOLDER";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json edges = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() != 2) complaint.make_malformed("edges", row, "WAITING:HOLDER");
      edges.push_back(row);
    }
    if (edges.empty()) complaint.make(no_input("edges", *this));
    return {{"edges", edges}};
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 6, 2, 1000);
    const std::uint64_t edges = recipe.natural("edges", count, 1, 100'000);
    const std::uint64_t seed = recipe.seed();
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Random random(seed);
    Json list = Json::array();
    for (std::uint64_t e = 0; e < edges; ++e) {
      const std::uint64_t from = random.below(count);
      const std::uint64_t to = (from + 1 + random.below(count - 1)) % count;
      list.push_back({fmt::format("P{}", from + 1), fmt::format("P{}", to + 1)});
    }
    return {{"edges", list}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=6,edges=7,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> edges;
    for (const Json& edge : problem["input"]["edges"])
      edges.push_back(fmt::format("{} for {}", plain(edge[0]), plain(edge[1])));
    return fmt::format(
        "These processes wait for one another: {}. Is there a deadlock, and who is "
        "on a cycle?",
        listed(edges));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Graph graph;
    graph.edge_meaning = "waits for";
    graph.trouble_meaning = "on a cycle";
    std::map<std::string, std::size_t> numbers;
    for (const Json& edge : solved.input()["edges"])
      for (const Json& end : edge) numbers[plain(end)] = 0;
    for (auto& [name, number] : numbers) {
      number = graph.nodes.size();
      const Json& cycle = solved.answer["on_cycle"];
      graph.nodes.push_back({name, std::ranges::find(cycle, Json(name)) != cycle.end()});
    }
    for (const Json& edge : solved.input()["edges"])
      graph.edges.push_back({numbers[plain(edge[0])], numbers[plain(edge[1])]});
    return graph;
  }
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"process", "on a cycle"});
    const auto graph = std::get<chart::Graph>(picture(solved));
    for (const chart::Graph::Node& node : graph.nodes)
      table.add_row({node.label, node.is_trouble ? "yes" : "no"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    std::vector<std::string> names;
    for (const Json& name : solved.answer["on_cycle"]) names.push_back(plain(name));
    return {{"deadlock", solved.answer["deadlock"].get<bool>() ? "yes" : "no"},
            {"on a cycle", names.empty() ? "nobody" : listed(names)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const auto graph = std::get<chart::Graph>(picture(solved));
    for (const chart::Graph::Edge& edge : graph.edges) {
      const bool on_cycle = graph.nodes[edge.from].is_trouble && graph.nodes[edge.to].is_trouble;
      out.push_back(fmt::format("{} waits for {}{}.", graph.nodes[edge.from].label,
                                graph.nodes[edge.to].label,
                                on_cycle ? ", which waits, in the end, for itself" : ""));
    }
    return out;
  }
};

}  // namespace

const Form& wait_for_form() {
  static const WaitForForm kForm;
  return kForm;
}

}  // namespace spindle::cli
