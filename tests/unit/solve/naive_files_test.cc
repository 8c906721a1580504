// Exercises about files against models that keep a disk and count: slow, and plain.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

Json file_answer(const Json& problem) {
  const Json line = solve_cases(Json::array({problem}))[0];
  EXPECT_TRUE(line.contains("answer")) << problem << line;
  return line.value("answer", Json::object());
}

/// A file on a disk that counts what is read and written. The content of a block is its name.
class CountedFile {
 public:
  explicit CountedFile(int blocks) : blocks_(blocks) {}

  int reads = 0;
  int writes = 0;

  /// Contiguous: the file begins at place 1000 of the disk.
  void add_contiguous(int at) {
    std::vector<int> disk = contents();
    disk.push_back(-1);
    for (int i = blocks_; i > at; --i) move(disk, i - 1, i);
    disk[static_cast<std::size_t>(at)] = kNew;
    ++writes;
    expect_order(disk, at);
  }
  void remove_contiguous(int at) {
    std::vector<int> disk = contents();
    for (int i = at; i + 1 < blocks_; ++i) move(disk, i + 1, i);
    disk.pop_back();
    std::vector<int> wanted = contents();
    wanted.erase(wanted.begin() + at);
    EXPECT_EQ(disk, wanted);
  }

  /// Linked: what is read is known from then on, and what has another successor is written.
  void add_linked(int at) {
    if (at == blocks_ && at > 0) {
      read(blocks_ - 1);  // the control block has its number
    } else {
      for (int i = 0; i < at; ++i) read(i);
    }
    ++writes;
    if (at > 0) write_known(at - 1);
  }
  void remove_linked(int at) {
    const bool is_last = at == blocks_ - 1 && at > 0;
    for (int i = 0; i < at; ++i) read(i);
    if (!is_last) read(at);  // for its successor
    if (at > 0) write_known(at - 1);
  }

 private:
  static constexpr int kNew = 1'000'000;

  [[nodiscard]] std::vector<int> contents() const {
    std::vector<int> all;
    for (int i = 0; i < blocks_; ++i) all.push_back(i);
    return all;
  }
  void move(std::vector<int>& disk, int from, int to) {
    ++reads;
    ++writes;
    disk[static_cast<std::size_t>(to)] = disk[static_cast<std::size_t>(from)];
  }
  void expect_order(const std::vector<int>& disk, int at) const {
    std::vector<int> wanted = contents();
    wanted.insert(wanted.begin() + at, kNew);
    EXPECT_EQ(disk, wanted);
  }
  void read(int block) {
    ++reads;
    known_.insert(block);
  }
  void write_known(int block) {
    EXPECT_TRUE(known_.contains(block)) << "its content would be lost";
    ++writes;
  }

  int blocks_;
  std::set<int> known_;
};

TEST(NaiveFiles, CountWhatAChangedBlockCosts) {
  using Change = void (CountedFile::*)(int);
  struct Kind {
    const char* algorithm;
    const char* operation;
    Change change;
  };
  constexpr Kind kKinds[] = {{"CONTIGUOUS", "add", &CountedFile::add_contiguous},
                             {"CONTIGUOUS", "remove", &CountedFile::remove_contiguous},
                             {"LINKED", "add", &CountedFile::add_linked},
                             {"LINKED", "remove", &CountedFile::remove_linked}};
  for (const Kind& kind : kKinds)
    for (int blocks = 1; blocks < 8; ++blocks) {
      const int places = blocks + (kind.operation == std::string("add") ? 1 : 0);
      for (int at = 0; at < places; ++at) {
        CountedFile file(blocks);
        (file.*kind.change)(at);
        const Json ops = Json::array({Json::array({kind.operation, at})});
        const Json answer = file_answer({{"domain", "file-blocks"},
                                         {"algorithm", kind.algorithm},
                                         {"parameters", {{"blocks", blocks}}},
                                         {"input", {{"ops", ops}}}});
        EXPECT_EQ(answer["reads"][0], file.reads) << kind.algorithm << kind.operation << at;
        EXPECT_EQ(answer["writes"][0], file.writes) << kind.algorithm << kind.operation << at;
      }
    }
}

/// The blocks of pointers above file blocks 0 to `blocks` - 1, each named by the way to it.
std::size_t blocks_of_pointers(const std::vector<std::uint64_t>& roots, std::uint64_t pointers,
                               std::uint64_t blocks) {
  std::set<std::vector<std::uint64_t>> nodes;
  std::uint64_t first = 0;
  std::uint64_t area = 1;
  std::uint64_t slot = 0;
  for (std::size_t level = 0; level < roots.size(); ++level, area *= pointers)
    for (std::uint64_t root = 0; root < roots[level]; ++root, ++slot, first += area)
      for (std::uint64_t block = first; block < std::min(blocks, first + area); ++block) {
        std::uint64_t part = area;
        std::vector<std::uint64_t> way = {slot};
        for (std::size_t i = 0; i < level; ++i) {
          nodes.insert(way);
          part /= pointers;
          way.push_back((block - first) / part);
        }
      }
  return nodes.size();
}

TEST(NaiveFiles, CountTheBlocksOfPointers) {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t pointers = 1 + random.below(5);
    const std::vector<std::uint64_t> roots = {random.below(4), random.below(3), random.below(3),
                                              random.below(3)};
    Json problem = {{"domain", "inode"},
                    {"algorithm", "STORAGE"},
                    {"parameters",
                     {{"block_size", pointers * 8},
                      {"pointer_bytes", 8},
                      {"direct", roots[0]},
                      {"single", roots[1]},
                      {"double", roots[2]},
                      {"triple", roots[3]}}},
                    {"input", {{"sizes", Json::array()}}}};
    const auto most = file_answer(problem)["blocks"].get<std::uint64_t>();
    for (std::uint64_t blocks = 0; blocks <= most; blocks += 1 + random.below(9))
      problem["input"]["sizes"].push_back(blocks * pointers * 8);
    const Json answer = file_answer(problem);
    for (std::size_t i = 0; i < answer["data_blocks"].size(); ++i)
      EXPECT_EQ(answer["indirect_blocks"][i].get<std::size_t>(),
                blocks_of_pointers(roots, pointers, answer["data_blocks"][i].get<std::uint64_t>()))
          << problem;
  }
}

/// Blocks of a disk, each used or not, of which the lowest are taken.
class DiskOfFlags {
 public:
  explicit DiskOfFlags(std::size_t blocks) : used_(blocks, false) {}
  std::size_t take() {
    const auto block = static_cast<std::size_t>(std::ranges::find(used_, false) - used_.begin());
    used_[block] = true;
    return block;
  }
  void give_back(std::size_t block) { used_[block] = false; }
  [[nodiscard]] Json state() const {
    std::string bits;
    for (const bool bit : used_) bits += bit ? '1' : '0';
    return bits;
  }

 private:
  std::vector<bool> used_;
};

/// Blocks as they would lie on a disk: what each holds, and which is the first.
class DiskOfGroups {
 public:
  DiskOfGroups(std::size_t blocks, std::size_t group) : group_(group) {
    std::size_t holder = 0;
    for (std::size_t block = 1; block < blocks; ++block) {
      const bool is_full = holds_[holder].size() == group_;
      if (is_full) holder = holds_[holder].back();
      holds_[holder].push_back(block);
    }
    first_ = 0;
  }
  std::size_t take() {
    std::vector<std::size_t>& numbers = holds_[*first_];
    const bool leads_on = !numbers.empty() && holds_.contains(numbers.back());
    if (numbers.size() > (leads_on ? 1 : 0)) {
      const std::size_t block = numbers.front();
      numbers.erase(numbers.begin());
      return block;
    }
    const std::size_t block = *first_;
    first_ = leads_on ? std::optional(numbers.back()) : std::nullopt;
    holds_.erase(block);
    return block;
  }
  void give_back(std::size_t block) {
    if (first_ && holds_[*first_].size() < group_) {
      holds_[*first_].insert(holds_[*first_].begin(), block);
      return;
    }
    if (first_)
      holds_[block] = {*first_};
    else
      holds_[block] = {};
    first_ = block;
  }
  [[nodiscard]] Json state() const {
    Json groups = Json::array();
    for (std::optional<std::size_t> at = first_; at && holds_.contains(*at);) {
      const std::vector<std::size_t>& numbers = holds_.at(*at);
      groups.push_back({*at, numbers});
      at = numbers.empty() ? std::nullopt : std::optional(numbers.back());
    }
    return groups;
  }

 private:
  std::size_t group_;
  std::map<std::size_t, std::vector<std::size_t>> holds_;
  std::optional<std::size_t> first_;
};

/// Has random files made and deleted on the disk and by the solver, and compares.
template <class Disk>
void compare_free_space(Random& random, Disk disk, const std::string& algorithm,
                        const Json& parameters) {
  std::vector<std::vector<std::size_t>> files(4);
  Json ops = Json::array();
  Json states = Json::array();
  Json given = Json::array();
  for (int step = 0; step < 14; ++step) {
    std::vector<std::size_t>& file = files[random.below(files.size())];
    const std::string name = std::to_string(&file - files.data());
    if (!file.empty()) {
      for (const std::size_t block : file) disk.give_back(block);
      ops.push_back(Json::array({"free", name}));
      given.push_back(std::exchange(file, {}));
    } else {
      const std::size_t want = 1 + random.below(5);
      while (file.size() < want) file.push_back(disk.take());
      ops.push_back(Json::array({"alloc", name, want}));
      given.push_back(file);
    }
    states.push_back(disk.state());
  }
  const Json problem = {{"domain", "free-space"},
                        {"algorithm", algorithm},
                        {"parameters", parameters},
                        {"input", {{"ops", ops}}}};
  const Json answer = file_answer(problem);
  EXPECT_EQ(answer["states"], states) << problem;
  EXPECT_EQ(answer["given"], given) << problem;
}

TEST(NaiveFiles, KeepWhatIsFree) {
  Random random(12);
  for (int round = 0; round < 20; ++round) {
    constexpr std::size_t kBlocks = 24;
    compare_free_space(random, DiskOfFlags(kBlocks), "BITMAP",
                       {{"blocks", kBlocks}, {"used", 0}, {"address_bits", 16}});
  }
}

TEST(NaiveFiles, KeepWhatIsFreeInGroups) {
  Random random(13);
  for (int round = 0; round < 60; ++round) {
    const std::size_t blocks = 20 + random.below(8);
    const std::size_t group = 1 + random.below(6);
    compare_free_space(random, DiskOfGroups(blocks, group), "GROUPING",
                       {{"blocks", blocks}, {"used", 0}, {"address_bits", 16}, {"group", group}});
  }
}

}  // namespace
}  // namespace spindle
