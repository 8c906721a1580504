#include "targeted.h"

namespace spindle::test {

namespace {

void expect_named(const fsck::CheckResult& seen, Problem problem) {
  std::string codes;
  bool is_named = false;
  for (const auto& finding : seen.findings) {
    codes += " " + std::string(fsck::row_of(finding.problem).code) + "(" + finding.place.text + ")";
    is_named |= finding.problem == problem;
  }
  EXPECT_TRUE(is_named) << "found:" << codes;
  EXPECT_EQ(seen.left, seen.found);
}

}  // namespace

void expect_found_and_repaired(const Case& param) {
  MemoryDevice device = sample().device;
  Damager damager(device);
  param.damage(damager);

  MemoryDevice looked_at = device;
  const auto seen = check(looked_at, fsck::Mode::kNo);
  // Without these blocks a check that may not write them anew cannot go on.
  const bool can_go_on = !param.ends_a_look;
  ASSERT_EQ(seen.ok(), can_go_on);
  if (seen.ok()) expect_named(*seen, param.problem);
  EXPECT_TRUE(looked_at.same_content(device)) << "a check that may change nothing wrote";

  std::set<NodeId> damaged;
  for (const std::string& path : param.damaged) {
    if (path == "*") {
      for (const auto& [name, item] : sample().items) damaged.insert(item.node);
    } else {
      damaged.insert(node_of(path));
    }
  }
  EXPECT_EQ(repair_and_compare(device, damaged, param.names_may_change), "");
}

}  // namespace spindle::test
