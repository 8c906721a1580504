// What can be set of the simulated machine: one value a file.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "control/file_kinds.h"
#include "control/machine_folder.h"
#include "spindle/base/number_text.h"
#include "spindle/disk/disk_model.h"
#include "spindle/policy/fit_policy.h"

namespace spindle::control {
namespace {

using Names = std::vector<std::string_view>;

template <class Number>
Result<Number> as_number(std::string_view text) {
  const auto number = number_in<Number>(text);
  if (!number && std::is_unsigned_v<Number>)
    return Error{EINVAL, "it is not a whole number from 0 on"};
  if (!number && std::is_integral_v<Number>) return Error{EINVAL, "it is not a whole number"};
  if (!number) return Error{EINVAL, "it is not a number"};
  return *number;
}

Names names_of(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

/// Shows a choice, and takes a name.
void add_named(ControlTree& tree, MachineAccess machine, std::string_view path, Names names,
               std::function<std::string(const MachineConfiguration&)> present,
               std::function<Result<>(Machine&, std::string_view)> choose) {
  const auto show = [machine, names = std::move(names),
                     present = std::move(present)]() -> Result<std::string> {
    const std::string now = TRY(machine.with(
        [&](Machine& m) -> Result<std::string> { return present(m.configuration()); }));
    return choice_text(names, now);
  };
  const auto take = [machine, choose = std::move(choose)](std::string_view name) {
    return machine.with([&](Machine& m) { return choose(m, name); });
  };
  tree.add_file(path, {.read = show, .write = take, .is_choice = true});
}

/// The same for policies, which may come from a library, too.
void add_policy(ControlTree& tree, MachineAccess machine, std::string_view path, PolicyKind kind,
                std::function<std::string(const MachineConfiguration&)> present,
                Result<> (Machine::*choose)(std::string_view)) {
  const auto show = [machine, kind, present = std::move(present)]() -> Result<std::string> {
    const std::string now = TRY(machine.with(
        [&](Machine& m) -> Result<std::string> { return present(m.configuration()); }));
    return policies_text(kind, now);
  };
  const auto take = [machine, kind, choose](const Caller& caller,
                                            std::string_view text) -> Result<> {
    const std::string_view name = TRY(policy_for(caller, kind, text));
    return machine.with([&](Machine& m) { return (m.*choose)(name); });
  };
  tree.add_file(path, {.read = show, .command = take, .is_choice = true});
}

/// A number of the configuration.
void add_value(ControlTree& tree, MachineAccess machine, std::string_view path,
               std::function<std::int64_t(const MachineConfiguration&)> present,
               std::function<Result<>(Machine&, std::int64_t)> set) {
  const auto show = [machine, present = std::move(present)]() -> Result<std::string> {
    return machine.with([&](Machine& m) -> Result<std::string> {
      return fmt::format("{}\n", present(m.configuration()));
    });
  };
  const auto take = [machine, set = std::move(set)](std::string_view text) -> Result<> {
    const auto number = TRY(as_number<std::int64_t>(text));
    return machine.with([&](Machine& m) { return set(m, number); });
  };
  tree.add_file(path, {.read = show, .write = take});
}

/// Builds the machine anew with the change; refuses while processes would be lost.
Result<> rebuild(MachineAccess machine, const std::function<void(MachineConfiguration&)>& change) {
  auto configuration = TRY(machine.with([](Machine& m) -> Result<MachineConfiguration> {
    if (!m.finished()) {
      return Error{EBUSY, "the machine has processes; kill them, or write to machine/restart"};
    }
    return m.configuration();
  }));
  change(configuration);
  return machine.beside([&] { return machine.live().restart(configuration); });
}

/// A number that the machine is built of.
template <class Number>
void add_make(ControlTree& tree, MachineAccess machine, std::string_view path,
              Number& (*member)(MachineConfiguration&)) {
  const auto show = [machine, member]() -> Result<std::string> {
    return machine.with([&](Machine& m) -> Result<std::string> {
      MachineConfiguration configuration = m.configuration();
      return fmt::format("{}\n", member(configuration));
    });
  };
  const auto take = [machine, member](std::string_view text) -> Result<> {
    const auto number = TRY(as_number<Number>(text));
    return rebuild(machine, [&](MachineConfiguration& c) { member(c) = number; });
  };
  tree.add_file(path, {.read = show, .write = take});
}

/// A name that the machine is built by.
void add_scheme(ControlTree& tree, MachineAccess machine, std::string_view path, Names names,
                const char* unknown, std::string& (*member)(MachineConfiguration&)) {
  const auto show = [machine, names, member]() -> Result<std::string> {
    const std::string now = TRY(machine.with([&](Machine& m) -> Result<std::string> {
      MachineConfiguration configuration = m.configuration();
      return member(configuration);
    }));
    return choice_text(names, now);
  };
  const auto take = [machine, names, unknown, member](std::string_view name) -> Result<> {
    if (std::ranges::find(names, name) == names.end()) return Error{EINVAL, unknown};
    return rebuild(machine, [&](MachineConfiguration& c) { member(c) = name; });
  };
  tree.add_file(path, {.read = show, .write = take, .is_choice = true});
}

/// The sizes of fixed partitions, in order.
void add_partitions(ControlTree& tree, MachineAccess machine) {
  const auto show = [machine]() -> Result<std::string> {
    return machine.with([](Machine& m) -> Result<std::string> {
      return fmt::format("{}\n", fmt::join(m.configuration().memory.partitions, " "));
    });
  };
  const auto take = [machine](std::string_view text) -> Result<> {
    std::vector<std::uint64_t> sizes;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(' '), text.size());
      if (end != 0) sizes.push_back(TRY(as_number<std::uint64_t>(text.substr(0, end))));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return rebuild(machine, [&](MachineConfiguration& c) { c.memory.partitions = sizes; });
  };
  tree.add_file("machine/partitions", {.read = show, .write = take});
}

void add_memory(ControlTree& tree, MachineAccess machine) {
  using Configuration = MachineConfiguration;
  add_policy(
      tree, machine, "machine/replacement", PolicyKind::kReplacement,
      [](const Configuration& c) { return c.memory.replacement; }, &Machine::set_replacement);
  add_named(
      tree, machine, "machine/allotment", names_of(kAllotments),
      [](const Configuration& c) { return c.memory.allotment; },
      [](Machine& m, std::string_view name) { return m.set_allotment(name); });
  add_value(
      tree, machine, "machine/tlb_entries",
      [](const Configuration& c) { return std::int64_t{c.memory.tlb.entries}; },
      [](Machine& m, std::int64_t entries) -> Result<> {
        constexpr std::int64_t kMostEntries = 65'536;
        if (entries < 0 || entries > kMostEntries) {
          return Error{EINVAL, "a TLB has 0 to 65536 entries"};
        }
        MemoryConfiguration::Tlb tlb = m.configuration().memory.tlb;
        tlb.entries = static_cast<std::uint32_t>(entries);
        return m.set_tlb(tlb);
      });
  add_scheme(tree, machine, "machine/allocation", names_of(kAllocations),
             "no scheme of allocation has this name",
             [](Configuration& c) -> std::string& { return c.memory.allocation; });
  add_partitions(tree, machine);
  add_make<std::uint64_t>(tree, machine, "machine/partition_bytes",
                          [](Configuration& c) -> std::uint64_t& { return c.partition_bytes; });
  add_scheme(tree, machine, "machine/fit", names_of(fit_policy_names()),
             "no fit policy has this name",
             [](Configuration& c) -> std::string& { return c.memory.fit; });
  add_make<std::uint64_t>(tree, machine, "machine/memory_bytes",
                          [](Configuration& c) -> std::uint64_t& { return c.memory.bytes; });
  add_value(
      tree, machine, "machine/swap_bytes",
      [](const Configuration& c) { return static_cast<std::int64_t>(c.memory.swap_bytes); },
      [](Machine& m, std::int64_t bytes) -> Result<> {
        if (bytes < 0) return Error{EINVAL, "a size must not be negative"};
        return m.set_swap_bytes(static_cast<std::uint64_t>(bytes));
      });
  add_make<std::uint32_t>(tree, machine, "machine/page_size",
                          [](Configuration& c) -> std::uint32_t& { return c.memory.page_size; });
  add_make<unsigned>(tree, machine, "machine/table_levels",
                     [](Configuration& c) -> unsigned& { return c.memory.table_levels; });
}

constexpr std::string_view kFree = "max";

void add_clock(ControlTree& tree, MachineAccess machine) {
  LiveMachine& live = machine.live();
  const auto show_rate = [machine, &live]() -> Result<std::string> {
    const double rate = TRY(machine.beside([&]() -> Result<double> { return live.rate(); }));
    if (rate == LiveMachine::kAsFastAsPossible) return fmt::format("{}\n", kFree);
    return fmt::format("{}\n", rate);
  };
  const auto set_rate = [machine, &live](std::string_view text) -> Result<> {
    const double rate =
        text == kFree ? LiveMachine::kAsFastAsPossible : TRY(as_number<double>(text));
    if (text != kFree && !(rate >= 0)) return Error{EINVAL, "a rate is 0 to 1000000, or max"};
    return machine.beside([&] { return live.set_rate(rate); });
  };
  tree.add_file("machine/rate", {.read = show_rate, .write = set_rate});
  tree.add_file("machine/step", {.write = [machine, &live](std::string_view text) -> Result<> {
                  constexpr std::uint64_t kMostSteps = 1'000'000;
                  const auto events = TRY(as_number<std::uint64_t>(text));
                  if (events > kMostSteps) return Error{ERANGE, "at most 1000000 steps at a time"};
                  return machine.beside([&] { return live.step(events); });
                }});
  tree.add_file("machine/restart", {.write = [machine](std::string_view) -> Result<> {
                  const auto configuration =
                      TRY(machine.with([](Machine& m) -> Result<MachineConfiguration> {
                        return m.configuration();
                      }));
                  return machine.beside([&] { return machine.live().restart(configuration); });
                }});
  tree.add_file("machine/now_ns", {.read = [machine]() -> Result<std::string> {
                  return machine.with([](Machine& m) -> Result<std::string> {
                    return fmt::format("{}\n", m.now().ns);
                  });
                }});
}

}  // namespace

void add_machine_settings(ControlTree& tree, MachineAccess machine) {
  using Configuration = MachineConfiguration;
  add_clock(tree, machine);
  add_policy(
      tree, machine, "machine/policy", PolicyKind::kCpu,
      [](const Configuration& c) { return c.cpu_policy; }, &Machine::set_cpu_policy);
  add_policy(
      tree, machine, "machine/arm_policy", PolicyKind::kArm,
      [](const Configuration& c) { return c.arm_policy; }, &Machine::set_arm_policy);
  add_named(
      tree, machine, "machine/disk", names_of(disk_preset_names()),
      [](const Configuration& c) { return c.disk; },
      [](Machine& m, std::string_view name) { return m.set_disk(name); });
  add_named(
      tree, machine, "machine/deadlock", names_of(deadlock_strategy_names()),
      [](const Configuration& c) { return std::string(name_of(c.deadlock)); },
      [](Machine& m, std::string_view name) -> Result<> {
        const auto strategy = deadlock_strategy_of(name);
        if (!strategy) return Error{EINVAL, "no deadlock strategy has this name"};
        return m.set_deadlock_strategy(*strategy);
      });
  add_named(
      tree, machine, "machine/device_mode", names_of(device_mode_names()),
      [](const Configuration& c) { return std::string(name_of(c.device_mode)); },
      [](Machine& m, std::string_view name) -> Result<> {
        const auto mode = device_mode_of(name);
        if (!mode) return Error{EINVAL, "no device mode has this name"};
        return m.set_device_mode(*mode);
      });
  add_value(
      tree, machine, "machine/quantum_ns",
      [](const Configuration& c) { return c.cpu_conventions.quantum.ns; },
      [](Machine& m, std::int64_t ns) -> Result<> { return m.set_quantum({ns}); });
  add_value(
      tree, machine, "machine/seed",
      [](const Configuration& c) { return static_cast<std::int64_t>(c.seed); },
      [](Machine& m, std::int64_t seed) -> Result<> {
        return m.set_seed(static_cast<std::uint64_t>(seed));
      });
  add_make<std::uint32_t>(tree, machine, "machine/cpus",
                          [](Configuration& c) -> std::uint32_t& { return c.cpus; });
  add_memory(tree, machine);
}

}  // namespace spindle::control
