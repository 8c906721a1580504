// Checks of what always holds for a machine, whatever runs on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "spindle/machine/machine.h"
#include "spindle/machine/memory.h"

namespace spindle {

/// A machine with what it prints and its files.
struct TestMachine {
  explicit TestMachine(MachineConfiguration configuration = {}) {
    auto made = Machine::create(configuration, host);
    EXPECT_TRUE(made.ok());
    machine = std::move(made).take();
    machine->on_console([this](std::string_view text) { printed += text; });
  }
  ProcessNumber start(std::string source, StartRequest request = {}) {
    request.source = std::move(source);
    if (request.path.empty()) request.path = "/bin/test.lua";
    const auto started = machine->start(request);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().what) << " "
                              << machine->last_message();
    return started.ok() ? *started : 0;
  }
  /// Runs until all are done, or nothing goes on, or a virtual hour is over.
  void run(std::int64_t most_ns = 3'600'000'000'000) {
    while (machine->now().ns < most_ns && !machine->finished() && !machine->stuck() &&
           machine->step()) {
    }
  }

  MemoryHost host;
  std::unique_ptr<Machine> machine;
  std::string printed;
};

/// The conservation laws: each CPU's columns add up to the time; what processes used is what CPUs
/// gave; states are legal; parents exist.
inline void expect_laws(const Machine& machine) {
  const SystemSnapshot system = machine.snapshot_system();
  VirtualTime given;
  for (const CpuSnapshot& cpu : system.cpus) {
    EXPECT_EQ(cpu.times.total(), system.now);
    given += cpu.times.user + cpu.times.nice + cpu.times.system;
  }
  VirtualTime used;
  std::uint64_t threads = 0;
  std::uint64_t runnable = 0;
  const auto numbers = machine.processes();
  for (const ProcessNumber number : numbers) {
    const auto process = machine.snapshot_process(number);
    ASSERT_TRUE(process.ok());
    used += process->user + process->system + process->children_user + process->children_system;
    threads += process->threads.size();
    EXPECT_NE(std::string_view("RSDTZI").find(process->state), std::string_view::npos);
    EXPECT_EQ(process->state == 'Z',
              process->threads.empty() && !process->is_kernel && number != 1);
    if (process->parent != 0) {
      EXPECT_NE(std::ranges::find(numbers, process->parent), numbers.end());
    }
    for (const ThreadSnapshot& thread : process->threads) {
      runnable += thread.state == 'R' ? 1 : 0;
      EXPECT_LE((thread.ran + thread.waited).ns, (system.now - thread.started).ns);
    }
  }
  for (const PressureSnapshot& pressure : system.pressure) {
    EXPECT_LE(pressure.full.total, pressure.some.total);
    EXPECT_LE(pressure.some.total, system.now);
  }
  EXPECT_EQ(machine.memory().broken_law(), "");
  EXPECT_EQ(used, given);
  EXPECT_EQ(runnable, system.running);
  EXPECT_EQ(threads + 2, system.threads);
}

}  // namespace spindle
