// Families of processes: how many a program with forks becomes, and who is whose parent when some
// end.

#include <algorithm>
#include <map>

#include "domains.h"
#include "fork_program.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

class Family {
 public:
  explicit Family(bool to_root) : to_root_(to_root) {}

  /// "a+b": a makes b; "a-": a ends. Says what is wrong with it, or nothing.
  std::string_view act(const std::string& action) {
    const std::size_t sign = action.find_first_of("+-");
    if (sign == std::string::npos || sign == 0) return "neither a+b nor a-";
    const std::string name = action.substr(0, sign);
    if (root_.empty()) {
      root_ = name;
      parents_[name];
    }
    if (!parents_.contains(name)) return "there is no such process";
    if (action[sign] == '-') return sign + 1 == action.size() ? end(name) : "neither a+b nor a-";
    const std::string child = action.substr(sign + 1);
    if (child.empty() || parents_.contains(child)) return "a new process needs a name of its own";
    parents_[child] = name;
    children_[name].push_back(child);
    return {};
  }

  [[nodiscard]] Json parents() const {
    Json json = Json::object();
    for (const auto& [name, parent] : parents_) json[name] = parent.empty() ? Json() : Json(parent);
    return json;
  }

  /// [name, child's tree, child's tree ...].
  [[nodiscard]] Json tree() const {
    // Children are made after their parents' places are known, so no recursion is needed: each
    // tree is built from those of its children, the youngest generation first.
    std::vector<std::string> order{root_};
    for (std::size_t i = 0; i < order.size(); ++i)
      if (const auto found = children_.find(order[i]); found != children_.end())
        order.insert(order.end(), found->second.begin(), found->second.end());
    std::map<std::string, Json> trees;
    for (std::size_t i = order.size(); i-- > 0;) {
      Json tree = Json::array({order[i]});
      if (const auto found = children_.find(order[i]); found != children_.end())
        for (const std::string& child : found->second) tree.push_back(std::move(trees[child]));
      trees[order[i]] = std::move(tree);
    }
    return std::move(trees[root_]);
  }

 private:
  std::string_view end(const std::string& name) {
    if (name == root_) return "the first process does not end";
    const std::string parent = parents_[name];
    const std::string& heir = to_root_ ? root_ : parent;
    std::erase(children_[parent], name);
    for (const std::string& child : children_[name]) {
      parents_[child] = heir;
      children_[heir].push_back(child);
    }
    children_.erase(name);
    parents_.erase(name);
    return {};
  }

  bool to_root_;
  std::string root_;
  std::map<std::string, std::string> parents_;
  std::map<std::string, std::vector<std::string>> children_;
};

}  // namespace

// The processes of all, and after each statement of the outermost level.
Json solve_fork_count(const Problem& problem) {
  constexpr double kMostCounted = 9e15;
  if (problem.algorithm != "COUNT") return problem.unknown_algorithm();
  const std::string program = problem.input["program"].text();
  if (problem.failed()) return {};
  ForkProgram forks(program);
  if (!forks.run()) return problem.input["program"].fail(forks.complaint()), Json();
  if (forks.processes() > kMostCounted)
    return problem.input["program"].fail("too many processes"), Json();
  Json steps = Json::array();
  for (const auto& [statement, count] : forks.steps())
    steps.push_back({statement, static_cast<std::int64_t>(count)});
  return {{"processes", static_cast<std::int64_t>(forks.processes())}, {"steps", steps}};
}

// Convention `reparent`: orphans go to the first process of all (root), or to the parent of the
// one that ended (parent).
Json solve_process_tree(const Problem& problem) {
  if (problem.algorithm != "REPARENT") return problem.unknown_algorithm();
  constexpr std::size_t kMostActions = 500;
  Family family(problem.parameters["reparent"].choice({"root|init", "parent|local|grandparent"}) ==
                0);
  const std::vector<Field> actions = problem.input["actions"].items();
  if (actions.empty() || actions.size() > kMostActions)
    problem.input["actions"].fail("not from 1 to 500 actions");
  if (problem.failed()) return {};
  for (const Field& action : actions) {
    const std::string_view wrong = family.act(action.text());
    if (!wrong.empty()) action.fail(wrong);
    if (problem.failed()) return {};
  }
  return {{"tree", family.tree()}, {"parents", family.parents()}};
}

}  // namespace spindle
