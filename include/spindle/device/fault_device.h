// FaultDevice: a device that fails as told, to test how the layers above it cope.
//
//   FaultDevice device(image, seed);
//   device.add({.on = FaultRule::kWrites, .skip = 16, .code = ENOSPC});    // the 17th write, once
//   device.add({.on = FaultRule::kReads, .where = {BlockNo{7}, 1}, .times = FaultRule::kForever});
//   device.add({.on = FaultRule::kAnything, .one_in = 1000, .times = FaultRule::kForever});
//
// Each request of a batch and each flush is checked against the rules in the order in which they
// were added; the first that strikes decides. A request that fails is not passed on, nor are those
// after it in its batch; those before it are done. Without rules everything passes.
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
  Run where = kEverywhere;   ///< the blocks at which reads and writes fail
  std::uint64_t skip = 0;    ///< this many matching requests pass first
  std::uint64_t one_in = 1;  ///< of those that follow, one in so many (not 0) fails, by the seed
  std::uint64_t times = 1;   ///< after this many failures the rule is used up
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
