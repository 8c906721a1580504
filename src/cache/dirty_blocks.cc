#include "dirty_blocks.h"

#include <utility>

#include "spindle/base/check.h"

namespace spindle {

template <BufferLink Buffer::*kLink>
void DirtyBlocks::append(List& list, Buffer& buffer) {
  (buffer.*kLink) = BufferLink{.previous = list.last, .next = nullptr};
  (list.last == nullptr ? list.first : (list.last->*kLink).next) = &buffer;
  list.last = &buffer;
}

template <BufferLink Buffer::*kLink>
void DirtyBlocks::unlink(List& list, Buffer& buffer) {
  const BufferLink link = std::exchange(buffer.*kLink, BufferLink{});
  (link.previous == nullptr ? list.first : (link.previous->*kLink).next) = link.next;
  (link.next == nullptr ? list.last : (link.next->*kLink).previous) = link.previous;
}

void DirtyBlocks::add(Buffer& buffer, InodeNo inode, std::int64_t now_ns) {
  CHECK(!buffer.dirty);
  buffer.dirty = true;
  buffer.owner = inode;
  buffer.dirty_since_ns = now_ns;
  Owner& of = owner(inode);
  append<&Buffer::by_owner>(of.blocks, buffer);
  append<&Buffer::by_age>(by_age_, buffer);
  ++of.count;
  ++count_;
}

void DirtyBlocks::remove(Buffer& buffer) {
  CHECK(buffer.dirty);
  Owner& of = owner(buffer.owner);
  unlink<&Buffer::by_owner>(of.blocks, buffer);
  unlink<&Buffer::by_age>(by_age_, buffer);
  buffer.dirty = false;
  buffer.dirtied_again = false;
  --count_;
  if (--of.count == 0) release_if_unused(buffer.owner);
}

void DirtyBlocks::renew(Buffer& buffer, std::int64_t now_ns) {
  CHECK(buffer.dirty);
  unlink<&Buffer::by_age>(by_age_, buffer);
  append<&Buffer::by_age>(by_age_, buffer);
  buffer.dirty_since_ns = now_ns;
}

std::size_t DirtyBlocks::count(InodeNo inode) const {
  const Owner* of = find_owner(inode);
  return of == nullptr ? 0 : of->count;
}

Buffer* DirtyBlocks::first_of(InodeNo inode) const {
  const Owner* of = find_owner(inode);
  return of == nullptr ? nullptr : of->blocks.first;
}

void DirtyBlocks::remember_error(InodeNo inode, const Error& error) {
  Owner& of = owner(inode);
  if (!of.error) of.error = error;
}

std::optional<Error> DirtyBlocks::take_error(InodeNo inode) {
  const std::uint32_t index = by_inode_.find(inode.value);
  if (index == NumberTable::kAbsent) return std::nullopt;
  std::optional<Error> error = std::exchange(owners_[index].error, std::nullopt);
  release_if_unused(inode);
  return error;
}

DirtyBlocks::Owner& DirtyBlocks::owner(InodeNo inode) {
  std::uint32_t index = by_inode_.find(inode.value);
  if (index != NumberTable::kAbsent) return owners_[index];
  if (free_owners_.empty()) {
    index = static_cast<std::uint32_t>(owners_.size());
    owners_.emplace_back();
  } else {
    index = free_owners_.back();
    free_owners_.pop_back();
  }
  by_inode_.insert(inode.value, index);
  return owners_[index];
}

const DirtyBlocks::Owner* DirtyBlocks::find_owner(InodeNo inode) const {
  const std::uint32_t index = by_inode_.find(inode.value);
  return index == NumberTable::kAbsent ? nullptr : &owners_[index];
}

void DirtyBlocks::release_if_unused(InodeNo inode) {
  const std::uint32_t index = by_inode_.find(inode.value);
  if (owners_[index].count != 0 || owners_[index].error) return;
  by_inode_.erase(inode.value);
  free_owners_.push_back(index);
}

}  // namespace spindle
