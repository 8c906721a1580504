// Memory in runs: spaces that are rolled out to the swap file as a whole, and in again.
//
// Spaces take turns: one that is out comes in when there is room; when it has been out for a turn,
// the one that has been in the longest makes room for it.

#include "memory_runs.h"
#include "spindle/base/check.h"

namespace spindle {
namespace {

/// Reviews after which a space has had its turn.
constexpr std::uint64_t kTurnReviews = 10;

}  // namespace

std::uint64_t RunMemory::private_bytes(const Owned& space) {
  std::uint64_t bytes = 0;
  for (const auto& [start, area] : space.areas.all())
    if (!space.shared.contains(start)) bytes += area.bytes();
  return bytes;
}

// Whether it is in and fits into the free swap space.
bool RunMemory::can_roll_out(const Owned& space) const {
  const std::uint64_t wanted = units(private_bytes(space));
  return !space.is_rolled_out && wanted != 0 && swap_.used() + wanted <= swap_.capacity();
}

const RunMemory::Owned* RunMemory::longest_out() const {
  const Owned* found = nullptr;
  for (const auto& [id, space] : spaces_) {
    if (!space->is_rolled_out) continue;
    if (found == nullptr || space->since < found->since) found = space.get();
  }
  return found;
}

const RunMemory::Owned* RunMemory::longest_in(SpaceId besides) const {
  const Owned* found = nullptr;
  for (const auto& [id, space] : spaces_) {
    if (space->id == besides || !can_roll_out(*space)) continue;
    if (found == nullptr || space->since < found->since) found = space.get();
  }
  return found;
}

std::optional<SpaceId> RunMemory::roll_out_victim(SpaceId for_whom) const {
  const Owned* const victim = longest_in(for_whom);
  return victim == nullptr ? std::nullopt : std::optional(victim->id);
}

std::uint64_t RunMemory::units_to_return(const Owned& space) const {
  return is_segmented() ? units(private_bytes(space)) : space.partition_units;
}

LoadReview RunMemory::review(const std::set<SpaceId>&) {
  ++reviews_;
  LoadReview review;
  review.references =
      counted_.references - std::exchange(reviewed_references_, counted_.references);
  const Owned* const waiting = longest_out();
  if (waiting == nullptr) return review;
  review.demand_frames = units_to_return(*waiting);
  review.available_frames = free_.total();
  review.resume = waiting->id;
  if (review.demand_frames <= review.available_frames && !is_fixed()) return review;
  const Owned* const first = longest_in();
  const bool is_its_turn = reviews_ - waiting->since >= kTurnReviews;
  if (is_its_turn && first != nullptr && reviews_ - first->since >= kTurnReviews)
    review.suspend = first->id;
  return review;
}

void RunMemory::suspend(SpaceId id) {
  Owned& space = space_of(id);
  space.is_suspended = true;
  if (can_roll_out(space)) roll_out(space);
}

// Pages on their way in come in when the space does; tasks that wait for a page wait for that.
void RunMemory::stop_reading(Owned& space) {
  for (const auto& [page, id] : space.pages.reading) {
    Reading& reading = readings_.at(id.value);
    if (!reading.transfer.is_swap) space.unread[page] = reading.transfer;
    for (const MemoryAccess& access : std::exchange(reading.waiting, {}))
      space.awaiting_return.push_back(access);
  }
  space.pages.reading.clear();
}

void RunMemory::roll_out(Owned& space) {
  stop_reading(space);
  for (const auto& [start, area] : space.areas.all()) {
    if (space.shared.contains(start)) continue;
    const std::uint64_t first = start.value / settings_.page_size;
    for (std::uint64_t page = first; page < first + units(area.bytes()); ++page) {
      if (space.slots.contains(page)) continue;  // it had not come in from the slot yet
      const SlotIndex slot = swap_.take();
      space.slots[page] = slot;
      PageTransfer transfer;
      transfer.id = TransferId{++last_id_};
      transfer.is_write = transfer.is_swap = true;
      transfer.slot = SlotNo{slot};
      transfer.space = space.id;
      swap_[slot].writing = transfer.id;
      if (const auto content = space.pages.content.find(page); content != space.pages.content.end())
        swap_[slot].content = std::move(content->second);
      transfer.content = swap_[slot].content.bytes(settings_.page_size);
      writings_[transfer.id.value].slot = slot;
      outbox_.push_back(transfer);
    }
  }
  space.pages.content.clear();
  space.awaited_writes.clear();
  for (const auto& [start, run] : space.segments) give_back(run);
  space.segments.clear();
  give_back(std::exchange(space.partition, Run{}));
  space.is_rolled_out = true;
  space.since = reviews_;
}

// Takes all runs or none.
Result<> RunMemory::take_back_runs(Owned& space) {
  if (!is_segmented()) {
    space.partition = TRY(take(space.partition_units));
    return {};
  }
  std::map<VirtualAddress, Run> taken;
  for (const auto& [start, area] : space.areas.all()) {
    if (space.shared.contains(start)) continue;
    const auto run = take(units(area.bytes()));
    if (run.ok()) {
      taken[start] = *run;
      // From here on, `compact` knows where it stands.
      space.segments[start] = *run;
      continue;
    }
    for (const auto& [each, unused] : taken) give_back(space.segments.at(each));
    space.segments.clear();
    return run.error();
  }
  return {};
}

Result<> RunMemory::roll_in(Owned& space) {
  for (const auto& [page, slot] : space.slots)
    if (swap_[slot].writing) return Error{EAGAIN, "it is still on its way out"};
  TRY(take_back_runs(space));
  space.is_rolled_out = false;
  space.since = reviews_;
  await_writes(space);
  PageTransfer transfer;
  transfer.is_swap = true;
  for (const auto& [page, unread] : std::exchange(space.unread, {})) {
    swap_.let_go(space.slots.extract(page).mapped());
    start_reading(unread, &space, nullptr, page);
  }
  for (const auto& [page, slot] : space.slots) {
    transfer.slot = SlotNo{slot};
    start_reading(transfer, &space, nullptr, page);
  }
  // Tasks that have tried to go on meanwhile do so when the first page is there.
  auto& waiting = readings_.at(space.pages.reading.begin()->second.value).waiting;
  waiting = std::exchange(space.awaiting_return, {});
  return {};
}

Result<> RunMemory::resume(SpaceId id) {
  Owned& space = space_of(id);
  if (space.is_rolled_out) TRY(roll_in(space));
  space.is_suspended = false;
  return {};
}

void RunMemory::drop_slots(Owned& space) {
  for (const auto& [page, slot] : space.slots) swap_.let_go(slot);
  space.slots.clear();
}

// Puts what was read where it belongs.
void RunMemory::take_page(const Reading& reading, std::span<const std::byte> content,
                          Pages& pages) {
  PageContent& page = pages.content[reading.page];
  if (!reading.transfer.is_swap) return page.assign(content, settings_.page_size);
  ++counted_.swapped_in;
  const auto slot = static_cast<SlotIndex>(reading.transfer.slot.value);
  page = std::move(swap_[slot].content);
  // The swap file's bytes count, if there is one.
  if (!content.empty()) page.assign(content, settings_.page_size);
  spaces_.at(reading.space)->slots.erase(reading.page);
  swap_.let_go(slot);
}

void RunMemory::await_writes(Owned& space) const {
  for (const auto& [id, writing] : writings_) space.awaited_writes.insert(id);
}

// Whether the access waits now, for its space to come in or for what was there before to be
// written.
bool RunMemory::is_blocked(Owned& space, const MemoryAccess& access) {
  if (space.is_rolled_out) {
    space.awaiting_return.push_back(access);
    return true;
  }
  if (space.awaited_writes.empty()) return false;
  writings_.at(*space.awaited_writes.begin()).waiting.push_back(access);
  return true;
}

std::vector<ResumedAccess> RunMemory::complete_write(TransferId id) {
  const auto node = writings_.extract(id.value);
  swap_.written(node.mapped().slot);
  ++counted_.pages_out;
  ++counted_.swapped_out;
  for (const auto& [number, space] : spaces_) space->awaited_writes.erase(id.value);
  std::vector<ResumedAccess> resumed;
  retry(node.mapped().waiting, false, resumed);
  return resumed;
}

// Tries the accesses again; those that need not wait for something else now are done.
void RunMemory::retry(const std::vector<MemoryAccess>& waiting, bool failed,
                      std::vector<ResumedAccess>& resumed) {
  for (const MemoryAccess& each : waiting) {
    AccessOutcome outcome = access(each);
    if (outcome.status == AccessOutcome::Status::kBlocked) continue;
    if (failed)
      outcome = {.status = AccessOutcome::Status::kViolation, .violation = Violation::kReadFailed};
    outcome.fault = AccessOutcome::Fault::kMajor;
    resumed.push_back({each.task, outcome});
  }
}

Result<> RunMemory::set_swap_bytes(std::uint64_t bytes) {
  if (bytes / settings_.page_size > kMaxSlots)
    return Error{EINVAL, "there would be too many slots"};
  TRY(swap_.resize(bytes / settings_.page_size));
  settings_.swap_bytes = bytes;
  return {};
}

}  // namespace spindle
