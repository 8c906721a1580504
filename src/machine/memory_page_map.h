// PageMap: the page-table entries of one space, and how large its page tables are.
//
// The tables of the simulated machine are a tree of 1 to 4 levels, of which only those exist that
// have a page below them. Here entries lie in chunks of neighbours, whatever the tree looks like,
// and the tree's tables are only counted. Entries do not move.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "memory_page.h"

namespace spindle {

/// The tree of page tables: index bits of each level, the root's first.
class TableShape {
 public:
  /// `levels` 0: an inverted table, no tree at all.
  TableShape(unsigned levels, unsigned page_bits);

  [[nodiscard]] unsigned levels() const { return static_cast<unsigned>(shifts_.size()); }
  /// The number, among those of its level, of the table that translates the page.
  [[nodiscard]] std::uint64_t table_of(unsigned level, std::uint64_t page) const {
    return level == 0 ? 0 : page >> shifts_[level - 1];
  }
  [[nodiscard]] std::uint64_t table_bytes(unsigned level) const;
  /// 2 to this power neighbours always have the same tables.
  [[nodiscard]] unsigned chunk_bits() const { return chunk_bits_; }

 private:
  std::vector<unsigned> widths_;
  std::vector<unsigned> shifts_;  ///< bits of the page number below the level's index
  unsigned chunk_bits_ = 5;
};

class PageMap {
 public:
  explicit PageMap(const TableShape& shape);

  /// The entry, if its chunk stands.
  [[nodiscard]] PageEntry* find(std::uint64_t page);
  /// The entry, which belongs to `space`.
  PageEntry& at(std::uint64_t page, PagedSpace& space);
  /// How many bytes of tables `at` would add.
  [[nodiscard]] std::uint64_t missing_table_bytes(std::uint64_t page) const;
  [[nodiscard]] std::uint64_t table_bytes() const { return table_bytes_; }

  /// Calls `visit(entry)` for each entry in [first, end) that is not empty, in order.
  template <class Visit>
  void for_each(std::uint64_t first, std::uint64_t end, Visit&& visit) {
    for (auto chunk = chunks_.lower_bound(first >> bits_);
         chunk != chunks_.end() && chunk->first << bits_ < end; ++chunk)
      for (std::uint64_t i = 0; i < std::uint64_t{1} << bits_; ++i) {
        PageEntry& entry = chunk->second[i];
        const bool inside = entry.page >= first && entry.page < end;
        if (inside && (entry.present() || entry.swapped())) visit(entry);
      }
  }
  /// Makes the entries in [first, end), which must be empty, as if never used, after calling
  /// `forget(entry)` for each.
  template <class Forget>
  void clear(std::uint64_t first, std::uint64_t end, Forget&& forget) {
    for (auto chunk = chunks_.lower_bound(first >> bits_);
         chunk != chunks_.end() && chunk->first << bits_ < end;) {
      bool is_blank = true;
      for (std::uint64_t i = 0; i < std::uint64_t{1} << bits_; ++i) {
        PageEntry& entry = chunk->second[i];
        if (entry.page >= first && entry.page < end) {
          forget(entry);
          entry.key = 0;
        }
        is_blank =
            is_blank && !entry.present() && !entry.swapped() && entry.key == 0 && !entry.in_window;
      }
      if (is_blank) remove_tables(chunk->first << bits_);
      chunk = is_blank ? chunks_.erase(chunk) : std::next(chunk);
    }
    last_ = nullptr;
  }

 private:
  /// The tables above a chunk that has come into being, or has gone.
  void add_tables(std::uint64_t page);
  void remove_tables(std::uint64_t page);

  const TableShape& shape_;
  unsigned bits_;
  std::map<std::uint64_t, std::unique_ptr<PageEntry[]>> chunks_;
  std::uint64_t last_number_ = 0;
  PageEntry* last_ = nullptr;  ///< the chunk looked up last
  /// By level below the root: how many chunks or tables stand below each table.
  std::vector<std::unordered_map<std::uint64_t, std::uint64_t>> children_;
  std::uint64_t table_bytes_ = 0;
};

/// One table for all spaces, found by a hash of space and page: an entry for each frame in chains.
class InvertedTable {
 public:
  explicit InvertedTable(std::uint64_t buckets) : buckets_(buckets) {}
  void insert(PageEntry& entry, std::uint64_t space);
  void erase(PageEntry& entry, std::uint64_t space);
  /// How many entries are looked at before the page is found, or is known not to be there.
  [[nodiscard]] std::uint64_t probes(std::uint64_t space, std::uint64_t page,
                                     const PageEntry* entry) const;

 private:
  [[nodiscard]] std::size_t bucket(std::uint64_t space, std::uint64_t page) const {
    return (space * 0x9E3779B97F4A7C15ull ^ page * 0xC2B2AE3D27D4EB4Full) % buckets_.size();
  }
  std::vector<PageEntry*> buckets_;
};

}  // namespace spindle
