// Drive: a disk's arm, its queue and its clock; the simulation without the data.
//
//   Drive drive(model, TRY(make_arm_policy("sstf")));
//   drive.arrive(cookie, {BlockNo{5000}, 8}, /*is_write=*/false);
//   while (!drive.idle()) Service done = drive.serve_next();
//
// The same class is the heart of the live disk, of each of its what-if shadows, and of an exercise
// at the command line. It knows no threads, no wall time and no bytes, and is a pure function of
// the calls made. Virtual time moves in `serve_next`, by exactly what the service takes, and in
// `rest_until` only.
//
// A request that spans cylinders moves the arm along: each step is a seek of one cylinder and
// counts as movement. Used by one kernel thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/disk/disk_model.h"
#include "spindle/policy/arm_policy.h"

namespace spindle {

/// One request's service, from the arm's first move to the last block.
struct Service {
  std::uint64_t cookie = 0;  ///< what `arrive` was given
  Run run;
  bool is_write = false;
  Cylinder from;               ///< where the arm stood
  TurningPoints by_way_of;     ///< where it turned before it came to `to`
  Cylinder to;                 ///< where the first block is
  Cylinder end;                ///< where the last block is; there the arm stays
  std::uint64_t distance = 0;  ///< cylinders moved in all
  std::uint64_t moves = 0;     ///< legs of the way that are not of length 0
  std::int64_t seek_ns = 0;
  std::int64_t rotation_ns = 0;
  std::int64_t transfer_ns = 0;
  VirtualTime arrival;
  VirtualTime begin;
  std::size_t depth = 0;  ///< requests that were in the queue, this one included

  [[nodiscard]] std::int64_t total_ns() const { return seek_ns + rotation_ns + transfer_ns; }
  [[nodiscard]] VirtualTime finish() const { return begin + VirtualTime{total_ns()}; }
  [[nodiscard]] std::int64_t response_ns() const { return (finish() - arrival).ns; }
};

/// Towards cylinder 0, or away from it.
enum class ArmDirection : std::uint8_t { kDown, kUp };

class Drive {
 public:
  Drive(const DiskModel& model, std::unique_ptr<ArmPolicy> policy);

  /// The run must not be empty and must lie on the disk.
  void arrive(std::uint64_t cookie, Run run, bool is_write);
  /// The platters turn on until `time`, if that is not past; nothing may wait.
  void rest_until(VirtualTime time);
  /// Serves the request that the policy picks; there must be one.
  Service serve_next();

  [[nodiscard]] bool idle() const { return waiting_.empty(); }
  /// Waiting requests in order of arrival; their ids are the cookies.
  [[nodiscard]] std::span<const ArmRequest> queue() const { return waiting_; }
  [[nodiscard]] const ArmState& arm() const { return arm_; }
  [[nodiscard]] VirtualTime now() const { return arm_.now; }
  [[nodiscard]] const DiskModel& model() const { return model_; }
  [[nodiscard]] const ArmPolicy& policy() const { return *policy_; }

  /// What waits goes on waiting.
  void set_policy(std::unique_ptr<ArmPolicy> policy) { policy_ = std::move(policy); }
  /// Another disk with the same blocks: those that wait keep their blocks, and lie on other
  /// cylinders; the arm goes to the corresponding place.
  void set_model(const DiskModel& model);
  /// Sets the arm down, as at the start of an exercise; no move is made. Must be on the disk.
  void place_arm(Cylinder at, ArmDirection direction);
  /// The arm goes on where that of `other` is, at the same time: another queue of the same disk.
  void follow(const Drive& other) { arm_ = other.arm_; }
  /// Becomes like `other` in all but the policy; the waiting requests get new cookies, in order.
  void take_over(const Drive& other, std::span<const std::uint64_t> cookies);

 private:
  void move_arm(Service& service, Cylinder to);
  void transfer(Service& service);

  DiskModel model_;
  std::unique_ptr<ArmPolicy> policy_;
  ArmState arm_;
  std::vector<ArmRequest> waiting_;
  std::vector<Run> runs_;  ///< of the waiting requests, in the same order
};

}  // namespace spindle
