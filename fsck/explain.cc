#include "fsck/explain.h"

#include "fsck/map_repair.h"

namespace spindle::fsck {
namespace {

constexpr std::size_t kMostRuns = 12;

std::string text_of(Run run) {
  std::string text = std::to_string(run.start.value);
  if (run.length > 1) text += "-" + std::to_string(run.start.value + run.length - 1);
  return text;
}

void add(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

}  // namespace

Explainer::Explainer(BlockDevice& device, const format::Superblock& superblock,
                     const format::Layout& layout)
    : layout_(layout),
      disk_(device, layout),
      volume_(disk_, silent_, superblock, Progress{}),
      names_(volume_),
      owners_(volume_) {}

std::vector<std::string> Explainer::explain(const Finding& finding) {
  const ProblemRow& row = row_of(finding.problem);
  std::vector<std::string> lines = {"What it means: " + std::string(row.meaning)};
  // What an earlier repair wrote is not in this disk's cache.
  disk_.forget();
  if (finding.place.inode) {
    const std::string names = names_of(*finding.place.inode);
    lines.push_back("Names: " + (names.empty() ? "none leads to it" : names));
  }
  const std::string blocks = blocks_of(finding);
  if (!blocks.empty()) lines.push_back("Blocks: " + blocks);
  if (finding.problem == Problem::kMapShared)
    lines.push_back("Shared: " + shared_by(*finding.place.inode));
  if (finding.can_be_repaired) {
    lines.push_back("Repair: " + std::string(row.effect));
  } else {
    lines.push_back("Repair: none is possible.");
  }
  return lines;
}

std::string Explainer::names_of(InodeNo inode) {
  std::string list;
  for (const std::string& path : names_.paths_of(inode)) add(list, path);
  return list;
}

std::string Explainer::blocks_of(const Finding& finding) {
  if (finding.problem == Problem::kSuperblock)
    return text_of({layout_.superblock(), 1}) + "; its copies in " +
           text_of({layout_.fixed_copy(), 1}) + " and " + text_of({layout_.last_copy(), 1});
  if (finding.problem == Problem::kJournal) return text_of(layout_.journal) + ", the journal";
  const Place& place = finding.place;
  if (place.inode) return blocks_of(*place.inode);
  if (place.group) return blocks_of(*place.group);
  return place.block ? text_of({*place.block, 1}) + ", " + role_of(*place.block) : "";
}

std::string Explainer::blocks_of(InodeNo inode) {
  if (!layout_.is_inode(inode)) return {};
  std::string list = "the inode itself in " + text_of({layout_.inode_place(inode).block, 1});
  const auto read = disk_.read_inode(inode);
  if (!read.ok() || read->mode == 0) return list;
  const MapPieces pieces = read_map(volume_, inode, *read);
  std::string data, nodes;
  for (const Extent& extent : pieces.extents) {
    const std::size_t index = static_cast<std::size_t>(&extent - pieces.extents.data());
    if (index < kMostRuns) add(data, text_of({extent.block, extent.length}));
  }
  if (pieces.extents.size() > kMostRuns) {
    add(data, "and " + std::to_string(pieces.extents.size() - kMostRuns) + " more runs");
  }
  for (std::size_t i = 0; i < pieces.nodes.size() && i < kMostRuns; ++i) {
    add(nodes, text_of({pieces.nodes[i].first, 1}));
  }
  if (!data.empty()) list += "; its content in " + data;
  if (!nodes.empty()) list += "; its map in " + nodes;
  return list;
}

std::string Explainer::blocks_of(GroupNo group) const {
  return "the group's block bitmap in " + text_of(layout_.block_bitmap(group)) +
         ", its inode bitmap in " + text_of(layout_.inode_bitmap(group)) + ", its inodes in " +
         text_of(layout_.inode_table(group)) + ", its FAT in " + text_of(layout_.fat(group)) +
         ", blocks of files in " + text_of(layout_.data(group));
}

std::string Explainer::shared_by(InodeNo inode) {
  const auto read = disk_.read_inode(inode);
  if (!read.ok()) return "it cannot be read any more";
  const MapPieces pieces = read_map(volume_, inode, *read);
  std::vector<Run> runs;
  for (const auto& [block, kind] : pieces.nodes) runs.push_back({block, 1});
  for (const Extent& extent : pieces.extents) runs.push_back({extent.block, extent.length});
  std::string list;
  std::size_t count = 0;
  for (const Run run : runs) {
    if (!layout_.is_data(run)) add(list, text_of(run) + " with " + role_of(run.start));
    for (const auto& [blocks, other] : owners_.of(run)) {
      if (other == inode || ++count > kMostRuns) continue;
      const std::string names = names_of(other);
      const std::string number = "inode " + std::to_string(other.value);
      add(list,
          text_of(blocks) + " with " + (names.empty() ? number : names + " (" + number + ")"));
    }
  }
  if (count > kMostRuns) add(list, "and " + std::to_string(count - kMostRuns) + " more runs");
  return list.empty() ? "it cannot be determined" : list;
}

std::string Explainer::role_of(BlockNo block) const {
  if (block == layout_.superblock()) return "the superblock's";
  if (block == layout_.state()) return "the state block";
  if (layout_.group_table().contains(block)) return "of the group table";
  if (layout_.journal.contains(block)) return "of the journal";
  if (block == layout_.fixed_copy()) return "the first copy of the superblock";
  if (block == layout_.last_copy()) return "the last copy of the superblock";
  const auto group = layout_.group_of(block);
  if (!group) return "outside of the volume";
  const std::string of = "of group " + std::to_string(group->value);
  if (layout_.block_bitmap(*group).contains(block)) return "the block bitmap " + of;
  if (layout_.inode_bitmap(*group).contains(block)) return "the inode bitmap " + of;
  if (layout_.inode_table(*group).contains(block)) {
    const std::uint64_t first =
        group->value * layout_.inodes_per_group + 1 +
        (block - layout_.inode_table(*group).start) * layout_.inodes_per_block();
    return "inodes " + std::to_string(first) + "-" +
           std::to_string(first + layout_.inodes_per_block() - 1);
  }
  return layout_.fat(*group).contains(block) ? "the FAT " + of : "data " + of;
}

}  // namespace spindle::fsck
