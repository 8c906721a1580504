#include "request_buffers.h"

#include <malloc.h>

#include <cstring>
#include <new>
#include <utility>

namespace spindle {

// Each buffer is a mapping of its own: the heap would keep buffers that were freed, and without
// this threshold the allocator puts large blocks there after the first was freed.
RequestBuffers::RequestBuffers() {
  ::mallopt(M_MMAP_THRESHOLD, kRequestBufferSize);
  // Each further one takes 64 MiB of addresses, and only one kernel thread allocates much.
  ::mallopt(M_ARENA_MAX, 2);
  free_.reserve(kKept);
}

bool RequestBuffers::prepare() {
  std::vector<Buffer> taken;
  for (std::size_t i = 0; i < kKept + kFew; ++i) {
    taken.push_back(take());
    if (taken.back() == nullptr) return false;
  }
  return true;
}

RequestBuffers::Buffer RequestBuffers::take() {
  std::unique_ptr<std::byte[]> bytes;
  if (free_.empty()) {
    bytes.reset(new (std::nothrow) std::byte[kRequestBufferSize]);
  } else {
    bytes = std::move(free_.back());
    free_.pop_back();
  }
  if (bytes != nullptr) ++out_;
  return Buffer(bytes.release(), Return{this});
}

RequestBuffers::Buffer RequestBuffers::fitted(Buffer buffer, std::size_t size, bool must_fit) {
  if (out_ <= kFew || (size > kSmall && !must_fit)) return buffer;
  Buffer smaller(new (std::nothrow) std::byte[size]);
  if (smaller == nullptr) return buffer;
  std::memcpy(smaller.get(), buffer.get(), size);
  return smaller;
}

void RequestBuffers::give(std::byte* bytes) {
  std::unique_ptr<std::byte[]> back(bytes);
  --out_;
  if (free_.size() < kKept) free_.push_back(std::move(back));
}

void RequestBuffers::Return::operator()(std::byte* bytes) const {
  if (whole_of == nullptr) {
    delete[] bytes;
  } else {
    whole_of->give(bytes);
  }
}

}  // namespace spindle
