#include "bench/layers/layer_bench.h"

#include "mkfs/format_volume.h"
#include "spindle/thread/runtime.h"

namespace spindle::bench {

void in_runtime(const std::function<void()>& body) {
  const auto runtime = thread::Runtime::create().take();
  runtime->run(body).take();
}

MemoryDevice formatted_device(std::uint64_t size_bytes) {
  MemoryDevice device(kBlockSize, size_bytes / kBlockSize);
  FormatOptions options;
  options.uuid.fill(std::byte{7});
  options.hash_seed = 11;
  format_volume(device, options).take();
  return device;
}

OpenVolume::OpenVolume(std::uint64_t size_bytes) : device_(formatted_device(size_bytes)) {
  layout = format::Layout::of(read_superblock(device_).take()).take();
  cache = BufferCache::create(device_, {}).take();
  journal = Journal::open(*cache, layout, {}).take();
  space = SpaceManager::open(*cache, *journal, layout).take();
}

OpenVolume::~OpenVolume() {
  journal->close().take();
  cache->flush_all().take();
  space.reset();
  journal.reset();
}

}  // namespace spindle::bench
