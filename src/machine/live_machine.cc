#include "spindle/machine/live_machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "spindle/base/clock.h"

namespace spindle {
namespace {

/// About how long the machine runs at most before it looks at the real work.
constexpr std::int64_t kSliceNs = 200'000;
/// The real work counts as at rest when nothing was done for this long. It is not at rest while it
/// waits for the host's disk, or computes between two requests.
constexpr std::chrono::milliseconds kRest{4};
/// How often the machine waits for that between two slices: so it always has about an eightieth of
/// a processor.
constexpr int kMostRests = 4;
/// How far a machine that cannot keep up may fall behind before the rest is written off.
constexpr std::int64_t kMostLagNs = 100'000'000;
/// The shortest sleep: what falls due meanwhile happens in one slice.
constexpr std::int64_t kShortestSleepNs = 5'000'000;
/// The longest sleep: so no rate leads to a time that the clock cannot express.
constexpr double kLongestSleepNs = 3600e9;
constexpr int kEventsBetweenLooks = 64;

}  // namespace

LiveMachine::LiveMachine(MachineConfiguration configuration, MakeHost make_host, RealWork real_work)
    : configuration_(std::move(configuration)),
      make_host_(std::move(make_host)),
      real_work_(std::move(real_work)) {}

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

// It rests until there is a machine.
Result<> LiveMachine::begin_thread() {
  if (thread_.joinable()) return {};
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return Error{error.code().value(), "the host gives no kernel thread for the machine"};
  }
  return {};
}

Result<> LiveMachine::make() {
  if (machine_ != nullptr) return {};
  TRY(begin_thread());
  host_ = make_host_();
  boot_seconds_ = wall_time().seconds;
  if (configuration_.start_wall_seconds == 0) configuration_.start_wall_seconds = boot_seconds_;
  machine_ = TRY(Machine::create(configuration_, *host_));
  wall_base_ns_ = monotonic_ns();
  virtual_base_ = {};
  changed_.notify_all();  // the thread rests while there is no machine
  return {};
}

Result<> LiveMachine::set_rate(double rate) {
  const bool is_known = rate == kAsFastAsPossible || (rate >= 0 && rate <= kMostRate);
  if (!is_known) return Error{EINVAL, "a rate is 0 to 1000000"};
  {
    const auto lock = rest();
    if (machine_ != nullptr) {
      set_clock();
      virtual_base_ = machine_->now();
    }
    rate_ = rate;
    wall_base_ns_ = monotonic_ns();
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
  // What cannot be built is refused now, while there is somebody to tell.
  MachineConfiguration trial = configuration;
  trial.crontab.clear();
  TRY(Machine::create(trial, nowhere));
  machine_.reset();
  configuration_ = std::move(configuration);
  return {};
}

VirtualTime LiveMachine::goal() const {
  if (rate_ == kAsFastAsPossible) return {INT64_MAX};
  const double passed_ns = static_cast<double>(monotonic_ns() - wall_base_ns_) * rate_;
  constexpr double kMostNs = 4e18;  // the clock ends there, long before it would overflow
  return {virtual_base_.ns + static_cast<std::int64_t>(std::min(passed_ns, kMostNs))};
}

void LiveMachine::set_clock() {
  if (rate_ == kAsFastAsPossible || rate_ == 0) return;
  VirtualTime time = goal();
  // Events are the thread's to work through: the clock goes up to the first that is due.
  if (const auto next = machine_->next_event(); next && *next <= time) time.ns = next->ns - 1;
  if (time > machine_->now()) machine_->run_until(time);
}

void LiveMachine::wake_if_changed() {
  if (rate_ == kAsFastAsPossible || machine_->next_event() != awaited_) changed_.notify_all();
}

void LiveMachine::run() {
  // It gives way to real work. It is not nicer than this, since others wait for the lock while it
  // has it.
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
  switch (go_on_to(goal())) {
    case SliceEnd::kAtGoal:
      set_clock();
      return sleep_until_next_event(lock);
    case SliceEnd::kIsAwaited:
      return let_others_look(lock);
    case SliceEnd::kIsLong:
      if (rate_ == kAsFastAsPossible || limit_lag()) give_way_to_real_work(lock);
  }
}

LiveMachine::SliceEnd LiveMachine::go_on_to(VirtualTime goal) {
  const std::int64_t end_ns = monotonic_ns() + kSliceNs;
  for (auto next = machine_->next_event(); next && *next <= goal; next = machine_->next_event()) {
    if (rate_ == kAsFastAsPossible && machine_->finished()) break;
    if (waiting_ != 0) return SliceEnd::kIsAwaited;
    if (monotonic_ns() >= end_ns) return SliceEnd::kIsLong;
    for (int i = 0; i < kEventsBetweenLooks && next && *next <= goal; ++i) {
      machine_->run_until(*next);
      next = machine_->next_event();
    }
  }
  return SliceEnd::kAtGoal;
}

// A machine that cannot keep up runs as fast as it can, and does not make up for what it missed.
// Returns whether this is one.
bool LiveMachine::limit_lag() {
  const double lag_ns = static_cast<double>((goal() - machine_->now()).ns) / rate_;
  if (lag_ns <= kMostLagNs) return false;
  virtual_base_ = machine_->now();
  wall_base_ns_ = monotonic_ns() - kMostLagNs;
  return true;
}

void LiveMachine::let_others_look(std::unique_lock<std::mutex>& lock) const {
  lock.unlock();
  while (waiting_ != 0) std::this_thread::yield();
  lock.lock();
}

void LiveMachine::give_way_to_real_work(std::unique_lock<std::mutex>& lock) {
  const auto goes_on = [this] {
    const std::uint64_t now = real_work_ ? real_work_() : 0;
    return std::exchange(real_work_seen_, now) != now;
  };
  lock.unlock();
  for (int rests = 0; rests < kMostRests && goes_on(); ++rests) std::this_thread::sleep_for(kRest);
  lock.lock();
}

void LiveMachine::sleep_until_next_event(std::unique_lock<std::mutex>& lock) {
  awaited_ = machine_->next_event();
  // A machine that runs as fast as it can sleeps only when it has finished, until the next command.
  if (!awaited_ || rate_ == kAsFastAsPossible) {
    changed_.wait(lock);
    return;
  }
  const double virtual_ns = static_cast<double>(awaited_->ns - virtual_base_.ns);
  const double sleep_ns = virtual_ns / rate_ - static_cast<double>(monotonic_ns() - wall_base_ns_);
  changed_.wait_for(
      lock, std::chrono::nanoseconds(std::max(
                kShortestSleepNs, static_cast<std::int64_t>(std::min(sleep_ns, kLongestSleepNs)))));
}

}  // namespace spindle
