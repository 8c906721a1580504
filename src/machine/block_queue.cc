#include "block_queue.h"

#include <algorithm>

#include "class_policy.h"
#include "spindle/base/check.h"

namespace spindle {

Result<std::unique_ptr<BlockQueue>> BlockQueue::create(const MachineConfiguration& configuration) {
  if (configuration.disk_blocks < kPlaceBlocks)
    return Error{EINVAL, "the machine's disk is smaller than 1 MiB"};
  const DiskModel model =
      TRY(make_disk_model(configuration.disk, kMachineBlockSize, configuration.disk_blocks));
  auto policy = TRY(make_arm_policy(configuration.arm_policy));
  return std::unique_ptr<BlockQueue>(new BlockQueue(configuration, model, std::move(policy)));
}

std::unique_ptr<ArmPolicy> BlockQueue::by_class(std::unique_ptr<ArmPolicy> policy) {
  return std::make_unique<ClassPolicy>(
      std::move(policy), [this] { return drive_.queue(); },
      [this](std::uint64_t cookie) {
        const auto found = waiting_.find(cookie);
        return found == waiting_.end() ? 0 : found->second.rank;
      });
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
  if (!in_service_ && waiting_.empty()) drive_.rest_until(now);
  drive_.arrive(next_cookie_, request.run, request.is_write);
  waiting_.emplace(next_cookie_++, request);
  if (!in_service_) begin(now);
}

void BlockQueue::begin(VirtualTime now) {
  const Service service = drive_.serve_next();
  const auto found = waiting_.find(service.cookie);
  CHECK(found != waiting_.end());
  in_service_ = found->second;
  waiting_.erase(found);
  statistics_.arm_distance += service.distance;
  due_ = now + VirtualTime{service.total_ns()};
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
  drive_.rest_until(begin);
  drive_.arrive(0, request.run, request.is_write);
  const Service service = drive_.serve_next();
  const VirtualTime finish = begin + VirtualTime{service.total_ns()};
  statistics_.arm_distance += service.distance;
  statistics_.busy += finish - begin;
  statistics_.weighted += finish - now;
  accounted_ = finish;
  count({request.cookie, request.run, request.is_write, now, request.rank}, finish);
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
  drive_.set_policy(by_class(TRY(make_arm_policy(name))));
  return {};
}

Result<> BlockQueue::set_disk(std::string_view preset) {
  drive_.set_model(TRY(make_disk_model(preset, kMachineBlockSize, blocks_)));
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
  snapshot.policy = drive_.policy().name();
  snapshot.model = drive_.model().name;
  return snapshot;
}

}  // namespace spindle
