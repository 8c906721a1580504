#include "naive_replacement.h"

#include <algorithm>
#include <map>
#include <vector>

#include "spindle/base/check.h"

namespace spindle {
namespace {

/// A queue of keys, the newest first.
using Keys = std::vector<PageKey>;

bool has(const Keys& keys, PageKey key) {
  return std::ranges::find(keys, key) != keys.end();
}
void put_first(Keys& keys, PageKey key) {
  keys.insert(keys.begin(), key);
}
void take(Keys& keys, PageKey key) {
  std::erase(keys, key);
}
PageKey take_last(Keys& keys) {
  const PageKey key = keys.back();
  keys.pop_back();
  return key;
}

class NaiveQueue final : public NaiveReplacement {
 public:
  NaiveQueue(bool move, bool newest) : move_(move), newest_(newest) {}
  void touch(PageKey key) override {
    if (!move_) return;
    take(keys_, key);
    put_first(keys_, key);
  }
  PageKey evict(PageKey) override {
    const PageKey key = newest_ ? keys_.front() : keys_.back();
    take(keys_, key);
    return key;
  }
  void load(PageKey key, std::size_t) override { put_first(keys_, key); }
  void drop(PageKey key, std::size_t) override { take(keys_, key); }

 private:
  bool move_;
  bool newest_;
  Keys keys_;
};

class NaiveClock final : public NaiveReplacement {
 public:
  NaiveClock(std::size_t capacity, bool bit_on_load) : frames_(capacity), bit_(bit_on_load) {}
  void touch(PageKey key) override {
    for (Frame& frame : frames_)
      if (frame.used && frame.key == key) frame.referenced = true;
  }
  PageKey evict(PageKey) override {
    while (!frames_[hand_].used || frames_[hand_].referenced) {
      frames_[hand_].referenced = false;
      hand_ = (hand_ + 1) % frames_.size();
    }
    frames_[hand_].used = false;
    return frames_[hand_].key;
  }
  void load(PageKey key, std::size_t frame) override {
    frames_[frame] = {true, bit_, key};
    if (frame == hand_) hand_ = (hand_ + 1) % frames_.size();
  }
  void drop(PageKey, std::size_t frame) override { frames_[frame].used = false; }

 private:
  struct Frame {
    bool used = false;
    bool referenced = false;
    PageKey key = 0;
  };
  std::vector<Frame> frames_;
  std::size_t hand_ = 0;
  bool bit_;
};

class NaiveSecondChance final : public NaiveReplacement {
 public:
  explicit NaiveSecondChance(bool bit_on_load) : bit_on_load_(bit_on_load) {}
  void touch(PageKey key) override { bit_[key] = true; }
  PageKey evict(PageKey) override {
    while (std::exchange(bit_[keys_.back()], false)) put_first(keys_, take_last(keys_));
    return take_last(keys_);
  }
  void load(PageKey key, std::size_t) override {
    bit_[key] = bit_on_load_;
    put_first(keys_, key);
  }
  void drop(PageKey key, std::size_t) override { take(keys_, key); }

 private:
  bool bit_on_load_;
  Keys keys_;
  std::map<PageKey, bool> bit_;
};

class NaiveLfu final : public NaiveReplacement {
 public:
  /// `sign` 1: the page with the least count is evicted; -1: that with the greatest.
  NaiveLfu(int sign, const ReplacementConventions& conventions)
      : sign_(sign), conventions_(conventions) {}
  void touch(PageKey key) override {
    Page& page = pages_[key];
    ++page.count;
    if (conventions_.frequency_tie == ReplacementConventions::Tie::kLeastRecent)
      page.order = ++clock_;
  }
  PageKey evict(PageKey) override {
    const auto least = std::ranges::min_element(pages_, {}, [this](const auto& page) {
      return std::pair(sign_ * page.second.count, page.second.order);
    });
    const PageKey key = least->first;
    drop(key, 0);
    return key;
  }
  void load(PageKey key, std::size_t) override {
    pages_[key] = {1 + (conventions_.keep_counts ? kept_[key] : 0), ++clock_};
  }
  void drop(PageKey key, std::size_t) override {
    kept_[key] = pages_[key].count;
    pages_.erase(key);
  }

 private:
  struct Page {
    int count = 0;
    int order = 0;
  };
  int sign_;
  ReplacementConventions conventions_;
  std::map<PageKey, Page> pages_;
  std::map<PageKey, int> kept_;
  int clock_ = 0;
};

/// The procedure of the paper: a miss looks into A1out first, then reclaims.
class NaiveTwoQueue final : public NaiveReplacement {
 public:
  explicit NaiveTwoQueue(std::size_t capacity)
      : in_limit_(std::max<std::size_t>(1, capacity / 4)),
        out_limit_(std::max<std::size_t>(1, capacity / 2)) {}
  void touch(PageKey key) override {
    if (!has(main_, key)) return;
    take(main_, key);
    put_first(main_, key);
  }
  PageKey evict(PageKey incoming) override {
    was_out_ = has(out_, incoming);
    if (in_.size() <= in_limit_ && !main_.empty()) return take_last(main_);
    const PageKey key = take_last(in_);
    put_first(out_, key);
    if (out_.size() > out_limit_) out_.pop_back();
    return key;
  }
  void load(PageKey key, std::size_t) override {
    put_first(was_out_ || has(out_, key) ? main_ : in_, key);
    take(out_, key);
    was_out_ = false;
  }
  void drop(PageKey key, std::size_t) override {
    take(in_, key);
    take(main_, key);
  }

 private:
  std::size_t in_limit_;
  std::size_t out_limit_;
  bool was_out_ = false;
  Keys in_;
  Keys out_;
  Keys main_;
};

/// Figure 4 of the paper, cut in two where it fetches the page.
class NaiveArc final : public NaiveReplacement {
 public:
  explicit NaiveArc(std::size_t capacity) : capacity_(capacity) {}
  void touch(PageKey key) override {
    take(t1_, key);
    take(t2_, key);
    put_first(t2_, key);
  }
  PageKey evict(PageKey incoming) override {
    adapt(incoming);
    const bool in_b2 = has(b2_, incoming);
    if (!has(b1_, incoming) && !in_b2) {
      if (t1_.size() + b1_.size() == capacity_) {
        if (t1_.size() == capacity_) return take_last(t1_);
        b1_.pop_back();
      } else if (t1_.size() + t2_.size() + b1_.size() + b2_.size() == 2 * capacity_) {
        b2_.pop_back();
      }
    }
    if (!t1_.empty() && (t1_.size() > target_ || (in_b2 && t1_.size() == target_)))
      return put_first(b1_, t1_.back()), take_last(t1_);
    return put_first(b2_, t2_.back()), take_last(t2_);
  }
  void load(PageKey key, std::size_t) override {
    adapt(key);
    adapted_ = false;
    const bool returns = has(b1_, key) || has(b2_, key);
    take(b1_, key);
    take(b2_, key);
    put_first(returns ? t2_ : t1_, key);
    // After the owner has dropped pages, one may come in while a frame is free and the ghosts are
    // full.
    if (t1_.size() + b1_.size() > capacity_) b1_.pop_back();
    if (t1_.size() + t2_.size() + b1_.size() + b2_.size() > 2 * capacity_) b2_.pop_back();
  }
  void drop(PageKey key, std::size_t) override {
    take(t1_, key);
    take(t2_, key);
  }

 private:
  void adapt(PageKey key) {
    if (adapted_) return;
    adapted_ = true;
    if (has(b1_, key))
      target_ = std::min(capacity_, target_ + std::max<std::size_t>(1, b2_.size() / b1_.size()));
    else if (has(b2_, key))
      target_ -= std::min(target_, std::max<std::size_t>(1, b1_.size() / b2_.size()));
  }

  std::size_t capacity_;
  std::size_t target_ = 0;
  bool adapted_ = false;  ///< for the miss that is being served
  Keys t1_, t2_, b1_, b2_;
};

class NaiveSieve final : public NaiveReplacement {
 public:
  void touch(PageKey key) override { visited_[key] = true; }
  PageKey evict(PageKey) override {
    // The hand names a key; walking towards the front of the queue is walking down in index.
    std::size_t at = hand_ ? index(*hand_) : keys_.size() - 1;
    while (std::exchange(visited_[keys_[at]], false)) at = at == 0 ? keys_.size() - 1 : at - 1;
    hand_ = at == 0 ? std::nullopt : std::optional(keys_[at - 1]);
    const PageKey key = keys_[at];
    take(keys_, key);
    return key;
  }
  void load(PageKey key, std::size_t) override {
    visited_[key] = false;
    put_first(keys_, key);
  }
  void drop(PageKey key, std::size_t) override {
    if (hand_ == key) hand_ = index(key) == 0 ? std::nullopt : std::optional(keys_[index(key) - 1]);
    take(keys_, key);
  }

 private:
  [[nodiscard]] std::size_t index(PageKey key) const {
    return static_cast<std::size_t>(std::ranges::find(keys_, key) - keys_.begin());
  }
  Keys keys_;
  std::map<PageKey, bool> visited_;
  std::optional<PageKey> hand_;
};

/// Algorithm 1 of the paper.
class NaiveS3Fifo final : public NaiveReplacement {
 public:
  explicit NaiveS3Fifo(std::size_t capacity)
      : small_limit_(std::max<std::size_t>(1, capacity / 10)),
        main_limit_(capacity - small_limit_) {}
  void touch(PageKey key) override { uses_[key] = std::min(uses_[key] + 1, 3); }
  PageKey evict(PageKey incoming) override {
    was_ghost_ = has(ghosts_, incoming);
    if (small_.size() >= small_limit_) {
      while (!small_.empty()) {
        const PageKey key = take_last(small_);
        if (uses_[key] <= 1) {
          put_first(ghosts_, key);
          if (ghosts_.size() > std::max<std::size_t>(1, main_limit_)) ghosts_.pop_back();
          return key;
        }
        uses_[key] = 0;
        put_first(main_, key);
        if (main_.size() > main_limit_) break;
      }
    }
    if (main_.empty()) return evict_small_one();
    return evict_main();
  }
  void load(PageKey key, std::size_t) override {
    uses_[key] = 0;
    put_first(was_ghost_ || has(ghosts_, key) ? main_ : small_, key);
    take(ghosts_, key);
    was_ghost_ = false;
  }
  void drop(PageKey key, std::size_t) override {
    take(small_, key);
    take(main_, key);
  }

 private:
  PageKey evict_main() {
    while (uses_[main_.back()] > 0) {
      const PageKey key = take_last(main_);
      --uses_[key];
      put_first(main_, key);
    }
    return take_last(main_);
  }
  PageKey evict_small_one() {
    const PageKey key = take_last(small_);
    put_first(ghosts_, key);
    return key;
  }

  std::size_t small_limit_;
  std::size_t main_limit_;
  bool was_ghost_ = false;
  std::map<PageKey, int> uses_;
  Keys small_, main_, ghosts_;
};

}  // namespace

std::unique_ptr<NaiveReplacement> make_naive_replacement(
    std::string_view name, std::size_t capacity, const ReplacementConventions& conventions) {
  if (name == "lru") return std::make_unique<NaiveQueue>(true, false);
  if (name == "fifo") return std::make_unique<NaiveQueue>(false, false);
  if (name == "mru") return std::make_unique<NaiveQueue>(true, true);
  if (name == "second-chance")
    return std::make_unique<NaiveSecondChance>(conventions.clock_bit_on_load);
  if (name == "clock") return std::make_unique<NaiveClock>(capacity, conventions.clock_bit_on_load);
  if (name == "lfu") return std::make_unique<NaiveLfu>(1, conventions);
  if (name == "mfu") return std::make_unique<NaiveLfu>(-1, conventions);
  if (name == "2q") return std::make_unique<NaiveTwoQueue>(capacity);
  if (name == "arc") return std::make_unique<NaiveArc>(capacity);
  if (name == "sieve") return std::make_unique<NaiveSieve>();
  if (name == "s3-fifo") return std::make_unique<NaiveS3Fifo>(capacity);
  auto by_bits = make_naive_by_bits(name, capacity, conventions);
  CHECK(by_bits != nullptr);
  return by_bits;
}

}  // namespace spindle
