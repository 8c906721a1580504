// Tlb: the translation look-aside buffers of all CPUs.
//
// Each is divided into sets, a page's set is its number modulo theirs, and each set has a
// ReplacementPolicy of its own. An entry leads to the page-table entry, and is removed before that
// is changed or goes. With ASIDs entries of several spaces stand side by side; without ASIDs, a
// CPU's entries are flushed when it switches to another space. A space that has no ASID takes the
// one given out longest ago, whose entries are flushed then.
#pragma once

#include <vector>

#include "memory_page.h"

namespace spindle {

class Tlb {
 public:
  /// EINVAL for what MemoryManager::make refuses.
  static Result<Tlb> make(const MemoryConfiguration::Tlb& shape, unsigned cpus, std::uint64_t seed);

  [[nodiscard]] bool exists() const { return shape_.entries != 0; }
  /// Null on a miss.
  PageEntry* find(unsigned cpu, SpaceId space, std::uint64_t page);
  /// To be called after a miss.
  void insert(unsigned cpu, SpaceId space, PageEntry& entry);
  /// On every CPU.
  void invalidate(SpaceId space, std::uint64_t page);
  void invalidate(SpaceId space);

  [[nodiscard]] std::vector<TlbRow> rows() const;

  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t flushes = 0;

 private:
  /// Of a page in a set: the ASID and the page, never 0.
  using Tag = std::uint64_t;
  struct Cpu {
    SpaceId space{};  ///< whose entries these are, where there are no ASIDs
    std::vector<Tag> tags;
    std::vector<PageEntry*> entries;
    std::vector<std::unique_ptr<ReplacementPolicy>> policies;  ///< by set
  };

  Tlb(const MemoryConfiguration::Tlb& shape, unsigned cpus);
  [[nodiscard]] static Tag tag_of(std::uint64_t asid, std::uint64_t page) {
    return asid << 46 | page << 1 | 1;
  }
  [[nodiscard]] std::size_t first_of(std::uint64_t page) const {
    return page % shape_.sets * ways_;
  }
  std::uint64_t asid_of(SpaceId space);
  void turn_to(Cpu& cpu, SpaceId space);
  void clear(Cpu& cpu, std::size_t at);
  template <class Which>
  void flush(Cpu& cpu, Which&& which);
  [[nodiscard]] std::optional<std::size_t> place_of(const Cpu& cpu, Tag tag,
                                                    std::uint64_t page) const;

  MemoryConfiguration::Tlb shape_;
  std::size_t ways_ = 0;
  std::vector<Cpu> cpus_;
  std::vector<SpaceId> owners_;  ///< by ASID
  std::size_t next_asid_ = 0;
  std::map<SpaceId, std::uint64_t> asids_;
  SpaceId last_space_{};
  std::uint64_t last_asid_ = 0;
};

}  // namespace spindle
