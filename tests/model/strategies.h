// Every allocation strategy as a parameter of a suite:
//
//   INSTANTIATE_TEST_SUITE_P(Strategies, Model, every_strategy(), strategy_name);
#pragma once

#include <gtest/gtest.h>

#include "spindle/alloc/file_map.h"

namespace spindle::test {

inline auto every_strategy() {
  std::vector<format::MapKind> kinds;
  for (const FileMap* map : all_file_maps()) kinds.push_back(map->kind());
  return testing::ValuesIn(kinds);
}

inline std::string strategy_name(const testing::TestParamInfo<format::MapKind>& test) {
  return std::string(file_map(test.param)->name());
}

}  // namespace spindle::test
