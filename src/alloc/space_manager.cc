// SpaceManager: blocks. Which group and which run are chosen, and how allocating and freeing take
// effect.

#include "spindle/alloc/space_manager.h"

#include "space_state.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

/// The most groups whose bitmaps are read, in the hope for a longer run, for a request that may be
/// answered with a shorter one.
constexpr std::size_t kMaxGroupsTried = 8;
/// A full disk is searched again after waiting for freed blocks; others may be faster.
constexpr int kMaxRounds = 16;
/// At most one in this many free blocks is reserved: by all files together, and by one.
constexpr std::uint64_t kShareReserved = 2;
constexpr std::uint64_t kShareOfWindow = 32;
/// How many blocks are kept back: what one hole may need, a few times over; fewer on a tiny volume.
constexpr std::uint64_t kMostKeptBack = 8;
constexpr std::uint64_t kShareKeptBack = 128;

}  // namespace

void SpaceManager::State::update_longest(GroupNo g) {
  const std::optional<Run> longest = groups[g.value].blocks->available.longest();
  longest_run.set(g.value, longest ? static_cast<std::uint32_t>(longest->length) : 0);
}

// Asks the policy for a run of this group, which is loaded. Unless any length will do, it must be
// as long as wanted, or begin right at the hint of the default policy.
std::optional<Run> SpaceManager::State::choose_in(GroupNo g, const FitRequest& request,
                                                  Length length) {
  const bool any_length = length == Length::kAny;
  const RunSet& available = groups[g.value].blocks->available;
  const std::optional<Run> at_hint =
      policy_reserves && request.hint ? available.at_or_after(request.hint) : std::nullopt;
  const bool follows = at_hint && at_hint->contains(request.hint) && !request.must_be_whole;
  if (!any_length && !follows && longest_run.get(g.value) < request.want) return std::nullopt;
  const std::optional<Run> run = policy->choose(available, request);
  if (!run || run->length == 0) return std::nullopt;
  CHECK(run->length <= request.want);
  const bool good = run->length == request.want || (follows && run->start == request.hint);
  return any_length || good ? run : std::nullopt;
}

// The best that there is, when no group has a run as long as wanted.
Result<std::optional<Run>> SpaceManager::State::choose_any(GroupNo start,
                                                           const FitRequest& request) {
  const std::size_t most_tries = groups.size() + 2 * kMaxGroupsTried;
  for (std::size_t tries = 0; longest_run.max() > 0 && tries < most_tries; ++tries) {
    // Where nothing longer has been found for a while, the nearest must do.
    const std::size_t best =
        tries < kMaxGroupsTried ? longest_run.index_of_max() : *longest_run.next(start.value, 1);
    const std::uint32_t bound = longest_run.get(best);
    TRY(load_blocks(GroupNo{best}));
    if (longest_run.get(best) < bound && tries < kMaxGroupsTried) continue;
    if (const auto run = choose_in(GroupNo{best}, request, Length::kAny)) return run;
  }
  return std::optional<Run>();
}

// A run that is available now; the caller takes it before anything else happens.
Result<std::optional<Run>> SpaceManager::State::choose(const FitRequest& asked) {
  FitRequest request = asked;
  const std::uint64_t most = layout.data(GroupNo{0}).length;
  if (request.want > most) {
    if (request.must_be_whole) return std::optional<Run>();
    request.want = most;
  }
  const GroupNo start = layout.group_of(request.hint).value_or(GroupNo{0});
  if (longest_run.get(start.value) > 0) {
    TRY(load_blocks(start));
    if (const auto run = choose_in(start, request, Length::kWanted)) return run;
  }
  const auto want = static_cast<std::uint32_t>(request.want);
  const std::size_t most_tries = request.must_be_whole ? groups.size() : kMaxGroupsTried;
  std::size_t from = start.value;
  for (std::size_t tries = 0; tries < most_tries; ++tries) {
    const std::optional<std::size_t> g = longest_run.next(from, want);
    if (!g) break;
    TRY(load_blocks(GroupNo{*g}));
    if (const auto run = choose_in(GroupNo{*g}, request, Length::kWanted)) return run;
    from = (*g + 1) % groups.size();
  }
  if (request.must_be_whole) return std::optional<Run>();
  return choose_any(start, request);
}

// Puts windows that are no longer reserved among what is available.
void SpaceManager::State::give_up(std::span<const Run> windows) {
  for (const Run& window : windows) {
    const GroupNo g = group_of(window.start);
    BlockSpace& space = *groups[g.value].blocks;
    CHECK(space.reserved.remove(window));
    CHECK(space.available.add(window));
    update_longest(g);
  }
}

// Sets the run's bits in the blocks of the group's bitmap in which they stand.
Result<> SpaceManager::State::set_block_bits(Transaction& tx, GroupNo g, Run run, bool value) {
  const std::uint64_t bits = layout.bits_per_block();
  for (std::uint64_t done = 0; done < run.length;) {
    const std::uint64_t at = layout.block_index(run.start + done);
    const std::uint64_t count = std::min(run.length - done, bits - at % bits);
    TRY(ensure_block_bitmap(g, at / bits));
    TRY(tx.set_bits(layout.block_bitmap(g).start + at / bits, BlockKind::kBlockBitmap, at % bits,
                    count, value));
    done += count;
  }
  return {};
}

// Records in the transaction that `run`, which is in none of the group's sets any more, is taken.
Result<> SpaceManager::State::record_taking(Transaction& tx, GroupNo g, Run run) {
  Group& group = groups[g.value];
  const auto length = static_cast<std::uint32_t>(run.length);
  group.blocks->uncommitted_takings += 1;
  group.free_blocks -= length;
  free_blocks -= length;
  tx.on_commit([this, g](EpochNo) { groups[g.value].blocks->uncommitted_takings -= 1; });
  tx.on_drop([this, g, run] {
    Group& back = groups[g.value];
    back.blocks->uncommitted_takings -= 1;
    back.free_blocks += static_cast<std::uint32_t>(run.length);
    free_blocks += run.length;
    CHECK(back.blocks->available.add(run));
    update_longest(g);
    // What was written to them must not reach the disk when they are somebody else's.
    cache.forget(run);
  });
  TRY(set_block_bits(tx, g, run, true));
  return add_to_descriptor(tx, g, offsetof(GroupDescriptor, free_blocks),
                           -static_cast<std::int64_t>(run.length));
}

Result<> SpaceManager::State::take(Transaction& tx, GroupNo g, Run run) {
  CHECK(groups[g.value].blocks->available.remove(run));
  update_longest(g);
  return record_taking(tx, g, run);
}

Result<std::optional<Run>> SpaceManager::State::try_allocate(Transaction& tx,
                                                             const FitRequest& asked, InodeNo owner,
                                                             std::uint64_t kept) {
  FitRequest request = asked;
  const std::uint64_t usable = free_blocks - std::min(free_blocks, kept);
  if (usable == 0 || (request.must_be_whole && usable < request.want)) return std::optional<Run>();
  if (!request.must_be_whole) {
    request.want = std::min({request.want, usable, layout.bits_per_block()});
  }
  if (const auto run = take_aside(owner, request)) {
    TRY(record_taking(tx, group_of(run->start), *run));
    return run;
  }
  const bool may_reserve = policy_reserves && owner && !request.must_be_whole;
  if (!may_reserve) {
    const auto run = TRY(choose(request));
    if (run) TRY(take(tx, group_of(run->start), *run));
    return run;
  }
  const Reservations::Growth* growth = reservations.going_on(owner, request.hint);
  if (growth != nullptr && growth->window.length != 0) {
    return take_from_window(tx, request, owner, growth->window);
  }
  return take_and_reserve(tx, request, owner, growth);
}

// Takes the first blocks of the window that is reserved for the file.
Result<std::optional<Run>> SpaceManager::State::take_from_window(Transaction& tx,
                                                                 const FitRequest& request,
                                                                 InodeNo owner, Run window) {
  const Run run{window.start, std::min(request.want, window.length)};
  const GroupNo g = group_of(run.start);
  CHECK(groups[g.value].blocks->reserved.remove(run));
  reservations.note(owner, run, {run.end(), window.length - run.length},
                    /*goes_on=*/true);
  TRY(record_taking(tx, g, run));
  return std::optional(run);
}

// Takes a run, and if the file has been seen to grow (`growth`) reserves a window behind it.
Result<std::optional<Run>> SpaceManager::State::take_and_reserve(
    Transaction& tx, const FitRequest& request, InodeNo owner, const Reservations::Growth* growth) {
  const bool goes_on = growth != nullptr;
  FitRequest roomy = request;
  if (goes_on && reservations.reserved() < free_blocks / kShareReserved) {
    roomy.want += std::min(reservations.window_for(*growth), free_blocks / kShareOfWindow);
  }
  const auto found = TRY(choose(roomy));
  if (!found) return found;
  const GroupNo g = group_of(found->start);
  const Run run{found->start, std::min(request.want, found->length)};
  const Run window{run.end(), found->length - run.length};
  BlockSpace& space = *groups[g.value].blocks;
  CHECK(space.available.remove(*found));
  if (window.length != 0) CHECK(space.reserved.add(window));
  update_longest(g);
  give_up(reservations.note(owner, run, window, goes_on));
  TRY(record_taking(tx, g, run));
  return std::optional(run);
}

std::uint64_t SpaceManager::State::kept_back() const {
  return std::min(kMostKeptBack, total_blocks / kShareKeptBack);
}

Result<Run> SpaceManager::State::allocate(Transaction& tx, const FitRequest& request, InodeNo owner,
                                          std::uint64_t kept) {
  if (request.want == 0) return Error{EINVAL, "no blocks were asked for"};
  for (int round = 0; round < kMaxRounds; ++round) {
    const auto run = TRY(try_allocate(tx, request, owner, kept));
    if (run) return *run;
    if (reservations.reserved() != 0 || !aside.empty() || claim) {
      give_up(reservations.release_all());
      give_up_claim();
      while (!aside.empty()) give_up_aside(aside.begin()->first);
    } else if (freed_blocks != 0) {
      // What was freed can be used once the freeing is durable.
      TRY(journal.sync());
    } else {
      break;
    }
  }
  return Error{ENOSPC, request.must_be_whole ? "no free run is long enough" : "the volume is full"};
}

Result<> SpaceManager::State::free(Transaction& tx, Run run) {
  if (!layout.is_data(run)) {
    return corrupt("the blocks to be freed cannot belong to a file", Subject::block(run.start));
  }
  const GroupNo g = group_of(run.start);
  TRY(load_blocks(g));
  BlockSpace& space = *groups[g.value].blocks;
  if (space.touches_free(run)) {
    return corrupt("blocks to be freed are free already", Subject::block(run.start));
  }
  CHECK(space.freeing.add(run));
  tx.on_drop([this, g, run] { CHECK(groups[g.value].blocks->freeing.remove(run)); });
  tx.on_commit([this, g, run](EpochNo epoch) {
    groups[g.value].free_blocks += static_cast<std::uint32_t>(run.length);
    free_blocks += run.length;
    freed_blocks += run.length;
    freed.push_back({epoch, run});
  });
  TRY(set_block_bits(tx, g, run, false));
  tx.revoke(run);
  return add_to_descriptor(tx, g, offsetof(GroupDescriptor, free_blocks),
                           static_cast<std::int64_t>(run.length));
}

void SpaceManager::State::durable(EpochNo epoch) {
  while (!freed.empty() && freed.front().epoch <= epoch) {
    const Run run = freed.front().run;
    freed.pop_front();
    freed_blocks -= run.length;
    const GroupNo g = group_of(run.start);
    CHECK(groups[g.value].blocks->freeing.remove(run));
    make_available(g, run);
  }
  chains.durable(epoch);
}

SpaceManager::SpaceManager(std::shared_ptr<State> state) : state_(std::move(state)) {}
SpaceManager::~SpaceManager() = default;

Result<std::unique_ptr<SpaceManager>> SpaceManager::open(BufferCache& cache, Journal& journal,
                                                         const format::Layout& layout,
                                                         std::string_view fit_policy) {
  auto state = std::make_shared<State>(cache, journal, layout);
  TRY(state->read_group_table());
  journal.on_durable([weak = std::weak_ptr<State>(state)](EpochNo epoch) {
    if (const auto alive = weak.lock()) alive->durable(epoch);
  });
  auto manager = std::unique_ptr<SpaceManager>(new SpaceManager(std::move(state)));
  TRY(manager->set_fit_policy(fit_policy));
  return manager;
}

Result<Run> SpaceManager::allocate(Transaction& tx, const FitRequest& request, InodeNo owner) {
  return state_->allocate(tx, request, owner, state_->kept_back());
}

Result<Run> SpaceManager::allocate_to_free(Transaction& tx, BlockNo hint) {
  return state_->allocate(tx, {.want = 1, .hint = hint}, kNoInode, 0);
}

Result<Run> SpaceManager::allocate_at(Transaction& tx, BlockNo at, std::uint64_t want) {
  if (want == 0 || !layout().is_data(at)) return Run{at, 0};
  const GroupNo g = state_->group_of(at);
  TRY(state_->load_blocks(g));
  BlockSpace& space = *state_->groups[g.value].blocks;
  if (space.reserved.contains({at, 1})) {
    state_->give_up(state_->reservations.release_touching({at, want}));
  }
  const std::optional<Run> free = space.available.at_or_after(at);
  const std::uint64_t usable = statistics().free_blocks;
  if (!free || !free->contains(at) || usable == 0) return Run{at, 0};
  const Run run{at, std::min({want, free->end() - at, usable, layout().bits_per_block()})};
  TRY(state_->take(tx, g, run));
  return run;
}

Result<> SpaceManager::free(Transaction& tx, Run run) {
  return state_->free(tx, run);
}

void SpaceManager::forget(InodeNo inode) {
  if (const auto window = state_->reservations.forget(inode)) {
    state_->give_up(std::span(&*window, 1));
  }
  state_->give_up_aside(inode);
  state_->chains.forget(inode);
}

ChainMemory& SpaceManager::chains() {
  return state_->chains;
}
const format::Layout& SpaceManager::layout() const {
  return state_->layout;
}
BufferCache& SpaceManager::cache() const {
  return state_->cache;
}
Journal& SpaceManager::journal() const {
  return state_->journal;
}
std::string_view SpaceManager::fit_policy() const {
  return state_->policy->name();
}

SpaceStatistics SpaceManager::statistics() const {
  const std::uint64_t kept = std::min(state_->kept_back(), state_->free_blocks);
  return {.blocks = state_->total_blocks - state_->kept_back(),
          .free_blocks = state_->free_blocks - kept,
          .kept_blocks = kept,
          .pending_blocks = state_->freed_blocks,
          .inodes = layout().inode_count(),
          .free_inodes = state_->free_inode_count,
          .directories = state_->directories};
}

Result<> SpaceManager::set_fit_policy(std::string_view name) {
  state_->policy = TRY(make_fit_policy(name));
  state_->policy_reserves = name == "near";
  if (!state_->policy_reserves) state_->give_up(state_->reservations.release_all());
  return {};
}

Result<std::vector<std::uint64_t>> SpaceManager::free_run_histogram() {
  state_->give_up(state_->reservations.release_all());
  std::vector<std::uint64_t> histogram;
  for (std::uint64_t g = 0; g < layout().group_count; ++g) {
    const BlockSpace* space = TRY(state_->load_blocks(GroupNo{g}));
    const auto runs = space->available.histogram();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i] == 0) continue;
      if (histogram.size() <= i) histogram.resize(i + 1);
      histogram[i] += runs[i];
    }
  }
  return histogram;
}

}  // namespace spindle
