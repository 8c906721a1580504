// SpaceManager::State: what is known of the free space of a volume, and how it changes.
//
// `groups` holds the descriptors' numbers of every group as they will be when all that was begun is
// committed; a group's BlockSpace and InodeSpace are read when first needed. `longest_run` has an
// upper bound of each group's longest available run, exact for those read; `free_inodes` is exact.
// Whatever reads or initialises a block holds `loading`, so that it happens once. Between two
// suspension points a run is chosen and taken, so nobody else can take it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "chain_memory.h"
#include "group_space.h"
#include "max_tree.h"
#include "reservations.h"
#include "spindle/alloc/space_manager.h"
#include "spindle/thread/mutex.h"

namespace spindle {

/// A group's descriptor, and its free space if it was read.
struct Group {
  std::uint32_t free_blocks = 0;
  std::uint32_t free_inodes = 0;
  std::uint32_t directories = 0;
  std::uint32_t inode_blocks_written = 0;
  std::uint64_t bitmap_blocks_written = 0;
  std::uint64_t fat_blocks_written = 0;
  std::unique_ptr<BlockSpace> blocks = {};
  std::unique_ptr<InodeSpace> inodes = {};
};

struct SpaceManager::State {
  State(BufferCache& cache_in, Journal& journal_in, const format::Layout& layout_in)
      : cache(cache_in),
        journal(journal_in),
        layout(layout_in),
        reader(cache_in, layout_in.seed),
        groups(layout_in.group_count),
        longest_run(layout_in.group_count),
        free_inodes(layout_in.group_count),
        reservations(layout_in.block_size) {}

  // space_groups.cc: what is read from the disk, and what is written there before its first use.
  Result<> read_group_table();
  Result<> read_ahead(Run bitmap, std::uint64_t index, std::vector<BlockRef>& ahead);
  Result<std::unique_ptr<BlockSpace>> read_blocks(GroupNo g);
  Result<std::unique_ptr<InodeSpace>> read_inodes(GroupNo g);
  Result<BlockSpace*> load_blocks(GroupNo g);
  Result<InodeSpace*> load_inodes(GroupNo g);
  void forget_idle_spaces();
  Result<> initialise_unit(GroupNo g, Run unit, format::BlockKind kind,
                           const std::function<void(BlockNo, std::span<std::byte>)>& fill,
                           const std::function<void(format::GroupDescriptor&)>& set_written);
  Result<> ensure_block_bitmap(GroupNo g, std::uint64_t index);
  Result<> ensure_inode_block(GroupNo g, std::uint64_t table_block);
  Result<> ensure_fat_block(GroupNo g, std::uint64_t fat_block);
  Result<> add_to_descriptor(Transaction& tx, GroupNo g, std::size_t member, std::int64_t delta);

  // space_manager.cc: blocks.
  Result<std::optional<Run>> choose(const FitRequest& request);
  enum class Length : std::uint8_t { kWanted, kAny };
  std::optional<Run> choose_in(GroupNo g, const FitRequest& request, Length length);
  Result<std::optional<Run>> choose_any(GroupNo start, const FitRequest& request);
  Result<Run> allocate(Transaction& tx, const FitRequest& request, InodeNo owner,
                       std::uint64_t kept);
  Result<std::optional<Run>> try_allocate(Transaction& tx, const FitRequest& request, InodeNo owner,
                                          std::uint64_t kept);
  Result<std::optional<Run>> take_from_window(Transaction& tx, const FitRequest& request,
                                              InodeNo owner, Run window);
  Result<std::optional<Run>> take_and_reserve(Transaction& tx, const FitRequest& request,
                                              InodeNo owner, const Reservations::Growth* growth);
  [[nodiscard]] std::uint64_t kept_back() const;
  Result<> take(Transaction& tx, GroupNo g, Run run);
  Result<> record_taking(Transaction& tx, GroupNo g, Run run);
  Result<> set_block_bits(Transaction& tx, GroupNo g, Run run, bool value);
  Result<> free(Transaction& tx, Run run);
  void durable(EpochNo epoch);
  void give_up(std::span<const Run> windows);
  void update_longest(GroupNo g);
  [[nodiscard]] GroupNo group_of(BlockNo block) const { return *layout.group_of(block); }

  // space_runs.cc: runs that are looked for on purpose, and set aside for a file.
  Result<std::vector<Run>> available_runs();
  std::optional<Run> take_aside(InodeNo owner, const FitRequest& request);
  void give_up_aside(InodeNo owner);
  void give_up_claim();
  void make_available(GroupNo g, Run run);

  // space_inodes.cc: inodes.
  [[nodiscard]] std::optional<GroupNo> group_for_file(InodeNo parent) const;
  [[nodiscard]] std::optional<GroupNo> group_for_directory(InodeNo parent);
  [[nodiscard]] GroupNo emptiest_of_some();
  Result<InodeNo> allocate_inode(Transaction& tx, InodeNo parent, InodeFor what);
  Result<> free_inode(Transaction& tx, InodeNo inode, InodeFor what);
  Result<> set_inode_bit(Transaction& tx, GroupNo g, std::uint64_t index, bool value);
  enum class Use : std::uint8_t { kUsed, kFree };
  void change_inode(GroupNo g, std::uint64_t index, Use use, InodeFor what);

  BufferCache& cache;
  Journal& journal;
  const format::Layout layout;
  CachedReader reader;
  std::unique_ptr<FitPolicy> policy;
  bool policy_reserves = false;  ///< the policy is the one that looks at the hint
  thread::Mutex loading{"space manager: loading"};

  std::vector<Group> groups;
  MaxTree longest_run;
  MaxTree free_inodes;
  std::vector<GroupNo> loaded_blocks;  ///< groups whose spaces are in memory
  std::vector<GroupNo> loaded_inodes;
  std::uint64_t uses = 0;  ///< the clock of `last_use`

  std::uint64_t total_blocks = 0;
  std::uint64_t free_blocks = 0;  ///< sum of the groups'
  std::uint64_t free_inode_count = 0;
  std::uint64_t directories = 0;
  std::uint64_t spread = 0;  ///< counts the directories that were spread

  struct Freed {
    EpochNo epoch;
    Run run;
  };
  std::deque<Freed> freed;         ///< committed, in the order of their epochs
  std::uint64_t freed_blocks = 0;  ///< sum of `freed`
  std::unordered_set<InodeNo> inodes_freeing;
  Reservations reservations;
  std::unordered_map<InodeNo, std::deque<Run>> aside;  ///< they stand in `BlockSpace::reserved`
  /// Windows in which what becomes free is kept from everybody.
  struct Claim {
    std::vector<Run> windows;  ///< in the order of the disk, none touching another
    std::vector<Run> kept;     ///< they stand in `BlockSpace::reserved`
  };
  std::optional<Claim> claim;
  ChainMemory chains;
};

}  // namespace spindle
