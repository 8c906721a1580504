// `spindle replay`: plays a recording on volumes in memory, with every combination of policies that
// is asked for.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "cli/experiment/league.h"
#include "cli/face/traces.h"
#include "spindle/base/json_text.h"
#include "spindle/base/size_text.h"
#include "spindle/command_line/command_line.h"
#include "spindle/disk/disk_model.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {
namespace {

struct ReplayRequest {
  std::string file;
  std::vector<std::string> strategies;
  std::vector<std::string> fits;
  std::vector<std::string> arms;
  std::vector<std::string> cache_policies;
  std::vector<std::string> cache_sizes;
  std::vector<std::string> disks;
  unsigned jobs = 0;
  std::size_t top = 20;
  bool json = false;
};

constexpr std::size_t kMostCombinations = 100'000;

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for (const FileMap* map : all_file_maps()) names.emplace_back(map->name());
  return names;
}

std::vector<std::string> listed_names(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

/// The names that are asked for, or all known ones for "all"; `fallback` if none are.
std::vector<std::string> chosen(std::string_view option, const std::vector<std::string>& asked,
                                const std::vector<std::string>& known,
                                std::vector<std::string> fallback, Complaint& complaint) {
  if (asked.empty()) return fallback;
  if (asked == std::vector<std::string>{"all"}) return known;
  for (const std::string& name : asked)
    if (std::ranges::find(known, name) == known.end())
      complaint.make_unknown(option, name, listed(known));
  return asked;
}

/// The same for policies, which may come out of libraries. The recorded policy must be known, too.
std::vector<std::string> chosen_policies_of(PolicyKind kind, std::string_view option,
                                            const std::vector<std::string>& asked,
                                            std::vector<std::string> fallback,
                                            Complaint& complaint) {
  const auto loaded = with_libraries_loaded(option, kind, asked, complaint);
  const std::vector<std::string> known = listed_names(policy_names(kind));
  if (std::ranges::find(loaded, "all") != loaded.end()) return known;
  for (const std::string& name : fallback)
    if (loaded.empty() && std::ranges::find(known, name) == known.end())
      complaint.make(fmt::format("it was recorded with the policy '{}', of a library: {} ./{}.so",
                                 name, option, name));
  return chosen(option, loaded, known, std::move(fallback), complaint);
}

std::vector<std::uint64_t> sizes_of(const ReplayRequest& request, std::uint64_t fallback,
                                    Complaint& complaint) {
  std::vector<std::uint64_t> sizes;
  for (const std::string& text : request.cache_sizes) {
    const auto size = parse_size(text);
    if (!size.ok() || *size < (1u << 16) || *size > (std::uint64_t{1} << 40))
      complaint.make(fmt::format("--cache: '{}' is not a size from 64K to 1T", text));
    else
      sizes.push_back(*size);
  }
  if (sizes.empty()) sizes.push_back(fallback);
  return sizes;
}

LeaguePlan plan_of(const ReplayRequest& request, const Recording& recording, Complaint& complaint) {
  const auto recorded = [&](const char* name, const char* otherwise) {
    const auto found = recording.settings.find(name);
    return found == recording.settings.end() ? std::string(otherwise) : found->second;
  };
  const bool asks_nothing = request.strategies.empty() && request.fits.empty() &&
                            request.arms.empty() && request.cache_policies.empty() &&
                            request.cache_sizes.empty() && request.disks.empty();
  const std::vector<std::string> arms = listed_names(arm_policy_names());
  // On a disk without time all policies would be equal.
  const std::string disk = recorded("disk", "none");
  const auto cache = parse_size(recorded("cache-bytes", "64M"));
  LeaguePlan plan;
  plan.strategies = chosen(
      "--strategy", request.strategies, strategy_names(),
      asks_nothing ? strategy_names() : std::vector{recorded("strategy", "extent")}, complaint);
  plan.fits = chosen_policies_of(PolicyKind::kFit, "--fit", request.fits, {recorded("fit", "near")},
                                 complaint);
  plan.arms =
      chosen_policies_of(PolicyKind::kArm, "--arm", request.arms,
                         asks_nothing ? arms : std::vector{recorded("arm", "look")}, complaint);
  plan.cache_policies =
      chosen_policies_of(PolicyKind::kReplacement, "--cache-policy", request.cache_policies,
                         {recorded("cache-policy", "lru")}, complaint);
  plan.cache_sizes = sizes_of(request, cache.ok() ? *cache : 64u << 20, complaint);
  plan.disks = chosen("--disk", request.disks, listed_names(disk_preset_names()),
                      {disk == "none" ? "7200rpm" : disk}, complaint);
  plan.jobs = request.jobs != 0 ? request.jobs : std::max(1u, std::thread::hardware_concurrency());
  // The recorded strategy must be known here, too.
  for (const std::string& strategy : plan.strategies)
    if (file_map(strategy) == nullptr)
      complaint.make(fmt::format("{}: no strategy is named '{}'", request.file, strategy));
  if (plan.combinations() > kMostCombinations)
    complaint.make(fmt::format("there are {} combinations; at most {} are allowed",
                               plan.combinations(), kMostCombinations));
  return plan;
}

/// Complains if the recorded volume does not fit into memory.
void check_size(const ReplayRequest& request, const Recording& recording, Complaint& complaint) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 30;
  std::uint64_t bytes = 0;
  for (const RecordedFile& file : recording.files)
    if (file.sectors != 0) bytes += file.size;
  if (bytes > kMostBytes)
    complaint.make(
        fmt::format("{}: the files at the start take {}, more than the {} that can be "
                    "held in memory",
                    request.file, size_text(bytes), size_text(kMostBytes)));
}

int run(const ReplayRequest& request) {
  Complaint complaint;
  const auto recording = read_recording(request.file);
  if (!recording.ok()) {
    complaint.make(fmt::format("{}: {}", request.file, recording.error().describe()));
  } else {
    const LeaguePlan plan = plan_of(request, *recording, complaint);
    check_size(request, *recording, complaint);
    std::vector<LeagueRow> rows;
    if (!complaint.made()) rows = play_league(*recording, plan, complaint);
    if (!complaint.made() && request.json)
      fmt::print("{}\n", json_text(league_json(*recording, rows), 2));
    else if (!complaint.made())
      fmt::print("{}",
                 league_text(*recording, rows, request.top, chart::terminal_style(STDOUT_FILENO)));
  }
  if (!complaint.made()) return 0;
  return fail("replay", complaint.what());
}

}  // namespace

void add_replay_command(const Command& program, int& status) {
  auto request = std::make_shared<ReplayRequest>();
  const Command command = program.subcommand(
      "replay",
      "Replay a recording on volumes in memory, with every combination of the given choices, and\n"
      "compare them. NAMES are separated by commas, or all; a policy may also be a library of\n"
      "your own (./mine.so). A choice that is not given stays as recorded; without any choice,\n"
      "all strategies and all arm policies are compared.");
  command.option("FILE", request->file, "a recording made by `spindle record`").required();
  const auto add = [command](const char* name, std::vector<std::string>& values, const char* help,
                             const char* type) {
    command.option(name, values, help).comma_separated().type_name(type);
  };
  add("--strategy", request->strategies, "allocation strategies", "NAMES");
  add("--fit", request->fits, "fit policies, which pick free runs", "NAMES");
  add("--arm", request->arms, "arm policies", "NAMES");
  add("--cache-policy", request->cache_policies, "replacement policies", "NAMES");
  add("--cache", request->cache_sizes, "sizes of the cache", "SIZES");
  add("--disk", request->disks, "disks", "NAMES");
  command.option("-j,--jobs", request->jobs, "how many replays at a time [one per processor]")
      .range(1, 256);
  command.option("--top", request->top, "how many rows to show [20]").range(1, 1000000);
  command.flag("--json", request->json, "print all figures as JSON");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
