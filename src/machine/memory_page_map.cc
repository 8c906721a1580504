#include "memory_page_map.h"

#include <algorithm>

namespace spindle {
namespace {

constexpr std::uint64_t kTableEntryBytes = 8;

}  // namespace

TableShape::TableShape(unsigned levels, unsigned page_bits) {
  for (unsigned level = 0; level < levels; ++level) {
    // The root takes what does not divide.
    const unsigned width = page_bits / levels + (level == 0 ? page_bits % levels : 0);
    widths_.push_back(width);
  }
  unsigned shift = 0;
  for (unsigned width : widths_) shift += width;
  for (unsigned width : widths_) shifts_.push_back(shift -= width);
  if (levels > 0) chunk_bits_ = std::min(chunk_bits_, widths_.back());
}

std::uint64_t TableShape::table_bytes(unsigned level) const {
  return kTableEntryBytes << widths_[level];
}

PageMap::PageMap(const TableShape& shape) : shape_(shape), bits_(shape.chunk_bits()) {
  children_.resize(shape.levels());
  if (shape.levels() > 0) table_bytes_ = shape.table_bytes(0);
}

PageEntry* PageMap::find(std::uint64_t page) {
  const std::uint64_t number = page >> bits_;
  const std::uint64_t within = page & ((std::uint64_t{1} << bits_) - 1);
  if (last_ == nullptr || last_number_ != number) {
    const auto chunk = chunks_.find(number);
    if (chunk == chunks_.end()) return nullptr;
    last_number_ = number;
    last_ = chunk->second.get();
  }
  return &last_[within];
}

PageEntry& PageMap::at(std::uint64_t page, PagedSpace& space) {
  if (PageEntry* entry = find(page)) return *entry;
  const std::uint64_t count = std::uint64_t{1} << bits_;
  auto entries = std::make_unique<PageEntry[]>(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    entries[i].page = (page >> bits_ << bits_) + i;
    entries[i].space = &space;
  }
  chunks_.emplace(page >> bits_, std::move(entries));
  add_tables(page);
  return *find(page);
}

std::uint64_t PageMap::missing_table_bytes(std::uint64_t page) const {
  if (chunks_.contains(page >> bits_)) return 0;
  std::uint64_t bytes = 0;
  for (unsigned level = shape_.levels(); level-- > 1;) {
    if (children_[level].contains(shape_.table_of(level, page))) break;
    bytes += shape_.table_bytes(level);
  }
  return bytes;
}

void PageMap::add_tables(std::uint64_t page) {
  for (unsigned level = shape_.levels(); level-- > 1;) {
    if (++children_[level][shape_.table_of(level, page)] > 1) return;
    table_bytes_ += shape_.table_bytes(level);
  }
}

void PageMap::remove_tables(std::uint64_t page) {
  for (unsigned level = shape_.levels(); level-- > 1;) {
    const auto table = children_[level].find(shape_.table_of(level, page));
    if (--table->second > 0) return;
    children_[level].erase(table);
    table_bytes_ -= shape_.table_bytes(level);
  }
}

void InvertedTable::insert(PageEntry& entry, std::uint64_t space) {
  PageEntry*& first = buckets_[bucket(space, entry.page)];
  entry.next_in_bucket = first;
  first = &entry;
}

void InvertedTable::erase(PageEntry& entry, std::uint64_t space) {
  PageEntry** link = &buckets_[bucket(space, entry.page)];
  while (*link != &entry) link = &(*link)->next_in_bucket;
  *link = entry.next_in_bucket;
  entry.next_in_bucket = nullptr;
}

std::uint64_t InvertedTable::probes(std::uint64_t space, std::uint64_t page,
                                    const PageEntry* entry) const {
  std::uint64_t count = 1;
  for (const PageEntry* at = buckets_[bucket(space, page)]; at != nullptr && at != entry;
       at = at->next_in_bucket)
    ++count;
  return count;
}

}  // namespace spindle
