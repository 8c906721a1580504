// Latest: a list that forgets its oldest entries, and finds each by a number that never changes.
//
//   Latest<Record> records(100'000);
//   const std::uint64_t number = records.add({...});
//   if (Record* record = records.find(number)) record->end = now;
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace spindle {

template <class Entry>
class Latest {
 public:
  /// Keeps at least the last `most` entries, and fewer than a quarter more. At least 4.
  explicit Latest(std::size_t most) : most_(most) {}

  /// Returns the entry's number: 0 for the first, then 1, 2, 3 ...
  std::uint64_t add(Entry entry) {
    // Many at once: so each entry is moved a few times in all, not at each addition.
    if (entries_.size() == most_ + most_ / 4) forget(most_ / 4);
    entries_.push_back(std::move(entry));
    return forgotten_ + entries_.size() - 1;
  }
  /// Null if it was forgotten. Valid until the next `add`.
  Entry* find(std::uint64_t number) {
    return number < forgotten_ ? nullptr : &entries_[number - forgotten_];
  }
  /// Oldest first.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  void forget(std::size_t count) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count));
    forgotten_ += count;
  }

  std::size_t most_;
  std::uint64_t forgotten_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace spindle
