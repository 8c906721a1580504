#include "block_queue.h"

#include <algorithm>

#include "spindle/base/check.h"

namespace spindle {

Result<std::unique_ptr<BlockQueue>> BlockQueue::create(const MachineConfiguration& configuration) {
  if (configuration.disk_blocks < kPlaceBlocks)
    return Error{EINVAL, "the machine's disk is smaller than 1 MiB"};
  const DiskModel model =
      TRY(make_disk_model(configuration.disk, kMachineBlockSize, configuration.disk_blocks));
  auto policies = TRY(make_policies(configuration.arm_policy));
  return std::unique_ptr<BlockQueue>(
      new BlockQueue(configuration.disk_blocks, model, std::move(policies)));
}

BlockQueue::BlockQueue(std::uint64_t blocks, const DiskModel& model, Policies policies)
    : blocks_(blocks) {
  for (auto& policy : policies) drives_.emplace_back(model, std::move(policy));
}

Result<BlockQueue::Policies> BlockQueue::make_policies(std::string_view name) {
  Policies policies;
  for (auto& policy : policies) policy = TRY(make_arm_policy(name));
  return policies;
}

Drive& BlockQueue::drive_for(unsigned rank) {
  CHECK(rank < kRanks);
  drives_[rank].follow(drive());
  rank_of_arm_ = rank;
  return drives_[rank];
}

Run BlockQueue::place(std::uint64_t file, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t first = offset / kMachineBlockSize;
  const std::uint64_t last = (offset + std::max<std::uint64_t>(bytes, 1) - 1) / kMachineBlockSize;
  const auto [found, is_new] = places_.try_emplace({file, first / kPlaceBlocks}, next_place_);
  // A disk that is full begins again: nothing but arm movements depends on places.
  if (is_new) next_place_ = (next_place_ + 1) % (blocks_ / kPlaceBlocks);
  const std::uint64_t within = first % kPlaceBlocks;
  return {BlockNo{found->second * kPlaceBlocks + within},
          std::min(last - first + 1, kPlaceBlocks - within)};
}

void BlockQueue::add(const BlockRequest& request, VirtualTime now) {
  account(now);
  Drive& drive = drive_for(request.rank);
  if (!in_service_ && waiting_.empty()) drive.rest_until(now);
  drive.arrive(next_cookie_, request.run, request.is_write);
  waiting_.emplace(next_cookie_++, request);
  if (!in_service_) begin(now);
}

void BlockQueue::begin(VirtualTime now) {
  const auto first = std::ranges::find_if_not(drives_, &Drive::idle);
  CHECK(first != drives_.end());
  const Service service = drive_for(static_cast<unsigned>(first - drives_.begin())).serve_next();
  const auto found = waiting_.find(service.cookie);
  CHECK(found != waiting_.end());
  in_service_ = found->second;
  waiting_.erase(found);
  note(service, *in_service_, now);
  due_ = now + VirtualTime{service.total_ns()};
}

void BlockQueue::note(const Service& service, const BlockRequest& request, VirtualTime begin) {
  statistics_.arm_distance += service.distance;
  moves_.add({.at = begin,
              .took = {service.total_ns()},
              .thread = request.thread,
              .run = service.run,
              .is_write = service.is_write,
              .from = service.from,
              .to = service.end,
              .by_way_of = service.by_way_of,
              .distance = service.distance});
}

std::optional<VirtualTime> BlockQueue::due() const {
  return in_service_ ? std::optional(due_) : std::nullopt;
}

BlockRequest BlockQueue::complete(VirtualTime now) {
  CHECK(in_service_);
  account(now);
  const BlockRequest done = *in_service_;
  count(done, now);
  in_service_.reset();
  if (!waiting_.empty()) begin(now);
  return done;
}

VirtualTime BlockQueue::serve_now(const BlockRequest& request, VirtualTime now) {
  CHECK(is_idle());
  const VirtualTime begin = std::max(now, accounted_);
  Drive& drive = drive_for(request.rank);
  drive.rest_until(begin);
  drive.arrive(0, request.run, request.is_write);
  const Service service = drive.serve_next();
  const VirtualTime finish = begin + VirtualTime{service.total_ns()};
  note(service, request, begin);
  statistics_.busy += finish - begin;
  statistics_.weighted += finish - now;
  accounted_ = finish;
  count({.run = request.run, .is_write = request.is_write, .issued = now}, finish);
  return finish;
}

void BlockQueue::account(VirtualTime now) {
  if (now <= accounted_) return;
  const std::uint64_t in_flight = waiting_.size() + (in_service_ ? 1 : 0);
  const VirtualTime span = now - accounted_;
  if (in_flight != 0) statistics_.busy += span;
  statistics_.weighted.ns += static_cast<std::int64_t>(in_flight) * span.ns;
  accounted_ = now;
}

void BlockQueue::count(const BlockRequest& request, VirtualTime finish) {
  const std::uint64_t sectors = request.run.length * (kMachineBlockSize / 512);
  ++(request.is_write ? statistics_.writes : statistics_.reads);
  (request.is_write ? statistics_.written_sectors : statistics_.read_sectors) += sectors;
  (request.is_write ? statistics_.write_time : statistics_.read_time) += finish - request.issued;
}

Result<> BlockQueue::set_arm_policy(std::string_view name) {
  auto policies = TRY(make_policies(name));
  for (unsigned rank = 0; rank < kRanks; ++rank)
    drives_[rank].set_policy(std::move(policies[rank]));
  return {};
}

Result<> BlockQueue::set_disk(std::string_view preset) {
  const DiskModel model = TRY(make_disk_model(preset, kMachineBlockSize, blocks_));
  for (Drive& drive : drives_) drive.set_model(model);
  return {};
}

DiskSnapshot BlockQueue::snapshot(VirtualTime now) const {
  DiskSnapshot snapshot = statistics_;
  const std::uint64_t in_flight = waiting_.size() + (in_service_ ? 1 : 0);
  if (now > accounted_ && in_flight != 0) {
    snapshot.busy += now - accounted_;
    snapshot.weighted.ns += static_cast<std::int64_t>(in_flight) * (now - accounted_).ns;
  }
  snapshot.name = "sda";
  snapshot.in_flight = in_flight;
  snapshot.sectors = blocks_ * (kMachineBlockSize / 512);
  snapshot.policy = drive().policy().name();
  snapshot.model = drive().model().name;
  return snapshot;
}

}  // namespace spindle
