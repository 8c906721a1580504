#include "cli/crash/explore.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/progress.h"
#include "cli/workers.h"
#include "fsck/check_volume.h"
#include "spindle/base/printable.h"
#include "spindle/base/random.h"
#include "spindle/fs/file_system.h"
#include "spindle/journal/replay.h"
#include "spindle/thread/runtime.h"

namespace spindle::cli {
namespace {

/// How many files are followed by name: those that were promised, and others.
constexpr std::size_t kMostPromised = 10'000;
constexpr std::size_t kMostOthers = 64;
constexpr std::size_t kMostTroubles = 20;
/// How many states are tried between two looks at the results.
constexpr std::size_t kBatch = 512;

/// A state to be tried.
struct State {
  std::size_t cut = 0;
  std::vector<WritePart> parts;
  std::string name;  ///< "events 4 and 7 arrived"
  bool is_torn = false;
};

/// What was found in it.
struct Findings {
  std::uint64_t durable = 0;  ///< the last transaction
  std::string damage;         ///< "" if it is sound
  std::vector<std::optional<ContentDigest>> files;
};

Result<NodeId> resolve(Tree& tree, const std::string& path) {
  NodeId node = kRootNode;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    node = TRY(tree.lookup(node, path.substr(at, end - at))).node;
    at = end + 1;
  }
  return node;
}

std::string finding_text(const fsck::CheckResult& checked) {
  const fsck::Finding& first = checked.findings.front();
  return fmt::format("{}{}{}", first.place.text, first.detail.empty() ? "" : ": ", first.detail);
}

/// Replays, checks and mounts the state, each on a scratch copy of its own.
class Trial {
 public:
  Trial(BlockDevice& state, const format::Layout& layout) : state_(state), layout_(layout) {}

  Findings run(const std::vector<ExploredFile>& files) {
    check();
    if (findings_.damage.empty()) mount(files);
    findings_.files.resize(files.size());
    return std::move(findings_);
  }

 private:
  void damaged(std::string_view what, const Error& error) {
    if (findings_.damage.empty()) findings_.damage = fmt::format("{}: {}", what, error.describe());
  }

  void check() {
    OverlayDevice scratch(state_);
    const auto replayed = replay(scratch, layout_);
    if (!replayed.ok()) return damaged("the journal cannot be replayed", replayed.error());
    findings_.durable = replayed->last_epoch;
    OverlayDevice checked(state_);
    const auto result = fsck::check_volume(checked, {.force = true});
    if (!result.ok()) return damaged("it cannot be checked", result.error());
    if (result->found != 0) findings_.damage = "fsck finds: " + finding_text(*result);
  }

  void mount(const std::vector<ExploredFile>& files) {
    OverlayDevice scratch(state_);
    FileSystem::Options options;
    options.report = [](std::string_view) {};
    auto mounted = FileSystem::mount(scratch, {.capacity_bytes = 1u << 20}, std::move(options));
    if (!mounted.ok()) return damaged("it does not mount", mounted.error());
    for (const ExploredFile& file : files) {
      const auto node = resolve(**mounted, file.path);
      const auto digest = node.ok() ? content_digest(**mounted, *node) : node.error();
      if (!digest.ok() && digest.code() != ENOENT && digest.code() != ENOTDIR)
        damaged(file.path, digest.error());
      findings_.files.push_back(digest.ok() ? std::optional(*digest) : std::nullopt);
    }
  }

  BlockDevice& state_;
  const format::Layout& layout_;
  Findings findings_;
};

Result<Findings> try_state(CrashDevice& durable, const format::Layout& layout,
                           const std::vector<WritePart>& parts,
                           const std::vector<ExploredFile>& files) {
  OverlayDevice state(durable);
  TRY(durable.apply(state, parts));
  Findings findings;
  const auto runtime = TRY(thread::Runtime::create({.stack_size = 256 * 1024}));
  TRY(runtime->run([&] { findings = Trial(state, layout).run(files); }));
  return findings;
}

/// The states of one cut that no earlier cut of the span has.
class StatesOfCut {
 public:
  /// With `again` those of earlier cuts are tried, too: a promise holds from here on.
  StatesOfCut(const RecordedRun& run, const ExplorePlan& plan, std::size_t cut, bool again)
      : run_(run),
        plan_(plan),
        cut_(cut),
        parts_(run.order().uncovered_parts(cut)),
        in_flight_(run.order().uncovered(cut)),
        random_(plan.seed * 0x9E3779B97F4A7C15ull + cut) {
    // The write that the cut comes just after; without it the state is one of the cut before.
    const bool is_new =
        !again && cut > plan.first_cut && !in_flight_.empty() && in_flight_.back() == cut - 1;
    if (is_new) always_ = cut - 1;
    others_ = in_flight_;
    if (is_new) others_.pop_back();
  }

  ExploredCut add_to(std::vector<State>& states) {
    ExploredCut report{.cut = cut_, .in_flight = in_flight_.size(), .undecided = others_.size()};
    const std::size_t before = states.size();
    report.has_all = others_.size() < 63 && std::uint64_t{1} << others_.size() <= plan_.most_whole;
    if (report.has_all)
      add_all(states);
    else
      add_drawn(states);
    const std::size_t whole = states.size();
    if (!in_flight_.empty()) add_torn(states);
    report.states = states.size() - before;
    report.torn = states.size() - whole;
    return report;
  }

 private:
  void add(std::vector<State>& states, std::set<std::size_t> arrived) {
    if (always_) arrived.insert(*always_);
    State state{cut_, {}, "", false};
    for (const WritePart& part : parts_)
      if (arrived.contains(part.event)) state.parts.push_back(part);
    state.name = arrived.empty() ? "nothing in flight arrived"
                                 : fmt::format("of the writes in flight {} arrived",
                                               events_text({arrived.begin(), arrived.end()}));
    states.push_back(std::move(state));
  }

  void add_all(std::vector<State>& states) {
    for (std::uint64_t mask = 0; mask < std::uint64_t{1} << others_.size(); ++mask) {
      std::set<std::size_t> arrived;
      for (std::size_t i = 0; i < others_.size(); ++i)
        if ((mask >> i & 1) != 0) arrived.insert(others_[i]);
      add(states, std::move(arrived));
    }
  }

  void add_drawn(std::vector<State>& states) {
    add(states, {});
    add(states, {others_.begin(), others_.end()});
    for (std::uint64_t i = 2; i < plan_.samples; ++i) {
      std::set<std::size_t> arrived;
      for (const std::size_t event : others_)
        if (random_.one_in(2)) arrived.insert(event);
      add(states, std::move(arrived));
    }
  }

  void add_torn(std::vector<State>& states) {
    const std::uint64_t count = std::max<std::uint64_t>(1, plan_.samples / 8);
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool by_blocks = i % 4 == 3;
      const CrashMode mode = by_blocks ? CrashMode::kReordered : CrashMode::kTorn;
      states.push_back({cut_, run_.order().arrived(cut_, mode, random_()),
                        by_blocks ? "some blocks arrived" : "writes were torn at sectors", true});
    }
  }

  const RecordedRun& run_;
  const ExplorePlan& plan_;
  std::size_t cut_;
  std::vector<WritePart> parts_;
  std::vector<std::size_t> in_flight_;
  std::vector<std::size_t> others_;
  std::optional<std::size_t> always_;
  Random random_;
};

/// The files whose fate is told: those that were promised, then those that the span is about.
std::vector<ExploredFile> files_of(const RecordedRun& run, const ExplorePlan& plan,
                                   const std::vector<Promise>& promises, std::size_t& more) {
  std::vector<ExploredFile> files;
  std::set<std::string> known;
  const auto add = [&](const std::string& path, std::size_t most) {
    if (path.empty() || !known.insert(path).second) return;
    if (files.size() < most)
      files.push_back({.path = path});
    else
      ++more;
  };
  for (const Promise& promise : promises)
    if (promise.from <= plan.last_cut && promise.until >= plan.first_cut)
      add(promise.path, kMostPromised);
  const std::size_t most = files.size() + kMostOthers;
  const auto& notes = run.log().notes();
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (notes[i].position < plan.first_cut || notes[i].position > plan.last_cut) continue;
    const auto note = run.note(i);
    if (!note || note->operation.kind == Operation::Kind::kSyncAll) continue;
    add(note->path, most);
    add(note->new_path, most);
  }
  return files;
}

class Explorer {
 public:
  Explorer(const RecordedRun& run, const ExplorePlan& plan, Complaint& complaint)
      : run_(run), plan_(plan), complaint_(complaint), promises_(promises_of(run)) {
    result_.files = files_of(run, plan, promises_, result_.more_files);
  }

  Exploration explore() {
    look_at_the_end();
    device_ = run_.before_run(complaint_);
    Progress progress(plan_.last_cut - plan_.first_cut + 1);
    for (std::size_t cut = plan_.first_cut; cut <= plan_.last_cut && !complaint_.made(); ++cut) {
      const std::size_t barrier = run_.order().barrier_of(cut);
      if (barrier >= next_barrier_ || states_.size() >= kBatch) try_states();
      for (; next_barrier_ <= barrier; ++next_barrier_)
        device_->advance(run_.order().barriers()[next_barrier_]);
      const bool again = std::ranges::find(promises_, cut, &Promise::from) != promises_.end();
      result_.cuts.push_back(StatesOfCut(run_, plan_, cut, again).add_to(states_));
      progress.at(cut - plan_.first_cut);
    }
    try_states();
    share_durable();
    return std::move(result_);
  }

 private:
  /// A state of the cut before is one of this cut, too, unless a flush stands between.
  void share_durable() {
    for (std::size_t i = 1; i < result_.cuts.size(); ++i) {
      ExploredCut& own = result_.cuts[i];
      const std::set<std::uint64_t>& before = result_.cuts[i - 1].durable;
      if (run_.events()[own.cut - 1].kind != WriteEvent::Kind::kFlush)
        own.durable.insert(before.begin(), before.end());
    }
  }

  void look_at_the_end() {
    const std::size_t end = run_.events().size();
    const auto device = run_.durable_at(end, complaint_);
    if (!device) return;
    const auto findings =
        try_state(*device, *run_.layout(), run_.order().uncovered_parts(end), result_.files);
    if (!findings.ok()) return complaint_.make(findings.error().describe());
    for (std::size_t i = 0; i < result_.files.size(); ++i)
      result_.files[i].in_the_end = findings->files[i];
  }

  void try_states() {
    if (complaint_.made()) return;
    std::vector<Findings> findings(states_.size());
    Workers workers(plan_.jobs, complaint_);
    workers.run(states_.size(), [&](std::size_t i) -> Workers::Outcome {
      auto found = try_state(*device_, *run_.layout(), states_[i].parts, result_.files);
      if (!found.ok()) return {found.error(), states_[i].name};
      findings[i] = std::move(found).take();
      return {Result<>(), ""};
    });
    if (complaint_.made()) return;
    for (std::size_t i = 0; i < states_.size(); ++i) count(states_[i], findings[i]);
    states_.clear();
  }

  void count(const State& state, const Findings& findings) {
    ExploredCut& cut = result_.cuts[state.cut - plan_.first_cut];
    ++result_.states;
    if (!findings.damage.empty()) {
      ++cut.damaged;
      ++result_.damaged;
      return trouble(state, findings.damage);
    }
    cut.durable.insert(findings.durable);
    for (std::size_t i = 0; i < result_.files.size(); ++i) {
      ExploredFile& file = result_.files[i];
      ++(!findings.files[i]                     ? file.absent
         : findings.files[i] == file.in_the_end ? file.as_in_the_end
                                                : file.other);
    }
    if (!keeps_promises(state, findings)) {
      ++cut.broken;
      ++result_.broken;
    }
  }

  bool keeps_promises(const State& state, const Findings& findings) {
    bool keeps_all = true;
    for (const Promise& promise : promises_) {
      if (state.cut < promise.from || state.cut > promise.until) continue;
      const auto file = std::ranges::find(result_.files, promise.path, &ExploredFile::path);
      if (file == result_.files.end()) continue;
      const auto& found = findings.files[static_cast<std::size_t>(file - result_.files.begin())];
      ++file->promised;
      if (found == promise.content) {
        ++file->kept;
        continue;
      }
      keeps_all = false;
      trouble(state, fmt::format("{} was promised after event {}, and {}", printable(promise.path),
                                 promise.from, found ? "is another" : "is not there"));
    }
    return keeps_all;
  }

  void trouble(const State& state, const std::string& what) {
    if (result_.troubles.size() >= kMostTroubles) return;
    result_.troubles.push_back(
        fmt::format("after event {}, {}: {}", state.cut, state.name, printable(what)));
  }

  const RecordedRun& run_;
  const ExplorePlan& plan_;
  Complaint& complaint_;
  std::vector<Promise> promises_;
  std::unique_ptr<CrashDevice> device_;
  std::size_t next_barrier_ = 0;
  std::vector<State> states_;
  Exploration result_;
};

}  // namespace

Exploration explore(const RecordedRun& run, const ExplorePlan& plan, Complaint& complaint) {
  return Explorer(run, plan, complaint).explore();
}

}  // namespace spindle::cli
