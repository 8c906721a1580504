// RAID: where blocks lie on an array of disks, which disks a read or a write needs, also when one
// has failed, and parity. Disks, blocks, rows and bits count from 0; a row is what stands at one
// offset of all disks. Each request is for itself: nothing is in memory before it.

#include <algorithm>
#include <map>
#include <set>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostRaidDisks = 1024;
constexpr std::int64_t kMostRaidBlocks = std::int64_t{1} << 40;
constexpr std::int64_t kMostRaidTouched = 20'000;
constexpr std::size_t kMostRaidRows = 64;

/// A block of a disk of the array.
struct DiskBlock {
  std::int64_t row = 0;
  std::int64_t disk = 0;
  auto operator<=>(const DiskBlock&) const = default;
};

enum class ParityUpdate : std::uint8_t { kFewest, kSubtractive, kAdditive };

class RaidArray {
 public:
  /// Notes in the problem's failure what is wrong with it.
  explicit RaidArray(const Problem& problem);

  [[nodiscard]] std::int64_t data_disks() const { return data_disks_; }
  [[nodiscard]] std::int64_t parities() const { return parities_; }
  [[nodiscard]] std::int64_t disks() const { return disks_; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t copies() const { return copies_; }
  [[nodiscard]] std::int64_t capacity() const { return rows_ * data_disks_; }
  [[nodiscard]] bool is_lost(std::int64_t disk) const { return disk == failed_; }
  [[nodiscard]] ParityUpdate update() const { return update_; }

  /// Where in its row a block of the array stands: the first of its copies.
  [[nodiscard]] DiskBlock place_of(std::int64_t block) const {
    const std::int64_t chunk = block / chunk_;
    const std::int64_t stripe = chunk / data_disks_;
    return {stripe * chunk_ + block % chunk_, data_disk(stripe, chunk % data_disks_)};
  }
  /// The disk of parity number `which` in a row.
  [[nodiscard]] std::int64_t parity_disk(std::int64_t row, std::int64_t which) const {
    if (!rotates_) return data_disks_ + which;
    return (disks_ - 1 - row / chunk_ % disks_ + which) % disks_;
  }
  /// The blocks of the array that stand in a row, in their order.
  [[nodiscard]] std::vector<std::int64_t> blocks_of(std::int64_t row) const {
    std::vector<std::int64_t> blocks;
    for (std::int64_t i = 0; i < data_disks_; ++i)
      blocks.push_back((row / chunk_ * data_disks_ + i) * chunk_ + row % chunk_);
    return blocks;
  }

 private:
  [[nodiscard]] std::int64_t data_disk(std::int64_t stripe, std::int64_t index) const {
    if (!rotates_) return index * copies_;
    const std::int64_t first_parity = parity_disk(stripe * chunk_, 0);
    if (symmetric_) return (first_parity + parities_ + index) % disks_;
    std::vector<bool> is_parity(static_cast<std::size_t>(disks_), false);
    for (std::int64_t p = 0; p < parities_; ++p)
      is_parity[static_cast<std::size_t>(parity_disk(stripe * chunk_, p))] = true;
    std::int64_t disk = 0;
    for (std::int64_t left = index;; ++disk)
      if (!is_parity[static_cast<std::size_t>(disk)] && left-- == 0) return disk;
  }

  std::int64_t disks_;
  std::int64_t copies_ = 1;
  std::int64_t parities_ = 0;
  std::int64_t data_disks_ = 1;
  std::int64_t chunk_;
  std::int64_t rows_ = 0;
  std::int64_t failed_;
  bool rotates_ = false;
  bool symmetric_ = true;
  ParityUpdate update_ = ParityUpdate::kFewest;
};

RaidArray::RaidArray(const Problem& problem) {
  const Field& parameters = problem.parameters;
  const std::string& level = problem.algorithm;
  disks_ = parameters["disks"].integer(1, kMostRaidDisks);
  const std::int64_t disk_blocks = parameters["disk_blocks"].integer(1, kMostRaidBlocks);
  chunk_ = parameters["chunk"].integer_or(1, 1, std::max<std::int64_t>(1, disk_blocks));
  failed_ = parameters["failed_disk"].integer_or(-1, -1, std::max<std::int64_t>(0, disks_ - 1));
  if (level == "RAID-1") {
    copies_ = parameters["copies"].integer_or(2, 2, kMostRaidDisks);
    if (disks_ % copies_ != 0) parameters["disks"].fail("not a multiple of the copies");
  } else if (level != "RAID-0") {
    parities_ = level == "RAID-6" ? 2 : 1;
    rotates_ = level != "RAID-4";
    if (rotates_)
      symmetric_ = parameters["layout"].choice({"left-symmetric", "left-asymmetric"}) == 0;
    update_ = static_cast<ParityUpdate>(
        parameters["parity_update"].choice({"fewest", "subtractive", "additive"}));
    if (disks_ < parities_ + 2) parameters["disks"].fail("too few for this level");
  }
  if (problem.failed()) return;
  data_disks_ = disks_ / copies_ - parities_;
  rows_ = disk_blocks / chunk_ * chunk_;
}

/// What one request reads and writes, and how it comes to that, row by row.
struct RaidAccess {
  std::set<DiskBlock> reads;
  std::set<DiskBlock> writes;
  Json steps = Json::array();  ///< [row, blocks of it, how]
};

/// A read of what is lost needs all else of its row.
void read_row(const RaidArray& array, std::int64_t row, const std::vector<std::int64_t>& blocks,
              RaidAccess& access) {
  const char* how = "read";
  for (const std::int64_t block : blocks) {
    DiskBlock place = array.place_of(block);
    if (array.copies() > 1) {
      // Of the copies the one whose disk has done least for this request.
      const auto work_of = [&](std::int64_t disk) {
        return std::ranges::count(access.reads, disk, &DiskBlock::disk);
      };
      std::int64_t best = array.is_lost(place.disk) ? place.disk + 1 : place.disk;
      for (std::int64_t i = 0; i < array.copies(); ++i)
        if (!array.is_lost(place.disk + i) && work_of(place.disk + i) < work_of(best))
          best = place.disk + i;
      place.disk = best;
    } else if (array.is_lost(place.disk)) {
      how = "reconstructed";
      for (const std::int64_t other : array.blocks_of(row))
        if (other != block) access.reads.insert(array.place_of(other));
      access.reads.insert({row, array.parity_disk(row, 0)});
      continue;
    }
    access.reads.insert(place);
  }
  access.steps.push_back({row, blocks.size(), how});
}

/// Of a row with parity, the blocks are written, and what is missing for the parity is read: the
/// other blocks of the row, or the old content of the same blocks and the old parity.
void write_row(const RaidArray& array, std::int64_t row, const std::vector<std::int64_t>& blocks,
               RaidAccess& access) {
  std::vector<DiskBlock> others;
  std::vector<DiskBlock> old;
  bool loses_written = false;
  bool loses_other = false;
  for (const std::int64_t block : array.blocks_of(row)) {
    const bool is_written = std::ranges::find(blocks, block) != blocks.end();
    for (std::int64_t copy = 0; copy < array.copies(); ++copy) {
      const DiskBlock place{row, array.place_of(block).disk + copy};
      const bool is_lost = array.is_lost(place.disk);
      (is_written ? loses_written : loses_other) |= is_lost;
      if (is_lost) continue;
      (is_written ? old : others).push_back(place);
      if (is_written) access.writes.insert(place);
    }
  }
  std::vector<DiskBlock> parity;
  for (std::int64_t p = 0; p < array.parities(); ++p)
    if (const std::int64_t disk = array.parity_disk(row, p); !array.is_lost(disk))
      parity.push_back({row, disk});
  access.writes.insert(parity.begin(), parity.end());
  if (parity.empty()) {
    access.steps.push_back({row, blocks.size(), array.copies() > 1 ? "copies" : "written"});
    return;
  }
  if (others.empty() && !loses_other) {
    access.steps.push_back({row, blocks.size(), "full"});
    return;
  }
  const bool subtracts =
      loses_other ||
      (!loses_written &&
       (array.update() == ParityUpdate::kSubtractive ||
        (array.update() == ParityUpdate::kFewest && old.size() + parity.size() <= others.size())));
  if (subtracts) {
    access.reads.insert(old.begin(), old.end());
    access.reads.insert(parity.begin(), parity.end());
  } else {
    access.reads.insert(others.begin(), others.end());
  }
  access.steps.push_back({row, blocks.size(), subtracts ? "subtractive" : "additive"});
}

/// The request's blocks, row by row; notes what is wrong with it.
std::map<std::int64_t, std::vector<std::int64_t>> read_request(const RaidArray& array,
                                                               const Field& item, bool& writes) {
  std::map<std::int64_t, std::vector<std::int64_t>> rows;
  const std::vector<Field> request = item.items();
  if (request.size() < 2 || request.size() > 3)
    return item.fail("a request is [\"r\" or \"w\", block, number of blocks]"), rows;
  writes = request[0].choice({"r|read", "w|write"}) == 1;
  const std::int64_t block = request[1].integer(0, array.capacity() - 1);
  const std::int64_t count =
      request.size() == 3
          ? request[2].integer(1, std::min(kMostRaidTouched, array.capacity() - block))
          : 1;
  if (item.failed()) return rows;
  for (std::int64_t b = block; b < block + count; ++b) rows[array.place_of(b).row].push_back(b);
  return rows;
}

Json places_json(const std::set<DiskBlock>& places) {
  Json list = Json::array();
  for (const DiskBlock& place : places) list.push_back({place.disk, place.row});
  return list;
}

/// What stands on each disk in these rows: the number of a block, or "P", or "Q".
Json layout_of(const RaidArray& array, const std::set<std::int64_t>& rows) {
  Json layout = Json::array();
  for (const std::int64_t row : rows) {
    Json line = Json::array();
    for (std::int64_t disk = 0; disk < array.disks(); ++disk) line.push_back(nullptr);
    for (const std::int64_t block : array.blocks_of(row))
      for (std::int64_t copy = 0; copy < array.copies(); ++copy)
        line[static_cast<std::size_t>(array.place_of(block).disk + copy)] = block;
    for (std::int64_t p = 0; p < array.parities(); ++p)
      line[static_cast<std::size_t>(array.parity_disk(row, p))] = p == 0 ? "P" : "Q";
    layout.push_back(std::move(line));
  }
  return layout;
}

/// The sums over all requests.
class RaidTotals {
 public:
  explicit RaidTotals(const RaidArray& array)
      : loads_(static_cast<std::size_t>(array.disks()), 0) {}

  void add(const RaidAccess& access) {
    reads.push_back(access.reads.size());
    writes.push_back(access.writes.size());
    read_places.push_back(places_json(access.reads));
    written_places.push_back(places_json(access.writes));
    steps.push_back(access.steps);
    for (const std::set<DiskBlock>* places : {&access.reads, &access.writes})
      for (const DiskBlock& place : *places) {
        ++loads_[static_cast<std::size_t>(place.disk)];
        if (rows.size() < kMostRaidRows) rows.insert(place.row);
      }
    total_reads += access.reads.size();
    total_writes += access.writes.size();
  }

  [[nodiscard]] Json answer(const RaidArray& array) const {
    return {{"capacity", array.capacity()},
            {"reads", reads},
            {"writes", writes},
            {"total_reads", total_reads},
            {"total_writes", total_writes},
            {"total", total_reads + total_writes},
            {"loads", loads_},
            {"busiest", *std::ranges::max_element(loads_)},
            {"read_places", read_places},
            {"written_places", written_places},
            {"steps", steps},
            {"rows", rows},
            {"layout", layout_of(array, rows)}};
  }

  Json reads = Json::array();
  Json writes = Json::array();
  Json read_places = Json::array();
  Json written_places = Json::array();
  Json steps = Json::array();
  std::size_t total_reads = 0;
  std::size_t total_writes = 0;
  std::set<std::int64_t> rows;

 private:
  std::vector<std::size_t> loads_;
};

Json raid_accesses(const Problem& problem) {
  const RaidArray array(problem);
  if (problem.failed()) return {};
  RaidTotals totals(array);
  const std::vector<Field> requests = problem.input["requests"].items();
  std::int64_t touched = 0;
  for (const Field& item : requests) {
    bool writes = false;
    const auto rows = read_request(array, item, writes);
    RaidAccess access;
    for (const auto& [row, blocks] : rows) {
      const bool has_spare = array.copies() > 1 || array.parities() > 0;
      const auto is_lost = [&](std::int64_t b) { return array.is_lost(array.place_of(b).disk); };
      if (!has_spare && std::ranges::any_of(blocks, is_lost))
        item.fail("a block of it is on the failed disk, and nowhere else");
      writes ? write_row(array, row, blocks, access) : read_row(array, row, blocks, access);
      touched += array.disks();
    }
    if (touched > 100 * kMostRaidTouched) item.fail("the requests are too long");
    if (problem.failed()) return {};
    totals.add(access);
  }
  // Without requests the question is where blocks lie.
  for (std::int64_t row = 0; requests.empty() && row < std::min(array.rows(), array.disks()); ++row)
    if (totals.rows.size() < kMostRaidRows) totals.rows.insert(row);
  return totals.answer(array);
}

std::string exclusive_or(const std::string& a, const std::string& b) {
  std::string bits;
  for (std::size_t i = 0; i < a.size(); ++i) bits += a[i] == b[i] ? '0' : '1';
  return bits;
}

/// The parity of blocks of bits; or, where one of them is "?", and the last is the parity, the
/// block that is lost.
Json parity_of_blocks(const Problem& problem) {
  std::vector<std::string> blocks;
  std::size_t length = 0;
  std::int64_t lost = -1;
  for (const Field& item : problem.input["blocks"].items()) {
    blocks.push_back(item.text());
    if (blocks.back() == "?") {
      if (lost >= 0) item.fail("only one block can be found again");
      lost = static_cast<std::int64_t>(blocks.size()) - 1;
      continue;
    }
    if (blocks.back().empty() || blocks.back().find_first_not_of("01") != std::string::npos)
      item.fail("not a row of 0 and 1");
    if (length != 0 && blocks.back().size() != length) item.fail("not as long as the others");
    length = blocks.back().size();
    if (problem.failed()) return {};
  }
  if (blocks.size() < 2 || blocks.size() > kMostRaidDisks)
    problem.input["blocks"].fail("not from 2 to 1024 blocks");
  if (problem.failed()) return {};
  std::string sum(length, '0');
  for (const std::string& block : blocks)
    if (block != "?") sum = exclusive_or(sum, block);
  if (lost >= 0) return {{"lost", lost}, {"block", sum}};
  Json answer = {{"parity", sum}};
  const Field write = problem.parameters["write"];
  if (!write.present()) return answer;
  const std::vector<Field> parts = write.items();
  if (parts.size() != 2) return write.fail("a write is [number of the block, bits]"), Json();
  const std::int64_t at = parts[0].integer(0, static_cast<std::int64_t>(blocks.size()) - 1);
  const std::string bits = parts[1].text();
  if (bits.size() != length || bits.find_first_not_of("01") != std::string::npos)
    parts[1].fail("not a row of as many 0 and 1");
  if (problem.failed()) return {};
  answer["new_parity"] =
      exclusive_or(sum, exclusive_or(blocks[static_cast<std::size_t>(at)], bits));
  return answer;
}

}  // namespace

Json solve_raid(const Problem& problem) {
  if (problem.algorithm == "PARITY") return parity_of_blocks(problem);
  return problem.algorithm.starts_with("RAID-") ? raid_accesses(problem)
                                                : problem.unknown_algorithm();
}

}  // namespace spindle
