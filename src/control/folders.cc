#include "control/folders.h"

#include "control/file_kinds.h"
#include "spindle/base/clock.h"
#include "spindle/control/disk_tables.h"
#include "spindle/policy/cpu_policy.h"
#include "spindle/thread/inspect.h"

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

}  // namespace

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
  // The scheduler's own order, child-first, stands beside the policies.
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
  tree.add_file("threads/policy", {.read = show, .command = take, .is_choice = true});
}

}  // namespace spindle::control
