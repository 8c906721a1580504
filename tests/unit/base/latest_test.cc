#include "spindle/base/latest.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace spindle {
namespace {

TEST(Latest, KeepsTheLastOnesAndFindsEachByItsNumber) {
  constexpr std::uint64_t kMost = 20;
  Latest<std::uint64_t> list(kMost);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(list.add(i * i), i);
    const std::uint64_t kept = list.entries().size();
    ASSERT_GE(kept, std::min(i + 1, kMost));
    ASSERT_LE(kept, kMost + kMost / 4);
    EXPECT_EQ(list.entries().front(), (i + 1 - kept) * (i + 1 - kept));
    EXPECT_EQ(*list.find(i), i * i);
    EXPECT_EQ(*list.find(i + 1 - kept), list.entries().front());
    if (kept <= i) EXPECT_EQ(list.find(i - kept), nullptr);
  }
}

}  // namespace
}  // namespace spindle
