// What is remembered of chains: always true, and near enough that no piece of work walks along the
// chain again and again.

#include "alloc/chain_memory.h"

#include <gtest/gtest.h>

#include "spindle/base/random.h"

namespace spindle {
namespace {

constexpr InodeNo kChain{7};

/// A chain whose n-th block stands at first + n, and how many steps its walks take.
class WalkedChain {
 public:
  void walk_to(FileBlock at) {
    ChainMark place = memory.before(kChain, first, at).value_or(ChainMark{FileBlock{0}, first});
    ASSERT_LE(place.file_block, at);
    ASSERT_EQ(place.block, first + place.file_block.value) << "at " << place.file_block.value;
    for (; place.file_block < at; ++steps) {
      place = {place.file_block + 1, place.block + 1};
      memory.passed(kChain, first, place);
    }
    memory.ended(kChain, first, place);
  }

  ChainMemory memory;
  BlockNo first{1000};
  std::uint64_t steps = 0;
};

TEST(ChainMemory, AChainIsShortenedPieceByPieceInAFewWalks) {
  constexpr std::uint64_t kPiece = 1024;
  constexpr std::uint64_t kBlocks = 1 << 20;
  WalkedChain chain;
  for (std::uint64_t end = kBlocks; end > kPiece; end -= kPiece) {
    chain.walk_to(FileBlock{end - kPiece});
    chain.walk_to(FileBlock{end - 1});
    chain.memory.cut(kChain, FileBlock{end - kPiece});
    chain.walk_to(FileBlock{end - kPiece - 1});
  }
  EXPECT_LT(chain.steps, 6 * kBlocks);
}

TEST(ChainMemory, AChainIsReadBackwardsInAFewWalks) {
  constexpr std::uint64_t kBlocks = 1 << 20;
  WalkedChain chain;
  for (std::uint64_t at = kBlocks; at > 0; at -= 64) chain.walk_to(FileBlock{at - 64});
  EXPECT_LT(chain.steps, 12 * kBlocks);
}

TEST(ChainMemory, EveryMarkIsTrueAfterCutsAnywhere) {
  Random random(1);
  WalkedChain chain;
  std::uint64_t blocks = 200'000;
  for (int i = 0; i < 3000; ++i) {
    chain.walk_to(FileBlock{random.below(blocks)});
    if (random.below(50) != 0) continue;
    const std::uint64_t left = blocks - random.below(blocks / 10);
    chain.memory.cut(kChain, FileBlock{left});
    const auto last = chain.memory.before(kChain, chain.first, FileBlock{blocks});
    if (last) EXPECT_LT(last->file_block.value, left);
    blocks = left + random.below(20'000);
  }
}

}  // namespace
}  // namespace spindle
