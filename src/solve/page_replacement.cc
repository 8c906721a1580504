// Page replacement on a reference string: faults, hits, who went for whom, what stays. And the two
// algorithms that have no frames to fill: the working set, and ageing's counters.

#include <algorithm>
#include <set>
#include <unordered_map>

#include "domains.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestPage = std::uint64_t{1} << 62;
/// Longer reference strings are answered with their totals alone.
constexpr std::size_t kLongestListed = 100'000;

struct Name {
  std::string_view algorithm;
  std::string_view policy;
};
constexpr Name kNames[] = {{"FIFO", "fifo"},
                           {"LRU", "lru"},
                           {"MRU", "mru"},
                           {"LFU", "lfu"},
                           {"MFU", "mfu"},
                           {"CLOCK", "clock"},
                           {"2Q", "2q"},
                           {"ARC", "arc"},
                           {"SIEVE", "sieve"},
                           {"S3-FIFO", "s3-fifo"},
                           {"SECOND-CHANCE", "second-chance"}};

std::unique_ptr<ReplacementPolicy> make_policy(const Problem& problem, std::size_t frames,
                                               std::span<const PageKey> references) {
  if (problem.algorithm == "OPT") return make_optimal_policy(frames, references);
  ReplacementConventions conventions;
  using Tie = ReplacementConventions::Tie;
  conventions.clock_bit_on_load = problem.parameters["load_bit"].integer_or(1, 0, 1) == 1;
  conventions.frequency_tie = problem.parameters["tie"].choice({"fifo", "lru"}) == 0
                                  ? Tie::kFirstLoaded
                                  : Tie::kLeastRecent;
  conventions.keep_counts = problem.parameters["keep_counts"].flag_or(false);
  for (const Name& name : kNames) {
    if (name.algorithm != problem.algorithm) continue;
    auto policy = make_replacement_policy(name.policy, frames, conventions);
    if (policy.ok()) return std::move(policy).take();
  }
  return nullptr;
}

/// Frames filled from the lowest; the victim's frame takes the new page.
class Memory {
 public:
  Memory(ReplacementPolicy& policy, std::size_t frames) : policy_(policy), frames_(frames) {}

  void refer(PageKey page) {
    const auto found = where_.find(page);
    if (found != where_.end()) {
      ++hits_;
      policy_.touched(FrameNo{found->second});
      return;
    }
    ++faults_;
    std::size_t frame = pages_.size();
    if (frame == frames_) {
      const FrameNo victim = *policy_.victim({}, page);
      policy_.erased(victim);
      frame = victim.value;
      victims_.push_back(pages_[frame]);
      where_.erase(pages_[frame]);
      pages_[frame] = page;
    } else {
      victims_.push_back(nullptr);
      pages_.push_back(page);
    }
    where_[page] = frame;
    policy_.inserted(FrameNo{frame}, page);
  }

  [[nodiscard]] Json answer(bool listed) const {
    Json answer = {{"faults", faults_}, {"hits", hits_}};
    if (!listed) return answer;
    std::vector<PageKey> resident = pages_;
    std::ranges::sort(resident);
    answer["resident"] = resident;
    answer["victims"] = victims_;
    return answer;
  }

 private:
  ReplacementPolicy& policy_;
  std::size_t frames_;
  std::vector<PageKey> pages_;
  std::unordered_map<PageKey, std::size_t> where_;
  std::uint64_t faults_ = 0;
  std::uint64_t hits_ = 0;
  std::vector<Json> victims_;
};

/// Which pages the last `window` references went to, after each reference.
Json working_set(const Problem& problem) {
  const std::vector<PageKey> references = problem.input["refs"].naturals(kLargestPage);
  const auto window =
      static_cast<std::size_t>(problem.parameters["window"].integer(1, Field::kMostItems));
  if (problem.failed()) return {};
  std::unordered_map<PageKey, std::size_t> uses;
  std::uint64_t faults = 0;
  std::uint64_t sum = 0;
  Json sizes = Json::array();
  for (std::size_t i = 0; i < references.size(); ++i) {
    // The page is looked for in the set as the last reference left it.
    if (++uses[references[i]] == 1) ++faults;
    if (i >= window && --uses[references[i - window]] == 0) uses.erase(references[i - window]);
    sizes.push_back(uses.size());
    sum += uses.size();
  }
  std::set<PageKey> last;
  for (const auto& [page, count] : uses) last.insert(page);
  const double mean =
      references.empty() ? 0 : static_cast<double>(sum) / static_cast<double>(references.size());
  return {{"faults", faults}, {"sizes", sizes}, {"mean_size", rounded(mean)}, {"last_set", last}};
}

}  // namespace

Json solve_page_replacement(const Problem& problem) {
  if (problem.algorithm == "WORKING-SET") return working_set(problem);
  const std::vector<PageKey> references = problem.input["refs"].naturals(kLargestPage);
  const auto frames =
      static_cast<std::size_t>(problem.parameters["frames"].integer(1, Field::kMostItems));
  if (problem.failed()) return {};
  const auto policy = make_policy(problem, frames, references);
  if (problem.failed()) return {};
  if (!policy) return problem.unknown_algorithm();
  Memory memory(*policy, frames);
  for (PageKey page : references) memory.refer(page);
  return memory.answer(references.size() <= kLongestListed);
}

/// At each tick a page's counter moves right by a bit, and its reference bit enters from the left;
/// the page with the lowest counter would go.
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
