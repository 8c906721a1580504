// Random damage: single changes of a volume's bytes, most of them sealed as if they were right, and
// which files they may have touched.
//
// A Mutation is made of plain numbers: from a seed in tests, from a fuzzer's bytes in fuzzers.
#pragma once

#include <set>

#include "ownership.h"
#include "spindle/base/random.h"

namespace spindle::test {

struct Mutation {
  enum class Where : std::uint8_t {
    kMetadata,    ///< a block with a header
    kInode,       ///< an inode in use
    kLink,        ///< the link header of a block of a linked file
    kSuperblock,  ///< the superblock, or a copy
    kAnywhere,    ///< any block at all
    kCount
  };
  enum class What : std::uint8_t {
    kFlipBit,
    kSetByte,
    kSetNumber,  ///< 1, 2, 4 or 8 bytes, to something that a field could mean
    kFillRange,
    kZeroBlock,
    kSwap,  ///< with another place of the same kind
    kCopy,  ///< of another place of the same kind
    kCount
  };
  Where where = Where::kMetadata;
  What what = What::kFlipBit;
  bool sealed = true;       ///< the checksum is made right again
  std::uint64_t place = 0;  ///< which of those `where` names, modulo their number
  std::uint64_t other = 0;  ///< the second place of kSwap and kCopy
  std::uint32_t offset = 0;
  std::uint64_t value = 0;
};

/// Never in a superblock.
Mutation random_mutation(Random& random);
Mutation random_superblock_mutation(Random& random);

/// What may have been touched.
struct Touched {
  std::set<NodeId> nodes;         ///< their content and attributes
  bool names = false;             ///< any name may be lost or changed
  bool everything = false;        ///< the volume's own numbers, or its log
  std::vector<BlockNo> blocks{};  ///< in the order of the mutations
};

/// Changes a copy of a sample's device.
class Mutator {
 public:
  Mutator(MemoryDevice& device, const Ownership& ownership)
      : damager_(device), ownership_(ownership) {}
  void apply(const Mutation& mutation);
  [[nodiscard]] const Touched& touched() const { return touched_; }

 private:
  struct Target {
    BlockNo block;
    std::size_t begin = 0;  ///< the bytes of the block that are meant
    std::size_t end = 0;
  };
  [[nodiscard]] Target find(Mutation::Where where, std::uint64_t place) const;
  [[nodiscard]] std::uint64_t likely_number(const Mutation& mutation) const;
  void change(const Mutation& mutation, std::vector<std::byte>& bytes, const Target& target);
  void put(const Mutation& mutation, const Target& target, std::vector<std::byte> bytes);
  void note(const Target& target, std::size_t from, std::size_t to);

  Damager damager_;
  const Ownership& ownership_;
  Touched touched_;
};

}  // namespace spindle::test
