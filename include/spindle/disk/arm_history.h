// ArmHistory: where the arm of a disk was, from the last reset on, however long ago that is.
//
//   ArmHistory history;
//   disk.add_observer(history);
//   for (const ArmHistory::Stretch& stretch : history.stretches()) ...    // oldest first
//
// ArmTrace keeps the last moves; this keeps all of them, as at most 512 stretches of equally many
// services, which grow with their number. It starts anew with each of the observer's restarts.
#pragma once

#include <cstdint>
#include <vector>

#include "spindle/base/folded_history.h"
#include "spindle/disk/disk_observer.h"

namespace spindle {

class ArmHistory final : public DiskObserver {
 public:
  struct Stretch {
    std::uint64_t services = 0;
    std::uint64_t distance = 0;  ///< cylinders moved
    Cylinder lowest;
    Cylinder highest;
    Cylinder end;  ///< where the arm is at the end
    VirtualTime begin;
    VirtualTime finish;

    void merge(const Stretch& next);
  };

  [[nodiscard]] const std::vector<Stretch>& stretches() const { return history_.samples(); }

  void arrived(Run, bool, std::uint64_t) override {}
  void served(const Service& service, std::uint64_t requests) override;
  void restarted(const Drive&, std::span<const std::uint64_t>) override { history_.clear(); }

 private:
  static constexpr std::size_t kMostStretches = 512;
  FoldedHistory<Stretch> history_{kMostStretches};
};

}  // namespace spindle
