#include "spindle/machine/live_machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "spindle/base/clock.h"

namespace spindle {
namespace {

/// How long the lock is held at most, about, before others may look.
constexpr std::int64_t kSlice_ns = 2'000'000;
constexpr std::int64_t kPause_ns = 5'000'000;
constexpr int kEventsBetweenLooks = 64;

}  // namespace

LiveMachine::LiveMachine(MachineConfiguration configuration, MakeHost make_host)
    : configuration_(std::move(configuration)), make_host_(std::move(make_host)) {}

LiveMachine::~LiveMachine() {
  {
    const auto lock = rest();
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_lock<std::mutex> LiveMachine::rest() {
  ++waiting_;
  std::unique_lock lock(mutex_);
  --waiting_;
  return lock;
}

Result<> LiveMachine::make() {
  if (machine_ != nullptr) return {};
  host_ = make_host_();
  boot_seconds_ = wall_time().seconds;
  if (configuration_.start_wall_seconds == 0) configuration_.start_wall_seconds = boot_seconds_;
  machine_ = TRY(Machine::create(configuration_, *host_));
  exists_ = true;
  wall_base_ns_ = monotonic_ns();
  virtual_base_ = {};
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();  // it rests while there is no machine
  return {};
}

Result<> LiveMachine::set_rate(double rate) {
  const bool is_known = rate == kAsFastAsPossible || (rate >= 0 && rate <= kMostRate);
  if (!is_known) return Error{EINVAL, "a rate is 0 to 1000000"};
  {
    const auto lock = rest();
    rate_ = rate;
    wall_base_ns_ = monotonic_ns();
    if (machine_ != nullptr) virtual_base_ = machine_->now();
  }
  changed_.notify_all();
  return {};
}

double LiveMachine::rate() const {
  const std::lock_guard lock(mutex_);
  return rate_;
}

Result<> LiveMachine::step(std::uint64_t events) {
  const auto lock = rest();
  if (machine_ == nullptr) return Error{ESRCH, "the machine has not been used yet"};
  if (rate_ != 0) return Error{EBUSY, "the machine runs; pause it first"};
  for (std::uint64_t i = 0; i < events && machine_->step(); ++i) {
  }
  return {};
}

Result<> LiveMachine::restart(MachineConfiguration configuration) {
  const auto lock = rest();
  MemoryHost nowhere;
  configuration.crontab.clear();
  // What cannot be built is refused now, while there is somebody to tell.
  TRY(Machine::create(configuration, nowhere));
  machine_.reset();
  exists_ = false;
  configuration_ = std::move(configuration);
  return {};
}

void LiveMachine::run() {
  // It is a guest: real work goes first.
  ::setpriority(PRIO_PROCESS, 0, 10);
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (machine_ == nullptr || rate_ == 0) {
      changed_.wait(lock);
      continue;
    }
    run_slice(lock);
  }
}

void LiveMachine::run_slice(std::unique_lock<std::mutex>& lock) {
  const std::int64_t begin_ns = monotonic_ns();
  const bool is_free = rate_ == kAsFastAsPossible;
  const VirtualTime goal{is_free ? INT64_MAX
                                 : virtual_base_.ns +
                                       static_cast<std::int64_t>(
                                           static_cast<double>(begin_ns - wall_base_ns_) * rate_)};
  bool is_behind = false;
  for (auto next = machine_->next_event(); next && *next <= goal; next = machine_->next_event()) {
    if (is_free && machine_->finished()) break;
    is_behind = monotonic_ns() - begin_ns > kSlice_ns || waiting_ != 0;
    if (is_behind) break;
    for (int i = 0; i < kEventsBetweenLooks && next && *next <= goal; ++i) {
      machine_->run_until(*next);
      next = machine_->next_event();
    }
  }
  if (is_behind) {
    // A machine that cannot keep up goes as fast as it can; it does not owe what it missed.
    if (!is_free) wall_base_ns_ = monotonic_ns(), virtual_base_ = machine_->now();
    lock.unlock();
    while (waiting_ != 0) std::this_thread::yield();
    lock.lock();
    return;
  }
  if (!is_free) machine_->run_until(std::max(goal, machine_->now()));
  changed_.wait_for(lock, std::chrono::nanoseconds(kPause_ns));
}

}  // namespace spindle
