// Memory in runs: requests placed into holes, the buddy system, and a heap with a free list.

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "asked_policy.h"
#include "domains.h"
#include "spindle/policy/run_set.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostManagedBytes = std::int64_t{1} << 40;

std::unique_ptr<FitPolicy> fit_policy_of(const Problem& problem) {
  constexpr PolicyOfAlgorithm kPolicies[] = {
      {"FIRST-FIT", "first"}, {"BEST-FIT", "best"}, {"WORST-FIT", "worst"}, {"NEXT-FIT", "next"}};
  const auto name = asked_policy(problem, PolicyKind::kFit, kPolicies);
  return name ? make_fit_policy(*name).take() : nullptr;
}

/// Holes in a row, one used unit between each two, so that they never grow together.
class Holes {
 public:
  explicit Holes(const std::vector<std::uint64_t>& sizes) : left_(sizes) {
    BlockNo at{1};
    for (std::size_t hole = 0; hole < sizes.size(); ++hole, at += 1) {
      by_start_[at] = hole;
      if (sizes[hole] != 0 && !free_.add({at, sizes[hole]})) left_[hole] = 0;
      at += sizes[hole];
    }
  }

  /// Which hole the request went to. A fixed partition is given away whole.
  std::optional<std::size_t> place(FitPolicy& policy, std::uint64_t want, bool whole_partition) {
    const auto run = policy.choose(free_, {.want = want, .hint = kNoBlock, .must_be_whole = true});
    if (!run) return std::nullopt;
    const std::optional<Run> all = free_.at_or_after(run->start);
    if (!free_.remove(whole_partition ? *all : *run)) return std::nullopt;
    const std::size_t hole = std::prev(by_start_.upper_bound(run->start))->second;
    left_[hole] -= want;
    return hole;
  }

  [[nodiscard]] const std::vector<std::uint64_t>& left() const { return left_; }

 private:
  RunSet free_;
  std::map<BlockNo, std::size_t> by_start_;
  std::vector<std::uint64_t> left_;
};

std::vector<std::uint64_t> read_sizes(const Field& field, std::int64_t low) {
  std::vector<std::uint64_t> sizes;
  for (const Field& item : field.items())
    sizes.push_back(static_cast<std::uint64_t>(item.integer(low, kMostManagedBytes)));
  return sizes;
}

/// The textbook's buddy system: blocks of powers of two, split in halves on demand, joined with
/// their buddy as soon as both are free. A request gets the lowest block of the smallest size that
/// will do.
class Buddies {
 public:
  Buddies(std::uint64_t size, std::uint64_t smallest) : size_(size), smallest_(smallest) {
    free_[size].insert(0);
  }

  struct Block {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    [[nodiscard]] Json json() const { return {start, size}; }
  };
  struct Allocation {
    Block block;
    Block from;                ///< the free block that was halved until it was small enough
    std::vector<Block> rests;  ///< what the halvings left free, the largest first
  };

  /// The size of the block that a request gets.
  [[nodiscard]] std::uint64_t size_for(std::uint64_t want) const {
    return std::max(smallest_, std::bit_ceil(want));
  }

  std::optional<Allocation> allocate(std::uint64_t want) {
    const std::uint64_t size = size_for(want);
    auto blocks = free_.lower_bound(size);
    while (blocks != free_.end() && blocks->second.empty()) ++blocks;
    if (blocks == free_.end()) return std::nullopt;
    const std::uint64_t start = *blocks->second.begin();
    Allocation allocation{{start, size}, {start, blocks->first}, {}};
    blocks->second.erase(start);
    for (std::uint64_t half = allocation.from.size / 2; half >= size; half /= 2) {
      free_[half].insert(start + half);
      allocation.rests.push_back({start + half, half});
    }
    return allocation;
  }

  /// A free block, and its buddy, which is not free as a whole; if it is all of the memory, it has
  /// none.
  struct Freed {
    Block block;
    std::optional<std::uint64_t> buddy;
  };
  /// What the block became, one after the other: itself, and then each time joined with its buddy.
  std::vector<Freed> release(Block block) {
    std::vector<Freed> steps;
    while (block.size < size_) {
      const std::uint64_t buddy = block.start ^ block.size;
      steps.push_back({block, buddy});
      if (free_[block.size].erase(buddy) == 0) break;
      block = {std::min(block.start, buddy), 2 * block.size};
    }
    if (block.size == size_) steps.push_back({block, std::nullopt});
    free_[block.size].insert(block.start);
    return steps;
  }

  /// [start, size] in order of place.
  [[nodiscard]] Json free_blocks() const {
    std::map<std::uint64_t, std::uint64_t> by_place;
    for (const auto& [size, starts] : free_)
      for (std::uint64_t start : starts) by_place[start] = size;
    Json list = Json::array();
    for (const auto& [start, size] : by_place) list.push_back({start, size});
    return list;
  }

 private:
  std::uint64_t size_;
  std::uint64_t smallest_;
  std::map<std::uint64_t, std::set<std::uint64_t>> free_;  ///< the starts of free blocks, by size
};

Json json_of(const Buddies::Allocation& allocation) {
  Json rests = Json::array();
  for (const Buddies::Block& block : allocation.rests) rests.push_back(block.json());
  return {{"from", allocation.from.json()}, {"rests", rests}};
}

Json json_of(const std::vector<Buddies::Freed>& steps) {
  Json became = Json::array();
  for (const auto& [block, buddy] : steps)
    became.push_back({block.start, block.size, buddy ? Json(*buddy) : Json()});
  return {{"became", became}};
}

struct Chunk {
  std::int64_t start = 0;
  std::int64_t size = 0;
};

/// A heap as malloc keeps it: a list of free chunks in some order, searched from its front. Only
/// neighbours in the list are joined, so only a list in order of address joins all.
class Heap {
 public:
  enum class Fit : std::uint8_t { kFirst, kBest, kWorst };
  enum class Order : std::uint8_t { kAddress, kSizeUp, kSizeDown, kFront, kBack };
  struct Rules {
    std::int64_t header = 0;
    std::int64_t align = 1;
    Order order = Order::kAddress;
    bool coalesce = false;
    Fit fit = Fit::kFirst;
  };

  Heap(Chunk all, const Rules& rules) : rules_(rules), free_{all} {}

  /// Where the block is, or -1; `searched` counts the chunks looked at.
  std::int64_t allocate(std::int64_t want, std::int64_t& searched) {
    want += (rules_.align - want % rules_.align) % rules_.align + rules_.header;
    auto chosen = free_.end();
    searched = 0;
    for (auto chunk = free_.begin(); chunk != free_.end(); ++chunk) {
      ++searched;
      if (chunk->size < want) continue;
      const bool better =
          chosen == free_.end() ||
          (rules_.fit == Fit::kBest ? chunk->size < chosen->size : chunk->size > chosen->size);
      if (better) chosen = chunk;
      if (rules_.fit == Fit::kFirst) break;
    }
    if (chosen == free_.end()) return -1;
    const std::int64_t start = chosen->start;
    used_[start] = want;
    chosen->start += want;
    chosen->size -= want;
    if (chosen->size == 0) free_.erase(chosen);
    return start;
  }

  bool release(std::int64_t start) {
    const auto found = used_.find(start);
    if (found == used_.end()) return false;
    const Chunk chunk{start, found->second};
    used_.erase(found);
    free_.insert(rules_.order == Order::kFront ? free_.begin() : free_.end(), chunk);
    if (rules_.order == Order::kAddress) std::ranges::stable_sort(free_, {}, &Chunk::start);
    if (rules_.order == Order::kSizeUp) std::ranges::stable_sort(free_, {}, &Chunk::size);
    if (rules_.order == Order::kSizeDown)
      std::ranges::stable_sort(free_, std::greater<>(), &Chunk::size);
    if (rules_.coalesce) coalesce();
    return true;
  }

  [[nodiscard]] Json free_list() const {
    Json list = Json::array();
    for (const Chunk& chunk : free_) list.push_back({chunk.start, chunk.size});
    return list;
  }

 private:
  void coalesce() {
    std::vector<Chunk> joined;
    for (const Chunk& chunk : free_) {
      if (!joined.empty() && joined.back().start + joined.back().size == chunk.start)
        joined.back().size += chunk.size;
      else
        joined.push_back(chunk);
    }
    free_ = std::move(joined);
  }

  Rules rules_;
  std::vector<Chunk> free_;
  std::map<std::int64_t, std::int64_t> used_;
};

/// Blocks [name, start, size] move down until no hole is left between them.
Json compaction(const Problem& problem) {
  const std::int64_t size = problem.parameters["size"].integer(1, kMostManagedBytes);
  struct Block {
    std::string name;
    Chunk place;
  };
  std::vector<Block> blocks;
  for (const Field& item : problem.input["blocks"].items()) {
    const std::vector<Field> parts = item.items();
    if (parts.size() != 3) item.fail("a block is [name, start, size]");
    if (problem.failed()) return {};
    const std::int64_t start = parts[1].integer(0, size - 1);
    blocks.push_back({parts[0].text(), {start, parts[2].integer(1, size - start)}});
  }
  std::ranges::stable_sort(blocks, {}, [](const Block& block) { return block.place.start; });
  for (std::size_t i = 1; i < blocks.size(); ++i)
    if (blocks[i].place.start < blocks[i - 1].place.start + blocks[i - 1].place.size)
      problem.input["blocks"].fail("two of them overlap");
  if (problem.failed()) return {};
  Json places = Json::array();
  std::int64_t end = 0;
  std::int64_t moved = 0;
  for (const Block& block : blocks) {
    if (block.place.start != end) moved += block.place.size;
    places.push_back({block.name, end, block.place.size});
    end += block.place.size;
  }
  Json hole;
  if (end < size) hole = Json::array({end, size - end});
  return {{"blocks", places}, {"hole", hole}, {"moved", moved}};
}

/// "+10" asks for ten bytes, "-0" gives back what the first "+" got.
std::optional<std::int64_t> amount_of(const Field& field, char sign) {
  const std::string text = field.text();
  if (text.size() < 2 || text.size() > 12 || text[0] != sign) return std::nullopt;
  if (text.find_first_not_of("0123456789", 1) != std::string::npos) return std::nullopt;
  return std::stoll(text.substr(1));
}

}  // namespace

Json solve_allocation(const Problem& problem) {
  if (problem.algorithm == "COMPACTION") return compaction(problem);
  const bool fixed = problem.parameters["fixed"].flag_or(false);
  const std::vector<std::uint64_t> sizes = read_sizes(problem.input["holes"], 0);
  const std::vector<std::uint64_t> requests = read_sizes(problem.input["requests"], 1);
  const auto policy = fit_policy_of(problem);
  if (!policy) return problem.unknown_algorithm();
  if (problem.failed()) return {};
  Holes holes(sizes);
  Json placed = Json::array();
  Json waiting = Json::array();
  std::set<std::size_t> given;
  for (std::uint64_t want : requests) {
    const std::optional<std::size_t> hole = holes.place(*policy, want, fixed);
    placed.push_back(hole ? Json(*hole) : Json());
    if (hole)
      given.insert(*hole);
    else
      waiting.push_back(want);
  }
  std::uint64_t free = 0;
  std::uint64_t unused_in_partitions = 0;
  for (std::size_t hole = 0; hole < sizes.size(); ++hole)
    (fixed && given.contains(hole) ? unused_in_partitions : free) += holes.left()[hole];
  return {{"placed", placed},
          {"left", holes.left()},
          {"waiting", waiting},
          {"external_free", free},
          {"internal_fragmentation", unused_in_partitions}};
}

/// The choices are those of the operations: the block that was halved, and what that left; or the
/// blocks [start, size, buddy] that a freed one became.
Json solve_buddy(const Problem& problem) {
  if (problem.algorithm != "BUDDY") return problem.unknown_algorithm();
  const auto size =
      static_cast<std::uint64_t>(problem.parameters["size"].integer(1, kMostManagedBytes));
  const auto smallest = static_cast<std::uint64_t>(
      problem.parameters["min"].integer_or(1, 1, static_cast<std::int64_t>(size)));
  if (!std::has_single_bit(size)) problem.parameters["size"].fail("not a power of two");
  if (!std::has_single_bit(smallest)) problem.parameters["min"].fail("not a power of two");
  if (problem.failed()) return {};
  Buddies buddies(size, smallest);
  std::map<std::string, Buddies::Block> held;
  Json allocations = Json::array();
  Json choices = Json::array();
  for (const Field& item : problem.input["ops"].items()) {
    const std::vector<Field> op = item.items();
    const bool allocates = op.size() == 3 && op[0].text() == "alloc";
    if (!allocates && !(op.size() == 2 && op[0].text() == "free"))
      item.fail("neither [\"alloc\", name, size] nor [\"free\", name]");
    if (problem.failed()) return {};
    const std::string name = op[1].text();
    const auto found = held.find(name);
    if (allocates && found != held.end()) item.fail("allocated twice: " + name);
    if (problem.failed()) return {};
    if (allocates) {
      const auto want = static_cast<std::uint64_t>(op[2].integer(1, kMostManagedBytes));
      if (problem.failed()) return {};
      const auto allocation = buddies.allocate(want);
      if (allocation) held[name] = allocation->block;
      allocations.push_back(
          {name, allocation ? Json(allocation->block.start) : Json(), buddies.size_for(want)});
      choices.push_back(allocation ? json_of(*allocation) : Json());
    } else if (found != held.end()) {
      choices.push_back(json_of(buddies.release(found->second)));
      held.erase(found);
    } else {
      // What could not be allocated is freed without effect.
      choices.push_back(nullptr);
    }
  }
  Json answer = {{"allocations", allocations}, {"free", buddies.free_blocks()}};
  if (problem.explains) answer["choices"] = choices;
  return answer;
}

Json solve_heap(const Problem& problem) {
  const Field& parameters = problem.parameters;
  Heap::Rules rules;
  constexpr std::string_view kFits[] = {"FIRST-FIT", "BEST-FIT", "WORST-FIT"};
  const auto* const fit = std::ranges::find(kFits, problem.algorithm);
  if (fit == std::end(kFits)) return problem.unknown_algorithm();
  rules.fit = static_cast<Heap::Fit>(fit - std::begin(kFits));
  rules.header = parameters["header"].integer_or(0, 0, kMostManagedBytes);
  rules.align = parameters["align"].integer_or(1, 1, kMostManagedBytes);
  rules.order = static_cast<Heap::Order>(parameters["order"].choice(
      {"ADDRSORT", "SIZESORT+", "SIZESORT-", "INSERT-FRONT", "INSERT-BACK"}));
  rules.coalesce = parameters["coalesce"].flag_or(false);
  const Chunk all{parameters["base"].integer_or(0, 0, kMostManagedBytes),
                  parameters["size"].integer(1, kMostManagedBytes)};
  const std::vector<Field> ops = problem.input["ops"].items();
  // Each operation searches, and perhaps sorts, the whole list.
  if (ops.size() > 20'000) problem.input["ops"].fail("too many operations");
  if (problem.failed()) return {};
  Heap heap(all, rules);
  std::vector<std::int64_t> blocks;
  Json results = Json::array();
  Json searched = Json::array();
  for (const Field& op : ops) {
    if (const auto want = amount_of(op, '+'); want && 0 < *want && *want <= kMostManagedBytes) {
      std::int64_t looked_at = 0;
      blocks.push_back(heap.allocate(*want, looked_at));
      results.push_back(blocks.back());
      searched.push_back(looked_at);
    } else if (const auto which = amount_of(op, '-');
               which && static_cast<std::size_t>(*which) < blocks.size()) {
      results.push_back(heap.release(blocks[static_cast<std::size_t>(*which)]) ? 0 : -1);
    } else {
      return op.fail("neither +bytes nor -number of a block"), Json();
    }
  }
  return {{"results", results}, {"searched", searched}, {"free_list", heap.free_list()}};
}

}  // namespace spindle
