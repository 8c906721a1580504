// A second implementation of the policies that use reference bits: a vector of pages in order of
// their frames, searched from end to end at every step.

#include <algorithm>
#include <map>
#include <vector>

#include "naive_replacement.h"
#include "spindle/base/random.h"

namespace spindle {
namespace {

struct Page {
  PageKey key = 0;
  bool used = false;
  std::vector<bool> history = {};  ///< of ageing, the latest tick last
  std::uint64_t last_use = 0;
};

/// Frames, each with a page or none; time in references.
class NaiveFrames : public NaiveReplacement {
 public:
  explicit NaiveFrames(std::size_t capacity) : capacity_(capacity) {}

  void touch(PageKey key) override {
    pages_.at(frame_of(key)).used = true;
    refer();
  }
  void load(PageKey key, std::size_t frame) override {
    pages_[frame] = {.key = key, .used = true, .last_use = now_ + 1};
    refer();
    came_in(frame);
  }
  void drop(PageKey, std::size_t frame) override { pages_.erase(frame); }
  PageKey evict(PageKey) override {
    const std::size_t frame = choose();
    const PageKey key = pages_.at(frame).key;
    pages_.erase(frame);
    return key;
  }

 protected:
  virtual std::size_t choose() = 0;
  virtual void came_in(std::size_t) {}
  virtual void tick() {}

  [[nodiscard]] std::size_t frame_of(PageKey key) const {
    for (const auto& [frame, page] : pages_)
      if (page.key == key) return frame;
    return capacity_;
  }
  /// The frames from `start` on, once around.
  [[nodiscard]] std::vector<std::size_t> round_from(std::size_t start) const {
    std::vector<std::size_t> frames;
    for (std::size_t i = 0; i < capacity_; ++i)
      if (pages_.contains((start + i) % capacity_)) frames.push_back((start + i) % capacity_);
    return frames;
  }

  std::size_t capacity_;
  std::uint64_t tick_ = 0;
  std::uint64_t now_ = 0;
  std::map<std::size_t, Page> pages_;

 private:
  void refer() {
    ++now_;
    if (tick_ != 0 && now_ % tick_ == 0) tick();
  }
};

class NaiveNru final : public NaiveFrames {
 public:
  NaiveNru(std::size_t capacity, std::uint64_t tick) : NaiveFrames(capacity) {
    tick_ = tick == 0 ? capacity : tick;
  }

 private:
  void tick() override {
    for (auto& [frame, page] : pages_) page.used = false;
  }
  std::size_t choose() override {
    for (const auto& [frame, page] : pages_)
      if (!page.used) return frame;
    return pages_.begin()->first;
  }
};

class NaiveAging final : public NaiveFrames {
 public:
  NaiveAging(std::size_t capacity, std::uint64_t tick, unsigned bits)
      : NaiveFrames(capacity), bits_(bits) {
    tick_ = tick == 0 ? capacity : tick;
  }

 private:
  void tick() override {
    for (auto& [frame, page] : pages_) {
      page.history.push_back(page.used);
      page.used = false;
    }
  }
  /// The bits as they stand, those of the latest tick first.
  [[nodiscard]] std::vector<bool> bits_of(const Page& page) const {
    std::vector<bool> bits(page.history.rbegin(), page.history.rend());
    bits.resize(bits_);
    bits.insert(bits.begin(), page.used);
    return bits;
  }
  std::size_t choose() override {
    auto lowest = pages_.begin();
    for (auto page = pages_.begin(); page != pages_.end(); ++page)
      if (bits_of(page->second) < bits_of(lowest->second)) lowest = page;
    return lowest->first;
  }
  unsigned bits_;
};

/// Without dirty pages, enhanced CLOCK: the first unused one of a round; if there is none, a round
/// has made all unused.
class NaiveEnhancedClock final : public NaiveFrames {
 public:
  using NaiveFrames::NaiveFrames;

 private:
  std::size_t choose() override {
    for (std::size_t frame : round_from(hand_))
      if (!pages_[frame].used) return hand_ = frame;
    for (auto& [frame, page] : pages_) page.used = false;
    return hand_ = round_from(hand_).front();
  }
  void came_in(std::size_t frame) override {
    if (frame == hand_) hand_ = (hand_ + 1) % capacity_;
  }
  std::size_t hand_ = 0;
};

class NaiveWsClock final : public NaiveFrames {
 public:
  NaiveWsClock(std::size_t capacity, std::uint64_t span)
      : NaiveFrames(capacity), span_(span == 0 ? 4 * capacity : span) {}

 private:
  std::size_t choose() override {
    std::vector<std::size_t> unused;
    for (std::size_t frame : round_from(hand_)) {
      Page& page = pages_[frame];
      if (!page.used) unused.push_back(frame);
      if (!page.used && now_ - page.last_use > span_) return hand_ = frame;
      if (page.used) page.last_use = now_;
      page.used = false;
    }
    return hand_ = unused.empty() ? round_from(hand_).front() : unused.front();
  }
  void came_in(std::size_t frame) override {
    if (frame == hand_) hand_ = (hand_ + 1) % capacity_;
  }
  std::uint64_t span_;
  std::size_t hand_ = 0;
};

class NaiveRandom final : public NaiveFrames {
 public:
  NaiveRandom(std::size_t capacity, std::uint64_t seed)
      : NaiveFrames(capacity), random_(seed), start_(random_.below(capacity)) {}

 private:
  std::size_t choose() override { return round_from(start_).front(); }
  void came_in(std::size_t) override { start_ = random_.below(capacity_); }
  Random random_;
  std::size_t start_;
};

}  // namespace

std::unique_ptr<NaiveReplacement> make_naive_by_bits(std::string_view name, std::size_t capacity,
                                                     const ReplacementConventions& conventions) {
  if (name == "nru") return std::make_unique<NaiveNru>(capacity, conventions.tick_references);
  if (name == "aging")
    return std::make_unique<NaiveAging>(capacity, conventions.tick_references,
                                        conventions.aging_bits);
  if (name == "enhanced-clock") return std::make_unique<NaiveEnhancedClock>(capacity);
  if (name == "wsclock")
    return std::make_unique<NaiveWsClock>(capacity, conventions.working_set_references);
  if (name == "random") return std::make_unique<NaiveRandom>(capacity, conventions.seed);
  return nullptr;
}

}  // namespace spindle
