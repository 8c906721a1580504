#include "thread/control_pool.h"

#include <sys/mman.h>

#include <new>

namespace spindle::thread {

ControlPool::~ControlPool() {
  for (Slab* slab : slabs_) munmap(slab, sizeof(Slab));
}

Control* ControlPool::take_new() {
  const std::uint32_t at = size_ % kPerSlab;
  if (at == 0) {
    void* memory = mmap(nullptr, sizeof(Slab), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    slabs_.push_back(static_cast<Slab*>(memory));
  }
  auto* control = new (&slabs_.back()->controls[at]) Control;
  control->slot = size_++;
  return control;
}

}  // namespace spindle::thread
