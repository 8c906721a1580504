#include "spindle/base/number_text.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace spindle {
namespace {

TEST(NumberText, IsANumberAsAWholeOrNone) {
  EXPECT_EQ(number_in("17"), 17);
  EXPECT_EQ(number_in("-5"), -5);
  EXPECT_EQ(number_in<unsigned>("022", 8), 18u);
  EXPECT_EQ(number_in<double>("0.5"), 0.5);
  EXPECT_EQ(number_in<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  for (const char* none : {"", " 1", "1 ", "+1", "1e3", "0x1", "99999999999", "x"})
    EXPECT_EQ(number_in(none), std::nullopt) << none;
  EXPECT_EQ(number_in<unsigned>("-1"), std::nullopt);
}

}  // namespace
}  // namespace spindle
