#include "control/folders.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "spindle/base/clock.h"
#include "spindle/control/disk_tables.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/offload.h"

namespace spindle::control {
namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

FactTable purposes_table(SimulatedDisk& disk) {
  const DiskStatistics& s = disk.statistics();
  constexpr auto kRead = static_cast<std::size_t>(IoRequest::Kind::kRead);
  constexpr auto kWrite = static_cast<std::size_t>(IoRequest::Kind::kWrite);
  FactTable table({"purpose", "read_requests", "read_blocks", "write_requests", "written_blocks"});
  for (std::size_t i = 0; i < kIoPurposes; ++i) {
    table.add_row({std::string(io_purpose_name(static_cast<IoPurpose>(i))),
                   s.requests_by_purpose[kRead][i], s.blocks_by_purpose[kRead][i],
                   s.requests_by_purpose[kWrite][i], s.blocks_by_purpose[kWrite][i]});
  }
  return table;
}

std::vector<Fact> threads_facts(const thread::Runtime& runtime) {
  return {
      {"live", std::uint64_t{runtime.live_threads()}},
      {"workers", std::uint64_t{runtime.workers()}},
      {"switches", runtime.switches()},
      {"deadlocks", runtime.deadlocks()},
      {"guard", std::string(to_string(runtime.guard_kind()))},
  };
}

FactTable threads_table(const thread::Runtime& runtime) {
  FactTable table({"id", "name", "state", "waits_for", "object", "held_by", "waiting_us",
                   "switches", "cpu_us", "stack_bytes", "stack_used_bytes"});
  const std::int64_t now_ns = monotonic_ns();
  for (const auto& thread : thread::list_threads(runtime)) {
    const bool waits = thread.state == thread::ThreadState::kWaiting;
    const std::int64_t waited_ns = waits ? now_ns - thread.waiting_since_ns : 0;
    table.add_row({thread.id, thread.name, std::string(thread::to_string(thread.state)),
                   std::string(waits ? thread::to_string(thread.waits_for) : ""),
                   thread.object_name, thread.held_by, static_cast<std::uint64_t>(waited_ns / 1000),
                   thread.switches, static_cast<std::uint64_t>(thread.cpu_time_ns / 1000),
                   std::uint64_t{thread.stack_size}, std::uint64_t{thread.stack_used}});
  }
  return table;
}

/// What Runtime::set_policy takes.
}  // namespace

std::string choice_text(std::span<const std::string_view> names, std::string_view present) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ' ';
    text += name == present ? "[" + std::string(name) + "]" : std::string(name);
  }
  return text + "\n";
}

bool is_master(const Caller& caller) {
  return caller.uid == 0 || caller.uid == ::geteuid();
}

void add_choice(ControlTree& tree, std::string_view path,
                std::function<std::span<const std::string_view>()> names,
                std::function<std::string_view()> present,
                std::function<Result<>(std::string_view name)> choose) {
  const auto show = [names = std::move(names),
                     present = std::move(present)]() -> Result<std::string> {
    return choice_text(names(), present());
  };
  tree.add_file(path, {.read = show, .write = std::move(choose)});
}

Result<std::string_view> policy_for(const Caller& caller, PolicyKind kind, std::string_view text) {
  if (!is_policy_library(text)) return policy_named(kind, text);
  if (!is_master(caller)) {
    return Error{EPERM, "only root and the user who mounted may load a library"};
  }
  if (text.front() != '/') return Error{EINVAL, "the daemon needs the whole path of a library"};
  // It may be a file of this very mount.
  return thread::offload([&] { return load_policy(kind, text); });
}

std::string policies_text(PolicyKind kind, std::string_view present) {
  const auto listed = policy_names(kind);
  std::vector<std::string_view> names(listed.begin(), listed.end());
  if (std::ranges::find(names, present) == names.end()) names.push_back(present);
  return choice_text(names, present);
}

void add_policy_choice(ControlTree& tree, std::string_view path, PolicyKind kind,
                       std::function<std::string_view()> present,
                       std::function<Result<>(std::string_view name)> choose) {
  const auto show = [kind, present = std::move(present)]() -> Result<std::string> {
    return policies_text(kind, present());
  };
  const auto take = [kind, choose = std::move(choose)](const Caller& caller,
                                                       std::string_view text) -> Result<> {
    return choose(TRY(policy_for(caller, kind, text)));
  };
  tree.add_file(path, {.read = show, .command = take});
}

void add_number(ControlTree& tree, std::string_view path, std::function<double()> present,
                std::function<Result<>(double value)> set) {
  const auto take = [set = std::move(set)](std::string_view text) -> Result<> {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Error{EINVAL, "it is not a number"};
    }
    return set(value);
  };
  tree.add_file(path, {.read = [present = std::move(present)]() -> Result<std::string> {
                         return to_text(present()) + "\n";
                       },
                       .write = take});
}

void add_switch(ControlTree& tree, std::string_view path, std::function<bool()> is_on,
                std::function<void(bool)> set) {
  static constexpr std::array<std::string_view, 2> kStates = {"on", "off"};
  add_choice(
      tree, path, [] { return std::span<const std::string_view>(kStates); },
      [is_on = std::move(is_on)] { return kStates[is_on() ? 0 : 1]; },
      [set = std::move(set)](std::string_view state) -> Result<> {
        const bool turns_on = state == "on" || state == "1";
        if (!turns_on && state != "off" && state != "0") return Error{EINVAL, "it is on or off"};
        set(turns_on);
        return {};
      });
}

void add_trigger(ControlTree& tree, std::string_view path, std::function<Result<>()> action) {
  tree.add_file(path,
                {.write = [action = std::move(action)](std::string_view) { return action(); }});
}

std::vector<Fact> cache_facts(BufferCache& cache) {
  const CacheStatistics s = cache.statistics();
  return {
      {"size_bytes", s.capacity_blocks * cache.block_size()},
      {"reads", s.reads},
      {"hits", s.hits},
      {"misses", s.misses},
      {"hit_ratio", share(s.hits, s.reads)},
      {"evictions", s.evictions},
      {"read_ahead_blocks", s.read_ahead_blocks},
      {"read_ahead_used_blocks", s.read_ahead_used},
      {"written_back_blocks", s.written_back},
      {"capacity_blocks", s.capacity_blocks},
      {"used_blocks", s.used_blocks},
      {"dirty_blocks", s.dirty_blocks},
      {"pinned_blocks", s.pinned_blocks},
  };
}

std::vector<Fact> journal_facts(Journal& journal) {
  const JournalStatistics s = journal.statistics();
  return {
      {"transactions", s.transactions},
      {"epochs", s.epochs},
      {"open_epoch", s.open_epoch},
      {"durable_epoch", s.durable_epoch},
      {"log_bytes_written", s.log_bytes},
      {"log_capacity_bytes", s.log_capacity_bytes},
      {"log_used_bytes", s.log_used_bytes},
      {"tail_block", s.tail_block},
      {"head_block", s.head_block},
      {"data_logged_blocks", s.data_logged_blocks},
      {"checkpoints", s.checkpoints},
      {"checkpointed_blocks", s.checkpointed_blocks},
      {"blocks_to_checkpoint", s.blocks_to_checkpoint},
      {"flushes", s.flushes},
      {"waits_for_space", s.waits_for_space},
  };
}

void add_cache_folder(ControlTree& tree, BufferCache& cache) {
  add_facts(tree, "cache", [&cache] { return cache_facts(cache); });
  add_policy_choice(
      tree, "cache/policy", PolicyKind::kReplacement, [&cache] { return cache.policy(); },
      [&cache](std::string_view name) { return cache.set_policy(name); });
  add_table(tree, "cache/history",
            [&cache]() -> Result<FactTable> { return hits_table(cache.history()); });
  add_trigger(tree, "cache/reset", [&cache]() -> Result<> {
    cache.reset_statistics();
    return {};
  });
  add_trigger(tree, "cache/drop", [&cache]() -> Result<> {
    TRY(cache.flush_all());
    cache.drop_clean();
    return {};
  });
}

void add_disk_folder(ControlTree& tree, SimulatedDisk& disk) {
  add_facts(tree, "disk", [&disk] { return disk_facts(disk.statistics()); });
  tree.add_file("disk/geometry", {.read = [&disk]() -> Result<std::string> {
                  return facts_text(geometry_facts(disk.drive().model()));
                }});
  tree.add_file("disk/geometry.json", {.read = [&disk]() -> Result<std::string> {
                  return facts_json(geometry_facts(disk.drive().model()));
                }});
  add_table(tree, "disk/response_times",
            [&disk]() -> Result<FactTable> { return response_table(disk.statistics()); });
  add_table(tree, "disk/seek_distances",
            [&disk]() -> Result<FactTable> { return distance_table(disk.statistics()); });
  add_table(tree, "disk/purposes", [&disk]() -> Result<FactTable> { return purposes_table(disk); });
  add_policy_choice(
      tree, "disk/scheduler", PolicyKind::kArm, [&disk] { return disk.arm_policy(); },
      [&disk](std::string_view name) { return disk.set_arm_policy(name); });
  add_choice(
      tree, "disk/model", [] { return disk_preset_names(); }, [&disk] { return disk.disk(); },
      [&disk](std::string_view name) { return disk.set_disk(name); });
  add_number(
      tree, "disk/pace", [&disk] { return disk.pace(); },
      [&disk](double pace) { return disk.set_pace(pace); });
  add_trigger(tree, "disk/reset", [&disk]() -> Result<> {
    disk.reset_statistics();
    return {};
  });
}

void add_journal_folder(ControlTree& tree, Journal& journal) {
  add_facts(tree, "journal", [&journal] { return journal_facts(journal); });
  tree.add_file("journal/state", {.read = [&journal]() -> Result<std::string> {
                  if (!journal.failure()) return std::string("working\n");
                  return "failed: " + journal.failure()->describe() + "\n";
                }});
  add_trigger(tree, "journal/commit", [&journal] { return journal.sync(); });
  add_trigger(tree, "journal/checkpoint", [&journal] { return journal.checkpoint(); });
}

void add_threads_folder(ControlTree& tree) {
  add_facts(tree, "threads", [] { return threads_facts(*thread::Runtime::current()); });
  add_table(tree, "threads/list",
            []() -> Result<FactTable> { return threads_table(*thread::Runtime::current()); });
  tree.add_file("threads/backtraces", {.read = []() -> Result<std::string> {
                  return thread::describe_threads(*thread::Runtime::current());
                }});
  // The scheduler's own way stands beside the policies.
  static constexpr std::string_view kChildFirst = "child-first";
  const auto show = []() -> Result<std::string> {
    const auto known = cpu_policy_names();
    std::vector<std::string_view> names(known.begin(), known.end());
    names.push_back(kChildFirst);
    return choice_text(names, thread::Runtime::current()->policy_name());
  };
  const auto take = [](const Caller& caller, std::string_view text) -> Result<> {
    const std::string_view name =
        text == kChildFirst ? text : TRY(policy_for(caller, PolicyKind::kCpu, text));
    return thread::Runtime::current()->set_policy(name);
  };
  tree.add_file("threads/policy", {.read = show, .command = take});
}

}  // namespace spindle::control
