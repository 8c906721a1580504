// FaultDevice: a device that fails as told, to see what those above make of it.
//
//   FaultDevice device(image, seed);
//   device.add({.on = FaultRule::kWrites, .skip = 16, .code = ENOSPC});    // the 17th write, once
//   device.add({.on = FaultRule::kReads, .where = {BlockNo{7}, 1}, .times = FaultRule::kForever});
//   device.add({.on = FaultRule::kAnything, .one_in = 1000, .times = FaultRule::kForever});
//
// Each request of a batch and each flush is held against the rules in the order of their adding;
// the first that strikes decides. A request that fails is not passed on, nor is what stands behind
// it in its batch; what stands before it is done. Without rules everything passes.
#pragma once

#include <cstdint>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/device/block_device.h"

namespace spindle {

struct FaultRule {
  enum On : std::uint8_t { kReads = 1, kWrites = 2, kFlushes = 4, kAnything = 7 };
  static constexpr std::uint64_t kForever = ~std::uint64_t{0};
  static constexpr Run kEverywhere{BlockNo{0}, ~std::uint64_t{0}};

  std::uint8_t on = kAnything;
  Run where = kEverywhere;   ///< strikes what touches one of these blocks; flushes wherever
  std::uint64_t skip = 0;    ///< so many that fit pass first
  std::uint64_t one_in = 1;  ///< then one in so many (not 0) is struck, by the seed
  std::uint64_t times = 1;   ///< so many are struck, then the rule is spent
  int code = EIO;
};

class FaultDevice final : public BlockDevice {
 public:
  /// The backing device must outlive this one.
  explicit FaultDevice(BlockDevice& backing, std::uint64_t seed = 0)
      : backing_(backing), random_(seed) {}

  void add(const FaultRule& rule) { rules_.push_back(rule); }
  void clear() { rules_.clear(); }
  /// How many requests and flushes were struck.
  [[nodiscard]] std::uint64_t faults() const { return faults_; }

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  Result<> discard(Run run) override { return backing_.discard(run); }
  void fill_holes(Run run) override { backing_.fill_holes(run); }

 private:
  /// 0, or the errno of the rule that strikes.
  int strike(FaultRule::On what, Run run);

  BlockDevice& backing_;
  std::vector<FaultRule> rules_;
  Random random_;
  std::uint64_t faults_ = 0;
};

}  // namespace spindle
