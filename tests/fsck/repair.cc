#include "repair.h"

#include "model/mounted_volume.h"
#include "model/volume_check.h"

namespace spindle::test {
namespace {

std::string compare(const Items& after, const std::set<NodeId>& damaged, bool names_may_change) {
  std::map<NodeId, const Item*> by_node;
  for (const auto& [path, item] : after) by_node[item.node] = &item;
  for (const auto& [path, item] : sample().items) {
    if (damaged.contains(item.node)) continue;
    const auto named = after.find(path);
    const bool is_there = named != after.end() && named->second.node == item.node;
    if (!is_there && !names_may_change) return path + " is gone";
    const auto found = by_node.find(item.node);
    if (found == by_node.end()) return path + " is lost, with its inode";
    const Item& now = *found->second;
    if (now.mode != item.mode) return path + " has another mode";
    if (now.content != item.content) return path + " has another content";
    if (now.attributes != item.attributes) return path + " has other attributes";
  }
  return {};
}

// The repaired volume is mounted, read, written to and unmounted.
std::string use(MemoryDevice& device, Items& items) {
  std::string trouble;
  in_runtime([&] {
    auto volume = FileSystem::mount(device, {.capacity_bytes = 4u << 20}, {});
    if (!volume.ok()) {
      trouble = "mount: " + volume.error().describe();
      return;
    }
    const auto problems = check_volume(**volume, 0);
    if (!problems.empty()) trouble = "mounted: " + problems.front();
    auto read = read_items(**volume);
    if (!read.ok()) trouble = "reading: " + read.error().describe();
    if (read.ok()) items = std::move(read).take();
    const auto file = (*volume)->create({}, kRootNode, "written after the repair", 0644);
    const auto bytes = bytes_of(1, 9000);
    if (!file.ok() || !(*volume)->write(file->node, 0, 0, bytes, Setuid::kKeep).ok()) {
      trouble += " it cannot be written to";
    }
    const auto unmounted = (*volume)->unmount();
    if (!unmounted.ok()) trouble += " unmount: " + unmounted.error().describe();
  });
  return trouble;
}

std::string first_of(const fsck::CheckResult& result) {
  if (result.findings.empty()) return {};
  const fsck::Finding& finding = result.findings.front();
  return std::string(fsck::row_of(finding.problem).code) + " " + finding.place.text + " " +
         finding.detail;
}

}  // namespace

std::string repair_and_compare(MemoryDevice& device, const std::set<NodeId>& damaged,
                               bool names_may_change) {
  const auto repaired = check(device, fsck::Mode::kYes);
  if (!repaired.ok()) return "repair: " + repaired.error().describe();
  if (repaired->left != 0) return "the repair left " + std::to_string(repaired->left);
  const auto again = check(device, fsck::Mode::kNo);
  if (!again.ok()) return "second check: " + again.error().describe();
  if (again->found != 0) return "the second check found " + first_of(*again);
  Items items;
  std::string trouble = use(device, items);
  if (trouble.empty()) trouble = compare(items, damaged, names_may_change);
  if (!trouble.empty()) return trouble;
  const auto last = check(device, fsck::Mode::kNo);
  if (!last.ok()) return "last check: " + last.error().describe();
  return last->found != 0 ? "the last check found " + first_of(*last) : std::string();
}

}  // namespace spindle::test
