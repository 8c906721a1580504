// BlockQueue: the machine's disk: where files lie on it, what waits for it, and its accounts.
//
// A Drive in the machine's virtual time. Files and the swap file get their places when they are
// first touched, a MiB at a time, in order; so the same run has the same arm movements wherever the
// bytes really are. The owner adds requests, and calls `complete` at the instant that `due` names.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "spindle/disk/drive.h"
#include "spindle/machine/machine_configuration.h"
#include "spindle/machine/machine_snapshot.h"

namespace spindle {

struct BlockRequest {
  std::uint64_t cookie = 0;  ///< the owner's
  Run run;
  bool is_write = false;
  VirtualTime issued;
  unsigned rank = 2;  ///< of its I/O class: the least is served first
};

class BlockQueue {
 public:
  static Result<std::unique_ptr<BlockQueue>> create(const MachineConfiguration& configuration);

  /// Where `bytes` of the file at `offset` are; a range across two places is where it begins.
  Run place(std::uint64_t file, std::uint64_t offset, std::uint64_t bytes);

  void add(const BlockRequest& request, VirtualTime now);
  /// When the request in service is done; nothing: none is.
  [[nodiscard]] std::optional<VirtualTime> due() const;
  /// It is `due`: the request that is done; the next one is begun.
  BlockRequest complete(VirtualTime now);
  [[nodiscard]] bool is_idle() const { return !in_service_ && waiting_.empty(); }
  /// Serves one request at once, after those that were served so, and says when it is done. The
  /// queue must be idle.
  VirtualTime serve_now(const BlockRequest& request, VirtualTime now);

  Result<> set_arm_policy(std::string_view name);
  Result<> set_disk(std::string_view preset);
  [[nodiscard]] DiskSnapshot snapshot(VirtualTime now) const;

 private:
  static constexpr std::uint64_t kPlaceBlocks = (1u << 20) / kMachineBlockSize;

  BlockQueue(const MachineConfiguration& configuration, const DiskModel& model,
             std::unique_ptr<ArmPolicy> policy)
      : blocks_(configuration.disk_blocks), drive_(model, by_class(std::move(policy))) {}
  std::unique_ptr<ArmPolicy> by_class(std::unique_ptr<ArmPolicy> policy);
  void begin(VirtualTime now);
  void account(VirtualTime now);
  void count(const BlockRequest& request, VirtualTime finish);

  std::uint64_t blocks_;
  Drive drive_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> places_;  ///< file, MiB: place
  std::uint64_t next_place_ = 0;
  std::map<std::uint64_t, BlockRequest> waiting_;  ///< by the drive's cookie
  std::uint64_t next_cookie_ = 1;
  std::optional<BlockRequest> in_service_;
  VirtualTime due_;
  VirtualTime accounted_;  ///< `busy` and `weighted` are right up to here
  DiskSnapshot statistics_;
};

}  // namespace spindle
