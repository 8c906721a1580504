#include "thread/control_pool.h"

#include <sys/mman.h>

#include <new>

#include "thread/sanitizer.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kHugePage = 2 * 1024 * 1024;
/// Few threads are not worth a huge page. Later slabs come many at a time: a huge page is cleared
/// at one page fault, where 512 small pages would take a fault each.
constexpr std::size_t kSlabsOfSmallPages = 8;
constexpr std::size_t kSlabsAtATime = 64;

std::byte* align_up(std::byte* at, std::size_t alignment) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  return at + ((address + alignment - 1) / alignment * alignment - address);
}

}  // namespace

ControlPool::~ControlPool() {
  for (const Mapping& mapping : mappings_) munmap(mapping.begin, mapping.size);
}

bool ControlPool::add_slabs() {
  const bool many = slabs_.size() >= kSlabsOfSmallPages;
  const std::size_t count = (many ? kSlabsAtATime : 1) * kPerSlab;
  const std::size_t size = count * (sizeof(Control) + sizeof(Account)) + (many ? kHugePage : 0);
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  sanitizer::memory_mapped(memory, size);
  mappings_.push_back({memory, size});
  std::byte* const begin = align_up(static_cast<std::byte*>(memory), many ? kHugePage : 1);
  if (many) madvise(begin, count * sizeof(Control), MADV_HUGEPAGE);
  auto* const controls = reinterpret_cast<Control*>(begin);
  auto* const accounts = reinterpret_cast<Account*>(begin + count * sizeof(Control));
  for (std::size_t i = 0; i < count; i += kPerSlab) slabs_.push_back({controls + i, accounts + i});
  return true;
}

Control* ControlPool::take_new() {
  if (size_ / kPerSlab == slabs_.size() && !add_slabs()) return nullptr;
  auto* control = new (&at(size_)) Control;
  control->slot = size_++;
  return control;
}

}  // namespace spindle::thread
