// Fuzzes all that reads a volume. The input is a script of mutations of a small volume, 20 bytes
// for each, most of which seal what they changed: mount, inspect and fsck must answer, and after a
// repair a check finds nothing.

#include <cstdio>
#include <cstdlib>

#include "fsck/exercise.h"
#include "fsck/mutation.h"
#include "input.h"
#include "spindle/device/overlay_device.h"

namespace spindle::test {
namespace {

constexpr int kMostMutations = 10;

const Sample& small_sample() {
  static const Sample made = make_sample({.volume_size = 1u << 20,
                                          .inodes = 96,
                                          .large_file = 24'000,
                                          .extents = 60,
                                          .depth = 3,
                                          .names = 60});
  return made;
}

const Ownership& small_ownership() {
  static const Ownership found = ownership_of(small_sample());
  return found;
}

Mutation next_mutation(Input& input) {
  Mutation mutation;
  const auto where = input.number<std::uint8_t>();
  mutation.sealed = where < 224;
  mutation.where =
      static_cast<Mutation::Where>(where % static_cast<std::uint8_t>(Mutation::Where::kCount));
  mutation.what = static_cast<Mutation::What>(input.number<std::uint8_t>() %
                                              static_cast<std::uint8_t>(Mutation::What::kCount));
  mutation.offset = input.number<std::uint16_t>();
  mutation.place = input.number<std::uint32_t>();
  mutation.other = input.number<std::uint32_t>();
  mutation.value = input.number<std::uint64_t>();
  return mutation;
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// After a repair that succeeded nothing is found.
void repair(MemoryDevice device) {
  const auto repaired = check(device, fsck::Mode::kYes);
  if (!repaired.ok()) {
    if (repaired.error().code == EIO) fail("repair: " + repaired.error().describe());
    return;
  }
  if (repaired->left != 0) fail("the repair left something");
  const auto again = check(device, fsck::Mode::kNo);
  if (!again.ok()) fail("second check: " + again.error().describe());
  if (again->found == 0) return;
  const auto& finding = again->findings.front();
  fail("the second check found " + std::string(fsck::row_of(finding.problem).code) + " " +
       finding.place.text + " " + finding.detail);
}

void run(Input input) {
  MemoryDevice device = small_sample().device;
  Mutator mutator(device, small_ownership());
  for (int i = 0; i < kMostMutations && !input.at_end(); ++i) mutator.apply(next_mutation(input));
  mount_and_read(device);
  inspect_all(device, mutator.touched().blocks);
  static_cast<void>(mount_and_change(device));
  MemoryDevice looked_at = device;
  OverlayDevice overlay(looked_at);
  const auto seen = check(overlay, fsck::Mode::kNo);
  if (!seen.ok() && seen.error().code == EIO) fail("check: " + seen.error().describe());
  repair(std::move(device));
}

}  // namespace
}  // namespace spindle::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spindle::test::run(spindle::test::Input(data, size));
  return 0;
}
