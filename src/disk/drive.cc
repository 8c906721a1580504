#include "spindle/disk/drive.h"

#include <algorithm>
#include <utility>

#include "spindle/base/check.h"

namespace spindle {
namespace {

template <class T>
T take(std::vector<T>& from, std::size_t index) {
  T taken = from[index];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(index));
  return taken;
}

/// What the model says of the waiting requests.
class ModelTimes final : public PositioningTimes {
 public:
  ModelTimes(const DiskModel& model, const ArmState& arm, const std::vector<ArmRequest>& waiting,
             const std::vector<Run>& runs)
      : model_(model), arm_(arm), waiting_(waiting), runs_(runs) {}

  [[nodiscard]] VirtualTime of(std::size_t request) const override {
    const VirtualTime seek{model_.seek_time_ns(arm_distance(arm_.at, waiting_[request].cylinder))};
    return seek + VirtualTime{model_.rotation_time_ns(runs_[request].start, arm_.now + seek)};
  }

 private:
  const DiskModel& model_;
  const ArmState& arm_;
  const std::vector<ArmRequest>& waiting_;
  const std::vector<Run>& runs_;
};

}  // namespace

Drive::Drive(const DiskModel& model, std::unique_ptr<ArmPolicy> policy)
    : model_(model), policy_(std::move(policy)) {
  arm_.cylinders = model_.geometry.cylinders();
}

void Drive::arrive(std::uint64_t cookie, Run run, bool is_write) {
  CHECK(run.length != 0);
  waiting_.push_back({.id = cookie,
                      .cylinder = model_.geometry.cylinder_of(run.start),
                      .arrival = arm_.now,
                      .is_write = is_write});
  runs_.push_back(run);
}

void Drive::rest_until(VirtualTime time) {
  CHECK(waiting_.empty());
  arm_.now = std::max(arm_.now, time);
}

Service Drive::serve_next() {
  CHECK(!waiting_.empty());
  Service service;
  service.depth = waiting_.size();
  service.from = arm_.at;
  service.begin = arm_.now;
  const ModelTimes times(model_, arm_, waiting_, runs_);
  const ArmChoice choice = policy_->pick(waiting_, arm_, model_.is_timed() ? &times : nullptr);
  CHECK(choice.index < waiting_.size());
  const ArmRequest request = take(waiting_, choice.index);
  service.cookie = request.id;
  service.run = take(runs_, choice.index);
  service.is_write = request.is_write;
  service.arrival = request.arrival;
  service.by_way_of = choice.by_way_of;
  service.to = request.cylinder;
  for (const Cylinder turn : choice.by_way_of) move_arm(service, turn);
  move_arm(service, service.to);
  transfer(service);
  arm_.moving_up = choice.moving_up;
  return service;
}

void Drive::move_arm(Service& service, Cylinder to) {
  const std::uint64_t distance = arm_distance(arm_.at, to);
  if (distance == 0) return;
  const std::int64_t seek_ns = model_.seek_time_ns(distance);
  service.distance += distance;
  ++service.moves;
  service.seek_ns += seek_ns;
  arm_.now.ns += seek_ns;
  arm_.at = to;
}

void Drive::transfer(Service& service) {
  const BlockNo last = service.run.end() - 1;
  service.end = model_.geometry.cylinder_of(last);
  if (!model_.is_timed()) return;
  service.rotation_ns = model_.rotation_time_ns(service.run.start, arm_.now);
  service.transfer_ns = model_.request_overhead_ns +
                        static_cast<std::int64_t>(service.run.length) * model_.block_time_ns;
  const std::uint64_t steps = service.end - service.to;
  const std::int64_t stepping_ns = static_cast<std::int64_t>(steps) * model_.seek_time_ns(1);
  service.distance += steps;
  service.moves += steps;
  service.seek_ns += stepping_ns;
  arm_.now.ns += service.rotation_ns + service.transfer_ns + stepping_ns;
  arm_.at = service.end;
}

void Drive::set_model(const DiskModel& model) {
  // The block under the head stays under it, as nearly as the two disks allow.
  const BlockNo under_head = model_.geometry.block_at({.cylinder = arm_.at});
  model_ = model;
  arm_.cylinders = model_.geometry.cylinders();
  arm_.at = std::min(model_.geometry.cylinder_of(under_head), Cylinder{arm_.cylinders - 1});
  for (std::size_t i = 0; i < waiting_.size(); ++i)
    waiting_[i].cylinder = model_.geometry.cylinder_of(runs_[i].start);
}

void Drive::place_arm(Cylinder at, ArmDirection direction) {
  CHECK(at.value < arm_.cylinders);
  arm_.at = at;
  arm_.moving_up = direction == ArmDirection::kUp;
}

void Drive::take_over(const Drive& other, std::span<const std::uint64_t> cookies) {
  CHECK(cookies.size() == other.waiting_.size());
  model_ = other.model_;
  arm_ = other.arm_;
  waiting_ = other.waiting_;
  runs_ = other.runs_;
  for (std::size_t i = 0; i < cookies.size(); ++i) waiting_[i].id = cookies[i];
}

}  // namespace spindle
