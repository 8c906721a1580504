// ArmPolicy: which request does the disk's arm serve next?
//
// A policy is a pure object: no I/O, no lock, no clock of its own. The same object orders the queue
// of a mounted volume, its live what-if shadows, and an exercise typed at the command line. The
// caller keeps the queue in order of arrival, asks `pick` each time the arm is free, and removes
// the answer.
//
// A caller that knows its disk tells, through PositioningTimes, how long the arm would take to each
// request, seek and rotation together. For a caller that does not, policies that go by this time
// ("sptf") go by the distance instead.
//
// Distances are in cylinders. Directions: the arm moves `up` towards higher cylinders. Nothing is
// allocated in `pick`. Where textbooks differ, ArmConventions names the choice; its defaults are
// those of the mounted volume.
//
//   auto policy = TRY(make_arm_policy("c-look"));
//   ArmChoice next = policy->pick(queue, state);
//   for (Cylinder turn : next.by_way_of) ...      // then queue[next.index].cylinder
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// How far the arm moves between two cylinders.
constexpr std::uint64_t arm_distance(Cylinder a, Cylinder b) {
  return a < b ? b - a : a - b;
}

struct ArmRequest {
  std::uint64_t id = 0;  ///< the caller's own
  Cylinder cylinder = {};
  VirtualTime arrival = {};
  bool is_write = false;
};

struct ArmState {
  Cylinder at = {};             ///< where the arm stands
  bool moving_up = true;        ///< ArmChoice::moving_up of the last pick, or as set at the start
  std::uint64_t cylinders = 1;  ///< the disk has cylinders 0 .. cylinders-1
  VirtualTime now = {};
};

/// The cylinders at which the arm turns, or lands, without serving a request: two at most.
class TurningPoints {
 public:
  [[nodiscard]] const Cylinder* begin() const { return points_.data(); }
  [[nodiscard]] const Cylinder* end() const { return points_.data() + size_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  Cylinder operator[](std::size_t i) const { return points_[i]; }
  /// At most two may be pushed.
  void push_back(Cylinder point) { points_[size_++] = point; }

 private:
  std::array<Cylinder, 2> points_{};
  std::size_t size_ = 0;
};

/// Why a policy chose a request: what it has before the others.
enum class ArmGround : std::uint8_t {
  kUnsaid,
  kOldest,
  kNearest,
  kNearestWithTurn,   ///< turning back counted as way
  kSoonest,           ///< seek and rotation together, and perhaps less for its wait
  kNextAhead,         ///< the next in the direction of the sweep
  kFirstAfterTurn,    ///< nothing waited ahead, so that the arm turns
  kFirstAfterReturn,  ///< nothing waited ahead, so that the arm goes back to where it begins
  kNextAheadOfSweep,  ///< of those that the sweep serves; others may wait there for the next
  kFirstAfterTurnOfSweep,
  kDeadlineOver,
};
/// "oldest"; empty for what is no ground.
std::string_view arm_ground_name(ArmGround ground);

/// What a policy decided: which request, and over which turning points the arm goes there.
struct ArmChoice {
  std::size_t index = 0;  ///< into the queue
  /// SCAN's edge; C-SCAN's edge and the edge it lands on; mostly empty. The way to one, or on from
  /// it, may be of length 0.
  TurningPoints by_way_of;
  bool moving_up = true;                  ///< the direction of service after the request is reached
  ArmGround ground = ArmGround::kUnsaid;  ///< for explanations
  /// How much of the way is a circular policy's return sweep, which serves nothing (C-SCAN: edge to
  /// edge; C-LOOK: last request to first). Some textbooks do not count it.
  std::uint64_t return_distance = 0;
};

/// The choices in which textbooks differ.
struct ArmConventions {
  /// SSTF, if two requests are equally near on both sides: the one served first is the one in the
  /// direction of travel, on the lower or the higher cylinder, or the first to arrive. kRotation:
  /// of all requests that are equally near, the one that the platter brings first.
  enum class Tie : std::uint8_t { kTravel, kLower, kHigher, kArrival, kRotation };
  Tie sstf_tie = Tie::kTravel;
  /// N-step SCAN: how many requests a sweep serves; those that arrive meanwhile wait for the next.
  std::size_t steps = 8;
  /// SPTF, and SSTF with kRotation: how many of the oldest requests are looked at; 0: all.
  std::size_t window = 0;
  /// SPTF: the window moves on only when all that it holds have been served (BSATF).
  bool whole_windows = false;
  /// SPTF: the share of a request's waiting time that is taken off the time to reach it. 0 is pure
  /// SPTF, more is aged SPTF (Jacobson and Wilkes 1991).
  double aging = 0;
  /// V(R): turning back counts as this share of all cylinders. 0 is SSTF, 1 is LOOK (Geist and
  /// Daniel 1987).
  double r = 0.2;
  /// Deadline: how long a read and a write may wait, and how many requests a sweep serves before it
  /// looks for one that has waited longer.
  VirtualTime read_deadline{500'000'000};
  VirtualTime write_deadline{5'000'000'000};
  std::size_t batch = 16;
};

/// How long a disk takes from its present state to the beginning of a request: seek and rotation.
class PositioningTimes {
 public:
  virtual ~PositioningTimes() = default;
  /// Of the request at that place of the queue.
  [[nodiscard]] virtual VirtualTime of(std::size_t request) const = 0;
};

/// What a policy asks of the waiting requests. A request is named by its place: in the span given
/// to `pick`, or what ArmQueue::add of arm_queue.h gave.
class WaitingRequests {
 public:
  virtual ~WaitingRequests() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  /// The one that arrived first; there must be one.
  [[nodiscard]] virtual std::size_t oldest() const = 0;
  [[nodiscard]] virtual Cylinder cylinder_of(std::size_t request) const = 0;
  /// The one nearest to `at` on the side of `up`, one on `at` itself included; of one cylinder the
  /// first to arrive. Only the `among` that arrived first are looked at.
  [[nodiscard]] virtual std::optional<std::size_t> nearest(Cylinder at, bool up,
                                                           std::size_t among) const = 0;
  /// The one that arrived next after `request`; there must be one.
  [[nodiscard]] virtual std::size_t next_oldest(std::size_t request) const = 0;
  [[nodiscard]] virtual VirtualTime arrival_of(std::size_t request) const = 0;
  [[nodiscard]] virtual bool is_write(std::size_t request) const = 0;
  /// Nothing where the caller does not know its disk.
  [[nodiscard]] virtual std::optional<VirtualTime> positioning_time(std::size_t request) const = 0;
};

class ArmPolicy {
 public:
  virtual ~ArmPolicy() = default;
  /// The name it is chosen by: one of `arm_policy_names`.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Chooses among the requests, of which there is at least one. Of requests for one cylinder, the
  /// first to arrive is served first. A request on the arm's own cylinder lies ahead.
  virtual ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) = 0;
  /// The same for a short queue, which stands in order of arrival; linear in its length.
  ArmChoice pick(std::span<const ArmRequest> queue, const ArmState& state,
                 const PositioningTimes* times = nullptr);
};

/// The policy of that name; EINVAL for a name that is none of `arm_policy_names`.
Result<std::unique_ptr<ArmPolicy>> make_arm_policy(std::string_view name,
                                                   const ArmConventions& conventions = {});
std::span<const std::string_view> arm_policy_names();

}  // namespace spindle
