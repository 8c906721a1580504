// Which blocks of a disk are free: a bitmap, a list of runs (counting), and a linked list, while
// files are made and deleted. Bitmaps and runs give the free block with the lowest number, linked
// lists the first of the list.

#include <deque>
#include <map>

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
  /// What is written down: the runs, or the blocks of the list in order.
  [[nodiscard]] virtual Json entries() const = 0;
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
    return block;
  }
  /// The blocks of a file stay in its order.
  void give_back(const std::vector<std::uint64_t>& blocks) override {
    list_.insert(to_back_ ? list_.end() : list_.begin(), blocks.begin(), blocks.end());
  }
  [[nodiscard]] Json entries() const override { return list_; }

 private:
  bool to_back_;
  std::deque<std::uint64_t> list_;
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

}  // namespace

Json solve_free_space(const Problem& problem) {
  const Field& parameters = problem.parameters;
  const std::int64_t blocks = parameters["blocks"].integer(1, kMostSpaceBlocks);
  const std::int64_t used = parameters["used"].integer_or(1, 0, blocks);
  const std::int64_t address_bits = parameters["address_bits"].integer(1, 64);
  const std::vector<Field> ops = problem.input["ops"].items();
  if (ops.size() > kMostSpaceOps) problem.input["ops"].fail("there are too many");
  const bool is_bitmap = problem.algorithm == "BITMAP";
  const bool is_list = problem.algorithm == "LINKED-LIST";
  if (!is_bitmap && !is_list && problem.algorithm != "COUNTING") return problem.unknown_algorithm();
  const bool one_is_used = is_bitmap && parameters["one"].choice({"used", "free"}) == 0;
  const bool to_back = is_list && parameters["freed"].choice({"front", "back"}) == 1;
  if (problem.failed()) return {};
  const auto first = static_cast<std::uint64_t>(used);
  const auto end = static_cast<std::uint64_t>(blocks);
  LowestFirst lowest_first(first, end);
  FreeList free_list(first, end, to_back);
  SpaceBook& book = is_list ? static_cast<SpaceBook&>(free_list) : lowest_first;
  SpaceOfFiles space(end, first, book);
  Json given = Json::array();
  Json states = Json::array();
  std::uint64_t failed = 0;
  for (const Field& op : ops) {
    given.push_back(space.apply(op));
    if (problem.failed()) return {};
    if (given.back().is_null()) ++failed;
    states.push_back(is_bitmap ? Json(space.bits(one_is_used)) : book.entries());
  }
  const std::uint64_t entries = is_bitmap ? end : book.entries().size();
  const auto bits_each = static_cast<std::uint64_t>(is_bitmap ? 1
                                                    : is_list ? address_bits
                                                              : 2 * address_bits);
  return {{"given", given},
          {"states", states},
          {"free", space.free()},
          {"bits", entries * bits_each},
          {"failed", failed}};
}

}  // namespace spindle
