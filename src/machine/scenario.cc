#include "spindle/machine/scenario.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <span>

#include "paths.h"
#include "scenario_value.h"
#include "spindle/base/clock.h"
#include "spindle/disk/disk_model.h"
#include "spindle/policy/policy_library.h"

namespace spindle {
namespace {

using Value = ScenarioValue;
constexpr double kMostNumber = 1e15;

std::string text_of(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.14g", number);
  return text.data();
}

const char* words_for(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kBoolean:
      return "true or false";
    case Value::Kind::kNumber:
      return "a number";
    case Value::Kind::kText:
      return "a text";
    default:
      return "a table";
  }
}

/// "a, b or c".
std::string alternatives(std::span<const std::string_view> choices) {
  std::string words;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i != 0) words += i + 1 == choices.size() ? " or " : ", ";
    words += choices[i];
  }
  return words;
}

/// The named members of a table, each of which must be asked for.
class Members {
 public:
  Members(const ScenarioCall& call, std::string& message) : call_(call), message_(message) {}

  [[nodiscard]] const Value* find(const std::string& name, Value::Kind kind) {
    asked_.push_back(name);
    const auto found = call_.value.named.find(name);
    if (found == call_.value.named.end()) return nullptr;
    if (found->second.kind == kind) return &found->second;
    fail("'" + name + "' takes " + words_for(kind));
    return nullptr;
  }
  void text(const std::string& name, std::string& into) {
    if (const Value* value = find(name, Value::Kind::kText)) into = value->text;
  }
  /// A text that is one of these.
  void choice(const std::string& name, std::string& into,
              std::span<const std::string_view> choices) {
    text(name, into);
    if (std::ranges::find(choices, into) == choices.end())
      fail("'" + name + "' is " + alternatives(choices));
  }
  /// The name of a policy, or its library, which the caller loads later.
  void policy(const std::string& name, std::string& into, PolicyKind kind) {
    const Value* value = find(name, Value::Kind::kText);
    if (value != nullptr && is_policy_library(value->text))
      into = value->text;
    else
      choice(name, into, policy_names(kind));
  }
  template <class T>
  void number(const std::string& name, T& into, double low, double high, double scale = 1) {
    const Value* value = find(name, Value::Kind::kNumber);
    if (value == nullptr) return;
    if (!(value->number >= low && value->number <= high))
      return fail("'" + name + "' is from " + text_of(low) + " to " + text_of(high));
    if constexpr (std::is_floating_point_v<T>)
      into = value->number * scale;
    else
      into = static_cast<T>(std::llround(value->number * scale));
  }
  void time(const std::string& name, std::int64_t& into_ns) {
    number(name, into_ns, 0, 1e12, kNsPerMs);
  }
  void fail(const std::string& why) {
    if (message_.empty()) message_ = call_.where + call_.function + ": " + why;
  }
  /// The name, which stands first, without a key.
  std::string first() {
    positions_ = 1;
    const auto& list = call_.value.list;
    if (list.empty()) return {};
    if (list[0].kind != Value::Kind::kText) fail("the first value is not a text");
    return list[0].text;
  }
  /// A list of numbers, each from `low` on.
  std::vector<double> numbers(const std::string& name, const Value& list, double low) {
    std::vector<double> all;
    for (const Value& value : list.list) {
      const bool is_number =
          value.kind == Value::Kind::kNumber && value.number >= low && value.number <= kMostNumber;
      if (!is_number) fail("'" + name + "' is a list of numbers, none below " + text_of(low));
      all.push_back(value.number);
    }
    return all;
  }
  /// A member that nobody asked for is a mistake in the scenario.
  void finish() {
    if (call_.value.list.size() > positions_) fail("it has a value without a key");
    for (const auto& [name, value] : call_.value.named)
      if (std::ranges::find(asked_, name) == asked_.end()) fail("there is no '" + name + "'");
  }

 private:
  const ScenarioCall& call_;
  std::string& message_;
  std::vector<std::string> asked_;
  std::size_t positions_ = 0;
};

void read_costs(Members& members, MachineCosts& costs) {
  constexpr std::string_view kCosts[] = {"usual", "none"};
  std::string which = "usual";
  members.choice("costs", which, kCosts);
  if (which == "none") costs = MachineCosts::none();
  members.time("context_switch", costs.context_switch_ns);
  members.time("system_call", costs.system_call_ns);
  members.time("fork", costs.fork_ns);
  members.time("interrupt", costs.interrupt_ns);
  members.time("migration", costs.migration_ns);
}

void read_same_instant(const Value& order, Members& members, MachineConfiguration& configuration) {
  const std::map<std::string, InstantEvent> events = {{"arrival", InstantEvent::kArrival},
                                                      {"io", InstantEvent::kDevice},
                                                      {"preempted", InstantEvent::kPreempted}};
  std::set<std::string> named;
  for (const Value& event : order.list)
    if (event.kind == Value::Kind::kText && events.contains(event.text)) named.insert(event.text);
  if (named.size() != events.size() || order.list.size() != events.size())
    return members.fail("'same_instant' is a list of arrival, io and preempted, in any order");
  for (std::size_t i = 0; i < events.size(); ++i)
    configuration.same_instant[i] = events.at(order.list[i].text);
}

void read_conventions(Members& members, MachineConfiguration& configuration) {
  CpuConventions& conventions = configuration.cpu_conventions;
  members.time("quantum", conventions.quantum.ns);
  members.time("boost", conventions.boost.ns);
  members.time("latency", conventions.latency.ns);
  members.time("granularity", conventions.granularity.ns);
  members.time("aging_interval", conventions.aging_interval.ns);
  members.number("levels", conventions.levels, 1, 32);
  if (const Value* quanta = members.find("quanta", Value::Kind::kTable))
    for (const double quantum : members.numbers("quanta", *quanta, 0))
      conventions.quanta.push_back({std::llround(quantum * kNsPerMs)});
  constexpr std::string_view kTies[] = {"front", "arrival", "requeue"};
  std::string tie = "front";
  members.choice("tie", tie, kTies);
  if (tie == "arrival") conventions.preempted = CpuConventions::Equals::kArrival;
  if (tie == "requeue") conventions.preempted = CpuConventions::Equals::kBack;
  constexpr std::string_view kRequeues[] = {"arrivals-first", "preempted-first"};
  std::string requeue = "arrivals-first";
  members.choice("requeue", requeue, kRequeues);
  if (requeue == "preempted-first")
    configuration.same_instant = {InstantEvent::kPreempted, InstantEvent::kArrival,
                                  InstantEvent::kDevice};
  if (const Value* order = members.find("same_instant", Value::Kind::kTable))
    read_same_instant(*order, members, configuration);
  BurstEstimate estimate;
  const bool estimates = members.find("alpha", Value::Kind::kNumber) != nullptr ||
                         members.find("first", Value::Kind::kNumber) != nullptr;
  members.number("alpha", estimate.alpha, 0, 1);
  members.time("first", estimate.first.ns);
  if (estimates) configuration.estimate = estimate;
}

void read_memory(Members& members, MachineConfiguration& configuration) {
  constexpr double kMostBytes = 1e13;
  MemoryConfiguration& memory = configuration.memory;
  members.number("memory", memory.bytes, 1, kMostBytes);
  members.number("page_size", memory.page_size, 1, 1 << 20);
  members.number("swap", memory.swap_bytes, 0, kMostBytes);
  members.choice("allocation", memory.allocation, kAllocations);
  members.policy("fit", memory.fit, PolicyKind::kFit);
  members.number("partition", configuration.partition_bytes, 1, kMostBytes);
  if (const Value* sizes = members.find("partitions", Value::Kind::kTable))
    for (const double size : members.numbers("partitions", *sizes, 1))
      memory.partitions.push_back(static_cast<std::uint64_t>(size));
  members.number("table_levels", memory.table_levels, 0, 4);
  members.policy("replacement", memory.replacement, PolicyKind::kReplacement);
  members.choice("allotment", memory.allotment, kAllotments);
  members.number("resident_limit", memory.resident_limit, 0, kMostNumber);
  members.number("working_set", memory.working_set_references, 1, kMostNumber);
  members.number("fault_interval", memory.fault_interval_references, 0, kMostNumber);
  members.number("tlb", memory.tlb.entries, 0, 1 << 16);
  members.number("tlb_sets", memory.tlb.sets, 1, 1 << 16);
  members.choice("tlb_replacement", memory.tlb.replacement, replacement_policy_names());
  members.number("asids", memory.tlb.asids, 0, 1 << 16);
  constexpr std::string_view kSwitch[] = {"on", "off"};
  std::string load_control = "on";
  members.choice("load_control", load_control, kSwitch);
  configuration.load_control = load_control == "on";
}

void read_machine(const ScenarioCall& call, Scenario& scenario, bool& is_low_first,
                  std::string& message) {
  Members members(call, message);
  MachineConfiguration& configuration = scenario.configuration;
  members.number("seed", configuration.seed, 0, kMostNumber);
  members.number("cpus", configuration.cpus, 1, kMostCpus);
  members.policy("policy", configuration.cpu_policy, PolicyKind::kCpu);
  read_costs(members, configuration.costs);
  read_conventions(members, configuration);
  read_memory(members, configuration);
  members.time("balance_interval", configuration.balance_interval_ns);
  members.choice("disk", configuration.disk, disk_preset_names());
  members.policy("arm", configuration.arm_policy, PolicyKind::kArm);
  std::string mode(name_of(configuration.device_mode));
  std::string deadlock(name_of(configuration.deadlock));
  std::string order = "low-first";
  members.choice("device_mode", mode, device_mode_names());
  members.choice("deadlock", deadlock, deadlock_strategy_names());
  constexpr std::string_view kOrders[] = {"low-first", "high-first"};
  members.choice("priority_order", order, kOrders);
  is_low_first = order == "low-first";
  if (const auto known = device_mode_of(mode)) configuration.device_mode = *known;
  if (const auto known = deadlock_strategy_of(deadlock)) configuration.deadlock = *known;
  members.number("processes", configuration.most_processes, 1, 29'999);
  members.number("processes_of_user", configuration.most_processes_of_user, 1, 29'999);
  members.finish();
  // What can't be built is said where it stands; libraries are loaded by the caller, later.
  const std::string_view policies[] = {configuration.cpu_policy, configuration.arm_policy,
                                       configuration.memory.replacement, configuration.memory.fit};
  if (std::ranges::any_of(policies, is_policy_library)) return;
  MemoryHost nowhere;
  if (const auto built = Machine::create(configuration, nowhere); !built.ok())
    members.fail(built.error().what);
}

/// CPU, waiting, CPU ...: as a program.
std::string program_of(const std::vector<double>& burst) {
  std::string code;
  bool computes = true;
  for (const double span : burst) {
    code += (computes ? "compute(" : "sleep(") + std::to_string(span) + ") ";
    computes = !computes;
  }
  return code;
}

const Value* find(const ScenarioCall& call, const char* name) {
  const auto found = call.value.named.find(name);
  return found == call.value.named.end() ? nullptr : &found->second;
}

void read_program(const ScenarioCall& call, Members& members, const ReadBeside& read,
                  Scenario& scenario, StartRequest& request) {
  std::string code;
  std::string program;
  members.text("code", code);
  members.text("program", program);
  request.path = "/bin/" + request.name + ".lua";
  if (const Value* burst = find(call, "burst")) {
    static_cast<void>(members.find("burst", burst->kind));
    const bool is_countable = burst->kind == Value::Kind::kNumber ||
                              (burst->kind == Value::Kind::kTable && !burst->list.empty());
    if (!is_countable) return members.fail("'burst' is a number, or a list of them");
    Value list = *burst;
    if (burst->kind == Value::Kind::kNumber) list.list = {*burst};
    code = program_of(members.numbers("burst", list, 0));
  }
  if (!code.empty()) {
    request.source = code;
    return;
  }
  if (program.empty()) return members.fail("it has no program, code or burst");
  request.path = "/bin/" + program_name(program) + ".lua";
  const auto is_there = [&](const auto& file) { return file.first == request.path; };
  if (std::ranges::any_of(scenario.files, is_there)) return;
  auto text = read(program);
  if (!text.ok()) return members.fail(program + ": " + text.error().describe());
  scenario.files.emplace_back(request.path, std::move(text).take());
}

void read_process(const ScenarioCall& call, bool is_low_first, const ReadBeside& read,
                  Scenario& scenario, std::string& message) {
  Members members(call, message);
  StartRequest request;
  request.name = "P" + std::to_string(scenario.processes.size() + 1);
  if (const std::string name = members.first(); !name.empty()) request.name = name;
  members.text("name", request.name);
  read_program(call, members, read, scenario, request);
  std::int64_t at_ns = 0;
  members.time("at", at_ns);
  request.at = VirtualTime{at_ns};
  members.number("nice", request.nice, -20, 19);
  if (find(call, "priority") != nullptr) {
    int priority = 0;
    members.number("priority", priority, -1e9, 1e9);
    request.priority = is_low_first ? -priority : priority;
  }
  if (find(call, "weight") != nullptr) {
    request.weight = 1;
    members.number("weight", *request.weight, 1, 1e9);
  }
  members.number("group", request.group, 0, 1e9);
  members.number("uid", request.uid, 0, 4e9);
  members.time("deadline", request.deadline.ns);
  if (const Value* arguments = members.find("arguments", Value::Kind::kTable))
    for (const Value& argument : arguments->list)
      request.arguments.push_back(argument.kind == Value::Kind::kNumber ? text_of(argument.number)
                                                                        : argument.text);
  std::uint32_t count = 1;
  members.number("count", count, 1, 20'000);
  members.finish();
  for (std::uint32_t i = 0; i < count; ++i) scenario.processes.push_back(request);
}

void read_file(const ScenarioCall& call, const ReadBeside& read, Scenario& scenario,
               std::string& message) {
  Members members(call, message);
  const std::string path = members.first();
  if (!path.starts_with('/') || path.ends_with('/')) members.fail("the path does not begin with /");
  std::string content;
  std::string from;
  std::size_t size = 0;
  members.text("content", content);
  members.text("from", from);
  members.number("size", size, 0, 1u << 30);
  if (!from.empty()) {
    auto text = read(from);
    if (!text.ok()) return members.fail(from + ": " + text.error().describe());
    content = std::move(text).take();
  }
  content.resize(std::max(content.size(), size), '.');
  members.finish();
  scenario.files.emplace_back(path, std::move(content));
}

}  // namespace

Result<Scenario> read_scenario(const std::string& source, const std::string& name,
                               const ReadBeside& read, std::string& message) {
  const Error invalid{EINVAL, "the scenario cannot be used"};
  std::vector<ScenarioCall> calls;
  if (!execute_scenario(source, name, calls, message)) return invalid;
  message.clear();
  Scenario scenario;
  scenario.configuration.crontab.clear();
  bool is_low_first = true;
  for (const ScenarioCall& call : calls) {
    if (call.function == "machine") read_machine(call, scenario, is_low_first, message);
    if (call.function == "file") read_file(call, read, scenario, message);
    if (call.function == "run") {
      Members members(call, message);
      members.number("seconds", scenario.until.ns, 1e-9, 1e6, 1e9);
      members.finish();
    }
  }
  for (const ScenarioCall& call : calls)
    if (call.function == "process") read_process(call, is_low_first, read, scenario, message);
  if (message.empty() && scenario.processes.empty()) message = name + ": there is no process in it";
  if (!message.empty()) return invalid;
  const bool has_crontab = std::ranges::any_of(
      scenario.files, [](const auto& file) { return file.first == "/etc/crontab"; });
  if (has_crontab) scenario.configuration.crontab = "/etc/crontab";
  return scenario;
}

}  // namespace spindle
