#include "fsck/volume_facts.h"

namespace spindle::fsck {

InodeFacts& VolumeFacts::facts(InodeNo inode) {
  auto& group = inodes[layout.group_of(inode).value];
  if (!group) group = std::make_unique<InodeFacts[]>(layout.inodes_per_group);
  return group[(inode.value - 1) % layout.inodes_per_group];
}

bool VolumeFacts::in_use(InodeNo inode) const {
  if (!layout.is_inode(inode)) return false;
  const auto& group = inodes[layout.group_of(inode).value];
  return group && group[(inode.value - 1) % layout.inodes_per_group].mode != 0;
}

Result<> VolumeFacts::each_inode(const std::function<Result<>(InodeNo, InodeFacts&)>& visit) {
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    if (!inodes[g]) continue;
    for (std::uint64_t i = 0; i < layout.inodes_per_group; ++i) {
      InodeFacts& facts = inodes[g][i];
      if (facts.mode != 0) TRY(visit(InodeNo{g * layout.inodes_per_group + i + 1}, facts));
    }
  }
  return {};
}

Result<BlockNo> VolumeFacts::take_block() {
  const auto block = used.first_absent();
  if (!block) return Error{ENOSPC, "the repair needs a free block, and there is none"};
  used.add(*block);
  return *block;
}

}  // namespace spindle::fsck
