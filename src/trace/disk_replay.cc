#include "spindle/trace/disk_replay.h"

#include <algorithm>
#include <optional>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/disk/drive.h"
#include "spindle/policy/arm_policy.h"

namespace spindle {
namespace {

/// The full model serves whole blocks of this size; requests are widened to them.
constexpr std::uint32_t kBlockSize = 4096;

}  // namespace

/// One policy's disk: the queue and the cylinders alone, or a whole drive.
struct DiskReplay::Run {
  void arrive(const TracedRequest& request) {
    const std::uint64_t number = arrived++;
    if (drive) {
      const std::uint64_t first = request.start / kBlockSize;
      const std::uint64_t last = (request.start + request.length - 1) / kBlockSize;
      drive->arrive(number, {BlockNo{first}, last - first + 1}, request.is_write);
    } else {
      const std::uint64_t cylinder = request.start / bytes_per_cylinder;
      waiting.push_back({number, Cylinder{std::min(cylinder, arm.cylinders - 1)}, {}, false});
    }
  }

  [[nodiscard]] std::size_t depth() const { return drive ? drive->queue().size() : waiting.size(); }

  void serve_one() {
    ++row.requests;
    std::uint64_t oldest = 0;
    std::uint64_t served = 0;
    if (drive) {
      oldest = drive->queue().front().id;
      const Service service = drive->serve_next();
      served = service.cookie;
      row.movement += service.distance;
      row.seek_ns += service.seek_ns;
      row.rotation_ns += service.rotation_ns;
      row.transfer_ns += service.transfer_ns;
      row.response_sum_ns += service.response_ns();
      row.longest_response_ns = std::max(row.longest_response_ns, service.response_ns());
    } else {
      oldest = waiting.front().id;
      served = move_arm();
    }
    // The oldest was there when `row.requests` - `oldest` requests after it had been served.
    if (served == oldest && row.requests > served + 1)
      row.most_passed_by = std::max(row.most_passed_by, row.requests - served - 1);
  }

  std::uint64_t move_arm() {
    const ArmChoice choice = policy->pick(waiting, arm);
    const ArmRequest request = waiting[choice.index];
    Cylinder at = arm.at;
    for (Cylinder turn : choice.by_way_of) {
      row.movement += arm_distance(at, turn);
      at = turn;
    }
    row.movement += arm_distance(at, request.cylinder);
    arm.at = request.cylinder;
    arm.moving_up = choice.moving_up;
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(choice.index));
    return request.id;
  }

  Row row;
  std::uint64_t arrived = 0;
  std::optional<Drive> drive;  ///< none: only the way over the cylinders is counted
  std::unique_ptr<ArmPolicy> policy;
  ArmState arm;
  std::vector<ArmRequest> waiting;
  std::uint64_t bytes_per_cylinder = 1;
};

DiskReplay::DiskReplay(std::vector<std::unique_ptr<Run>> runs, const Plan& plan)
    : runs_(std::move(runs)), plan_(plan) {}
DiskReplay::DiskReplay(DiskReplay&&) noexcept = default;
DiskReplay::~DiskReplay() = default;

Result<DiskReplay> DiskReplay::make(const Plan& plan) {
  if (plan.depth == 0 || kMostDepth < plan.depth)
    return Error{EINVAL, "the depth of the queue is not 1 to 4096"};
  if (plan.cylinders == 0) return Error{EINVAL, "the disk has no cylinders"};
  if (plan.bytes == 0) return Error{EINVAL, "the disk has no bytes"};
  const std::uint64_t blocks = (plan.bytes + kBlockSize - 1) / kBlockSize;
  const DiskModel model = TRY(make_disk_model(plan.disk, kBlockSize, blocks));
  std::vector<std::unique_ptr<Run>> runs;
  for (const std::string& name : plan.policies) {
    auto policy = TRY(make_arm_policy(name));
    auto run = std::make_unique<Run>();
    run->row.policy = name;
    if (model.is_timed()) {
      run->drive.emplace(model, std::move(policy));
    } else {
      run->policy = std::move(policy);
      run->arm.cylinders = plan.cylinders;
      run->bytes_per_cylinder = (plan.bytes + plan.cylinders - 1) / plan.cylinders;
    }
    runs.push_back(std::move(run));
  }
  return DiskReplay(std::move(runs), plan);
}

void DiskReplay::serve(std::span<const TracedRequest> requests) {
  std::int64_t before = thread_cpu_ns();
  for (const std::unique_ptr<Run>& run : runs_) {
    for (const TracedRequest& request : requests) {
      CHECK(request.length != 0 && request.start + request.length <= plan_.bytes);
      if (run->depth() == plan_.depth) run->serve_one();
      run->arrive(request);
    }
    const std::int64_t after = thread_cpu_ns();
    run->row.cpu_ns += after - std::exchange(before, after);
  }
}

std::vector<DiskReplay::Row> DiskReplay::finish() {
  std::vector<Row> rows;
  for (const std::unique_ptr<Run>& run : runs_) {
    const std::int64_t before = thread_cpu_ns();
    while (run->depth() != 0) run->serve_one();
    run->row.cpu_ns += thread_cpu_ns() - before;
    rows.push_back(run->row);
  }
  return rows;
}

}  // namespace spindle
