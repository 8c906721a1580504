// Which blocks of a disk are free: a bitmap, a list of runs (counting), a linked list, and a list
// of groups, while files are made and deleted. Bitmaps and runs give the free block with the lowest
// number, lists the first of the list.

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "domains.h"
#include "spindle/policy/run_set.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostSpaceBlocks = 4096;
constexpr std::int64_t kMostSpaceOps = 500;

/// Free blocks, by one way of keeping them.
class SpaceBook {
 public:
  virtual ~SpaceBook() = default;
  /// Takes a block; there is one.
  virtual std::uint64_t take() = 0;
  virtual void give_back(const std::vector<std::uint64_t>& blocks) = 0;
  /// What is written down: the runs, the blocks of the list in order, or the groups.
  [[nodiscard]] virtual Json entries() const = 0;
  /// Free blocks that were read because they say which others are free.
  [[nodiscard]] virtual std::uint64_t reads() const { return 0; }
};

/// For a bitmap and for counting.
class LowestFirst final : public SpaceBook {
 public:
  LowestFirst(std::uint64_t first, std::uint64_t end) {
    if (first < end) CHECK(free_.add({kFirstBlock + first, end - first}));
  }
  std::uint64_t take() override {
    const std::optional<Run> run = free_.at_or_after(kFirstBlock);
    CHECK(run && free_.remove({run->start, 1}));
    return run->start.value - kFirstBlock.value;
  }
  void give_back(const std::vector<std::uint64_t>& blocks) override {
    for (const std::uint64_t block : blocks) CHECK(free_.add({kFirstBlock + block, 1}));
  }
  [[nodiscard]] Json entries() const override {
    Json runs = Json::array();
    free_.for_each([&](Run run) {
      runs.push_back({run.start.value - kFirstBlock.value, run.length});
    });
    return runs;
  }

 private:
  static constexpr BlockNo kFirstBlock{1};  ///< of a RunSet, where 0 is no block
  RunSet free_;
};

class FreeList final : public SpaceBook {
 public:
  FreeList(std::uint64_t first, std::uint64_t end, bool to_back) : to_back_(to_back) {
    for (std::uint64_t block = first; block < end; ++block) list_.push_back(block);
  }
  std::uint64_t take() override {
    const std::uint64_t block = list_.front();
    list_.pop_front();
    ++reads_;  // it says which is the next
    return block;
  }
  /// The blocks of a file stay in its order.
  void give_back(const std::vector<std::uint64_t>& blocks) override {
    list_.insert(to_back_ ? list_.end() : list_.begin(), blocks.begin(), blocks.end());
  }
  [[nodiscard]] Json entries() const override { return list_; }
  [[nodiscard]] std::uint64_t reads() const override { return reads_; }

 private:
  bool to_back_;
  std::deque<std::uint64_t> list_;
  std::uint64_t reads_ = 0;
};

/// The first free block holds the numbers of up to `group` others, of which the last holds the next
/// ones, and so on (Silberschatz, Galvin, Gagne, Operating System Concepts, 14.5.3).
class Grouping final : public SpaceBook {
 public:
  Grouping(std::uint64_t first, std::uint64_t end, std::uint64_t group) : group_(group) {
    for (std::uint64_t block = first; block < end;) {
      Holder holder{block++, {}};
      const bool is_last = end - block <= group;
      const std::uint64_t others = is_last ? end - block : group - 1;
      for (std::uint64_t i = 0; i < others; ++i) holder.free.push_back(block++);
      holders_.push_back(std::move(holder));
    }
  }
  /// A block goes after all that it holds the numbers of, but for the next that holds some.
  std::uint64_t take() override {
    Holder& holder = holders_.front();
    const bool is_empty = holder.free.empty();
    const std::uint64_t block = is_empty ? holder.block : holder.free.front();
    if (!is_empty) {
      holder.free.pop_front();
      return block;
    }
    holders_.pop_front();
    if (!holders_.empty()) ++reads_;
    return block;
  }
  void give_back(const std::vector<std::uint64_t>& blocks) override {
    for (const std::uint64_t block : blocks) {
      if (has_room()) {
        holders_.front().free.push_front(block);
      } else {
        holders_.push_front({block, {}});
      }
    }
  }
  [[nodiscard]] Json entries() const override {
    Json groups = Json::array();
    for (std::size_t i = 0; i < holders_.size(); ++i) {
      Json numbers = holders_[i].free;
      if (i + 1 < holders_.size()) numbers.push_back(holders_[i + 1].block);
      groups.push_back({holders_[i].block, numbers});
    }
    return groups;
  }
  [[nodiscard]] std::uint64_t reads() const override { return reads_; }

 private:
  struct Holder {
    std::uint64_t block;
    std::deque<std::uint64_t> free;  ///< without the next holder
  };
  [[nodiscard]] bool has_room() const {
    if (holders_.empty()) return false;
    return holders_.front().free.size() + (holders_.size() > 1 ? 1 : 0) < group_;
  }

  std::uint64_t group_;
  std::deque<Holder> holders_;
  std::uint64_t reads_ = 0;
};

/// The files, and which blocks they have.
class SpaceOfFiles {
 public:
  SpaceOfFiles(std::uint64_t blocks, std::uint64_t used, SpaceBook& book)
      : used_(blocks), free_(blocks - used), book_(book) {
    for (std::uint64_t block = 0; block < used; ++block) used_[block] = true;
  }

  /// The blocks that the operation took or gave back; null if there were too few.
  Json apply(const Field& item) {
    const std::vector<Field> op = item.items();
    if (op.size() < 2 || op.size() > 3)
      return item.fail("an operation is [\"alloc\", name, blocks] or [\"free\", name]"), Json();
    const bool makes = op[0].choice({"alloc", "free"}) == 0;
    if (makes != (op.size() == 3))
      return item.fail("only \"alloc\" has a number of blocks"), Json();
    const std::string name = op[1].text();
    if (!makes) {
      const auto file = files_.extract(name);
      if (file.empty()) return item.fail("there is no file " + name), Json();
      mark(file.mapped(), false);
      book_.give_back(file.mapped());
      return file.mapped();
    }
    const auto want = static_cast<std::uint64_t>(op[2].integer(1, kMostSpaceBlocks));
    if (files_.contains(name)) item.fail("there is a file " + name + " already");
    if (item.failed() || want > free_) {
      files_[name] = {};  // it may be deleted all the same
      return {};
    }
    std::vector<std::uint64_t> blocks;
    for (std::uint64_t i = 0; i < want; ++i) blocks.push_back(book_.take());
    mark(blocks, true);
    return files_[name] = std::move(blocks);
  }

  [[nodiscard]] std::uint64_t free() const { return free_; }
  [[nodiscard]] std::string bits(bool one_is_used) const {
    std::string text;
    for (const bool used : used_) text += used == one_is_used ? '1' : '0';
    return text;
  }

 private:
  void mark(const std::vector<std::uint64_t>& blocks, bool used) {
    for (const std::uint64_t block : blocks) used_[block] = used;
    free_ = used ? free_ - blocks.size() : free_ + blocks.size();
  }

  std::vector<bool> used_;
  std::uint64_t free_;
  SpaceBook& book_;
  std::map<std::string, std::vector<std::uint64_t>> files_;
};

enum class Kept : std::uint8_t { kBitmap, kRuns, kList, kGroups };

std::optional<Kept> kept_by(std::string_view algorithm) {
  if (algorithm == "BITMAP") return Kept::kBitmap;
  if (algorithm == "COUNTING") return Kept::kRuns;
  if (algorithm == "LINKED-LIST") return Kept::kList;
  if (algorithm == "GROUPING") return Kept::kGroups;
  return std::nullopt;
}

/// With the blocks from `used` to `blocks` free.
std::unique_ptr<SpaceBook> make_book(Kept kept, const Field& parameters, std::int64_t used,
                                     std::int64_t blocks) {
  const auto first = static_cast<std::uint64_t>(used);
  const auto end = static_cast<std::uint64_t>(blocks);
  if (kept == Kept::kList) {
    const bool to_back = parameters["freed"].choice({"front", "back"}) == 1;
    return std::make_unique<FreeList>(first, end, to_back);
  }
  if (kept == Kept::kGroups) {
    const std::int64_t group = parameters["group"].integer(1, kMostSpaceBlocks);
    return std::make_unique<Grouping>(first, end, static_cast<std::uint64_t>(group));
  }
  return std::make_unique<LowestFirst>(first, end);
}

}  // namespace

Json solve_free_space(const Problem& problem) {
  const Field& parameters = problem.parameters;
  const std::int64_t blocks = parameters["blocks"].integer(1, kMostSpaceBlocks);
  const std::int64_t used = parameters["used"].integer_or(1, 0, blocks);
  const std::int64_t address_bits = parameters["address_bits"].integer(1, 64);
  const std::vector<Field> ops = problem.input["ops"].items();
  if (ops.size() > kMostSpaceOps) problem.input["ops"].fail("there are too many");
  const std::optional<Kept> kept = kept_by(problem.algorithm);
  if (!kept) return problem.unknown_algorithm();
  const bool is_bitmap = *kept == Kept::kBitmap;
  const bool one_is_used = is_bitmap && parameters["one"].choice({"used", "free"}) == 0;
  const auto book = make_book(*kept, parameters, used, blocks);
  if (problem.failed()) return {};
  SpaceOfFiles space(static_cast<std::uint64_t>(blocks), static_cast<std::uint64_t>(used), *book);
  Json given = Json::array();
  Json states = Json::array();
  std::uint64_t failed = 0;
  for (const Field& op : ops) {
    given.push_back(space.apply(op));
    if (problem.failed()) return {};
    if (given.back().is_null()) ++failed;
    states.push_back(is_bitmap ? Json(space.bits(one_is_used)) : book->entries());
  }
  const auto number_bits = static_cast<std::uint64_t>(address_bits);
  const std::uint64_t bits = is_bitmap              ? static_cast<std::uint64_t>(blocks)
                             : *kept == Kept::kRuns ? 2 * number_bits * book->entries().size()
                                                    : number_bits * space.free();
  return {{"given", given}, {"states", states},       {"free", space.free()},
          {"bits", bits},   {"reads", book->reads()}, {"failed", failed}};
}

}  // namespace spindle
