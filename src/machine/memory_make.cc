// What memory can be made, and its names.

#include <algorithm>
#include <bit>

#include "memory_paged.h"
#include "memory_runs.h"

namespace spindle {

std::string_view describe(Violation violation) {
  constexpr std::string_view kClauses[] = {
      "nothing is wrong",          "no area is mapped there",   "the area does not allow it",
      "it is beyond the limit",    "it is not a multiple of 8", "it is beyond the end of the file",
      "its page could not be read"};
  return kClauses[static_cast<std::size_t>(violation)];
}

std::string_view name_of(FrameUse use) {
  constexpr std::string_view kNames[] = {"free", "busy", "anonymous", "file", "segment", "table"};
  return kNames[static_cast<std::size_t>(use)];
}

namespace {

constexpr std::uint32_t kLargestPage = 1 << 20;
constexpr unsigned kMostBits = 48;

/// As many bits as tables of the usual size translate.
unsigned natural_bits(const MemoryConfiguration& configuration) {
  const auto page_bits = static_cast<unsigned>(std::countr_zero(configuration.page_size));
  constexpr unsigned kBits[] = {kMostBits, 12, 20, 27, 36};
  return std::min(kMostBits, configuration.table_levels == 0
                                 ? kMostBits
                                 : page_bits + kBits[configuration.table_levels]);
}

Result<> check(const MemoryConfiguration& configuration) {
  const std::uint32_t size = configuration.page_size;
  if (!std::has_single_bit(size) || size < sizeof(std::uint64_t) || size > kLargestPage)
    return Error{EINVAL, "a page has a power of two of bytes, 8 to 1048576"};
  const std::uint64_t frames = configuration.bytes / size;
  if (frames == 0 || frames > MemoryManager::kMaxFrames)
    return Error{EINVAL, "there must be 1 to 4194304 frames"};
  if (configuration.swap_bytes / size > MemoryManager::kMaxSlots)
    return Error{EINVAL, "there are 4194304 slots of swap at most"};
  if (configuration.table_levels > 4) return Error{EINVAL, "page tables have 4 levels at most"};
  if (configuration.cpus == 0 || configuration.cpus > MemoryManager::kMaxCpus)
    return Error{EINVAL, "there must be 1 to 64 CPUs"};
  if (configuration.working_set_references == 0)
    return Error{EINVAL, "the window of a working set cannot be empty"};
  const auto page_bits = static_cast<unsigned>(std::countr_zero(size));
  const unsigned bits = configuration.address_bits;
  if (bits != 0 && (bits > kMostBits || bits < page_bits + configuration.table_levels + 2))
    return Error{EINVAL, "an address has 48 bits at most, and some for each level of tables"};
  return {};
}

}  // namespace

Result<std::unique_ptr<MemoryManager>> MemoryManager::make(
    const MemoryConfiguration& configuration) {
  TRY(check(configuration));
  if (configuration.allocation == "paging") return PagedMemory::make(configuration);
  for (const char* runs : {"segmentation", "partitions", "fixed-partitions"})
    if (configuration.allocation == runs) return RunMemory::make(configuration);
  return Error{EINVAL, "no scheme of allocation has this name"};
}

PagedMemory::PagedMemory(const MemoryConfiguration& configuration, Tlb tlb, Allotment allotment)
    : settings_(configuration),
      page_size_(configuration.page_size),
      page_bits_(static_cast<unsigned>(std::countr_zero(page_size_))),
      address_limit_(std::uint64_t{1} << (configuration.address_bits - 1)),
      shape_(configuration.table_levels, configuration.address_bits - page_bits_),
      tlb_(std::move(tlb)),
      allotment_(allotment),
      frames_(configuration.bytes / page_size_),
      swap_(configuration.swap_bytes / page_size_) {
  for (std::size_t index = frames_.size(); index-- > 0;)
    free_.push_back(static_cast<FrameIndex>(index));
  pool_ = make_pool(frames_.size());
  if (configuration.table_levels > 0) return;
  constexpr std::uint64_t kEntryBytes = 16;
  inverted_ = std::make_unique<InvertedTable>(frames_.size());
  inverted_frames_ = tables_for(frames_.size() * kEntryBytes);
  for (std::uint64_t i = 0; i < inverted_frames_ && !free_.empty(); ++i)
    take_frame(FrameUse::kTable);
}

Result<std::unique_ptr<MemoryManager>> PagedMemory::make(const MemoryConfiguration& asked) {
  MemoryConfiguration configuration = asked;
  if (configuration.address_bits == 0) configuration.address_bits = natural_bits(configuration);
  const Allotment allotment = TRY(allotment_of(configuration.allotment));
  TRY(make_replacement_policy(configuration.replacement, 1, configuration.conventions));
  Tlb tlb = TRY(Tlb::make(configuration.tlb, configuration.cpus, configuration.conventions.seed));
  const TableShape shape(configuration.table_levels,
                         configuration.address_bits -
                             static_cast<unsigned>(std::countr_zero(configuration.page_size)));
  if (configuration.tables_take_frames && shape.levels() > 0 &&
      shape.table_bytes(0) > configuration.bytes / 2)
    return Error{EINVAL, "a page table would be larger than half of memory"};
  std::unique_ptr<PagedMemory> memory(new PagedMemory(configuration, std::move(tlb), allotment));
  return std::unique_ptr<MemoryManager>(std::move(memory));
}

}  // namespace spindle
