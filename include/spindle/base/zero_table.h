// ZeroTable: a table of plain values that are all zero at first, and takes memory only where one
// was written. For tables indexed by numbers of which perhaps few come up.
//
//   ZeroTable<std::uint32_t> frame_of(1 << 22);
//   frame_of.grow(1 << 23);   // what was there stays, the rest is zero
//
// The memory comes from the host in whole pages. std::bad_alloc if it has none, as from a vector.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace spindle {

template <class Value>
requires std::is_trivially_copyable_v<Value>
class ZeroTable {
 public:
  ZeroTable() = default;
  explicit ZeroTable(std::size_t size) { grow(size); }
  ZeroTable(ZeroTable&& other) noexcept
      : values_(std::exchange(other.values_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ZeroTable& operator=(ZeroTable&& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ZeroTable() {
    if (size_ != 0) ::munmap(values_, bytes());
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Value& operator[](std::size_t at) { return values_[at]; }
  [[nodiscard]] const Value& operator[](std::size_t at) const { return values_[at]; }

  /// It is used all over: the host should take large pages for it.
  void prefer_large_pages() { static_cast<void>(::madvise(values_, bytes(), MADV_HUGEPAGE)); }

  /// To a size that is not smaller than the present one.
  void grow(std::size_t size) {
    if (size <= size_) return;
    void* grown = size_ == 0 ? ::mmap(nullptr, size * sizeof(Value), PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                             : ::mremap(values_, bytes(), size * sizeof(Value), MREMAP_MAYMOVE);
    if (grown == MAP_FAILED) throw std::bad_alloc();
    values_ = static_cast<Value*>(grown);
    size_ = size;
  }

 private:
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(Value); }

  Value* values_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace spindle
