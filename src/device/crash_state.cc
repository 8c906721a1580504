#include "spindle/device/crash_state.h"

namespace spindle {

CrashStates::CrashStates(const MemoryDevice& start, const WriteLog& log)
    : log_(log), order_(log.events, log.block_size) {
  for (const WriteOrder::Barrier& barrier : order_.barriers()) {
    durable_.push_back(durable_.empty() ? start : durable_.back());
    for (const WritePart& part : barrier.made_durable) apply(durable_.back(), part);
  }
}

MemoryDevice CrashStates::at(std::size_t cut, CrashMode mode, std::uint64_t seed) const {
  MemoryDevice image = durable_[order_.barrier_of(cut)];
  for (const WritePart& part : order_.arrived(cut, mode, seed)) apply(image, part);
  return image;
}

void CrashStates::apply(MemoryDevice& image, const WritePart& part) const {
  const WriteEvent& write = log_.events[part.event];
  const std::uint64_t begin = write.run.start.value * log_.block_size + part.offset;
  if (write.kind == WriteEvent::Kind::kWrite) {
    image.poke(begin, std::span(log_.contents[part.event]).subspan(part.offset, part.length));
  } else {
    const std::vector<std::byte> zeros(part.length);
    image.poke(begin, zeros);
  }
}

}  // namespace spindle
