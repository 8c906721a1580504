#include "frame_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <new>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"

namespace spindle {
namespace {

/// One fault brings in a large page, where 512 small ones take a fault each: that halves the time
/// to fill a cache.
constexpr std::size_t kLargePage = 2u << 20;
/// If memory is fragmented, the kernel compacts it first, and a virtual machine may have to ask its
/// host for as much in one piece; then small pages are quicker. After kMostSlowPages slow ones no
/// more large pages are asked for.
constexpr std::int64_t kSlowPageNs = 2'000'000;
constexpr unsigned kMostSlowPages = 3;

void* map_lazily(std::size_t length) {
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

/// One question to the policy, and the frames that it had to pass by.
struct FramePool::Search {
  explicit Search(const Buffer* all) : buffers(all) {}

  const Buffer* buffers;
  std::size_t passed = 0;
  std::array<std::uint32_t, kParkAtMost> frames;  // not zeroed: there is one search for each miss

  static bool may_go(void* context, FrameNo frame) {
    auto& search = *static_cast<Search*>(context);
    if (search.buffers[frame.value].evictable()) return true;
    if (search.passed < kParkAtMost) {
      search.frames[search.passed++] = static_cast<std::uint32_t>(frame.value);
    }
    return false;
  }
};

FramePool::FramePool(std::size_t capacity, std::size_t spare, std::uint32_t block_size)
    : capacity_(capacity), spare_(spare), block_size_(block_size) {}

FramePool::~FramePool() {
  const std::size_t frames = capacity_ + spare_;
  if (buffers_ != nullptr) ::munmap(buffers_, frames * sizeof(Buffer));
  if (bytes_ != nullptr) ::munmap(bytes_, frames * block_size_);
}

Result<> FramePool::open(CacheCore& cache, std::string_view policy) {
  policy_ = TRY(make_replacement_policy(policy, capacity_));
  cache_ = &cache;
  const std::size_t frames = capacity_ + spare_;
  buffers_ = static_cast<Buffer*>(map_lazily(frames * sizeof(Buffer)));
  bytes_ = static_cast<std::byte*>(map_lazily(frames * block_size_));
  if (buffers_ == nullptr || bytes_ == nullptr) {
    return Error{ENOMEM, "there is no address space for a cache of that size"};
  }
  // A mount reads little before it is used: a large page for that would only take time.
  large_pages_end_ = bytes_ + kLargePage;
  return {};
}

Buffer* FramePool::make(std::size_t frame) {
  auto* buffer = new (&buffers_[frame]) Buffer;
  buffer->cache = cache_;
  buffer->frame = static_cast<std::uint32_t>(frame);
  buffer->bytes = bytes_ + frame * block_size_;
  if (buffer->bytes >= large_pages_end_ && frame < capacity_) ask_for_large_page(buffer->bytes);
  return buffer;
}

// Nothing stands at `at` yet, nor after it.
void FramePool::ask_for_large_page(std::byte* at) {
  std::byte* const page = at - reinterpret_cast<std::uintptr_t>(at) % kLargePage;
  large_pages_end_ = page + kLargePage;
  const bool is_ours = page >= bytes_ && large_pages_end_ <= bytes_ + capacity_ * block_size_;
  if (!is_ours || slow_large_pages_ == kMostSlowPages) return;
  if (::madvise(page, kLargePage, MADV_HUGEPAGE) != 0) return;
  // Processor time, not wall time: what the kernel does for others meanwhile does not count.
  const std::int64_t began_ns = thread_cpu_ns();
  *const_cast<volatile std::byte*>(at) = std::byte{};
  if (thread_cpu_ns() - began_ns > kSlowPageNs) ++slow_large_pages_;
}

Buffer* FramePool::use(Buffer* buffer) {
  CHECK(!buffer->in_use && buffer->pins == 0 && buffer->transfer == nullptr);
  buffer->in_use = true;
  ++used_;
  return buffer;
}

Buffer* FramePool::take(BlockNo incoming) {
  if (!free_.empty()) {
    Buffer* buffer = free_.back();
    free_.pop_back();
    return use(buffer);
  }
  if (made_ < capacity_) return use(make(made_++));
  return evict_for(incoming);
}

Buffer* FramePool::take_spare() {
  if (!free_spare_.empty()) {
    Buffer* buffer = free_spare_.back();
    free_spare_.pop_back();
    return use(buffer);
  }
  return spare_made_ < spare_ ? use(make(capacity_ + spare_made_++)) : nullptr;
}

Buffer* FramePool::evict_for(BlockNo incoming) {
  Search search(buffers_);
  const std::optional<FrameNo> victim =
      policy_->victim(Evictable{&Search::may_go, &search}, incoming.value);
  if (search.passed >= kParkFrom) park(search);
  if (!victim) return nullptr;
  Buffer& buffer = buffers_[victim->value];
  CHECK(buffer.evictable() && buffer.in_policy);
  trace_block(EventKind::kEvict, buffer.block.value, policy());
  by_block_.erase(buffer.block.value);
  leave_policy(buffer);
  ++evictions_;
  return &buffer;
}

void FramePool::park(const Search& search) {
  for (std::size_t i = 0; i < search.passed; ++i) {
    Buffer& buffer = buffers_[search.frames[i]];
    if (buffer.in_policy) leave_policy(buffer);  // CLOCK looks at a frame twice
  }
}

void FramePool::leave_policy(Buffer& buffer) {
  policy_->erased(FrameNo{buffer.frame});
  buffer.in_policy = false;
}

void FramePool::join_policy(Buffer& buffer) {
  policy_->inserted(FrameNo{buffer.frame}, buffer.block.value);
  buffer.in_policy = true;
}

void FramePool::install(Buffer& buffer, BlockNo block) {
  buffer.block = block;
  buffer.verified_kind = 0;
  buffer.cut_off = false;
  buffer.loading = false;
  buffer.load_failed = false;
  buffer.write_failed = false;
  buffer.logged = false;
  buffer.held = false;
  buffer.read_ahead = false;
  buffer.last_use = ++clock_;
  by_block_.insert(block.value, buffer.frame);
  if (!is_spare(buffer)) join_policy(buffer);
}

void FramePool::give_back(Buffer& buffer) {
  CHECK(buffer.pins == 0 && buffer.transfer == nullptr && !buffer.dirty && !buffer.in_policy);
  buffer.in_use = false;
  --used_;
  (is_spare(buffer) ? free_spare_ : free_).push_back(&buffer);
}

void FramePool::cut_off(Buffer& buffer) {
  by_block_.erase(buffer.block.value);
  if (buffer.in_policy) leave_policy(buffer);
  buffer.cut_off = true;
  buffer.verified_kind = 0;
  buffer.logged = false;
  buffer.held = false;
  buffer.read_ahead = false;
}

void FramePool::touch(Buffer& buffer) {
  buffer.last_use = ++clock_;
  if (buffer.in_policy) policy_->touched(FrameNo{buffer.frame});
}

void FramePool::arrive(Buffer& buffer) {
  buffer.last_use = ++clock_;
  if (!buffer.in_policy) return;
  leave_policy(buffer);
  join_policy(buffer);
}

void FramePool::settle(Buffer& buffer) {
  if (!buffer.in_use || !buffer.evictable()) return;
  if (!buffer.cut_off && is_spare(buffer)) cut_off(buffer);
  if (buffer.cut_off) {
    give_back(buffer);
  } else if (!buffer.in_policy) {
    join_policy(buffer);
  }
}

Result<> FramePool::set_policy(std::string_view name) {
  std::unique_ptr<ReplacementPolicy> fresh = TRY(make_replacement_policy(name, capacity_));
  policy_ = std::move(fresh);
  for (std::size_t i = 0; i < made_; ++i) buffers_[i].in_policy = false;
  for (Buffer* buffer : by_recency()) {
    if (!is_spare(*buffer)) join_policy(*buffer);
  }
  return {};
}

std::vector<std::uint32_t> FramePool::free_frames() const {
  std::vector<std::uint32_t> frames;
  frames.reserve(free_.size());
  for (const Buffer* buffer : free_) frames.push_back(buffer->frame);
  return frames;
}

std::vector<Buffer*> FramePool::by_recency() {
  std::vector<Buffer*> present;
  present.reserve(used_);
  for_each([&](Buffer& buffer) { present.push_back(&buffer); });
  std::ranges::sort(present, {}, &Buffer::last_use);
  return present;
}

}  // namespace spindle
