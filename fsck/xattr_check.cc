#include "fsck/xattr_check.h"

#include <algorithm>
#include <set>
#include <string>

#include "spindle/base/limits.h"
#include "spindle/format/xattr.h"

namespace spindle::fsck {
namespace {

Result<> check_names(const std::vector<std::byte>& text) {
  std::set<std::string> names;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at < sizeof(format::XattrEntry)) return corrupt("an attribute is cut short");
    const auto& entry = format::at<format::XattrEntry>(std::span<const std::byte>(text), at);
    const std::size_t name_length = entry.name_length;
    const std::size_t value_length = entry.value_length;
    at += sizeof entry;
    if (name_length == 0 || name_length > kMaxNameLength || value_length > kMaxXattrValue ||
        text.size() - at < name_length + value_length) {
      return corrupt("an attribute has an impossible length");
    }
    std::string name(reinterpret_cast<const char*>(text.data() + at), name_length);
    if (name.find('\0') != name.npos || !names.insert(std::move(name)).second) {
      return corrupt("an attribute's name is impossible or there twice");
    }
    at += name_length + value_length;
  }
  return {};
}

}  // namespace

Result<std::vector<BlockNo>> check_xattrs(VolumeFacts& volume, InodeNo number, BlockNo first) {
  std::vector<BlockNo> blocks;
  std::vector<std::byte> text;
  for (BlockNo block = first; block;) {
    if (!volume.layout.is_data(block)) {
      return corrupt("the chain leads to a block that cannot belong to it", Subject::block(block));
    }
    if (text.size() > kMaxXattrTotal || blocks.size() > kMaxXattrTotal ||
        std::find(blocks.begin(), blocks.end(), block) != blocks.end()) {
      return corrupt("the chain does not end", Subject::block(block));
    }
    const BlockView view = TRY(volume.disk.read(block, format::BlockKind::kXattr));
    const auto& header = view.at<format::BlockHeader>(0);
    const auto& head = view.at<format::XattrHead>(format::kHeaderSize);
    if (header.owner != number.value)
      return corrupt("it belongs to another", Subject::block(block));
    if (head.used > format::xattr_bytes_per_block(volume.layout.block_size)) {
      return corrupt("it holds more than fits", Subject::block(block));
    }
    const auto bytes = view.bytes.subspan(format::kHeaderSize + sizeof head, head.used);
    text.insert(text.end(), bytes.begin(), bytes.end());
    blocks.push_back(block);
    block = BlockNo{head.next};
  }
  TRY(check_names(text));
  return blocks;
}

}  // namespace spindle::fsck
