// Highest response ratio next: (waited + burst) / burst; equals in order of arrival.
//
// As time goes by a short task overtakes a long one, so no key stays good. The ratios are lines
// over time, and the tasks are the leaves of a tournament whose inner nodes know their winner and
// the first instant at which anything below them turns out differently (a kinetic tournament:
// Basch, Guibas and Hershberger 1999). Going on in time plays again only what has changed.

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <vector>

#include "cpu_policies.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

class HighestResponseRatio final : public CpuPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "hrrn"; }

  void ready(TaskId task, const TaskInfo& info, Why why) override {
    now_ = std::max(now_, info.now.ns);
    if (free_.empty()) grow();
    const std::size_t slot = free_.back();
    free_.pop_back();
    slot_of_[task] = slot;
    if (why == Why::kPassedOver) {
      slots_[slot] = take_back(task);
    } else {
      given_.clear();
      slots_[slot] = {task, info.now.ns, std::max<std::int64_t>(1, info.expected_burst.ns),
                      ++arrivals_};
    }
    play_up(slot);
  }

  std::optional<TaskId> next(VirtualTime now) override {
    now_ = std::max(now_, now.ns);
    if (slot_of_.empty()) return std::nullopt;
    go_on(1);
    given_.push_back(slots_[nodes_[1].winner]);
    removed(given_.back().task);
    return given_.back().task;
  }

  [[nodiscard]] std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }

  void removed(TaskId task) override {
    const auto found = slot_of_.find(task);
    CHECK(found != slot_of_.end());
    const std::size_t slot = found->second;
    slot_of_.erase(found);
    slots_[slot].order = 0;
    free_.push_back(slot);
    play_up(slot);
  }

  [[nodiscard]] std::optional<double> rank(TaskId task, VirtualTime now) const override {
    const Waiting& waiting = slots_[slot_of_.at(task)];
    const auto burst = static_cast<double>(waiting.burst);
    return (static_cast<double>(now.ns - waiting.since) + burst) / burst;
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  struct Waiting {
    TaskId task;
    std::int64_t since = 0;
    std::int64_t burst = 1;
    std::uint64_t order = 0;  ///< numbers tasks by arrival; 0: nobody stands here
  };
  struct Node {
    std::size_t winner = 0;
    std::int64_t until = kNever;  ///< when something in its subtree may change
  };

  /// Takes back a task that was passed over: it has waited since it came, as before.
  Waiting take_back(TaskId task) {
    const auto found = std::ranges::find(given_, task, &Waiting::task);
    CHECK(found != given_.end());
    const Waiting waiting = *found;
    given_.erase(found);
    return waiting;
  }

  /// (w1 + b1) / b1 > (w2 + b2) / b2, without division and in numbers wide enough.
  [[nodiscard]] bool is_better(const Waiting& a, const Waiting& b) const {
    if (a.order == 0 || b.order == 0) return b.order == 0;
    const auto mine = static_cast<__int128>(now_ - a.since) * b.burst;
    const auto its = static_cast<__int128>(now_ - b.since) * a.burst;
    return mine != its ? mine > its : a.order < b.order;
  }

  /// The first instant at which the loser is better: its ratio must grow faster, and the lines
  /// cross where t (bw - bl) = sl bw - sw bl.
  static std::int64_t overtakes_at(const Waiting& winner, const Waiting& loser) {
    if (winner.order == 0 || loser.order == 0 || winner.burst <= loser.burst) return kNever;
    const auto along = static_cast<__int128>(loser.since) * winner.burst -
                       static_cast<__int128>(winner.since) * loser.burst;
    const __int128 closing = winner.burst - loser.burst;
    __int128 floor = along / closing;
    if (along % closing != 0 && along < 0) --floor;
    const bool wins_equal = loser.order < winner.order && along % closing == 0;
    const __int128 at = wins_equal ? floor : floor + 1;
    return static_cast<std::int64_t>(std::min<__int128>(at, kNever));
  }

  void play(std::size_t node) {
    const Node& left = nodes_[2 * node];
    const Node& right = nodes_[2 * node + 1];
    const bool right_wins = is_better(slots_[right.winner], slots_[left.winner]);
    const Node& winner = right_wins ? right : left;
    const Node& loser = right_wins ? left : right;
    nodes_[node] = {winner.winner,
                    std::min({left.until, right.until,
                              overtakes_at(slots_[winner.winner], slots_[loser.winner])})};
  }

  void play_up(std::size_t slot) {
    for (std::size_t node = (slot + slots_.size()) / 2; node != 0; node /= 2) {
      // What changed beside the way up must not hide behind a new game.
      go_on(2 * node);
      go_on(2 * node + 1);
      play(node);
    }
  }

  /// Brings the subtree up to now.
  void go_on(std::size_t node) {
    if (nodes_[node].until > now_) return;
    go_on(2 * node);
    go_on(2 * node + 1);
    play(node);
  }

  void grow() {
    const std::size_t old = slots_.size();
    slots_.resize(std::max<std::size_t>(16, 2 * old));
    nodes_.assign(2 * slots_.size(), {});
    for (std::size_t slot = slots_.size(); slot-- > 0;) {
      nodes_[slots_.size() + slot].winner = slot;
      if (slot >= old) free_.push_back(slot);
    }
    for (std::size_t node = slots_.size(); --node != 0;) play(node);
  }

  std::int64_t now_ = 0;
  std::uint64_t arrivals_ = 0;
  std::vector<Waiting> slots_;  ///< a power of two of them
  std::vector<Node> nodes_;     ///< the root is 1; the leaves stand behind
  std::vector<Waiting> given_;  ///< what `next` has given out since a task became ready
  std::vector<std::size_t> free_;
  std::unordered_map<TaskId, std::size_t> slot_of_;
};

}  // namespace

std::unique_ptr<CpuPolicy> make_highest_response_ratio_cpu(const CpuConventions&) {
  return std::make_unique<HighestResponseRatio>();
}

}  // namespace spindle
