// Systematic testing: runs a small program under every schedule, up to a bound, and keeps the first
// one that breaks it.
//
//   auto found = explore([] {
//     int counter = 0;
//     auto add = [&] { int seen = counter; yield(); counter = seen + 1; };
//     Thread a = spawn("a", add), b = spawn("b", add);
//     a.join().take(); b.join().take();
//     return counter == 2;
//   });
//   std::fputs(describe(found).c_str(), stdout);  // who went on at each switch of what broke it
//   // found.failed, found.schedule = {0, 1, ...}: `replay` runs it again
//
// Each schedule is a run of its own, in a fresh runtime, so everything that the program touches
// must be made inside it, and it may not use time, descriptors or randomness. Where threads switch
// (waits and yields), any ready thread may go on. Schedules are bounded by delays (Emmi, Qadeer,
// Rakamaric, "Delay-bounded scheduling", 2011): without delays threads run first come, first
// served; passing over a thread costs one. Most mistakes show within two or three delays; a program
// that waits in a loop of yields still ends. If threads only ever make way for each other (as those
// of std::scoped_lock can, at primitives), a schedule has no end: it fails after `most_switches`.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "spindle/base/result.h"

namespace spindle::thread {

struct ExploreOptions {
  std::uint32_t most_delays = 3;
  std::uint64_t most_schedules = 100'000;
  /// A schedule with more switches than this is taken for one without an end, and fails.
  std::size_t most_switches = 100'000;
  /// Threads may switch at the beginning of each call of a primitive too, as with several workers
  /// or preemption, and not only where they wait or yield.
  bool at_primitives = false;
};

struct Exploration {
  std::uint64_t schedules = 0;  ///< schedules that were run
  bool complete = false;        ///< no schedule within the bound of delays was left out
  /// The last schedule ended in a deadlock or did not end, or the test said false.
  bool failed = false;
  bool endless = false;  ///< the last schedule did not end
  /// The last schedule could not be run: the test did not go the same way again.
  bool strayed = false;
  /// The choices of the last schedule: at each switch, how many ready threads were passed over.
  std::vector<std::uint32_t> schedule;
  std::vector<std::string> order;  ///< at each switch, the name of the thread that went on
  std::string deadlock;            ///< who waited for what, if the last schedule ended in one
  int refused = 0;  ///< an errno value, if the kernel gave no runtime for the next schedule
};

/// The result in lines for people: the schedule that failed, switch by switch.
std::string describe(const Exploration& exploration);

/// Runs `test` as the main thread under one schedule after the other until one fails or all have
/// been run. A failing CHECK, or whatever else aborts, ends the program as always, and the schedule
/// is told on standard error. Not inside a runtime. A test that ends in a deadlock, or not at all,
/// leaves its stacks unwound: what it holds is lost.
Exploration explore(const std::function<bool()>& test, const ExploreOptions& options = {});

/// Runs the test again under a schedule that was found with the same options. Returns what the test
/// said; EDEADLK if it did not come to its end; EINVAL if the test does not follow the schedule;
/// the kernel's error if it gives no runtime.
Result<bool> replay(const std::function<bool()>& test, std::span<const std::uint32_t> schedule,
                    const ExploreOptions& options = {});

}  // namespace spindle::thread
