// FoldedHistory: all that ever happened, in a bounded number of samples of equal length.
//
//   struct Sample { std::uint64_t reads, hits; void merge(const Sample& next); };
//   FoldedHistory<Sample> history(512);
//   history.add({1, 1});
//   for (const Sample& sample : history.samples()) ...       // oldest first
//
// A sample stands for `stride` additions, the last one perhaps for fewer. When there is no room for
// another one, neighbours are merged, and from then on a sample stands for twice as many. So once
// the capacity was reached there are always between half of it and all of it, and an addition costs
// one `merge` (two over the long run). Memory is allocated once, when the history is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/base/check.h"

namespace spindle {

template <class Sample>
class FoldedHistory {
 public:
  /// The capacity, in samples, is even and not 0.
  explicit FoldedHistory(std::size_t capacity) : capacity_(capacity) {
    CHECK(capacity != 0 && capacity % 2 == 0);
    samples_.reserve(capacity);
  }

  void add(const Sample& one) {
    if (in_last_ == stride_ || samples_.empty()) {
      if (samples_.size() == capacity_) fold();
      samples_.push_back(one);
      in_last_ = 1;
      return;
    }
    samples_.back().merge(one);
    ++in_last_;
  }
  void clear() {
    samples_.clear();
    stride_ = 1;
    in_last_ = 0;
  }

  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
  /// How many additions a sample stands for.
  [[nodiscard]] std::uint64_t stride() const { return stride_; }

 private:
  void fold() {
    for (std::size_t i = 0; i < capacity_ / 2; ++i) {
      samples_[i] = samples_[2 * i];
      samples_[i].merge(samples_[2 * i + 1]);
    }
    samples_.resize(capacity_ / 2);
    stride_ *= 2;
  }

  std::size_t capacity_;
  std::vector<Sample> samples_;
  std::uint64_t stride_ = 1;
  std::uint64_t in_last_ = 0;
};

}  // namespace spindle
