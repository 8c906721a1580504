#include "memory_tlb.h"

#include <algorithm>

#include "spindle/base/result.h"

namespace spindle {
namespace {

constexpr std::uint32_t kMostEntries = 1 << 16;
constexpr std::uint32_t kMostAsids = 1 << 16;

}  // namespace

Tlb::Tlb(const MemoryConfiguration::Tlb& shape, unsigned cpus)
    : shape_(shape), ways_(shape.entries / shape.sets), cpus_(cpus), owners_(shape.asids) {
  for (Cpu& cpu : cpus_) {
    cpu.tags.resize(shape.entries);
    cpu.entries.resize(shape.entries);
    cpu.policies.resize(shape.sets);
  }
}

Result<Tlb> Tlb::make(const MemoryConfiguration::Tlb& shape, unsigned cpus, std::uint64_t seed) {
  if (shape.entries > kMostEntries) return Error{EINVAL, "a TLB has 65536 entries at most"};
  if (shape.asids > kMostAsids) return Error{EINVAL, "there are 65536 ASIDs at most"};
  if (shape.sets == 0 || shape.entries % shape.sets != 0)
    return Error{EINVAL, "the sets of a TLB must divide its entries"};
  Tlb tlb(shape, cpus);
  for (Cpu& cpu : tlb.cpus_)
    for (auto& policy : cpu.policies)
      policy = TRY(make_replacement_policy(shape.replacement, std::max<std::size_t>(tlb.ways_, 1),
                                           {.seed = seed++}));
  return tlb;
}

std::uint64_t Tlb::asid_of(SpaceId space) {
  if (space == last_space_ || owners_.empty()) return last_asid_;
  const auto found = asids_.find(space);
  if (found == asids_.end()) {
    if (owners_[next_asid_]) invalidate(owners_[next_asid_]);
    last_asid_ = next_asid_;
    owners_[next_asid_] = space;
    asids_[space] = next_asid_;
    next_asid_ = (next_asid_ + 1) % owners_.size();
  } else {
    last_asid_ = found->second;
  }
  last_space_ = space;
  return last_asid_;
}

void Tlb::turn_to(Cpu& cpu, SpaceId space) {
  if (!owners_.empty() || cpu.space == space) return;
  if (cpu.space) flush(cpu, [](std::size_t) { return true; });
  cpu.space = space;
}

std::optional<std::size_t> Tlb::place_of(const Cpu& cpu, Tag tag, std::uint64_t page) const {
  const std::size_t first = first_of(page);
  for (std::size_t at = first; at < first + ways_; ++at)
    if (cpu.tags[at] == tag) return at;
  return std::nullopt;
}

PageEntry* Tlb::find(unsigned number, SpaceId space, std::uint64_t page) {
  Cpu& cpu = cpus_[number];
  turn_to(cpu, space);
  const auto at = place_of(cpu, tag_of(asid_of(space), page), page);
  if (!at) return ++misses, nullptr;
  ++hits;
  const std::size_t set = page % shape_.sets;
  cpu.policies[set]->touched(FrameNo{*at - set * ways_});
  return cpu.entries[*at];
}

void Tlb::insert(unsigned number, SpaceId space, PageEntry& entry) {
  Cpu& cpu = cpus_[number];
  turn_to(cpu, space);
  const Tag tag = tag_of(asid_of(space), entry.page);
  if (!exists() || place_of(cpu, tag, entry.page)) return;
  const std::size_t first = first_of(entry.page);
  const auto begin = cpu.tags.begin() + static_cast<std::ptrdiff_t>(first);
  std::size_t way = static_cast<std::size_t>(
      std::find(begin, begin + static_cast<std::ptrdiff_t>(ways_), Tag{0}) - begin);
  ReplacementPolicy& policy = *cpu.policies[entry.page % shape_.sets];
  if (way == ways_) {
    way = policy.victim({}, tag)->value;
    clear(cpu, first + way);
  }
  cpu.tags[first + way] = tag;
  cpu.entries[first + way] = &entry;
  policy.inserted(FrameNo{way}, tag);
}

void Tlb::clear(Cpu& cpu, std::size_t at) {
  cpu.tags[at] = 0;
  cpu.entries[at] = nullptr;
  cpu.policies[at / ways_]->erased(FrameNo{at % ways_});
}

template <class Which>
void Tlb::flush(Cpu& cpu, Which&& which) {
  ++flushes;
  for (std::size_t at = 0; at < cpu.tags.size(); ++at)
    if (cpu.tags[at] != 0 && which(at)) clear(cpu, at);
}

void Tlb::invalidate(SpaceId space, std::uint64_t page) {
  const auto asid = asids_.find(space);
  if (!owners_.empty() && asid == asids_.end()) return;
  const Tag tag = tag_of(owners_.empty() ? 0 : asid->second, page);
  for (Cpu& cpu : cpus_) {
    if (owners_.empty() && cpu.space != space) continue;
    if (const auto at = place_of(cpu, tag, page)) clear(cpu, *at);
  }
}

void Tlb::invalidate(SpaceId space) {
  const auto asid = asids_.find(space);
  if (!owners_.empty() && asid == asids_.end()) return;
  for (Cpu& cpu : cpus_) {
    if (owners_.empty() && cpu.space != space) continue;
    flush(cpu,
          [&](std::size_t at) { return owners_.empty() || cpu.tags[at] >> 46 == asid->second; });
  }
  if (owners_.empty()) return;
  owners_[asid->second] = SpaceId{};
  asids_.erase(asid);
  last_space_ = SpaceId{};
}

std::vector<TlbRow> Tlb::rows() const {
  std::vector<TlbRow> rows;
  for (unsigned number = 0; number < cpus_.size(); ++number) {
    const Cpu& cpu = cpus_[number];
    for (std::size_t at = 0; at < cpu.tags.size(); ++at) {
      if (cpu.tags[at] == 0) continue;
      const auto asid = static_cast<std::uint32_t>(cpu.tags[at] >> 46);
      const PageEntry& entry = *cpu.entries[at];
      rows.push_back({.cpu = number,
                      .set = static_cast<std::uint32_t>(at / ways_),
                      .way = static_cast<std::uint32_t>(at % ways_),
                      .space = owners_.empty() ? cpu.space : owners_[asid],
                      .asid = asid,
                      .page = entry.page,
                      .frame = FrameNo{entry.frame}});
    }
  }
  return rows;
}

}  // namespace spindle
