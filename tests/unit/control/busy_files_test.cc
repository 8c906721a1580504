// BusyFiles: whatever the requests, the busiest files are in the table, with counts that are not
// too high.
#include "spindle/fuse/busy_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "spindle/base/random.h"

namespace spindle {
namespace {

bool has(const std::vector<BusyFiles::File>& rows, NodeId node) {
  return std::ranges::find(rows, node, &BusyFiles::File::node) != rows.end();
}

TEST(BusyFiles, KeepsEveryFileWithMoreThanItsShareOfTheRequests) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    BusyFiles files;
    std::map<NodeId, BusyFiles::File> counted;
    constexpr int kRequests = 20'000;
    for (int i = 0; i < kRequests; ++i) {
      // Few files have most of the requests, and thousands have some.
      const auto node = static_cast<NodeId>(1 + std::pow(5000.0, random.unit()));
      const std::uint64_t bytes = random.below(100);
      files.add({.node = node, .read_bytes = bytes, .written_bytes = 2 * bytes, .now_ns = 1});
      BusyFiles::File& all = counted[node];
      ++all.requests;
      all.read_bytes += bytes;
    }
    const auto rows = files.rows();
    ASSERT_EQ(rows.size(), BusyFiles::kMost);
    for (const auto& [node, all] : counted)
      EXPECT_TRUE(all.requests <= kRequests / BusyFiles::kMost || has(rows, node)) << node;
    for (const BusyFiles::File& row : rows) {
      EXPECT_LE(row.requests, counted[row.node].requests);
      EXPECT_LE(row.read_bytes, counted[row.node].read_bytes);
      EXPECT_EQ(row.written_bytes, 2 * row.read_bytes);
      // The first to come never leave if they are busy.
      if (row.entered < BusyFiles::kMost) EXPECT_EQ(row.requests, counted[row.node].requests);
    }
  }
}

TEST(BusyFiles, ForgetsWhatWasLongAgo) {
  BusyFiles files;
  for (int i = 0; i < 1000; ++i) files.add({.node = 7, .now_ns = 1});
  EXPECT_EQ(files.rows().front().node, 7u);
  const std::int64_t later_ns = 12 * BusyFiles::kHalfLifeNs;
  for (int i = 0; i < 2; ++i) files.add({.node = 8, .now_ns = later_ns});
  const auto rows = files.rows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.front().node, 8u);
  EXPECT_EQ(rows.back().requests, 1000u);
  files.reset();
  EXPECT_TRUE(files.rows().empty());
}

TEST(BusyFiles, GivesANewFileNothingOfTheOneThatHadItsNumber) {
  BusyFiles files;
  for (int i = 0; i < 5; ++i) files.add({.node = 7, .written_bytes = 10, .now_ns = 1});
  files.forget(8);
  ASSERT_EQ(files.rows().size(), 1u);
  files.forget(7);
  EXPECT_TRUE(files.rows().empty());
  files.add({.node = 7, .written_bytes = 1, .now_ns = 2});
  EXPECT_EQ(files.rows().front().requests, 1u);
  EXPECT_EQ(files.rows().front().written_bytes, 1u);
}

}  // namespace
}  // namespace spindle
