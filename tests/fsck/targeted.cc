#include "targeted.h"

namespace spindle::test {

namespace {

// Why the check is not the one that was wanted; empty if it is.
std::string judge_check(const fsck::CheckResult& seen, Problem problem) {
  if (seen.left != seen.found) return "a check that may change nothing says that it repaired";
  std::string found = "found:";
  for (const auto& finding : seen.findings) {
    if (finding.problem == problem) return {};
    found += " " + std::string(fsck::row_of(finding.problem).code) + "(" + finding.place.text + ")";
  }
  return found;
}

std::set<NodeId> nodes_of(const std::vector<std::string>& paths) {
  std::set<NodeId> nodes;
  for (const std::string& path : paths) {
    if (path != "*") {
      nodes.insert(node_of(path));
      continue;
    }
    for (const auto& [name, item] : sample().items) nodes.insert(item.node);
  }
  return nodes;
}

}  // namespace

std::string find_and_repair(const Case& param) {
  MemoryDevice device = sample().device;
  Damager damager(device);
  param.damage(damager);

  MemoryDevice looked_at = device;
  const auto seen = check(looked_at, fsck::Mode::kNo);
  if (!looked_at.same_content(device)) return "a check that may change nothing wrote";
  if (!seen.ok()) return "check: " + seen.error().describe();
  const std::string trouble = judge_check(*seen, param.problem);
  if (!trouble.empty()) return trouble;
  return repair_and_compare(device, nodes_of(param.damaged), param.names_may_change);
}

}  // namespace spindle::test
