// Page replacement on a reference string: faults, hits, which page replaced which, what stays. And
// the two algorithms that have no frames to fill: the working set, and ageing's counters.

#include <algorithm>
#include <set>
#include <unordered_map>

#include "asked_policy.h"
#include "domains.h"
#include "page_frames.h"
#include "page_policies.h"
#include "spindle/policy/stack_distance.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestPage = std::uint64_t{1} << 62;

/// A page, or [page, "w"] for a reference that writes.
struct References {
  std::vector<PageKey> pages;
  std::vector<bool> writes;
};

References read_references(const Field& field) {
  References references;
  if (!field.is_list()) {
    references.pages = field.naturals(kLargestPage);
  } else {
    for (const Field& item : field.items()) {
      const std::vector<Field> parts = item.is_list() ? item.items() : std::vector<Field>{item};
      if (parts.empty() || parts.size() > 2) item.fail("a reference is a page or [page, \"w\"]");
      if (field.failed()) return references;
      references.pages.push_back(
          static_cast<PageKey>(parts[0].integer(0, static_cast<std::int64_t>(kLargestPage))));
      references.writes.push_back(parts.size() == 2 && parts[1].choice({"r", "w"}) == 1);
    }
  }
  references.writes.resize(references.pages.size());
  return references;
}

/// The pages whose bits the search cleared, in the order in which its hand met them.
Json cleared_by(const PageFrames::Choice& choice, const std::vector<PageKey>& pages) {
  Json cleared = Json::array();
  const std::size_t first = choice.hand ? choice.hand->value : 0;
  for (std::size_t step = 0; step < pages.size(); ++step) {
    const std::size_t frame = (first + step) % pages.size();
    if (choice.before[frame].referenced == true && choice.after[frame].referenced == false)
      cleared.push_back(pages[frame]);
  }
  return cleared;
}

/// What the policy said of a choice; `pages` are those in the frames, the victim's still among
/// them.
Json choice_of(const PageFrames::Choice& choice, FrameNo victim,
               const std::vector<PageKey>& pages) {
  constexpr std::size_t kMostCompared = 64;
  const VictimReason& reason = choice.reason;
  Json json = {{"ground", victim_ground_name(reason.ground)}};
  if (reason.among_equals != VictimGround::kUnsaid)
    json["among_equals"] = victim_ground_name(reason.among_equals);
  if (reason.count != 0) json["count"] = reason.count;
  if (reason.limit != 0) json["limit"] = reason.limit;
  const FrameMarks& own = choice.before[victim.value];
  if (own.noted_use) json["noted_use"] = *own.noted_use;
  if (Json cleared = cleared_by(choice, pages); !cleared.empty()) json["cleared"] = cleared;
  const auto value_of = [&](std::size_t frame) {
    const auto value = choice.before[frame].value;
    return value && *value != kNeverAgain ? Json(*value) : Json();
  };
  if (!own.value) return json;
  json["value"] = value_of(victim.value);
  if (pages.size() > kMostCompared) return json;
  for (std::size_t frame = 0; frame < pages.size(); ++frame)
    json["values"].push_back({pages[frame], value_of(frame)});
  return json;
}

/// Counts what references do to the frames.
class Memory {
 public:
  struct Lists {
    bool what_happened;  ///< which page replaced which, and what stays
    bool why;
  };
  Memory(PageFrames frames, Lists lists) : frames_(std::move(frames)), lists_(lists) {}

  void refer(PageKey page, bool writes) {
    PageFrames::Choice choice;
    const PageFrames::Reference reference = frames_.refer(page, lists_.why ? &choice : nullptr);
    ++(reference.hit ? hits_ : faults_);
    if (reference.victim && dirty_.erase(reference.frame) != 0) ++write_backs_;
    if (!reference.hit && lists_.what_happened)
      victims_.push_back(reference.victim ? Json(*reference.victim) : Json());
    if (!reference.hit && lists_.why) choices_.push_back(why(choice, reference));
    if (!writes) return;
    dirty_.insert(reference.frame);
    frames_.set_dirty(reference.frame);
  }

  [[nodiscard]] Json answer(bool counts_cold) const {
    const auto loads_into_empty = static_cast<std::uint64_t>(frames_.pages().size());
    const std::uint64_t faults = counts_cold ? faults_ : faults_ - loads_into_empty;
    const auto references = static_cast<double>(faults_ + hits_);
    Json answer = {
        {"faults", faults},
        {"hits", hits_},
        {"write_backs", write_backs_},
        {"hit_ratio", rounded(references == 0 ? 0 : static_cast<double>(hits_) / references)}};
    if (lists_.why) answer["choices"] = choices_;
    if (!lists_.what_happened) return answer;
    std::vector<PageKey> resident = frames_.pages();
    std::ranges::sort(resident);
    answer["resident"] = resident;
    answer["victims"] = victims_;
    return answer;
  }

 private:
  /// Null where an empty frame was filled.
  [[nodiscard]] Json why(const PageFrames::Choice& choice,
                         const PageFrames::Reference& reference) const {
    if (!reference.victim) return {};
    std::vector<PageKey> pages = frames_.pages();
    pages[reference.frame.value] = *reference.victim;
    return choice_of(choice, reference.frame, pages);
  }

  PageFrames frames_;
  Lists lists_;
  std::set<FrameNo> dirty_;
  std::uint64_t write_backs_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t hits_ = 0;
  std::vector<Json> victims_;
  std::vector<Json> choices_;
};

/// The pages that a process should have in memory, as they come and go.
class ResidentSets {
 public:
  explicit ResidentSets(bool explains) : explains_(explains) {}

  /// After each reference: whether its page was there, and which pages left the set.
  void note(bool is_hit, std::size_t size, std::vector<PageKey> left) {
    if (!is_hit) ++faults_;
    sizes_.push_back(size);
    sum_ += size;
    if (!explains_) return;
    std::ranges::sort(left);
    choices_.push_back({{"hit", is_hit}, {"left", left}});
  }
  /// Adds to what is said of the last reference.
  void add(const char* name, Json value) {
    if (explains_) choices_.back()[name] = std::move(value);
  }
  /// `set`: a map, by page, of what is left at the end.
  template <class Set>
  [[nodiscard]] Json answer(const Set& set) const {
    std::set<PageKey> last;
    for (const auto& [page, use] : set) last.insert(page);
    const double mean =
        sizes_.empty() ? 0 : static_cast<double>(sum_) / static_cast<double>(sizes_.size());
    Json answer = {
        {"faults", faults_}, {"sizes", sizes_}, {"mean_size", rounded(mean)}, {"last_set", last}};
    if (explains_) answer["choices"] = choices_;
    return answer;
  }

 private:
  bool explains_;
  std::uint64_t faults_ = 0;
  std::uint64_t sum_ = 0;
  std::vector<std::size_t> sizes_;
  Json choices_ = Json::array();
};

/// Which pages the last `window` references went to, after each reference.
Json working_set(const Problem& problem) {
  const std::vector<PageKey> references = read_references(problem.input["refs"]).pages;
  const auto window =
      static_cast<std::size_t>(problem.parameters["window"].integer(1, Field::kMostItems));
  if (problem.failed()) return {};
  std::unordered_map<PageKey, std::size_t> uses;
  ResidentSets sets(problem.explains);
  for (std::size_t i = 0; i < references.size(); ++i) {
    // The page is looked for in the set as the last reference left it.
    const bool is_hit = ++uses[references[i]] != 1;
    std::vector<PageKey> left;
    if (i >= window && --uses[references[i - window]] == 0) {
      left.push_back(references[i - window]);
      uses.erase(left.front());
    }
    sets.note(is_hit, uses.size(), std::move(left));
  }
  return sets.answer(uses);
}

/// Page fault frequency (Chu and Opderbeck 1976): a fault soon after the last one adds a page; one
/// that comes late first takes out all pages not used since the last.
Json fault_frequency(const Problem& problem) {
  const std::vector<PageKey> references = read_references(problem.input["refs"]).pages;
  const auto interval =
      static_cast<std::size_t>(problem.parameters["interval"].integer(1, Field::kMostItems));
  if (problem.failed()) return {};
  std::unordered_map<PageKey, std::size_t> last_use;
  std::size_t last_fault = 0;
  ResidentSets sets(problem.explains);
  for (std::size_t now = 1; now <= references.size(); ++now) {
    const bool is_hit = last_use.contains(references[now - 1]);
    const std::size_t since_last = now - last_fault;
    const bool is_late = !is_hit && last_fault != 0 && since_last > interval;
    std::vector<PageKey> left;
    if (is_late)
      for (const auto& [page, use] : last_use)
        if (use < last_fault) left.push_back(page);
    for (const PageKey page : left) last_use.erase(page);
    last_use[references[now - 1]] = now;
    sets.note(is_hit, last_use.size(), std::move(left));
    if (is_hit) continue;
    if (last_fault != 0) sets.add("since_last", since_last);
    sets.add("late", is_late);
    last_fault = now;
  }
  return sets.answer(last_use);
}

/// LRU's faults for 1 to `frames` frames, in one pass.
Json lru_curve(const Problem& problem) {
  const std::vector<PageKey> references = read_references(problem.input["refs"]).pages;
  const auto most = static_cast<std::size_t>(problem.parameters["frames"].integer(1, 1'000'000));
  if (problem.failed()) return {};
  std::unordered_map<PageKey, std::uint32_t> numbers;
  StackDistances distances;
  for (const PageKey page : references)
    distances.refer(
        numbers.try_emplace(page, static_cast<std::uint32_t>(numbers.size())).first->second);
  const std::vector<std::uint64_t>& hits_at = distances.histogram();
  std::uint64_t faults = references.size();
  Json curve = Json::array();
  for (std::size_t frames = 1; frames <= most; ++frames) {
    if (frames <= hits_at.size()) faults -= hits_at[frames - 1];
    curve.push_back({frames, faults});
  }
  return {{"curve", curve}};
}

/// The conventions that the algorithm uses; a library may use all.
ReplacementConventions read_replacement_conventions(const Problem& problem) {
  using Tie = ReplacementConventions::Tie;
  const Field& parameters = problem.parameters;
  const auto is_one_of = [&](std::initializer_list<std::string_view> algorithms) {
    return is_policy_library(problem.algorithm) ||
           std::ranges::find(algorithms, problem.algorithm) != algorithms.end();
  };
  const auto natural = [&](const char* name, std::int64_t fallback) {
    return static_cast<std::uint64_t>(
        parameters[name].integer_or(fallback, 0, std::int64_t{1} << 62));
  };
  ReplacementConventions conventions;
  if (is_one_of({"CLOCK", "SECOND-CHANCE"}))
    conventions.clock_bit_on_load = parameters["load_bit"].integer_or(1, 0, 1) == 1;
  if (is_one_of({"LFU", "MFU"})) {
    conventions.frequency_tie = parameters["tie"].choice({"fifo|arrival", "lru"}) == 0
                                    ? Tie::kFirstLoaded
                                    : Tie::kLeastRecent;
    conventions.keep_counts = parameters["keep_counts"].flag_or(false);
  }
  if (is_one_of({"RANDOM"})) conventions.seed = natural("seed", 1);
  if (is_one_of({"NRU", "AGING"})) conventions.tick_references = natural("tick", 0);
  if (is_one_of({"WSCLOCK"})) conventions.working_set_references = natural("window", 0);
  if (is_one_of({"AGING"}))
    conventions.aging_bits = static_cast<unsigned>(parameters["bits"].integer_or(8, 1, 63));
  return conventions;
}

}  // namespace

std::unique_ptr<ReplacementPolicy> make_page_policy(const Problem& problem, std::size_t frames,
                                                    std::span<const PageKey> references) {
  if (problem.algorithm == "OPT") return make_optimal_policy(frames, references);
  const ReplacementConventions conventions = read_replacement_conventions(problem);
  constexpr PolicyOfAlgorithm kPolicies[] = {{"FIFO", "fifo"},
                                             {"LRU", "lru"},
                                             {"MRU", "mru"},
                                             {"LFU", "lfu"},
                                             {"MFU", "mfu"},
                                             {"CLOCK", "clock"},
                                             {"2Q", "2q"},
                                             {"ARC", "arc"},
                                             {"SIEVE", "sieve"},
                                             {"S3-FIFO", "s3-fifo"},
                                             {"SECOND-CHANCE", "second-chance"},
                                             {"NRU", "nru"},
                                             {"ENHANCED-CLOCK", "enhanced-clock"},
                                             {"AGING", "aging"},
                                             {"WSCLOCK", "wsclock"},
                                             {"RANDOM", "random"}};
  const auto name = asked_policy(problem, PolicyKind::kReplacement, kPolicies);
  return name ? make_replacement_policy(*name, frames, conventions).take() : nullptr;
}

// Convention `count_cold` (true): faults that fill an empty frame count. The choices are those of
// the victims.
Json solve_page_replacement(const Problem& problem) {
  if (problem.algorithm == "WORKING-SET") return working_set(problem);
  if (problem.algorithm == "PFF") return fault_frequency(problem);
  if (problem.algorithm == "LRU-CURVE") return lru_curve(problem);
  const References references = read_references(problem.input["refs"]);
  const auto frames =
      static_cast<std::size_t>(problem.parameters["frames"].integer(1, Field::kMostItems));
  const bool counts_cold = problem.parameters["count_cold"].flag_or(true);
  if (problem.failed()) return {};
  auto policy = make_page_policy(problem, frames, references.pages);
  if (problem.failed()) return {};
  if (!policy) return problem.unknown_algorithm();
  const bool is_listed = references.pages.size() <= kLongestListed;
  Memory memory(PageFrames(std::move(policy), frames), {is_listed, is_listed && problem.explains});
  for (std::size_t i = 0; i < references.pages.size(); ++i)
    memory.refer(references.pages[i], references.writes[i]);
  return memory.answer(counts_cold);
}

// At each tick a page's counter moves right by a bit, and its reference bit enters from the left;
// the page with the lowest counter would go.
Json solve_page_aging(const Problem& problem) {
  if (problem.algorithm != "AGING") return problem.unknown_algorithm();
  const std::int64_t bits = problem.parameters["bits"].integer_or(8, 1, 62);
  std::vector<std::uint64_t> counters;
  for (const Field& item : problem.input["ticks"].items()) {
    const std::string tick = item.text();
    if (counters.empty()) counters.resize(tick.size());
    if (tick.size() != counters.size() || tick.find_first_not_of("01") != std::string::npos)
      item.fail("each tick needs a 0 or 1 for each page");
    if (problem.failed()) return {};
    for (std::size_t page = 0; page < tick.size(); ++page)
      counters[page] = counters[page] >> 1 | std::uint64_t{tick[page] == '1'}
                                                 << static_cast<unsigned>(bits - 1);
  }
  if (problem.failed()) return {};
  Json texts = Json::array();
  for (std::uint64_t counter : counters) {
    std::string text;
    for (std::int64_t bit = bits; bit-- > 0;) text += (counter >> bit & 1) != 0 ? '1' : '0';
    texts.push_back(text);
  }
  Json victim;
  if (!counters.empty()) victim = std::ranges::min_element(counters) - counters.begin();
  return {{"counters", texts}, {"victim", victim}};
}

}  // namespace spindle
