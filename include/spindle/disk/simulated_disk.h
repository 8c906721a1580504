// SimulatedDisk: the one queue of a mounted volume, in front of the device that has the bytes.
//
//   auto disk = TRY(SimulatedDisk::create(image, {.arm_policy = "c-look", .disk = "7200rpm"}));
//   TRY(disk->submit(batch));
//
// The bytes move at once, by one submit of the whole batch to the device below; then the requests
// enter the queue of a Drive, those of a long batch one by one as others leave it, and their owner
// is parked. Only when no thread is ready is the next one served (IdleHandler): the arm policy
// picks, virtual time moves on, and the owner of a batch that is done wakes. So queues fill by
// themselves, and with the same requests the same things happen. With the disk `none` nothing is
// parked and nothing waits. Outside of a runtime a batch is served at once.
//
// pace: 0, virtual time costs no wall time; x, the disk is busy with a request for x times its
// virtual time of wall time, and its owner waits that long.
//
// A flush waits for the writes that were submitted before it, then flushes the device below. What
// the device below fails reaches the owner of the batch and nobody else; the arm moved all the
// same. Policy, disk and pace can be changed while requests wait. Used by one kernel thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "spindle/device/block_device.h"
#include "spindle/disk/block_activity.h"
#include "spindle/disk/disk_observer.h"
#include "spindle/disk/disk_statistics.h"
#include "spindle/disk/drive.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/wait_queue.h"

namespace spindle {

class SimulatedDisk final : public BlockDevice, private thread::IdleHandler {
 public:
  struct Options {
    std::string_view arm_policy = "look";  ///< a name that make_arm_policy knows
    std::string_view disk = "none";        ///< a preset that make_disk_model knows
    double pace = 0;
  };
  static constexpr double kMaxPace = 1000;
  /// Runs of one batch that stand in the queue at a time, as a host hands them to a drive: so no
  /// policy has thousands to look at for each choice.
  static constexpr std::size_t kMostOfABatch = 32;

  /// EINVAL for an unknown policy or disk, or a pace that is negative or above kMaxPace. The
  /// backing device must outlive the disk.
  static Result<std::unique_ptr<SimulatedDisk>> create(BlockDevice& backing,
                                                       const Options& options);
  /// Nothing may wait.
  ~SimulatedDisk() override;

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  Result<> discard(Run run) override;
  void fill_holes(Run run) override { backing_.fill_holes(run); }

  /// Each EINVAL, and no change, for what `create` would refuse. A new policy starts afresh with
  /// what waits.
  Result<> set_arm_policy(std::string_view name);
  Result<> set_disk(std::string_view preset);
  Result<> set_pace(double pace);
  /// EINVAL if the disk has no such cylinder. Not a move.
  Result<> place_arm(Cylinder at, ArmDirection direction);
  [[nodiscard]] std::string_view arm_policy() const { return drive_.policy().name(); }
  [[nodiscard]] std::string_view disk() const { return drive_.model().name; }
  [[nodiscard]] double pace() const { return pace_; }

  /// The arm, its queue, its clock and its model, to be looked at.
  [[nodiscard]] const Drive& drive() const { return drive_; }
  [[nodiscard]] const DiskStatistics& statistics() const { return statistics_; }
  /// Of all requests, also while the disk is `none`.
  [[nodiscard]] const BlockActivity& activity() const { return activity_; }
  /// Requests that wait are counted again.
  void reset_statistics();
  /// An observer must be taken off before it goes. Adding one restarts all of them.
  void add_observer(DiskObserver& observer);
  void remove_observer(DiskObserver& observer);

 private:
  struct Batch;
  struct Pending;

  SimulatedDisk(BlockDevice& backing, const DiskModel& model, std::unique_ptr<ArmPolicy> policy,
                double pace);

  Result<> submit_below(std::span<const IoRequest> requests);
  void count(const IoRequest& request, std::uint64_t blocks);
  void count_untimed(std::span<const IoRequest> requests);
  void enqueue(Batch& batch);
  void fill_queue(Batch& batch);
  void enqueue_next(Batch& batch);
  void enqueue_run(const Pending& pending, Run run);
  void await(Batch& batch);
  void await_pace(Batch& batch);
  bool idle() override;
  bool serve_one();
  void keep_pace(Batch& batch, std::int64_t service_ns);
  void link(Batch& batch);
  void unlink(Batch& batch);
  void restart_observers();

  BlockDevice& backing_;
  Drive drive_;
  double pace_;
  DiskStatistics statistics_;
  BlockActivity activity_;
  std::vector<DiskObserver*> observers_;

  std::vector<Pending> pending_;             ///< by cookie
  std::vector<std::uint64_t> free_cookies_;  ///< places in `pending_`
  thread::Runtime* handled_by_ = nullptr;    ///< the runtime that asks `idle`, while anything waits

  Batch* oldest_write_ = nullptr;  ///< batches with writes that are not done, in order of submit
  Batch* newest_write_ = nullptr;
  std::uint64_t last_write_number_ = 0;
  thread::WaitQueue barrier_{"disk flush"};

  Batch* in_service_ = nullptr;      ///< paced: its owner waits for wall time
  std::int64_t service_due_ns_ = 0;  ///< paced: when the last service is over, monotonic
};

}  // namespace spindle
