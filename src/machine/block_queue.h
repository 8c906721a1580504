// BlockQueue: the machine's disk: where files lie on it, what waits for it, and its accounts.
//
// A Drive in the machine's virtual time. Files and the swap file get their places when they are
// first touched, a MiB at a time, in order; so the same run has the same arm movements wherever the
// bytes really are. Each class of I/O has a queue of its own, in which the arm's policy chooses as
// if the others were not there; the first queue that is not empty is served. The owner adds
// requests, and calls `complete` at the instant that `due` names.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "spindle/base/latest.h"
#include "spindle/disk/drive.h"
#include "spindle/machine/machine_configuration.h"
#include "spindle/machine/machine_snapshot.h"

namespace spindle {

struct BlockRequest {
  std::uint64_t cookie = 0;  ///< the number by which its owner knows it
  Run run;
  bool is_write = false;
  VirtualTime issued;
  ProcessNumber thread = 0;  ///< the thread that asked; 0: memory itself
  unsigned rank = 2;         ///< its I/O class as a number below kRanks: the lowest is served first
};

class BlockQueue {
 public:
  static constexpr unsigned kRanks = 4;

  static Result<std::unique_ptr<BlockQueue>> create(const MachineConfiguration& configuration);

  /// Where `bytes` of the file at `offset` are; a range across two places is where it begins.
  Run place(std::uint64_t file, std::uint64_t offset, std::uint64_t bytes);

  void add(const BlockRequest& request, VirtualTime now);
  /// When the request in service is done; nothing if there is none.
  [[nodiscard]] std::optional<VirtualTime> due() const;
  /// To be called when it is `due`: returns the request that is done, and begins the next one.
  BlockRequest complete(VirtualTime now);
  [[nodiscard]] bool is_idle() const { return !in_service_ && waiting_.empty(); }
  /// Serves one request at once, after those that were served so, and says when it is done. The
  /// queue must be idle.
  VirtualTime serve_now(const BlockRequest& request, VirtualTime now);

  Result<> set_arm_policy(std::string_view name);
  Result<> set_disk(std::string_view preset);
  [[nodiscard]] DiskSnapshot snapshot(VirtualTime now) const;
  /// The last ones, in order.
  [[nodiscard]] const std::vector<ArmMove>& arm_moves() const { return moves_.entries(); }

 private:
  static constexpr std::size_t kMostMoves = 4096;
  static constexpr std::uint64_t kPlaceBlocks = (1u << 20) / kMachineBlockSize;

  using Policies = std::array<std::unique_ptr<ArmPolicy>, kRanks>;

  BlockQueue(std::uint64_t blocks, const DiskModel& model, Policies policies);
  static Result<Policies> make_policies(std::string_view name);
  /// The drive that has the arm as it stands.
  [[nodiscard]] const Drive& drive() const { return drives_[rank_of_arm_]; }
  /// The queue of that rank, which goes on with the arm as it stands.
  Drive& drive_for(unsigned rank);
  void begin(VirtualTime now);
  void note(const Service& service, const BlockRequest& request, VirtualTime begin);
  void account(VirtualTime now);
  void count(const BlockRequest& request, VirtualTime finish);

  std::uint64_t blocks_;
  std::vector<Drive> drives_;  ///< the one disk once for each rank, with the requests of that rank
  unsigned rank_of_arm_ = 0;   ///< the rank whose drive moved last, and knows where the arm is
  /// Where each MiB of a file is, by the file and the number of the MiB.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> places_;
  std::uint64_t next_place_ = 0;
  std::map<std::uint64_t, BlockRequest> waiting_;  ///< by the drive's cookie
  std::uint64_t next_cookie_ = 1;
  std::optional<BlockRequest> in_service_;
  VirtualTime due_;
  VirtualTime accounted_;  ///< `busy` and `weighted` are right up to here
  DiskSnapshot statistics_;
  Latest<ArmMove> moves_{kMostMoves};
};

}  // namespace spindle
