// What a disk did while a recording or a block trace was played on it.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "cli/experiment/league.h"
#include "cli/face/traces.h"
#include "cli/picture/disk_pictures.h"
#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"
#include "spindle/control/disk_tables.h"
#include "spindle/policy/arm_policy.h"
#include "spindle/policy/policy_library.h"
#include "spindle/trace/disk_trace.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kUsualDepth = 32;
constexpr const char* kMisbehaved = "a policy misbehaved, and another took its place";

/// The observers of a disk that pictures need.
struct Watchers {
  static constexpr std::size_t kKeptMoves = 1000;
  ArmWhatIf arms;
  ArmTrace moves{kKeptMoves};
  ArmHistory history;

  [[nodiscard]] std::vector<DiskObserver*> all() { return {&arms, &moves, &history}; }
};

Json tables_of(const Watchers& watchers, const DiskStatistics& statistics, const DiskModel& model) {
  return {{"disk/statistics", Json::parse(facts_json(disk_facts(statistics)))},
          {"disk/geometry", Json::parse(facts_json(geometry_facts(model)))},
          {"disk/moves", Json::parse(moves_table(watchers.moves).json())},
          {"disk/history", Json::parse(history_table(watchers.history).json())},
          {"disk/seek_distances", Json::parse(distance_table(statistics).json())},
          {"disk/response_times", Json::parse(response_table(statistics).json())},
          {"disk/whatif", Json::parse(arms_table(watchers.arms).json())},
          {"disk/whatif_moves", Json::parse(shadow_moves_table(watchers.arms).json())}};
}

std::string shortened(const std::string& command) {
  constexpr std::size_t kMost = 60;
  return printable(command.size() <= kMost ? command : command.substr(0, kMost - 3) + "...");
}

std::string or_else(const std::string& chosen, const std::string& otherwise) {
  return chosen.empty() ? otherwise : chosen;
}

DiskFigures play_recording(const std::string& file, const PlayChoice& choice,
                           Complaint& complaint) {
  DiskFigures figures;
  const auto recording = read_recording(file);
  if (!recording.ok()) return complaint.make(recording.error().describe()), figures;
  const auto recorded = [&](const char* name, const char* otherwise) {
    const auto found = recording->settings.find(name);
    return found == recording->settings.end() ? std::string(otherwise) : found->second;
  };
  const std::string disk = recorded("disk", "none");
  const auto cache = parse_size(recorded("cache-bytes", "64M"));
  const PlaySettings settings{.fit = recorded("fit", "near"),
                              .arm = or_else(choice.arm, recorded("arm", "look")),
                              .cache_policy = recorded("cache-policy", "lru"),
                              .cache_bytes = cache.ok() ? *cache : 64u << 20,
                              .disk = or_else(choice.disk, disk == "none" ? "7200rpm" : disk)};
  const auto play_it = [&]() -> Result<> {
    const DiskModel model =
        TRY(make_disk_model(settings.disk, recording->block_size, recording->blocks));
    const PreparedVolume prepared =
        TRY(prepare_league_volume(*recording, recorded("strategy", "extent"), settings.fit));
    Watchers watchers;
    const std::vector<DiskObserver*> observers = watchers.all();
    Json hits;
    const PlayResult played =
        TRY(play(*recording, prepared, settings,
                 {.observers = observers, .at_end = [&hits](FileSystem& volume) {
                    hits = Json::parse(hits_table(volume.cache().history()).json());
                  }}));
    if (!played.is_as_asked) return Error{EINVAL, kMisbehaved};
    figures.tables = tables_of(watchers, played.disk, model);
    figures.tables["cache/history"] = hits;
    figures.caption = fmt::format("Disk {}, arm {}, cache {}; {} requests. Played again: {}",
                                  settings.disk, settings.arm, settings.cache_policy,
                                  played.disk.requests(), shortened(recording->command));
    return {};
  };
  if (const Result<> outcome = play_it(); !outcome.ok()) complaint.make(outcome.error().describe());
  figures.time = DiskFigures::Time::kReads;
  return figures;
}

/// A disk at which `depth` requests wait at any time, as long as there are some.
class TracedDisk {
 public:
  TracedDisk(const DiskModel& model, std::unique_ptr<ArmPolicy> arm, std::size_t depth,
             std::vector<DiskObserver*> observers)
      : drive_(model, std::move(arm)), depth_(depth), observers_(std::move(observers)) {
    for (DiskObserver* observer : observers_) observer->restarted(drive_, {});
  }

  void ask(const spindle::TracedRequest& request) {
    const std::uint64_t first = request.start / kBlockSize;
    const std::uint64_t last = (request.start + request.length - 1) / kBlockSize;
    const Run run{BlockNo{first}, last - first + 1};
    if (drive_.queue().size() == depth_) serve_one();
    drive_.arrive(0, run, request.is_write);
    for (DiskObserver* observer : observers_) observer->arrived(run, request.is_write, 1);
    const auto kind = request.is_write ? IoRequest::Kind::kWrite : IoRequest::Kind::kRead;
    statistics_.count_request({kind, run.start, {}, IoPurpose::kData}, run.length);
  }
  void serve_rest() {
    while (!drive_.idle()) serve_one();
  }
  [[nodiscard]] const DiskStatistics& statistics() const { return statistics_; }
  [[nodiscard]] std::string_view arm() const { return drive_.policy().name(); }

  static constexpr std::uint32_t kBlockSize = 4096;

 private:
  void serve_one() {
    const Service service = drive_.serve_next();
    statistics_.count_service(service, 1);
    for (DiskObserver* observer : observers_) observer->served(service, 1);
  }

  Drive drive_;
  std::size_t depth_;
  std::vector<DiskObserver*> observers_;
  DiskStatistics statistics_;
};

DiskFigures play_trace(const std::string& file, const PlayChoice& choice, Complaint& complaint) {
  DiskFigures figures;
  auto trace = DiskTrace::open(file, std::nullopt);
  if (!trace.ok()) return complaint.make(trace.error().describe()), figures;
  Progress progress(2 * trace->bytes());
  TraceLayout layout = lay_out(*trace, file, progress, complaint);
  if (!complaint.made() && layout.requests == 0) complaint.make("there is no request in it");
  if (complaint.made()) return figures;
  const std::string arm = or_else(choice.arm, "look");
  const std::string disk = or_else(choice.disk, "7200rpm");
  auto policy = make_arm_policy(arm);
  const auto model =
      make_disk_model(disk, TracedDisk::kBlockSize,
                      (layout.bytes + TracedDisk::kBlockSize - 1) / TracedDisk::kBlockSize);
  if (!policy.ok() || !model.ok())
    return complaint.make((policy.ok() ? model.error() : policy.error()).describe()), figures;
  Watchers watchers;
  const std::size_t depth = choice.depth.value_or(kUsualDepth);
  TracedDisk traced(*model, std::move(policy).take(), depth, watchers.all());
  trace->rewind();
  read_all(*trace, file, complaint, [&](std::span<spindle::TracedRequest> requests) {
    for (spindle::TracedRequest& request : requests) {
      request.start += layout.start_of[request.device];
      traced.ask(request);
    }
    progress.at(trace->bytes() + trace->bytes_done());
  });
  traced.serve_rest();
  if (traced.arm() != arm) complaint.make(kMisbehaved);
  figures.tables = tables_of(watchers, traced.statistics(), *model);
  figures.caption = fmt::format("Disk {}, arm {}; {} requests, {} waiting at a time ({})", disk,
                                arm, traced.statistics().requests(), depth,
                                disk_format_names()[static_cast<std::size_t>(trace->format())]);
  return figures;
}

/// Reads only the beginning: an image may be as large as a disk, and have no line end.
std::string beginning_of(const std::string& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
    return {};  // to look would take from a pipe
  std::string bytes(std::size_t{1} << 16, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  return bytes;
}

}  // namespace

bool is_recording(const std::string& file) {
  return beginning_of(file).starts_with("spindle-recording ");
}

bool is_block_trace(const std::string& file) {
  return detect_disk_format(beginning_of(file)).ok();
}

DiskFigures play_figures(const std::string& file, PlayChoice choice, Complaint& complaint) {
  if (!choice.arm.empty()) {
    const auto arm = policy_named(PolicyKind::kArm, choice.arm);
    if (!arm.ok()) return complaint.make(fmt::format("--arm: {}", arm.error().what)), DiskFigures();
    choice.arm = *arm;
  }
  DiskFigures figures = is_recording(file) ? play_recording(file, choice, complaint)
                                           : play_trace(file, choice, complaint);
  figures.subject = printable(file.substr(file.rfind('/') + 1));
  return figures;
}

}  // namespace spindle::cli
