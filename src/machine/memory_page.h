// What stands behind a page of simulated memory: page-table entries, frames, slots of the swap
// file, and the pages of files and segments.
//
// An entry is in one of three states: empty, present (it has a frame), swapped (it has a slot). All
// entries that map a frame form a list through it. What a frame holds is unchanged in its slot
// while it has one: the first write gives the slot up.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "spindle/machine/memory_statistics.h"

namespace spindle {

using FrameIndex = std::uint32_t;
using SlotIndex = std::uint32_t;
inline constexpr FrameIndex kNoFrame = ~FrameIndex{0};
inline constexpr SlotIndex kNoSlot = ~SlotIndex{0};

struct PagedSpace;
class ReplacementPool;

/// The bytes of a page; those never stored are zero and take no memory of the host.
class PageContent {
 public:
  [[nodiscard]] std::uint64_t word(std::uint64_t offset) const {
    std::uint64_t value = 0;
    if (bytes_) std::memcpy(&value, &bytes_[offset], sizeof value);
    return value;
  }
  void set_word(std::uint64_t offset, std::uint64_t value, std::uint32_t page_size) {
    if (value == 0 && !bytes_) return;
    std::memcpy(&writable(page_size)[offset], &value, sizeof value);
  }
  /// All bytes of the page, to be written to.
  std::span<std::byte> writable(std::uint32_t page_size) {
    if (!bytes_) bytes_ = std::make_unique<std::byte[]>(page_size);
    return {bytes_.get(), page_size};
  }
  void assign(std::span<const std::byte> bytes, std::uint32_t page_size) {
    bytes_.reset();
    if (bytes.empty()) return;
    const std::size_t length = std::min<std::size_t>(bytes.size(), page_size);
    std::memcpy(writable(page_size).data(), bytes.data(), length);
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::uint32_t page_size) const {
    return bytes_ ? std::span<const std::byte>{bytes_.get(), page_size}
                  : std::span<const std::byte>{};
  }
  [[nodiscard]] PageContent copy(std::uint32_t page_size) const {
    PageContent other;
    other.assign(bytes(page_size), page_size);
    return other;
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
};

/// An entry of a page table.
struct PageEntry {
  FrameIndex frame = kNoFrame;
  SlotIndex slot = kNoSlot;
  bool writable = false;
  bool referenced = false;
  bool in_window = false;  ///< used within the working-set window
  PageKey key = 0;         ///< the key of an anonymous page that this entry alone has; 0: none yet
  std::uint64_t page = 0;
  std::uint64_t last_use = 0;  ///< in references of the space
  PagedSpace* space = nullptr;
  PageEntry* older = nullptr;  ///< its neighbour in the space's RecencyList
  PageEntry* newer = nullptr;
  PageEntry* previous_sharer = nullptr;  ///< its neighbour among those that map the frame
  PageEntry* next_sharer = nullptr;
  PageEntry* next_in_bucket = nullptr;  ///< its neighbour in a bucket of the inverted table

  [[nodiscard]] bool present() const { return frame != kNoFrame; }
  [[nodiscard]] bool swapped() const { return slot != kNoSlot; }
};

/// A page of a file or of a shared segment.
struct ObjectPage {
  FrameIndex frame = kNoFrame;
  SlotIndex slot = kNoSlot;  ///< where a segment's page is that is swapped out
  TransferId writing{};      ///< the transfer that writes it out, while it has no frame
};

/// A file or a shared segment, as far as memory knows it.
struct PageObject {
  InodeNo file{};  ///< none: a segment
  SegmentId segment{};
  std::uint64_t bytes = 0;
  std::uint64_t mapped_bytes = 0;  ///< the size of all areas that map it
  bool is_removed = false;         ///< it has no name any more, and goes with the last area
  std::map<std::uint64_t, ObjectPage> pages{};  ///< those in memory, in a slot or on their way
};

struct Frame {
  FrameUse use = FrameUse::kFree;
  bool dirty = false;       ///< differs from its copy on the disk
  bool is_written = false;  ///< it is being written, and stays
  bool is_doomed = false;   ///< it is busy, and nobody wants it any more
  std::uint32_t mappings = 0;
  std::uint32_t pool_place = 0;
  SlotIndex slot = kNoSlot;
  PageEntry* sharers = nullptr;
  ReplacementPool* pool = nullptr;  ///< the pool that may replace it; none: it stays
  TransferId transfer{};            ///< what a kBusy frame waits for
  PageObject* object = nullptr;     ///< the file or segment whose page it holds
  std::uint64_t page = 0;           ///< which page of the object it holds
  PageKey key = 0;
  std::uint64_t last_use = 0;  ///< in references of all spaces
  PageContent content;
};

}  // namespace spindle
