// Arena: memory for the private copies of one transaction, given back all at once.
//
// Allocation moves a pointer; pointers stay valid until `clear`. The first chunk is kept, so that a
// recycled arena serves a usual transaction without the heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace spindle {

class Arena {
 public:
  /// Aligned to 8 bytes, not initialised.
  std::byte* allocate(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (bytes > left_) grow(bytes);
    std::byte* result = next_;
    next_ += bytes;
    left_ -= bytes;
    return result;
  }
  std::byte* copy(std::span<const std::byte> bytes) {
    std::byte* to = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to;
  }
  void clear() {
    if (chunks_.size() > 1) chunks_.resize(1);
    next_ = chunks_.empty() ? nullptr : chunks_[0].get();
    left_ = chunks_.empty() ? 0 : kFirstChunk;
  }

 private:
  static constexpr std::size_t kFirstChunk = 32 * 1024;
  static constexpr std::size_t kLaterChunk = 128 * 1024;

  void grow(std::size_t bytes) {
    // Only a chunk of exactly kFirstChunk may come first, since `clear` keeps it.
    if (chunks_.empty()) add_chunk(kFirstChunk);
    if (bytes > left_) add_chunk(std::max(bytes, kLaterChunk));
  }
  void add_chunk(std::size_t bytes) {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    next_ = chunks_.back().get();
    left_ = bytes;
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// A growing array in an arena; what it outgrows is given back with the arena.
template <class T>
class ArenaArray {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);

 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  T* begin() const { return items_; }
  T* end() const { return items_ + size_; }
  T& back() const { return items_[size_ - 1]; }

  /// `before` is in [begin, end].
  T& insert(Arena& arena, T* before, const T& item) {
    const auto at = static_cast<std::size_t>(before - items_);
    if (size_ == capacity_) grow(arena);
    std::memmove(items_ + at + 1, items_ + at, (size_ - at) * sizeof(T));
    items_[at] = item;
    ++size_;
    return items_[at];
  }
  T& push_back(Arena& arena, const T& item) { return insert(arena, end(), item); }

 private:
  void grow(Arena& arena) {
    const std::size_t capacity = std::max<std::size_t>(4, capacity_ * 2);
    auto* items = reinterpret_cast<T*>(arena.allocate(capacity * sizeof(T)));
    if (size_ > 0) std::memcpy(items, items_, size_ * sizeof(T));
    items_ = items;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }

  T* items_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace spindle
