// Explainer: what a finding means, which names and blocks it concerns, and what its repair will do:
// in sentences, for `fsck.spindle --explain`.
#pragma once

#include <string>
#include <vector>

#include "fsck/block_owners.h"
#include "fsck/name_index.h"
#include "fsck/report.h"

namespace spindle::fsck {

class Explainer {
 public:
  /// Reads `device`, the one that is checked, and never writes. All must outlive the explainer.
  Explainer(BlockDevice& device, const format::Superblock& superblock,
            const format::Layout& layout);

  /// Lines "What it means: ...", "Names: ...", "Blocks: ...", "Shared: ...", "Repair: ...", those
  /// that apply.
  [[nodiscard]] std::vector<std::string> explain(const Finding& finding);

 private:
  [[nodiscard]] std::string names_of(InodeNo inode);
  [[nodiscard]] std::string blocks_of(const Finding& finding);
  [[nodiscard]] std::string blocks_of(InodeNo inode);
  [[nodiscard]] std::string blocks_of(GroupNo group) const;
  [[nodiscard]] std::string role_of(BlockNo block) const;
  /// "12-13 with /a, 17 with the FAT of group 0"
  [[nodiscard]] std::string shared_by(InodeNo inode);

  const format::Layout& layout_;
  Disk disk_;
  Report silent_{Mode::kNo, {}, {}};
  VolumeFacts volume_;
  NameIndex names_;
  BlockOwners owners_;
};

}  // namespace spindle::fsck
