#include "spindle/record/player.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>

#include "performer.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

constexpr std::int64_t kNever = 315'360'000'000'000'000;  // ten years
constexpr std::int64_t kIntervalNs = 5'000'000'000;       // of group commits and of write-back

/// A mounted volume in memory, behind a simulated disk; to be used inside a runtime.
class Mounted {
 public:
  static Result<std::unique_ptr<Mounted>> mount(MemoryDevice& device,
                                                const PlaySettings& settings) {
    auto made = std::make_unique<Mounted>();
    made->disk_ = TRY(SimulatedDisk::create(
        device, {.arm_policy = settings.arm, .disk = settings.disk, .pace = 0}));
    BufferCache::Options cache;
    cache.capacity_bytes = settings.cache_bytes;
    cache.policy = settings.cache_policy;
    cache.dirty_age_ns = kNever;
    FileSystem::Options options;
    options.commit_interval_ns = kNever;
    options.fit_policy = settings.fit;
    options.clock = [self = made.get()] {
      return Timestamp{self->now_ns / 1'000'000'000,
                       static_cast<std::uint32_t>(self->now_ns % 1'000'000'000)};
    };
    options.report = [](std::string_view) {};
    made->volume_ = TRY(FileSystem::mount(*made->disk_, cache, std::move(options)));
    return made;
  }

  [[nodiscard]] FileSystem& volume() { return *volume_; }
  [[nodiscard]] SimulatedDisk& disk() { return *disk_; }

  std::int64_t now_ns = kIntervalNs;  ///< the clock by which the volume's files get their times

 private:
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<FileSystem> volume_;
};

/// Runs `body` in a runtime of its own.
Result<> in_runtime(const std::function<Result<>()>& body) {
  const auto runtime = TRY(thread::Runtime::create({.stack_size = 256 * 1024}));
  Result<> outcome;
  TRY(runtime->run([&] { outcome = body(); }));
  return outcome;
}

/// Makes the files that the recording found.
class Preparation {
 public:
  Preparation(FileSystem& volume, std::map<NodeId, NodeId>& nodes)
      : volume_(volume), nodes_(nodes) {
    folders_[""] = kRootNode;
  }

  Result<> make(const RecordedFile& file) {
    const auto [path, target] = parts_of(file);
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return Error{EINVAL, "a file of the recording has no folder"};
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (const auto known = nodes_.find(file.node); known != nodes_.end()) {
      TRY(volume_.link(known->second, found->second, name));
      return {};
    }
    const Attributes made = TRY(make_node(file, found->second, name, target));
    nodes_[file.node] = made.node;
    if (S_ISDIR(file.mode)) folders_[path] = made.node;
    if (S_ISREG(file.mode)) TRY(fill(file, made.node));
    volume_.forget(made.node, 1);
    return {};
  }

 private:
  /// A symbolic link's target stands behind its path and a zero byte.
  static std::pair<std::string, std::string> parts_of(const RecordedFile& file) {
    const std::size_t zero = file.path.find('\0');
    if (zero == std::string::npos) return {file.path, "target"};
    return {file.path.substr(0, zero), file.path.substr(zero + 1)};
  }

  Result<Attributes> make_node(const RecordedFile& file, NodeId folder, const std::string& name,
                               const std::string& target) {
    if (S_ISDIR(file.mode)) {
      // Every volume has this directory already.
      if (folder == kRootNode && name == "lost+found") return volume_.lookup(folder, name);
      return volume_.make_directory({}, folder, name, file.mode);
    }
    if (S_ISLNK(file.mode)) return volume_.symlink({}, folder, name, target);
    if (S_ISREG(file.mode)) return volume_.create({}, folder, name, file.mode);
    return volume_.make_node({}, folder, name, file.mode, 0, 0);
  }

  Result<> fill(const RecordedFile& file, NodeId node) {
    if (file.sectors == 0) {
      if (file.size == 0) return {};
      AttributeChange change;
      change.size = true;
      change.to.size = file.size;
      TRY(volume_.set_attributes({}, node, change));
      return {};
    }
    static const std::vector<std::byte> kContent(1u << 20, std::byte{0x5A});
    for (std::uint64_t at = 0; at < file.size; at += kContent.size()) {
      const std::size_t length = std::min<std::uint64_t>(kContent.size(), file.size - at);
      TRY(volume_.write(node, 0, at, std::span(kContent).first(length), Setuid::kKeep));
    }
    return {};
  }

  FileSystem& volume_;
  std::map<NodeId, NodeId>& nodes_;
  std::map<std::string, NodeId> folders_;
};

/// Begins each operation when all that ended before it in the recording have ended.
class Schedule {
 public:
  Schedule(Mounted& mounted, Performer& performer) : mounted_(mounted), performer_(performer) {}
  ~Schedule() { drain(); }
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  Result<> run(const std::vector<Operation>& operations) {
    for (const Operation& operation : operations) {
      while (!may_begin(operation)) ended_.wait();
      mounted_.now_ns = kIntervalNs + operation.begin_ns;
      TRY(keep_timers(operation.begin_ns));
      TRY(begin([this, &operation] { performer_.perform(operation); }, operation.end_ns()));
    }
    drain();
    return {};
  }

 private:
  void drain() {
    while (!under_way_.empty()) ended_.wait();
  }

  [[nodiscard]] bool may_begin(const Operation& operation) const {
    return std::ranges::none_of(under_way_,
                                [&](std::int64_t end_ns) { return end_ns < operation.begin_ns; });
  }

  Result<> begin(std::function<void()> work, std::int64_t end_ns) {
    const auto place = under_way_.insert(under_way_.end(), end_ns);
    return thread::spawn_detached("operation", [this, work = std::move(work), place] {
      work();
      under_way_.erase(place);
      ended_.wake_all();
    });
  }

  /// Does what the daemon's timers would do: commits, and writes back.
  Result<> keep_timers(std::int64_t now_ns) {
    if (now_ns - last_commit_ns_ < kIntervalNs) return {};
    last_commit_ns_ = now_ns;
    FileSystem& volume = mounted_.volume();
    const auto commit = [&volume] {
      static_cast<void>(volume.cache().flush_all());
      static_cast<void>(volume.journal().sync());
    };
    return begin(commit, INT64_MAX);
  }

  Mounted& mounted_;
  Performer& performer_;
  std::list<std::int64_t> under_way_;  ///< when the operations under way ended in the recording
  thread::WaitQueue ended_{"replay: an operation"};
  std::int64_t last_commit_ns_ = 0;
};

Result<> take_figures(Mounted& mounted, PlayResult& result) {
  result.disk = mounted.disk().statistics();
  result.cache = mounted.volume().cache().statistics();
  const FileSystem::Usage usage = TRY(mounted.volume().usage());
  for (const FileSystem::StrategyUsage& row : usage.strategies) {
    result.files += row.files;
    result.runs += row.runs;
    result.data_blocks += row.data_blocks;
    result.map_blocks += row.blocks - row.data_blocks;
  }
  return {};
}

void subtract(const JournalStatistics& before, JournalStatistics& figures) {
  figures.transactions -= before.transactions;
  figures.epochs -= before.epochs;
  figures.log_bytes -= before.log_bytes;
  figures.data_logged_blocks -= before.data_logged_blocks;
  figures.checkpoints -= before.checkpoints;
  figures.checkpointed_blocks -= before.checkpointed_blocks;
  figures.flushes -= before.flushes;
}

Result<> play_on(const Recording& recording, const PreparedVolume& prepared, MemoryDevice& device,
                 const PlaySettings& settings, const PlayWatch& watch, PlayResult& result) {
  const auto mounted = TRY(Mounted::mount(device, settings));
  FileSystem& volume = mounted->volume();
  // The kernel had looked all of them up when the recording began.
  for (const auto& [recorded, node] : prepared.nodes) TRY(volume.lookup(node, "."));
  volume.cache().drop_clean();
  volume.cache().reset_statistics();
  mounted->disk().reset_statistics();
  for (DiskObserver* observer : watch.observers) mounted->disk().add_observer(*observer);
  const JournalStatistics before = volume.journal().statistics();

  Performer performer(volume, prepared.nodes);
  {
    Schedule schedule(*mounted, performer);
    TRY(schedule.run(recording.operations));
  }
  TRY(volume.sync_all());
  result.journal = volume.journal().statistics();
  subtract(before, result.journal);
  result.differing = performer.differing();
  TRY(take_figures(*mounted, result));
  for (DiskObserver* observer : watch.observers) mounted->disk().remove_observer(*observer);
  if (watch.at_end) watch.at_end(volume);
  result.is_as_asked = mounted->disk().arm_policy() == settings.arm &&
                       volume.cache().policy() == settings.cache_policy &&
                       volume.space_manager().fit_policy() == settings.fit;
  return volume.unmount();
}

}  // namespace

Result<PreparedVolume> prepare_volume(const Recording& recording, MemoryDevice formatted,
                                      const std::string& fit) {
  PreparedVolume prepared{std::move(formatted), {}};
  const auto make_all = [&]() -> Result<> {
    const auto mounted = TRY(Mounted::mount(prepared.device, {.fit = fit, .disk = "none"}));
    Preparation preparation(mounted->volume(), prepared.nodes);
    for (const RecordedFile& file : recording.files) TRY(preparation.make(file));
    return mounted->volume().unmount();
  };
  TRY(in_runtime(make_all));
  return prepared;
}

Result<PlayResult> play(const Recording& recording, const PreparedVolume& prepared,
                        const PlaySettings& settings, const PlayWatch& watch) {
  MemoryDevice device = prepared.device;
  PlayResult result;
  TRY(in_runtime([&] { return play_on(recording, prepared, device, settings, watch, result); }));
  return result;
}

}  // namespace spindle
