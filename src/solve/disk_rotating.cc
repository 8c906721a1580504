// A disk that turns: for each request the seek, the wait for the platter, and the transfer. (The
// disk of Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapter 37.)
//
// The platter turns by `rotate_speed` degrees (1) in a unit of time; the arm needs 40 /
// `seek_speed` (1) units from a track to the next. `zones` ([30, 30, 30]) has an entry for each
// track, from the outside in: how many degrees a block takes there. The blocks of each track begin
// `skew` (0) blocks later than those of the track outside it. The arm stands on the outer track,
// and half a turn, less half a block, lies between it and block 0. `window`: how many of the oldest
// requests are looked at (-1: all); BSATF serves all of them before it looks farther. `late`: a
// list of requests that come one at each decision.

#include <algorithm>
#include <cmath>

#include "arm_conventions.h"
#include "domains.h"
#include "spindle/policy/arm_queue.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr double kTrackWidth = 40;
constexpr std::size_t kMostRequests = 20'000;
constexpr std::size_t kMostTracks = 1000;

struct Block {
  std::uint64_t track = 0;
  double start = 0;  ///< the angle at which it begins, from where the arm stands at time 0
  double width = 0;
};

/// Geometry and mechanics; all times in units.
class Platter {
 public:
  explicit Platter(const Problem& problem) {
    const Field& parameters = problem.parameters;
    seek_per_track_ = kTrackWidth / parameters["seek_speed"].number_or(1, 1e-3, 1e6);
    degrees_per_unit_ = parameters["rotate_speed"].number_or(1, 1e-3, 360);
    const auto skew = static_cast<double>(parameters["skew"].integer_or(0, 0, 1000));
    std::vector<std::int64_t> zones;
    if (parameters["zones"].present())
      for (const Field& zone : parameters["zones"].items()) zones.push_back(zone.integer(2, 180));
    else
      zones = {30, 30, 30};
    if (zones.empty() || zones.size() > kMostTracks)
      parameters["zones"].fail("there must be 1 to 1000 tracks");
    if (problem.failed()) return;
    for (std::size_t track = 0; track < zones.size(); ++track) add_track(zones[track] / 2, skew);
  }

  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }
  [[nodiscard]] std::uint64_t tracks() const { return first_block_.size(); }
  [[nodiscard]] double seek(std::uint64_t from, std::uint64_t to) const {
    return seek_per_track_ * static_cast<double>(from < to ? to - from : from - to);
  }
  /// How long the block's beginning is away from the arm, `now`.
  [[nodiscard]] double rotation(std::uint64_t block, double now) const {
    double degrees = std::fmod(blocks_[block].start - now * degrees_per_unit_, 360);
    if (degrees < 0) degrees += 360;
    // What is only a rounding error short of a whole turn is under the head.
    return degrees > 360 - 1e-6 ? 0 : degrees / degrees_per_unit_;
  }
  [[nodiscard]] double transfer(std::uint64_t block) const {
    return blocks_[block].width / degrees_per_unit_;
  }

 private:
  void add_track(std::int64_t half_width, double skew) {
    const std::uint64_t track = first_block_.size();
    first_block_.push_back(blocks_.size());
    const std::int64_t width = 2 * half_width;
    for (std::int64_t angle = 0; angle < 360; angle += width) {
      const auto skewed = static_cast<double>(width) * skew * static_cast<double>(track);
      const double start = std::fmod(static_cast<double>(angle + 180 - half_width) + skewed, 360);
      blocks_.push_back({track, start, static_cast<double>(width)});
    }
  }

  double seek_per_track_ = kTrackWidth;
  double degrees_per_unit_ = 1;
  std::vector<Block> blocks_;
  std::vector<std::size_t> first_block_;
};

/// The requests, and how long the disk takes to the end of each from where it stands.
class Requests final : public PositioningTimes {
 public:
  explicit Requests(const Platter& platter) : platter_(platter) {}

  [[nodiscard]] VirtualTime of(std::size_t request) const override {
    const std::uint64_t block = blocks[request];
    const double seek = platter_.seek(track, platter_.blocks()[block].track);
    const double time = seek + platter_.rotation(block, now + seek) + platter_.transfer(block);
    return {std::llround(time * static_cast<double>(kUnitNs))};
  }

  std::vector<std::uint64_t> blocks;
  double now = 0;
  std::uint64_t track = 0;

 private:
  const Platter& platter_;
};

struct Totals {
  double seek = 0;
  double rotate = 0;
  double transfer = 0;
  [[nodiscard]] double all() const { return seek + rotate + transfer; }
};

ArmConventions read_rotating_conventions(const Problem& problem) {
  ArmConventions conventions = read_arm_conventions(problem);
  const std::int64_t window = problem.parameters["window"].integer_or(-1, -1, 1 << 30);
  if (window == 0) problem.parameters["window"].fail("not above 0, nor -1");
  conventions.window = static_cast<std::size_t>(std::max<std::int64_t>(window, 0));
  conventions.whole_windows = problem.algorithm == "BSATF";
  if (!problem.parameters["tie"].present()) conventions.sstf_tie = ArmConventions::Tie::kRotation;
  return conventions;
}

struct RequestedBlocks {
  std::vector<std::uint64_t> first;  ///< they wait from the start
  std::vector<std::uint64_t> late;   ///< one comes each time that a request was served
};

RequestedBlocks read_blocks(const Problem& problem, const Platter& platter) {
  const std::uint64_t last_block = platter.blocks().size() - 1;
  RequestedBlocks requested{problem.input["queue"].naturals(last_block), {}};
  const Field late = problem.input["late"];
  if (late.present()) requested.late = late.naturals(last_block);
  if (requested.first.size() + requested.late.size() > kMostRequests)
    problem.input["queue"].fail("too long");
  return requested;
}

/// Serves one request; answers [block, seek, rotate, transfer].
Json serve(const Platter& platter, Requests& requests, std::uint64_t block, const ArmChoice& choice,
           Totals& totals) {
  Totals service;
  const auto move_to = [&](std::uint64_t track) {
    service.seek += platter.seek(requests.track, track);
    requests.track = track;
  };
  for (Cylinder turn : choice.by_way_of) move_to(turn.value);
  move_to(platter.blocks()[block].track);
  service.rotate = platter.rotation(block, requests.now + service.seek);
  service.transfer = platter.transfer(block);
  requests.now += service.all();
  totals.seek += service.seek;
  totals.rotate += service.rotate;
  totals.transfer += service.transfer;
  return {block, rounded(service.seek), rounded(service.rotate), rounded(service.transfer)};
}

}  // namespace

Json solve_disk_rotating(const Problem& problem) {
  const Platter platter(problem);
  const ArmConventions conventions = read_rotating_conventions(problem);
  const auto policy = make_arm(problem, conventions);
  if (problem.failed()) return {};
  if (!policy) return problem.unknown_algorithm();
  const auto [first, late] = read_blocks(problem, platter);
  if (problem.failed()) return {};
  Requests requests(platter);
  ArmQueue queue(&requests);
  const auto add = [&](std::uint64_t block) {
    requests.blocks.push_back(block);
    const auto now = static_cast<std::int64_t>(requests.now * kUnitNs);
    queue.add(Cylinder{platter.blocks()[block].track}, {now});
  };
  for (std::uint64_t block : first) add(block);
  Totals totals;
  ArmState state{.moving_up = problem.parameters["direction"].choice(
                                  {"up|right|higher", "down|left|lower"}) == 0,
                 .cylinders = platter.tracks()};
  Json served = Json::array();
  for (std::size_t came = 0; !queue.empty();) {
    state.at = Cylinder{requests.track};
    state.now = {static_cast<std::int64_t>(requests.now * kUnitNs)};
    const ArmChoice choice = policy->choose(queue, state);
    state.moving_up = choice.moving_up;
    queue.remove(choice.index);
    if (came < late.size()) add(late[came++]);
    served.push_back(serve(platter, requests, requests.blocks[choice.index], choice, totals));
  }
  return {{"served", served},
          {"seek", rounded(totals.seek)},
          {"rotate", rounded(totals.rotate)},
          {"transfer", rounded(totals.transfer)},
          {"total", rounded(totals.all())}};
}

}  // namespace spindle
