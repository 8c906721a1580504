// The public face of the cache; what it does stands in CacheCore.
#include "spindle/cache/buffer_cache.h"

#include "cache_core.h"

namespace spindle {
namespace {

constexpr std::size_t kMostBlocks = std::size_t{1} << 26;

}  // namespace

BlockRef::BlockRef(const BlockRef& other) : buffer_(other.buffer_) {
  if (buffer_ != nullptr) buffer_->cache->pin_again(*buffer_);
}

BlockRef& BlockRef::operator=(BlockRef other) noexcept {
  std::swap(buffer_, other.buffer_);
  return *this;
}

BlockRef::~BlockRef() {
  if (buffer_ != nullptr) buffer_->cache->unpin(*buffer_);
}

FrameReservation::~FrameReservation() {
  if (core_ != nullptr) core_->unreserve(frames_);
}

BlockNo BlockRef::block() const {
  return buffer_->block;
}

std::span<const std::byte> BlockRef::bytes() const {
  return {buffer_->bytes, buffer_->cache->block_size()};
}

std::span<std::byte> BlockRef::writable() const {
  return {buffer_->bytes, buffer_->cache->block_size()};
}

BufferCache::BufferCache(std::unique_ptr<CacheCore> core) : core_(std::move(core)) {}
BufferCache::~BufferCache() = default;

Result<std::unique_ptr<BufferCache>> BufferCache::create(BlockDevice& device, Options options) {
  if (options.dirty_percent > 100 || options.background_percent > 100) {
    return Error{EINVAL, "a share of dirty data is over 100 percent"};
  }
  if (options.capacity_bytes / device.block_size() > kMostBlocks) {
    return Error{EINVAL, "a cache has at most 2^26 blocks, 256 GiB of 4 KiB"};
  }
  auto core = std::make_unique<CacheCore>(device, options);
  TRY(core->open(options.policy));
  return std::unique_ptr<BufferCache>(new BufferCache(std::move(core)));
}

std::uint32_t BufferCache::block_size() const {
  return core_->block_size();
}
BlockDevice& BufferCache::device() {
  return core_->device();
}

Result<BlockRef> BufferCache::read(BlockNo block, IoPurpose purpose) {
  return core_->read(block, purpose);
}
FrameReservation BufferCache::reserve(std::size_t frames) {
  return core_->reserve(frames);
}
Result<std::vector<BlockRef>> BufferCache::read_range(Run run, IoPurpose purpose) {
  return core_->read_range(run, purpose);
}
void BufferCache::read_ahead(std::span<const Run> runs) {
  core_->read_ahead(runs);
}
Result<BlockRef> BufferCache::blank(BlockNo block) {
  return core_->blank(block);
}
Result<BlockRef> BufferCache::replace(BlockNo block) {
  return core_->replace(block);
}
BlockRef BufferCache::peek(BlockNo block) {
  return core_->peek(block);
}

void BufferCache::write_access(const BlockRef& block) {
  core_->write_access(block);
}
void BufferCache::mark_dirty(const BlockRef& block, InodeNo owner) {
  core_->mark_dirty(block, owner);
}
Result<> BufferCache::throttle() {
  return core_->throttle();
}

Result<> BufferCache::flush_file(InodeNo owner) {
  return core_->flush_file(owner);
}
Result<> BufferCache::flush_files(std::span<const InodeNo> owners) {
  return core_->flush_files(owners);
}
Result<> BufferCache::flush_all() {
  return core_->flush_all();
}
Result<> BufferCache::flush_blocks(std::span<const BlockNo> blocks) {
  return core_->flush_blocks(blocks);
}
void BufferCache::forget_errors(InodeNo owner) {
  core_->forget_errors(owner);
}
std::vector<BlockRef> BufferCache::unlogged_dirty_blocks(InodeNo owner) {
  return core_->unlogged_dirty_blocks(owner);
}
std::size_t BufferCache::dirty_count(InodeNo owner) const {
  return core_->dirty().count(owner);
}
bool BufferCache::is_dirty(const BlockRef& block) const {
  return CacheCore::buffer_of(block)->dirty;
}
std::uint64_t BufferCache::data_writes() const {
  return core_->data_writes();
}
Result<> BufferCache::flush_device() {
  return core_->flush_device();
}

void BufferCache::set_logged(const BlockRef& block, bool logged) {
  core_->set_logged(block, logged);
}
void BufferCache::set_held(const BlockRef& block, bool held) {
  core_->set_held(block, held);
}
std::vector<BlockNo> BufferCache::take_changed_logged() {
  return core_->take_changed_logged();
}
bool BufferCache::is_logged(const BlockRef& block) const {
  return CacheCore::buffer_of(block)->logged;
}
std::uint16_t BufferCache::verified_kind(const BlockRef& block) const {
  return CacheCore::buffer_of(block)->verified_kind;
}
void BufferCache::set_verified_kind(const BlockRef& block, std::uint16_t kind) {
  Buffer* buffer = CacheCore::buffer_of(block);
  if (!buffer->cut_off) buffer->verified_kind = kind;
}

void BufferCache::forget(Run run) {
  core_->forget(run);
}
void BufferCache::drop_clean() {
  core_->drop_clean();
}

Result<> BufferCache::set_policy(std::string_view name) {
  return core_->set_policy(name);
}
std::string_view BufferCache::policy() const {
  return core_->frames().policy();
}
CacheStatistics BufferCache::statistics() const {
  return core_->statistics();
}
const HitHistory& BufferCache::history() const {
  return core_->history();
}
void BufferCache::reset_statistics() {
  core_->reset_statistics();
}

void BufferCache::set_observer(CacheObserver* observer) {
  core_->set_observer(observer);
}

Result<> BufferCache::start_write_back() {
  return core_->start_write_back();
}
void BufferCache::stop_write_back() {
  core_->stop_write_back();
}

}  // namespace spindle
