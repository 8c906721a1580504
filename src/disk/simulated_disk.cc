#include "spindle/disk/simulated_disk.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "spindle/base/check.h"
#include "spindle/base/clock.h"
#include "spindle/base/event_trace.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

Result<> check_pace(double pace) {
  if (pace >= 0 && pace <= SimulatedDisk::kMaxPace) return {};
  return Error{EINVAL, "the pace must be a number from 0 to 1000"};
}

void sleep_until(std::int64_t monotonic_deadline_ns) {
  const timespec deadline{.tv_sec = monotonic_deadline_ns / kNsPerSecond,
                          .tv_nsec = monotonic_deadline_ns % kNsPerSecond};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

}  // namespace

/// One submit that is not done; stands on its owner's stack.
struct SimulatedDisk::Batch {
  thread::WaitQueue waiter{"disk"};
  std::span<const IoRequest> to_come;  ///< those that have not entered the queue yet
  std::size_t remaining = 0;           ///< how many of its runs are in the queue
  std::uint64_t traced_request = 0;    ///< the traced request for which it is done; 0: none
  std::int64_t arrived_ns = 0;         ///< when it came, with a pace, by the monotonic clock
  std::int64_t due_ns = 0;  ///< when the run in service is over, with a pace; 0: none is in service
  std::uint64_t write_number = 0;  ///< not 0 while it stands in the list of writes
  Batch* previous = nullptr;
  Batch* next = nullptr;
};

/// What a cookie in the drive's queue stands for.
struct SimulatedDisk::Pending {
  Batch* batch = nullptr;
  IoRequest::Kind kind = IoRequest::Kind::kRead;
  IoPurpose purpose = IoPurpose::kData;
  std::uint64_t requests = 0;
  std::uint64_t blocks = 0;
};

namespace {

std::string_view kind_name(bool is_write) {
  return is_write ? "write" : "read";
}

void trace_service(const Service& service, std::uint64_t request) {
  if (active_trace == nullptr) return;
  const auto ns = [](std::int64_t time) { return static_cast<std::uint64_t>(time); };
  active_trace->add_for(
      request, EventKind::kServe,
      {service.run.start.value, service.run.length, service.from.value, service.to.value,
       service.end.value, service.distance, ns(service.seek_ns), ns(service.rotation_ns),
       ns(service.transfer_ns), ns(service.arrival.ns), ns(service.begin.ns), service.depth},
      kind_name(service.is_write));
}

}  // namespace

Result<std::unique_ptr<SimulatedDisk>> SimulatedDisk::create(BlockDevice& backing,
                                                             const Options& options) {
  auto policy = TRY(make_arm_policy(options.arm_policy));
  const DiskModel model =
      TRY(make_disk_model(options.disk, backing.block_size(), backing.block_count()));
  TRY(check_pace(options.pace));
  return std::unique_ptr<SimulatedDisk>(
      new SimulatedDisk(backing, model, std::move(policy), options.pace));
}

SimulatedDisk::SimulatedDisk(BlockDevice& backing, const DiskModel& model,
                             std::unique_ptr<ArmPolicy> policy, double pace)
    : backing_(backing),
      drive_(model, std::move(policy)),
      pace_(pace),
      activity_(backing.block_count()) {}

SimulatedDisk::~SimulatedDisk() {
  CHECK(drive_.idle() && oldest_write_ == nullptr);
}

Result<> SimulatedDisk::submit(std::span<const IoRequest> requests) {
  bool writes = false;
  for (const IoRequest& request : requests) {
    TRY(check_request(*this, request));
    writes |= request.kind == IoRequest::Kind::kWrite;
  }
  Batch batch;
  if (pace_ > 0) batch.arrived_ns = monotonic_ns();
  if (writes) link(batch);
  Result<> outcome = submit_below(requests);
  if (drive_.model().is_timed()) {
    batch.to_come = requests;
    if (active_trace != nullptr) batch.traced_request = active_trace->request();
    enqueue(batch);
    await(batch);
  } else {
    count_untimed(requests);
  }
  if (writes) unlink(batch);
  return outcome;
}

Result<> SimulatedDisk::submit_below(std::span<const IoRequest> requests) {
  Result<> outcome = backing_.submit(requests);
  if (!outcome.ok()) ++statistics_.errors;
  return outcome;
}

void SimulatedDisk::count(const IoRequest& request, std::uint64_t blocks) {
  statistics_.count_request(request, blocks);
  activity_.count({request.start, blocks}, request.kind == IoRequest::Kind::kWrite);
}

void SimulatedDisk::count_untimed(std::span<const IoRequest> requests) {
  Service service;
  service.depth = 1;
  for (const IoRequest& request : requests) {
    const std::uint64_t blocks = request.bytes() / block_size();
    if (blocks == 0) continue;
    count(request, blocks);
    statistics_.count_service(service, 1);
    trace_event(EventKind::kTransfer, {request.start.value, blocks},
                kind_name(request.kind == IoRequest::Kind::kWrite),
                io_purpose_name(request.purpose));
  }
}

void SimulatedDisk::enqueue(Batch& batch) {
  fill_queue(batch);
  if (drive_.idle() || handled_by_ != nullptr || !thread::current_thread::exists()) return;
  handled_by_ = thread::Runtime::current();
  handled_by_->add_idle_handler(*this);
}

// Lets as many of the batch's runs into the queue as there is room for.
void SimulatedDisk::fill_queue(Batch& batch) {
  while (batch.remaining < kMostOfABatch && !batch.to_come.empty()) enqueue_next(batch);
}

// Enters the next requests as one run, as far as they are neighbours of one kind.
void SimulatedDisk::enqueue_next(Batch& batch) {
  Pending pending{.batch = &batch};
  Run run;
  for (; !batch.to_come.empty(); batch.to_come = batch.to_come.subspan(1)) {
    const IoRequest& request = batch.to_come.front();
    const std::uint64_t blocks = request.bytes() / block_size();
    if (blocks == 0) continue;
    const bool joins = run.end() == request.start && pending.kind == request.kind &&
                       pending.purpose == request.purpose;
    if (run.length != 0 && !joins) break;
    if (run.length == 0) {
      run.start = request.start;
      pending.kind = request.kind;
      pending.purpose = request.purpose;
    }
    count(request, blocks);
    run.length += blocks;
    pending.blocks += blocks;
    ++pending.requests;
  }
  if (run.length != 0) enqueue_run(pending, run);
}

void SimulatedDisk::enqueue_run(const Pending& pending, Run run) {
  if (free_cookies_.empty()) {
    free_cookies_.push_back(pending_.size());
    pending_.emplace_back();
  }
  const std::uint64_t cookie = free_cookies_.back();
  free_cookies_.pop_back();
  pending_[cookie] = pending;
  ++pending.batch->remaining;
  const bool is_write = pending.kind == IoRequest::Kind::kWrite;
  drive_.arrive(cookie, run, is_write);
  if (active_trace != nullptr) {
    active_trace->add_for(pending.batch->traced_request, EventKind::kQueue,
                          {run.start.value, run.length, drive_.queue().size(),
                           static_cast<std::uint64_t>(drive_.now().ns)},
                          kind_name(is_write), io_purpose_name(pending.purpose));
  }
  for (DiskObserver* observer : observers_) observer->arrived(run, is_write, pending.requests);
}

void SimulatedDisk::await(Batch& batch) {
  const bool parks = thread::current_thread::exists();
  while (batch.remaining != 0 || batch.due_ns != 0) {
    if (batch.due_ns != 0)
      await_pace(batch);
    else if (parks)
      batch.waiter.wait();
    else
      serve_one();
  }
}

void SimulatedDisk::await_pace(Batch& batch) {
  // Only a change of pace, which ends the wait, wakes it before the time.
  if (thread::current_thread::exists())
    static_cast<void>(batch.waiter.wait_until(batch.due_ns));
  else
    sleep_until(batch.due_ns);
  batch.due_ns = 0;
  in_service_ = nullptr;
}

bool SimulatedDisk::idle() {
  while (!drive_.idle() && in_service_ == nullptr)
    if (serve_one()) return true;
  return false;
}

// True if a thread was made ready.
bool SimulatedDisk::serve_one() {
  const std::string_view policy = arm_policy();
  const Service service = drive_.serve_next();
  const Pending pending = std::exchange(pending_[service.cookie], Pending{});
  free_cookies_.push_back(service.cookie);
  statistics_.count_service(service, pending.requests);
  trace_service(service, pending.batch->traced_request);
  for (DiskObserver* observer : observers_) observer->served(service, pending.requests);
  // A policy that misbehaves is another one from then on.
  if (policy != arm_policy()) restart_observers();
  Batch& batch = *pending.batch;
  --batch.remaining;
  fill_queue(batch);
  if (drive_.idle() && handled_by_ != nullptr)
    std::exchange(handled_by_, nullptr)->remove_idle_handler(*this);
  if (pace_ > 0) keep_pace(batch, service.total_ns());
  return (batch.remaining == 0 || batch.due_ns != 0) && batch.waiter.wake_one();
}

// Makes the owner wait for the end of the service in wall time, if that is still to come.
void SimulatedDisk::keep_pace(Batch& batch, std::int64_t service_ns) {
  const std::int64_t begin_ns = std::max(service_due_ns_, batch.arrived_ns);
  service_due_ns_ = begin_ns + std::llround(static_cast<double>(service_ns) * pace_);
  if (service_due_ns_ <= monotonic_ns()) return;
  batch.due_ns = service_due_ns_;
  in_service_ = &batch;
}

Result<> SimulatedDisk::flush() {
  const std::uint64_t covered = last_write_number_;
  while (oldest_write_ != nullptr && oldest_write_->write_number <= covered) barrier_.wait();
  ++statistics_.flushes;
  trace_event(EventKind::kFlush, {});
  Result<> outcome = backing_.flush();
  if (!outcome.ok()) ++statistics_.errors;
  return outcome;
}

Result<> SimulatedDisk::discard(Run run) {
  TRY(check_run(*this, run));
  ++statistics_.discards;
  Result<> outcome = backing_.discard(run);
  if (!outcome.ok()) ++statistics_.errors;
  return outcome;
}

void SimulatedDisk::link(Batch& batch) {
  batch.write_number = ++last_write_number_;
  batch.previous = newest_write_;
  (newest_write_ != nullptr ? newest_write_->next : oldest_write_) = &batch;
  newest_write_ = &batch;
}

void SimulatedDisk::unlink(Batch& batch) {
  const bool was_oldest = oldest_write_ == &batch;
  (batch.previous != nullptr ? batch.previous->next : oldest_write_) = batch.next;
  (batch.next != nullptr ? batch.next->previous : newest_write_) = batch.previous;
  if (was_oldest) barrier_.wake_all();
}

Result<> SimulatedDisk::set_arm_policy(std::string_view name) {
  drive_.set_policy(TRY(make_arm_policy(name)));
  restart_observers();
  return {};
}

Result<> SimulatedDisk::set_disk(std::string_view preset) {
  drive_.set_model(TRY(make_disk_model(preset, block_size(), block_count())));
  restart_observers();
  return {};
}

Result<> SimulatedDisk::set_pace(double pace) {
  TRY(check_pace(pace));
  pace_ = pace;
  service_due_ns_ = monotonic_ns();
  if (Batch* waits = std::exchange(in_service_, nullptr)) {
    waits->due_ns = 0;
    waits->waiter.wake_all();
  }
  return {};
}

Result<> SimulatedDisk::place_arm(Cylinder at, ArmDirection direction) {
  if (at.value >= drive_.model().geometry.cylinders())
    return Error{EINVAL, "the disk has no such cylinder"};
  drive_.place_arm(at, direction);
  restart_observers();
  return {};
}

void SimulatedDisk::reset_statistics() {
  statistics_ = {};
  for (const ArmRequest& waiting : drive_.queue()) {
    const Pending& pending = pending_[waiting.id];
    const auto kind = static_cast<std::size_t>(pending.kind);
    const auto purpose = static_cast<std::size_t>(pending.purpose);
    statistics_.requests_by_purpose[kind][purpose] += pending.requests;
    statistics_.blocks_by_purpose[kind][purpose] += pending.blocks;
  }
  restart_observers();
}

void SimulatedDisk::add_observer(DiskObserver& observer) {
  observers_.push_back(&observer);
  restart_observers();
}

void SimulatedDisk::remove_observer(DiskObserver& observer) {
  std::erase(observers_, &observer);
}

void SimulatedDisk::restart_observers() {
  if (observers_.empty()) return;
  // A policy may remember its sweep; shadows that begin now do not.
  drive_.set_policy(make_arm_policy(arm_policy()).take());
  std::vector<std::uint64_t> requests;
  requests.reserve(drive_.queue().size());
  for (const ArmRequest& waiting : drive_.queue())
    requests.push_back(pending_[waiting.id].requests);
  for (DiskObserver* observer : observers_) observer->restarted(drive_, requests);
}

}  // namespace spindle
