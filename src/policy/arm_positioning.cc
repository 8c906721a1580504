// Shortest positioning time first (Seltzer, Chen and Ousterhout 1990; Jacobson and Wilkes 1991,
// also called SATF): the request that the disk can reach soonest, seek and rotation together. And
// deadline (Linux's since 2.6): a one-way sweep that serves those that have waited too long first.
//
// SPTF starves those that are always a little farther away. Three remedies: to look only at the
// oldest few, to serve those to the last one before others are looked at, and to take off a part of
// the time that a request has waited.

#include <algorithm>
#include <limits>

#include "arm_policies.h"

namespace spindle {
namespace {

class ShortestPositioning final : public ArmPolicy {
 public:
  ShortestPositioning(std::string_view name, const ArmConventions& conventions,
                      bool by_distance_first)
      : name_(name),
        window_(conventions.window),
        whole_windows_(conventions.whole_windows && conventions.window != 0),
        aging_(by_distance_first ? 0 : conventions.aging),
        by_distance_first_(by_distance_first) {}
  [[nodiscard]] std::string_view name() const override { return name_; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    const std::size_t among = how_many(waiting);
    ArmChoice choice;
    Key best{std::numeric_limits<std::uint64_t>::max(), 0};
    std::size_t request = waiting.oldest();
    for (std::size_t i = 0; i < among; ++i) {
      const Key key = key_of(waiting, state, request);
      if (i == 0 || key < best) {
        best = key;
        choice.index = request;
      }
      if (i + 1 < among) request = waiting.next_oldest(request);
    }
    choice.moving_up = direction_to(waiting.cylinder_of(choice.index), state);
    choice.ground = by_distance_first_ ? ArmGround::kNearest : ArmGround::kSoonest;
    return choice;
  }

 private:
  using Key = std::pair<std::uint64_t, double>;

  [[nodiscard]] Key key_of(const WaitingRequests& waiting, const ArmState& state,
                           std::size_t request) const {
    const std::uint64_t distance = arm_distance(waiting.cylinder_of(request), state.at);
    const std::optional<VirtualTime> time = waiting.positioning_time(request);
    double cost = time ? static_cast<double>(time->ns) : static_cast<double>(distance);
    if (aging_ != 0)
      cost -= aging_ * static_cast<double>((state.now - waiting.arrival_of(request)).ns);
    return {by_distance_first_ ? distance : 0, cost};
  }

  std::size_t how_many(const WaitingRequests& waiting) {
    if (!whole_windows_) return window_ == 0 ? waiting.size() : std::min(window_, waiting.size());
    if (left_ == 0 || left_ > waiting.size()) left_ = std::min(window_, waiting.size());
    return left_--;
  }

  std::string_view name_;
  std::size_t window_;
  bool whole_windows_;
  double aging_;
  bool by_distance_first_;
  std::size_t left_ = 0;  ///< of the window's requests, which are always the oldest
};

/// Sweeps upwards, and starts again at the lowest request. After each batch the oldest read, and
/// then the oldest write, is looked at: if its deadline is over, the next sweep starts there.
class Deadline final : public ArmPolicy {
 public:
  explicit Deadline(const ArmConventions& conventions) : conventions_(conventions) {}
  [[nodiscard]] std::string_view name() const override { return "deadline"; }

  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override {
    ArmChoice choice;
    choice.moving_up = true;
    std::optional<std::size_t> next;
    if (left_ == 0) {
      next = expired(waiting, state);
      left_ = std::max<std::size_t>(1, conventions_.batch);
    }
    --left_;
    choice.ground = next ? ArmGround::kDeadlineOver : ArmGround::kNextAhead;
    if (!next) next = waiting.nearest(state.at, true, waiting.size());
    if (!next) {
      choice.ground = ArmGround::kFirstAfterReturn;
      next = waiting.nearest(Cylinder{0}, true, waiting.size());
      choice.return_distance = arm_distance(waiting.cylinder_of(*next), state.at);
    }
    choice.index = *next;
    return choice;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> expired(const WaitingRequests& waiting,
                                                   const ArmState& state) const {
    std::optional<std::size_t> write;
    std::size_t request = waiting.oldest();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const bool writes = waiting.is_write(request);
      const VirtualTime span = writes ? conventions_.write_deadline : conventions_.read_deadline;
      const bool late = waiting.arrival_of(request) + span <= state.now;
      if (late && !writes) return request;
      if (late && !write) write = request;
      // Those that came later are no later than this one, if of the same kind.
      if (!late && waiting.arrival_of(request) +
                           std::min(conventions_.read_deadline, conventions_.write_deadline) >
                       state.now)
        break;
      if (i + 1 < waiting.size()) request = waiting.next_oldest(request);
    }
    return write;
  }

  ArmConventions conventions_;
  std::size_t left_ = 0;  ///< requests until deadlines are looked at
};

}  // namespace

std::unique_ptr<ArmPolicy> make_sptf_arm(const ArmConventions& conventions) {
  return std::make_unique<ShortestPositioning>("sptf", conventions, false);
}

std::unique_ptr<ArmPolicy> make_nearest_by_rotation_arm(const ArmConventions& conventions) {
  return std::make_unique<ShortestPositioning>("sstf", conventions, true);
}

std::unique_ptr<ArmPolicy> make_deadline_arm(const ArmConventions& conventions) {
  return std::make_unique<Deadline>(conventions);
}

}  // namespace spindle
