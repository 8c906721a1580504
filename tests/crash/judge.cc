#include "judge.h"

#include <algorithm>
#include <cstdlib>

#include "fsck/check_volume.h"
#include "model/volume_check.h"

namespace spindle::test {
namespace {

std::string finding_of(const fsck::CheckResult& checked) {
  return "fsck: " + checked.findings.front().place.text + " " + checked.findings.front().detail;
}

// A cut is not damage: a check right after it, without a mount before, finds nothing.
std::string judge_check(MemoryDevice image) {
  const auto checked = fsck::check_volume(image, {.mode = fsck::Mode::kYes, .force = true});
  if (!checked.ok()) return "check: " + checked.error().describe();
  return checked->found == 0 ? "" : finding_of(*checked);
}

}  // namespace

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint64_t one_in() {
  return std::max<std::uint64_t>(1, from_environment("SPINDLE_ONE_IN", 1));
}

std::string judge(MemoryDevice& image, std::size_t cut, const History& history, bool runs_fsck) {
  if (runs_fsck) {
    const std::string wrong = judge_check(image);
    if (!wrong.empty()) return wrong;
  }
  auto mounting = FileSystem::mount(image, {.capacity_bytes = 1u << 20}, {});
  if (!mounting.ok()) return "mount: " + mounting.error().describe();
  FileSystem& volume = **mounting;
  const auto problems = check_volume(volume);
  if (!problems.empty()) return problems.front();
  const Shown shown = show(volume);
  std::string wrong = history.judge_names(cut, shown.names);
  for (const auto& [id, content] : shown.contents) {
    if (wrong.empty()) wrong = history.judge_content(cut, id, content);
  }
  if (!wrong.empty() || !runs_fsck) return wrong;
  must(volume.unmount());
  const auto checked = fsck::check_volume(image, {.force = true});
  if (!checked.ok()) return "fsck: " + checked.error().describe();
  return checked->found == 0 ? "" : finding_of(*checked);
}

}  // namespace spindle::test
