// OPT (Belady 1966): possible only where the future is known, as for a trace; what every other
// policy is measured by.

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "frame_lists.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

class Optimal final : public ReplacementPolicy {
 public:
  Optimal(std::size_t capacity, std::span<const PageKey> references)
      : pages_(capacity), next_use_(references.size(), kNever) {
    std::unordered_map<PageKey, std::size_t> later;
    for (std::size_t i = references.size(); i-- > 0;) {
      const auto [found, first] = later.try_emplace(references[i], i);
      if (!first) next_use_[i] = std::exchange(found->second, i);
    }
  }
  [[nodiscard]] std::string_view name() const override { return "opt"; }

  void inserted(FrameNo number, PageKey) override {
    Page& page = pages_[index_of(number)];
    CHECK(!page.resident);
    page = {true, step(), ++loads_};
    order_.insert(key_of(number));
  }

  void touched(FrameNo number) override {
    Page& page = pages_[index_of(number)];
    CHECK(page.resident);
    order_.erase(key_of(number));
    page.next_use = step();
    order_.insert(key_of(number));
  }

  void erased(FrameNo number) override {
    Page& page = pages_[index_of(number)];
    CHECK(page.resident);
    order_.erase(key_of(number));
    page.resident = false;
  }

  std::optional<FrameNo> victim(Evictable evictable, std::optional<PageKey>) override {
    for (const Key& key : order_)
      if (evictable(std::get<FrameNo>(key))) return std::get<FrameNo>(key);
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
  struct Page {
    bool resident = false;
    std::size_t next_use = kNever;
    std::uint64_t loaded = 0;
  };
  /// How near the next use is, turned round so that the farthest comes first; the order of loading.
  using Key = std::tuple<std::size_t, std::uint64_t, FrameNo>;

  [[nodiscard]] FrameIndex index_of(FrameNo number) const {
    return frame_index(number.value, static_cast<FrameIndex>(pages_.size()));
  }
  [[nodiscard]] Key key_of(FrameNo number) const {
    const Page& page = pages_[number.value];
    return {kNever - page.next_use, page.loaded, number};
  }
  /// Goes on to the next reference, and answers when its page is used again.
  std::size_t step() {
    CHECK(now_ < next_use_.size());
    return next_use_[now_++];
  }

  std::vector<Page> pages_;
  std::vector<std::size_t> next_use_;  ///< for each reference, the next one to the same page
  std::set<Key> order_;
  std::size_t now_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> make_optimal_policy(std::size_t capacity,
                                                       std::span<const PageKey> references) {
  return std::make_unique<Optimal>(capacity, references);
}

}  // namespace spindle
