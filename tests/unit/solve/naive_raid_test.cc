// Exercises about arrays of disks against an array of bits: what was read must be enough to find
// what is lost, and to keep the parity right.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;
using Place = std::pair<int, int>;  ///< disk and row

struct BitArray {
  std::string level;
  int disks;
  int disk_blocks;
  Json parameters;
  std::map<Place, Json> content = {};  ///< the number of a block, or "P"
  std::map<int, int> bits = {};        ///< of each block of the array

  [[nodiscard]] Json ask(const Json& requests) const {
    const Json problem = {{"domain", "raid"},
                          {"algorithm", level},
                          {"parameters", parameters},
                          {"input", {{"requests", requests}}}};
    const Json line = solve_cases(Json::array({problem}))[0];
    EXPECT_TRUE(line.contains("answer")) << problem << line;
    return line.value("answer", Json::object());
  }

  /// The bit at a place, as long as nothing was written.
  [[nodiscard]] int bit_at(const Place& place) const {
    const Json& block = content.at(place);
    if (block.is_number()) return bits.at(block.get<int>());
    int sum = 0;
    for (int disk = 0; disk < disks; ++disk)
      if (const Json& other = content.at({disk, place.second}); other.is_number())
        sum ^= bits.at(other.get<int>());
    return sum;
  }
};

BitArray drawn_array(Random& random) {
  constexpr const char* kLevels[] = {"RAID-0", "RAID-1", "RAID-4", "RAID-5"};
  BitArray array;
  array.level = kLevels[random.below(4)];
  array.disks =
      static_cast<int>(array.level == "RAID-1" ? 2 * (1 + random.below(3)) : 3 + random.below(4));
  const int chunk = static_cast<int>(1 + random.below(3));
  array.disk_blocks = chunk * array.disks;
  array.parameters = {{"disks", array.disks},
                      {"disk_blocks", array.disk_blocks},
                      {"chunk", chunk},
                      {"layout", random.one_in(2) ? "left-symmetric" : "left-asymmetric"}};
  const Json empty = array.ask(Json::array());
  // The layout is asked for in pieces: all rows are touched by reading everything.
  const Json all = array.ask(Json::array({Json::array({"r", 0, empty["capacity"]})}));
  for (std::size_t i = 0; i < all["rows"].size(); ++i)
    for (int disk = 0; disk < array.disks; ++disk) {
      const Json& block = all["layout"][i][static_cast<std::size_t>(disk)];
      array.content[{disk, all["rows"][i].get<int>()}] = block;
      if (block.is_number()) array.bits[block.get<int>()] = static_cast<int>(random.below(2));
    }
  return array;
}

std::set<Place> places_of(const Json& list) {
  std::set<Place> places;
  for (const Json& place : list) places.insert({place[0].get<int>(), place[1].get<int>()});
  return places;
}

/// The content of a block out of what was read: itself, or all else of its row.
int found_bit(const BitArray& array, const std::set<Place>& read, int block) {
  for (const auto& [place, content] : array.content)
    if (content == block && read.contains(place)) return array.bit_at(place);
  for (const auto& [place, content] : array.content) {
    if (content != block) continue;
    int sum = 0;
    for (int disk = 0; disk < array.disks; ++disk)
      if (disk != place.first) {
        EXPECT_TRUE(read.contains({disk, place.second})) << "block " << block << " stays lost";
        sum ^= array.bit_at({disk, place.second});
      }
    return sum;
  }
  ADD_FAILURE() << "block " << block << " is nowhere";
  return 0;
}

/// The new parity of a row, of which these blocks get these bits, out of what was read.
void expect_parity_can_be_known(const BitArray& array, const std::set<Place>& read,
                                const std::map<int, int>& written, int row) {
  int wanted = 0;
  int from_others = 0;
  int from_old = 0;
  bool knows_others = true;
  bool knows_old = true;
  for (int disk = 0; disk < array.disks; ++disk) {
    const Place place{disk, row};
    const Json& content = array.content.at(place);
    const auto change = content.is_number() ? written.find(content.get<int>()) : written.end();
    const bool is_known = read.contains(place);
    if (content.is_number()) {
      const int now = change != written.end() ? change->second : array.bit_at(place);
      wanted ^= now;
      from_others ^= now;
      if (change == written.end()) knows_others &= is_known;
      if (change != written.end()) {
        knows_old &= is_known;
        from_old ^= array.bit_at(place) ^ now;
      }
    } else {
      knows_old &= is_known;
      from_old ^= array.bit_at(place);
    }
  }
  ASSERT_TRUE(knows_others || knows_old);
  EXPECT_EQ(knows_others ? from_others : from_old, wanted);
}

TEST(NaiveRaid, EachBlockHasItsPlaces) {
  Random random(21);
  for (int round = 0; round < 40; ++round) {
    const BitArray array = drawn_array(random);
    std::map<int, int> copies;
    std::map<int, int> parities;
    for (const auto& [place, content] : array.content)
      content.is_number() ? ++copies[content.get<int>()] : ++parities[place.first];
    const bool mirrors = array.level == "RAID-1";
    EXPECT_EQ(array.content.size(), static_cast<std::size_t>(array.disks * array.disk_blocks));
    for (const auto& [block, count] : copies) EXPECT_EQ(count, mirrors ? 2 : 1) << block;
    if (array.level == "RAID-5")
      for (const auto& [disk, count] : parities)
        EXPECT_EQ(count, array.disk_blocks / array.disks) << "the parity is not spread evenly";
    EXPECT_EQ(parities.size(), array.level == "RAID-5"   ? static_cast<std::size_t>(array.disks)
                               : array.level == "RAID-4" ? 1u
                                                         : 0u);
  }
}

TEST(NaiveRaid, WhatIsReadIsEnough) {
  Random random(22);
  for (int round = 0; round < 150; ++round) {
    BitArray array = drawn_array(random);
    const int failed =
        array.level == "RAID-0" || random.one_in(3)
            ? -1
            : static_cast<int>(random.below(static_cast<std::uint64_t>(array.disks)));
    array.parameters["failed_disk"] = failed;
    const int capacity = static_cast<int>(array.bits.size());
    const int block = static_cast<int>(random.below(static_cast<std::uint64_t>(capacity)));
    const int count = static_cast<int>(
        1 + random.below(static_cast<std::uint64_t>(std::min(9, capacity - block))));
    const Json answer = array.ask(
        Json::array({Json::array({"r", block, count}), Json::array({"w", block, count})}));
    const std::set<Place> read = places_of(answer["read_places"][0]);
    for (int b = block; b < block + count; ++b) EXPECT_EQ(found_bit(array, read, b), array.bits[b]);
    EXPECT_TRUE(answer["written_places"][0].empty());

    const std::set<Place> before = places_of(answer["read_places"][1]);
    const std::set<Place> written = places_of(answer["written_places"][1]);
    std::map<int, int> changes;
    for (int b = block; b < block + count; ++b) changes[b] = static_cast<int>(random.below(2));
    for (const std::set<Place>* places : {&read, &before, &written})
      for (const Place& place : *places) EXPECT_NE(place.first, failed);
    for (const auto& [place, content] : array.content) {
      const bool changes_here = content.is_number() && changes.contains(content.get<int>());
      if (changes_here && place.first != failed) EXPECT_TRUE(written.contains(place));
      if (!content.is_string() || !written.contains(place)) continue;
      expect_parity_can_be_known(array, before, changes, place.second);
    }
  }
}

}  // namespace
}  // namespace spindle
