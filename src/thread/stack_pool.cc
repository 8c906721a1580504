#include "thread/stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(begin, end) static_cast<void>(0)
#endif

namespace spindle::thread {
namespace {

constexpr int kMadvGuardInstall = 102;  // Linux 6.13; newer than the C library's headers
constexpr std::size_t kSlabBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostStacksPerSlab = 1024;
constexpr std::uint64_t kCanaryWord = 0x5350'494E'444C'4521;
constexpr std::size_t kCanaryWords = 8;

// Controls at the same place of every page would all fall into the same few sets of the cache.
constexpr std::size_t kColours = 16;

std::size_t page_size() {
  static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_up_to_page(std::size_t size) {
  return (size + page_size() - 1) / page_size() * page_size();
}

}  // namespace

StackPool::StackPool(std::size_t usual_size) {
  classes_.push_back({.stack_size = round_up_to_page(usual_size)});
}

StackPool::~StackPool() {
  for (const Slab& slab : slabs_) {
    munmap(slab.begin, static_cast<std::size_t>(slab.end - slab.begin));
  }
}

std::uint32_t StackPool::class_of(std::size_t size) {
  if (size == 0 || round_up_to_page(size) == classes_[0].stack_size) return 0;
  const std::size_t rounded = std::bit_ceil(std::clamp(size, kSmallestStack, kLargestStack));
  const auto at = std::find_if(classes_.begin() + 1, classes_.end(),
                               [&](const SizeClass& one) { return one.stack_size == rounded; });
  const auto index = static_cast<std::uint32_t>(at - classes_.begin());
  if (at == classes_.end()) classes_.push_back({.stack_size = rounded});
  return index;
}

Control* StackPool::take_slowly(std::size_t size) {
  if (size > kLargestStack) return nullptr;
  const std::uint32_t index = class_of(size);
  SizeClass& from = classes_[index];
  if (Control* control = from.free) {
    from.free = control->next;
    return control;
  }
  if (from.unused == from.end && !add_slab(from)) return nullptr;
  std::byte* const low = from.unused;
  from.unused += page_size() + from.stack_size;
  const bool canary = !guard(low);
  const auto slot = static_cast<std::uint32_t>(controls_.size());
  std::byte* const at = from.unused - sizeof(Control) - slot % kColours * alignof(Control);
  auto* control = new (at) Control;
  control->stack_bottom = low + page_size();
  control->slot = slot;
  control->canary = canary;
  control->size_class = index;
  controls_.push_back(control);
  static_cast<void>(VALGRIND_STACK_REGISTER(control->stack_bottom, at));
  return control;
}

bool StackPool::add_slab(SizeClass& to) {
  const std::size_t slot_size = page_size() + to.stack_size;
  const std::size_t count = std::clamp<std::size_t>(kSlabBytes / slot_size, 1, kMostStacksPerSlab);
  void* memory = mmap(nullptr, count * slot_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return false;
  madvise(memory, count * slot_size, MADV_NOHUGEPAGE);
  to.unused = static_cast<std::byte*>(memory);
  to.end = to.unused + count * slot_size;
  slabs_.push_back({to.unused, to.end, slot_size});
  return true;
}

bool StackPool::guard(std::byte* page) {
  if (guard_kind_ == GuardKind::kMadvise) {
    if (madvise(page, page_size(), kMadvGuardInstall) == 0) return true;
    guard_kind_ = GuardKind::kMprotect;
  }
  if (guard_kind_ == GuardKind::kMprotect) {
    if (mprotect(page, page_size(), PROT_NONE) == 0) return true;
    guard_kind_ = GuardKind::kCanary;
  }
  // The canary stands in the highest words of the page, the first that an overflow meets.
  auto* words = reinterpret_cast<std::uint64_t*>(page + page_size()) - kCanaryWords;
  std::fill_n(words, kCanaryWords, kCanaryWord);
  return false;
}

bool StackPool::canary_intact(const Control& control) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(control.stack_bottom) - kCanaryWords;
  return std::all_of(words, words + kCanaryWords, [](auto word) { return word == kCanaryWord; });
}

Control* StackPool::guarded_by(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  for (const Slab& slab : slabs_) {
    if (at < slab.begin || at >= slab.end) continue;
    const auto offset = static_cast<std::size_t>(at - slab.begin);
    if (offset % slab.slot_size >= page_size()) return nullptr;
    std::byte* const bottom = slab.begin + offset / slab.slot_size * slab.slot_size + page_size();
    for (Control* control : controls_) {
      if (control->stack_bottom == bottom) return control;
    }
  }
  return nullptr;
}

std::size_t stack_used(const Control& control) {
  const std::size_t page = page_size();
  const std::size_t pages = (control.stack_size() + page - 1) / page;
  std::vector<unsigned char> resident(pages);
  if (mincore(control.stack_bottom, pages * page, resident.data()) != 0) return 0;
  std::size_t lowest = 0;
  while (lowest < pages && (resident[lowest] & 1) == 0) ++lowest;
  return control.stack_size() - std::min(lowest * page, control.stack_size());
}

}  // namespace spindle::thread
