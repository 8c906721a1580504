#include "fsck/volume_facts.h"

#include <sys/stat.h>

#include <algorithm>

namespace spindle::fsck {

InodeFacts& VolumeFacts::facts(InodeNo inode) {
  const std::uint64_t index = inode.value - 1;
  auto& together = inodes[index / kInodesTogether];
  if (!together) together = std::make_unique<InodeFacts[]>(kInodesTogether);
  return together[index % kInodesTogether];
}

const InodeFacts* VolumeFacts::find(InodeNo inode) const {
  if (!layout.is_inode(inode)) return nullptr;
  const std::uint64_t index = inode.value - 1;
  const auto& together = inodes[index / kInodesTogether];
  if (!together || together[index % kInodesTogether].mode == 0) return nullptr;
  return &together[index % kInodesTogether];
}

bool VolumeFacts::in_use(InodeNo inode) const {
  return find(inode) != nullptr;
}

bool VolumeFacts::is_deleted(InodeNo inode) const {
  const InodeFacts* facts = find(inode);
  return facts != nullptr && facts->links == 0 && orphans.contains(inode.value) &&
         inode != format::kRootInode && inode != format::kLostFoundInode;
}

InodeNo VolumeFacts::content_owner(InodeNo number, const format::Inode& inode) const {
  const bool is_for_another = S_ISREG(inode.mode) && inode.links == 0 &&
                              orphans.contains(number.value) &&
                              layout.is_inode(InodeNo{inode.parent});
  return is_for_another ? InodeNo{inode.parent} : number;
}

Result<> VolumeFacts::each_inode(const VisitInode& visit) {
  return each_inode_of(InodeNo{1}, layout.inode_count(), visit);
}

Result<> VolumeFacts::each_inode_of(InodeNo first, std::uint64_t count, const VisitInode& visit) {
  const std::uint64_t end = first.value - 1 + count;
  for (std::uint64_t index = first.value - 1; index < end;) {
    const std::uint64_t together_end =
        std::min(end, (index / kInodesTogether + 1) * kInodesTogether);
    InodeFacts* const together = inodes[index / kInodesTogether].get();
    for (; together != nullptr && index < together_end; ++index) {
      InodeFacts& facts = together[index % kInodesTogether];
      if (facts.mode != 0) TRY(visit(InodeNo{index + 1}, facts));
    }
    index = together_end;
  }
  return {};
}

Result<BlockNo> VolumeFacts::take_block() {
  if (const auto block = used.first_absent()) {
    used.add(*block);
    return *block;
  }
  if (spare.empty()) {
    return Error{ENOSPC,
                 "the repair needs a free block, and there is none; remove a file and check again"};
  }
  const BlockNo block = spare.back();
  spare.pop_back();
  return block;
}

void VolumeFacts::release(std::span<const BlockNo> blocks) {
  if (report.mode() == Mode::kYes) spare.insert(spare.end(), blocks.begin(), blocks.end());
}

}  // namespace spindle::fsck
