#include "thread/stack_pool.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "thread/sanitizer.h"
#include "thread/valgrind_reports.h"

namespace spindle::thread {
namespace {

constexpr int kMadvGuardInstall = 102;  // Linux 6.13; newer than the C library's headers
constexpr std::size_t kSlabBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostStacksPerSlab = 4096;
/// Guards as far ahead as this share the page tables that the first of them needs.
constexpr std::size_t kSpanGuardedAhead = 2 * 1024 * 1024;
constexpr std::size_t kMostGuardsAhead = 64;
constexpr std::uint32_t kManyStacks = 1024;
constexpr std::uint64_t kCanaryWord = 0x5350'494E'444C'4521;
constexpr std::size_t kCanaryWords = 8;

/// First frames at the same place of every page would all fall into the same few sets of the cache.
constexpr std::size_t kColours = 16;
constexpr std::size_t kColourBytes = 64;

constexpr std::uint32_t kLooksGrowApart = 8;
constexpr std::uint8_t kUnusedInARow = 16;

std::size_t page_size() {
  static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_up_to_page(std::size_t size) {
  return (size + page_size() - 1) / page_size() * page_size();
}

/// Advises the kernel about one page of each of `count` slots, from `first` on. Returns for how
/// many it did.
std::size_t advise(std::byte* first, std::size_t slot_size, std::size_t count, int advice) {
  std::array<iovec, kMostGuardsAhead> pages;
  for (std::size_t i = 0; i < count; ++i) pages[i] = {first + i * slot_size, page_size()};
  const long self = syscall(SYS_pidfd_open, getpid(), 0);
  const long done = syscall(SYS_process_madvise, self, pages.data(), count, advice, 0);
  if (self >= 0) close(static_cast<int>(self));
  return done > 0 ? static_cast<std::size_t>(done) / page_size() : 0;
}

/// The lowest page in memory; the end of the stack if there is none.
std::byte* lowest_page_touched(const Stack& stack) {
  const auto size = static_cast<std::size_t>(stack.top - stack.bottom);
  const std::size_t pages = round_up_to_page(size) / page_size();
  std::vector<unsigned char> resident(pages);
  std::size_t lowest = 0;
  if (mincore(stack.bottom, pages * page_size(), resident.data()) != 0) return stack.top;
  while (lowest < pages && (resident[lowest] & 1) == 0) ++lowest;
  return std::min(stack.bottom + lowest * page_size(), stack.top);
}

std::byte* highest_page(const Stack& stack) {
  const auto last = reinterpret_cast<std::uintptr_t>(stack.top) - 1;
  return reinterpret_cast<std::byte*>(last & ~(page_size() - 1));
}

bool is_zero(const std::byte* page) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t first = 0;
  std::memcpy(&first, page, kWord);
  return first == 0 && std::memcmp(page, page + kWord, page_size() - kWord) == 0;
}

}  // namespace

void Stack::look() {
  std::byte* const lowest = lowest_page_touched(*this);
  if (lowest < highest_page(*this)) deepest = lowest;
}

void Stack::look_again() {
  uses_between = std::min(uses_between, UINT32_MAX / kLooksGrowApart) * kLooksGrowApart;
  uses_to_look = uses_between;
  look();
}

void Stack::wipe() {
  std::byte* const end = highest_page(*this);
  std::byte* used = end;
  for (std::byte* page = end; page > deepest;) {
    page -= page_size();
    if (is_zero(page)) continue;
    std::memset(page, 0, page_size());
    used = page;
  }
  give_back_unused(used, end);
}

// Gives the lower half back if many threads in a row did not reach it, so that it is not searched
// each time because one thread used it once.
void Stack::give_back_unused(const std::byte* used, const std::byte* end) {
  const std::size_t pages = static_cast<std::size_t>(end - deepest) / page_size();
  const std::size_t lower_half = (pages + 1) / 2 * page_size();
  unused_in_a_row = used >= deepest + lower_half ? unused_in_a_row + 1 : 0;
  if (unused_in_a_row < kUnusedInARow) return;
  unused_in_a_row = 0;
  madvise(deepest, lower_half, MADV_DONTNEED);
  deepest += lower_half;
  if (deepest == end) deepest = nullptr;
}

// Valgrind does not know the system calls of guarding ahead, and would warn of them.
StackPool::StackPool(std::size_t usual_size)
    : guards_ahead_(!runs_on_valgrind()),
      wipes_(!runs_on_valgrind() && sanitizer::kStackGrowth == 1) {
  classes_.push_back({.stack_size = round_up_to_page(usual_size * sanitizer::kStackGrowth)});
}

StackPool::~StackPool() {
  for (const Slab& slab : slabs_) munmap(slab.begin, slab.size);
}

std::uint32_t StackPool::class_of(std::size_t size) {
  size *= sanitizer::kStackGrowth;
  if (round_up_to_page(size) == classes_[0].stack_size) return 0;
  const std::size_t rounded = std::bit_ceil(std::clamp(size, kSmallestStack, kLargestStack));
  const auto at = std::find_if(classes_.begin() + 1, classes_.end(),
                               [&](const SizeClass& one) { return one.stack_size == rounded; });
  const auto index = static_cast<std::uint32_t>(at - classes_.begin());
  if (at == classes_.end()) classes_.push_back({.stack_size = rounded});
  return index;
}

bool StackPool::promise_slowly(std::size_t size, Control& to) {
  if (size > kLargestStack) return false;
  to.size_class = static_cast<std::uint8_t>(class_of(size));
  const SizeClass& from = classes_[to.size_class];
  return ++classes_[to.size_class].promised <= from.available || make_room(to.size_class);
}

std::size_t StackPool::slab_size(const SizeClass& of) {
  const std::size_t slot_size = page_size() + of.stack_size;
  return std::clamp<std::size_t>(kSlabBytes / slot_size, 1, kMostStacksPerSlab) * slot_size;
}

bool StackPool::make_room(std::uint32_t size_class) {
  SizeClass& to = classes_[size_class];
  const std::size_t size = slab_size(to);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    --to.promised;
    return false;
  }
  sanitizer::memory_mapped(memory, size);
  madvise(memory, size, MADV_NOHUGEPAGE);
  to.available += size / (page_size() + to.stack_size);
  to.spare_slabs.push_back(static_cast<std::byte*>(memory));
  slabs_.push_back({static_cast<std::byte*>(memory), size});
  return true;
}

Stack* StackPool::cut(std::uint32_t size_class) {
  SizeClass& from = classes_[size_class];
  if (from.unused == from.end) {
    // The promise has made sure of a slab.
    CHECK(!from.spare_slabs.empty());
    from.unused = from.spare_slabs.back();
    from.spare_slabs.pop_back();
    from.end = from.unused + slab_size(from);
    from.guarded_to = from.unused;
  }
  std::byte* const low = from.unused;
  from.unused += page_size() + from.stack_size;
  const bool guarded = low < from.guarded_to || guard(low);
  if (low >= from.guarded_to) guard_ahead(from);
  std::byte* const top = from.unused - sizeof(Stack) - made_++ % kColours * kColourBytes;
  announce_stack(low + page_size(), top);
  auto* const stack = new (top) Stack{.bottom = low + page_size(), .top = top};
  stack->size_class = size_class;
  stack->canary = !guarded;
  stack->wiped = wipes_;
  return stack;
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

void StackPool::guard_ahead(SizeClass& of) {
  of.guarded_to = of.unused;
  if (guard_kind_ != GuardKind::kMadvise || !guards_ahead_) return;
  const std::size_t slot_size = page_size() + of.stack_size;
  const std::size_t left = static_cast<std::size_t>(of.end - of.unused) / slot_size;
  const std::size_t count = std::min({left, kMostGuardsAhead, kSpanGuardedAhead / slot_size});
  if (count == 0) return;
  const std::size_t done = advise(of.unused, slot_size, count, kMadvGuardInstall);
  guards_ahead_ = done > 0;
  of.guarded_to += done * slot_size;
  // A program with so many stacks will need these soon.
  if (made_ < kManyStacks) return;
  advise(of.unused + slot_size - page_size(), slot_size, done, MADV_POPULATE_WRITE);
}

bool StackPool::canary_intact(const Control& control) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(control.stack->bottom) - kCanaryWords;
  return std::all_of(words, words + kCanaryWords, [](auto word) { return word == kCanaryWord; });
}

bool StackPool::guards(const Control& control, const void* address) {
  if (control.stack == nullptr || control.canary) return false;
  const auto* at = static_cast<const std::byte*>(address);
  return at < control.stack->bottom && at >= control.stack->bottom - page_size();
}

bool StackPool::is_below(const Control& thread, std::uintptr_t stack_pointer) {
  if (thread.stack == nullptr || stack_pointer == 0) return false;
  return stack_pointer < reinterpret_cast<std::uintptr_t>(thread.stack->bottom);
}

std::size_t stack_used(const Control& control) {
  if (control.stack == nullptr) return 0;
  Stack& stack = *control.stack;
  const std::byte* lowest = lowest_page_touched(stack);
  if (stack.wiped) {
    stack.look();
    const std::byte* const highest = highest_page(stack);
    while (lowest < highest && is_zero(lowest)) lowest += page_size();
  }
  return static_cast<std::size_t>(stack.top - lowest);
}

}  // namespace spindle::thread
