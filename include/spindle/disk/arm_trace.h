// ArmTrace: the last moves of a disk's arm, for a control file and for pictures.
//
//   ArmTrace trace(1000);
//   disk.add_observer(trace);
//   trace.for_each([](const ArmTrace::Entry& entry) { ... });    // oldest first
//
// A ring of fixed size: recording costs a copy of some 200 bytes and never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "spindle/disk/disk_observer.h"
#include "spindle/disk/drive.h"

namespace spindle {

class ArmTrace final : public DiskObserver {
 public:
  struct Entry {
    std::uint64_t number = 0;  ///< counted from 1 on since the trace was made or cleared
    std::string_view policy;   ///< the policy that chose it
    std::uint64_t requests = 0;
    Service service;
  };

  /// Keeps the last `capacity` services; not 0.
  explicit ArmTrace(std::size_t capacity);

  [[nodiscard]] std::size_t size() const;
  /// How many there were in all: the number of the newest.
  [[nodiscard]] std::uint64_t recorded() const { return recorded_; }
  /// The `index`-th of those kept, the oldest being 0; below size().
  [[nodiscard]] const Entry& at(std::size_t index) const;
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < size(); ++i) visit(at(i));
  }
  void clear() { recorded_ = 0; }

  void arrived(Run, bool, std::uint64_t) override {}
  void served(const Service& service, std::uint64_t requests) override;
  void restarted(const Drive& drive, std::span<const std::uint64_t>) override {
    policy_ = drive.policy().name();
  }

 private:
  std::size_t capacity_;
  std::vector<Entry> ring_;  ///< grows up to `capacity_` entries
  std::uint64_t recorded_ = 0;
  std::string_view policy_;
};

}  // namespace spindle
