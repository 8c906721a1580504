// StackDistances: how many different pages were used since a page was used last, for each
// reference of a stream (Mattson et al. 1970). A reference is a hit for LRU in exactly the
// memories that have more frames than that.
//
// Each use has a place in time; a bit marks the places that are the last use of their page, and a
// distance is the number of bits behind one (Olken 1981). The bits are counted in blocks of 512
// with a Fenwick tree over the blocks; when the places are used up, they are packed again. So a
// reference costs some ten steps in tables that fit the caches, and memory grows with the pages.
//
//   StackDistances distances;
//   for (std::uint32_t page : pages) distances.refer(page);
//   hits of a memory of n frames = the sum of distances.histogram()[0 .. n-1]
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace spindle {

class StackDistances {
 public:
  /// Counts a reference to the page of that number.
  void refer(std::uint32_t page) {
    make_ready(page);
    const std::uint32_t before = last_[page];
    if (before == 0) {
      ++cold_;
    } else {
      const std::uint64_t distance = marked_ - rank(before - 1);
      if (distance >= histogram_.size()) histogram_.resize(2 * distance + 64);
      ++histogram_[distance];
    }
    put_on_top(page);
  }
  /// The page is used, and that is not counted.
  void use(std::uint32_t page) {
    make_ready(page);
    put_on_top(page);
  }
  /// As if the page had never been used.
  void forget(std::uint32_t page) {
    if (page >= last_.size() || last_[page] == 0) return;
    set(last_[page] - 1, false);
    --marked_;
    last_[page] = 0;
  }

  /// How many pages there are that were used and not forgotten.
  [[nodiscard]] std::uint64_t pages() const { return marked_; }
  /// The one of them that was not used for longest; there must be one.
  [[nodiscard]] std::uint32_t oldest() {
    while ((bits_[oldest_ / 64] >> (oldest_ % 64) & 1) == 0) ++oldest_;
    return page_at_[oldest_];
  }

  /// How many references had that distance, by distance; the page itself not counted.
  [[nodiscard]] const std::vector<std::uint64_t>& histogram() const { return histogram_; }
  [[nodiscard]] std::uint64_t cold() const { return cold_; }

 private:
  static constexpr std::uint32_t kBlock = 512;

  void make_ready(std::uint32_t page) {
    if (page >= last_.size()) last_.resize(std::max<std::size_t>(2 * last_.size(), page + 64), 0);
    if (now_ == places_) make_room();
  }

  void put_on_top(std::uint32_t page) {
    if (last_[page] == 0)
      ++marked_;
    else
      set(last_[page] - 1, false);
    page_at_[now_] = page;
    set(now_, true);
    last_[page] = ++now_;
  }

  void set(std::uint32_t place, bool mark) {
    bits_[place / 64] ^= std::uint64_t{1} << (place % 64);
    const std::uint32_t change = mark ? 1 : ~std::uint32_t{0};
    for (std::uint32_t i = place / kBlock + 1; i < tree_.size(); i += i & (~i + 1))
      tree_[i] += change;
  }

  /// Marks at this place and before it.
  [[nodiscard]] std::uint64_t rank(std::uint32_t place) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = place / kBlock; i != 0; i &= i - 1) sum += tree_[i];
    std::uint32_t word = place / kBlock * (kBlock / 64);
    for (; word < place / 64; ++word) sum += static_cast<std::uint64_t>(std::popcount(bits_[word]));
    return sum + static_cast<std::uint64_t>(
                     std::popcount(bits_[word] & (~std::uint64_t{0} >> (63 - place % 64))));
  }

  /// Packs the marked places to the front; at least half of them are free then.
  void make_room() {
    std::vector<std::uint32_t> pages;
    pages.reserve(marked_);
    for (std::uint32_t place = 0; place < now_; ++place)
      if ((bits_[place / 64] >> (place % 64) & 1) != 0) pages.push_back(page_at_[place]);
    std::uint32_t places = std::max<std::uint32_t>(places_, 1U << 16);
    while (places / 2 < pages.size()) places *= 2;
    places_ = places;
    page_at_.assign(places, 0);
    bits_.assign(places / 64, 0);
    tree_.assign(places / kBlock + 1, 0);
    now_ = 0;
    oldest_ = 0;
    for (std::uint32_t page : pages) {
      page_at_[now_] = page;
      set(now_, true);
      last_[page] = ++now_;
    }
  }

  std::vector<std::uint32_t> last_;  ///< each page's last place, + 1; 0: it was never used
  std::vector<std::uint32_t> page_at_;
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> tree_;
  std::uint32_t places_ = 0;
  std::uint32_t now_ = 0;
  std::uint32_t oldest_ = 0;  ///< no place before it is marked
  std::uint64_t marked_ = 0;
  std::uint64_t cold_ = 0;
  std::vector<std::uint64_t> histogram_;
};

}  // namespace spindle
