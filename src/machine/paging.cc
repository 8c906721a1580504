#include "paging.h"

#include <algorithm>

#include "kernel.h"

namespace spindle {
namespace {

/// The wait until a victim has left its memory.
constexpr std::int64_t kWaitForVictimNs = 100'000;
constexpr std::int64_t kReviewIntervalNs = 100'000'000;
constexpr std::size_t kMostSegments = 4096;

bool is_awake(const Thread* thread) {
  return thread->state == ThreadState::kReady || thread->state == ThreadState::kRunning ||
         thread->state == ThreadState::kDisk;
}

}  // namespace

Result<std::unique_ptr<Paging>> Paging::create(Kernel& kernel) {
  std::unique_ptr<Paging> paging(new Paging(kernel));
  MemoryConfiguration configuration = kernel.configuration.memory;
  configuration.cpus = kernel.configuration.cpus;
  configuration.conventions.seed = kernel.configuration.seed;
  const MachineCosts& costs = kernel.configuration.costs;
  if (costs.system_call_ns == 0 && costs.context_switch_ns == 0) {
    configuration.costs = {.tlb_ns = 0, .memory_ns = 0, .fault_ns = 0, .fill_ns = 0};
    configuration.tables_take_frames = false;
  }
  TRY(paging->find_swap_file(configuration));
  paging->memory_ = TRY(MemoryManager::make(configuration));
  paging->page_size_ = configuration.page_size;
  kernel.agenda.add(VirtualTime{kReviewIntervalNs}, AgendaEntry::Kind::kReview);
  return paging;
}

// If the volume has a file of that name, it is the swap file, at its present size.
Result<> Paging::find_swap_file(MemoryConfiguration& configuration) {
  const auto found = kernel_.host.lookup(kernel_.configuration.swap_file);
  if (!found.ok() || found->is_directory) return {};
  const std::uint64_t bytes = TRY(kernel_.host.size(found->id));
  if (bytes < configuration.page_size) return {};
  swap_file_ = found->id;
  configuration.swap_bytes = bytes;
  return {};
}

Result<> Paging::set_swap_bytes(std::uint64_t bytes) {
  if (swap_file_ != kNoFile && bytes > TRY(kernel_.host.size(swap_file_)))
    return Error{EINVAL, "the swap file on the volume is smaller than that"};
  return memory_->set_swap_bytes(bytes);
}

// Address spaces.

template <class Attempt>
auto Paging::with_room(const Process& process, Attempt attempt) {
  auto result = attempt();
  while (result.code() == ENOMEM) {
    const auto victim = memory_->roll_out_victim(process.space);
    if (!victim || !suspend(*victim)) break;
    result = attempt();
  }
  return result;
}

Result<VirtualAddress> Paging::map(const Process& process, const MapRequest& request) {
  auto mapped = with_room(process, [&] { return memory_->map(process.space, request); });
  start_transfers();
  return mapped;
}

Result<> Paging::set_break(const Process& process, VirtualAddress end) {
  return with_room(process, [&] { return memory_->set_break(process.space, end); });
}

Result<> Paging::load(Process& process, const std::string& path) {
  const SpaceId space = TRY(with_room(process, [&] {
    return memory_->create({.partition_bytes = kernel_.configuration.partition_bytes});
  }));
  const auto areas = map_program(process, space, path);
  if (!areas.ok()) {
    memory_->destroy(space);
    return areas.error();
  }
  leave(process);
  process.space = space;
  process.heap = areas->heap;
  process.heap_end = areas->heap + page_size_;
  // An exercise counts only its own pages.
  if (!memory_->configuration().tables_take_frames) return {};
  // The arguments stand in this page; if no frame is free, it gets one when they are used.
  memory_->access(
      {.space = space, .task = {}, .address = areas->stack, .kind = AccessKind::kWrite});
  memory_->cancel({});
  start_transfers();
  return {};
}

// Maps the text of the program, if it is a file, and the first page of its heap and of its stack.
Result<Paging::ProgramAreas> Paging::map_program(const Process& process, SpaceId space,
                                                 const std::string& path) {
  const auto map = [&](const MapRequest& request) {
    return with_room(process, [&] { return memory_->map(space, request); });
  };
  if (const auto file = kernel_.host.lookup(path); file.ok() && file->size > 0) {
    TRY(map({.bytes = file->size,
             .kind = AreaKind::kFile,
             .protection = {.read = true, .execute = true},
             .file = InodeNo{file->id},
             .file_bytes = file->size,
             .name = kernel_.host.real_path(file->path)}));
  }
  const VirtualAddress heap = TRY(map({.bytes = page_size_, .kind = AreaKind::kHeap}));
  // One level of tables translates less than a stack of the usual size.
  const std::uint64_t quarter = std::uint64_t{1} << (memory_->configuration().address_bits - 3);
  const VirtualAddress stack =
      TRY(map({.bytes = page_size_,
               .kind = AreaKind::kStack,
               .most_bytes = std::min<std::uint64_t>(kStackBytes, quarter)}));
  return ProgramAreas{heap, stack};
}

Result<> Paging::fork(const Process& parent, Process& child) {
  if (!parent.space) return {};
  child.space = TRY(with_room(parent, [&] { return memory_->fork(parent.space); }));
  child.heap = parent.heap;
  child.heap_end = parent.heap_end;
  start_transfers();
  return {};
}

void Paging::cancel(const Thread& thread) {
  memory_->cancel(task_of(thread));
  resumed_.erase(thread.id);
}

void Paging::leave(Process& process) {
  if (!process.space) return;
  suspended_.erase(process.space);
  memory_->destroy(std::exchange(process.space, SpaceId{}));
  start_transfers();
}

Result<VirtualAddress> Paging::map_segment(Process& process, const std::string& name,
                                           std::uint64_t bytes) {
  auto segment = segments_.find(name);
  if (segment == segments_.end()) {
    TRY(check_object_name(name));
    if (segments_.size() >= kMostSegments) return Error{ENOSPC, "there are too many segments"};
    segment =
        segments_
            .emplace(name, TRY(with_room(process, [&] { return memory_->create_segment(bytes); })))
            .first;
  }
  return memory_->map(process.space, {.bytes = bytes,
                                      .kind = AreaKind::kSegment,
                                      .segment = segment->second,
                                      .name = "/dev/shm/" + name});
}

Result<> Paging::remove_segment(std::string_view name) {
  const auto found = segments_.find(name);
  if (found == segments_.end()) return Error{ENOENT, "there is no such segment"};
  TRY(memory_->remove_segment(found->second));
  segments_.erase(found);
  return {};
}

std::vector<ObjectSnapshot> Paging::segments() const {
  std::vector<ObjectSnapshot> out;
  for (const auto& [name, segment] : segments_) {
    ObjectSnapshot& object = out.emplace_back();
    object.kind = "memory";
    object.name = name;
    for (const auto& [number, process] : kernel_.processes) {
      if (!process->space) continue;
      for (const MemoryArea& area : memory_->areas(process->space)) {
        if (area.segment != segment) continue;
        object.total = static_cast<std::int64_t>(area.bytes());
        ++object.value;
        object.owners.push_back(number);
      }
    }
  }
  return out;
}

// Accesses.

Outcome Paging::access(Thread& thread, MemoryAccess access) {
  if (thread.progress[kState] == kCharged) return Response::of(thread.progress[kAccess]);
  if (thread.progress[kState] == kWaiting) {
    const auto resumed = resumed_.extract(thread.id);
    thread.progress[kState] = kFresh;
    if (!resumed.empty()) return finish(thread, resumed.mapped(), access.address);
  }
  access.space = thread.process->space;
  access.task = task_of(thread);
  access.cpu = thread.cpu;
  const AccessOutcome outcome = memory_->access(access);
  if (outcome.status != AccessOutcome::Status::kBlocked) {
    // Room may have been made by writing pages out.
    if (outcome.fault != AccessOutcome::Fault::kNone) start_transfers();
    return finish(thread, outcome, access.address);
  }
  thread.progress[kState] = kWaiting;
  return await(thread, kPageFault.data());
}

// The thread waits for what memory wants moved; with programmed I/O it moves it itself.
Outcome Paging::await(Thread& thread, const char* channel) {
  const bool polls = kernel_.configuration.device_mode == DeviceMode::kProgrammed;
  // While a thread waits for others to make room, nothing is moved for it.
  if (const std::int64_t moving_ns = polls && kernel_.disk->is_idle() ? poll_transfers_ns() : 0;
      moving_ns > 0)
    return Outcome::busy(moving_ns);
  start_transfers(&thread);
  kernel_.block_for_disk(thread, channel);
  return Outcome::waits();
}

Outcome Paging::finish(Thread& thread, const AccessOutcome& outcome, VirtualAddress address) {
  note_fault(thread, outcome, address);
  switch (outcome.status) {
    case AccessOutcome::Status::kOutOfMemory:
      return out_of_memory();
    case AccessOutcome::Status::kViolation: {
      const bool is_bus_error = outcome.violation >= Violation::kMisaligned;
      kernel_.send(*thread.process, is_bus_error ? kSigBus : kSigSegv, &thread);
      return Error{EFAULT, describe(outcome.violation).data()};
    }
    default:
      break;
  }
  thread.progress[kState] = kCharged;
  thread.progress[kAccess] = static_cast<std::int64_t>(outcome.value);
  const std::int64_t cost_ns = outcome.cost_ns + kernel_.configuration.costs.memory_access_ns;
  return Outcome::busy(cost_ns, outcome.fault == AccessOutcome::Fault::kNone);
}

// The process with the highest score is killed, and the access is tried again.
Outcome Paging::out_of_memory() {
  const auto space = memory_->oom_victim();
  Process* victim = space ? process_of(*space) : nullptr;
  if (victim == nullptr) return Error{ENOMEM, "memory and swap are full"};
  if (!victim->is_exiting) {
    tell("Out of memory: killed", *victim);
    kernel_.agenda.add(kernel_.now(), AgendaEntry::Kind::kVictim, victim->threads.front()->id);
  }
  return Outcome::busy(kWaitForVictimNs);
}

void Paging::note_fault(Thread& thread, const AccessOutcome& outcome, VirtualAddress address) {
  const bool is_violation = outcome.status == AccessOutcome::Status::kViolation;
  if (outcome.fault == AccessOutcome::Fault::kNone && !is_violation) return;
  const bool is_major = outcome.fault == AccessOutcome::Fault::kMajor;
  if (outcome.fault != AccessOutcome::Fault::kNone)
    ++(is_major ? thread.major_faults : thread.minor_faults);
  if (!kernel_.events.enabled()) return;
  MachineEvent fault = kernel_.event(MachineEventKind::kFault, &thread);
  fault.arguments[0] = static_cast<std::int64_t>(address.value);
  fault.value = is_violation ? 2 : is_major ? 1 : 0;
  kernel_.events.record(fault);
}

// The disk.

void Paging::start_transfers(const Thread* thread) {
  for (const PageTransfer& transfer : memory_->take_transfers()) {
    transfers_[transfer.id.value] = transfer;
    BlockRequest request = request_for(transfer);
    if (thread != nullptr) {
      request.thread = thread->id;
      request.rank = Kernel::io_rank(*thread);
    }
    count_read(transfer, request);
    kernel_.disk->add(request, kernel_.now());
    kernel_.schedule_disk();
  }
}

// A page is read on the account of the process whose access, or whose reading of pages before it,
// asked for it.
void Paging::count_read(const PageTransfer& transfer, const BlockRequest& request) const {
  if (transfer.is_write) return;
  const Thread* const thread =
      kernel_.find_thread(static_cast<ProcessNumber>(transfer.task.value % kAhead));
  Process* const process = thread != nullptr ? thread->process : process_of(transfer.space);
  if (process != nullptr) process->read_bytes += request.run.length * kMachineBlockSize;
}

// How long a processor is busy that serves all transfers itself.
std::int64_t Paging::poll_transfers_ns() {
  VirtualTime until = kernel_.now();
  std::int64_t words_ns = 0;
  for (auto all = memory_->take_transfers(); !all.empty(); all = memory_->take_transfers()) {
    for (const PageTransfer& transfer : all) {
      const BlockRequest request = request_for(transfer);
      count_read(transfer, request);
      until = kernel_.disk->serve_now(request, kernel_.now());
      words_ns += kernel_.configuration.costs.word_io_ns(request.run.length);
      finish(transfer);
    }
  }
  return (until - kernel_.now()).ns + words_ns;
}

BlockRequest Paging::request_for(const PageTransfer& transfer) {
  const std::uint64_t file = transfer.is_swap ? swap_file_ : transfer.file.value;
  const std::uint64_t page = transfer.is_swap ? transfer.slot.value : transfer.page.value;
  const Run run = kernel_.disk->place(file, page * page_size_, page_size_);
  return {.cookie = kOurs | transfer.id.value,
          .run = run,
          .is_write = transfer.is_write,
          .issued = kernel_.now()};
}

std::vector<std::byte> Paging::read_content(const PageTransfer& transfer) {
  const std::uint64_t file = transfer.is_swap ? swap_file_ : transfer.file.value;
  if (file == kNoFile) return {};
  const std::uint64_t page = transfer.is_swap ? transfer.slot.value : transfer.page.value;
  std::vector<std::byte> content(page_size_);
  const auto got = kernel_.host.read(file, page * page_size_, content);
  return got.ok() ? content : std::vector<std::byte>{};
}

void Paging::write_content(const PageTransfer& transfer) {
  const std::uint64_t file = transfer.is_swap ? swap_file_ : transfer.file.value;
  if (file == kNoFile) return;
  const std::uint64_t offset =
      (transfer.is_swap ? transfer.slot.value : transfer.page.value) * page_size_;
  std::vector<std::byte> content(transfer.content.begin(), transfer.content.end());
  content.resize(page_size_);
  // A mapped file does not grow by being written.
  const auto size = kernel_.host.size(file);
  if (!size.ok() || *size <= offset) return;
  content.resize(std::min<std::uint64_t>(page_size_, *size - offset));
  if (!kernel_.host.write(file, offset, content).ok())
    kernel_.say(nullptr, "a page could not be written to its file\n");
}

void Paging::complete(const BlockRequest& request) {
  const auto found = transfers_.find(request.cookie & ~kOurs);
  const PageTransfer transfer = found->second;
  transfers_.erase(found);
  finish(transfer);
  start_transfers();
}

// The transfer is complete: lets the threads that waited for it go on.
void Paging::finish(const PageTransfer& transfer) {
  std::vector<std::byte> content;
  if (transfer.is_write)
    write_content(transfer);
  else
    content = read_content(transfer);
  for (const ResumedAccess& resumed : memory_->complete(transfer.id, content)) {
    if (resumed.task.value >= kAhead) continue;
    Thread* thread = kernel_.find_thread(static_cast<ProcessNumber>(resumed.task.value));
    if (thread == nullptr) continue;
    resumed_[thread->id] = resumed.outcome;
    kernel_.wake(*thread);
  }
}

// Load control.

Process* Paging::process_of(SpaceId space) const {
  for (const auto& [number, process] : kernel_.processes)
    if (process->space == space && !process->threads.empty()) return process.get();
  return nullptr;
}

// The spaces of processes of which a thread runs, is ready or waits for the disk.
std::set<SpaceId> Paging::awake_spaces() const {
  std::set<SpaceId> awake;
  for (const auto& [number, process] : kernel_.processes)
    if (process->space && std::ranges::any_of(process->threads, is_awake))
      awake.insert(process->space);
  return awake;
}

void Paging::tell(const char* what, const Process& whom) const {
  kernel_.say(nullptr,
              std::string(what) + " process " + std::to_string(whom.id) + " (" + whom.name + ")\n");
}

// False if it has no process that could be stopped.
bool Paging::suspend(SpaceId space) {
  Process* const process = process_of(space);
  if (process == nullptr) return false;
  tell(is_paged() ? "Thrashing: suspended" : "Swapped out", *process);
  suspended_.insert(space);
  memory_->suspend(space);
  kernel_.hold_threads(*process, Holder::kLoadControl);
  start_transfers();
  return true;
}

// Does nothing as long as its memory is not to be had.
void Paging::resume(SpaceId space) {
  Process* const process = process_of(space);
  if (process == nullptr || !memory_->resume(space).ok()) return;
  tell(is_paged() ? "Resumed" : "Swapped in", *process);
  suspended_.erase(space);
  kernel_.let_threads_go(*process, Holder::kLoadControl);
  start_transfers();
}

void Paging::review() {
  kernel_.agenda.add(kernel_.now() + VirtualTime{kReviewIntervalNs}, AgendaEntry::Kind::kReview);
  const LoadReview review = memory_->review(awake_spaces());
  if (!kernel_.configuration.load_control && !has_suspended()) return;
  if (review.suspend) suspend(*review.suspend);
  if (review.resume) resume(*review.resume);
}

}  // namespace spindle
