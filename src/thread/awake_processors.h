// AwakeProcessors: keeps the idle processors of a virtual machine from halting while events follow
// one another.
//
// The process that waits for an answer sleeps, and if its processor has nothing else to do it
// halts: waking it is up to the host and takes longer than most answers. Against that Linux has
// /dev/cpu_dma_latency, which only root may open. Outside of virtual machines an idle processor is
// awake again in a microsecond or two, and is left alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace spindle::thread {

class AwakeProcessors {
 public:
  /// After so many events in a row processors are kept awake: single ones are not worth the power.
  static constexpr int kEventsInARow = 32;

  struct Files {
    std::string idle_driver = "/sys/devices/system/cpu/cpuidle/current_driver";
    std::string latency = "/dev/cpu_dma_latency";
  };
  AwakeProcessors();
  explicit AwakeProcessors(Files files) : files_(std::move(files)) {}
  ~AwakeProcessors();
  AwakeProcessors(const AwakeProcessors&) = delete;
  AwakeProcessors& operator=(const AwakeProcessors&) = delete;

  /// To be called when an event came soon after the one before it.
  void event_came() {
    if (in_a_row_ < kEventsInARow && ++in_a_row_ == kEventsInARow) demand(0);
  }
  [[nodiscard]] bool are_awake() const { return in_a_row_ == kEventsInARow; }
  /// To be called when none came soon: processors may halt.
  void none_came() {
    if (are_awake()) demand(kAnyLatency);
    in_a_row_ = 0;
  }

 private:
  static constexpr std::int32_t kAnyLatency = 2'000'000'000;
  void open();
  void demand(std::int32_t latency_us);

  Files files_;
  bool was_opened_ = false;
  int fd_ = -1;
  int in_a_row_ = 0;
};

}  // namespace spindle::thread
