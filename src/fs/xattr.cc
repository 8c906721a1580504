#include "fs/xattr.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cstring>

#include "fs/xattr_chain.h"

namespace spindle {

using format::BlockKind;
using format::XattrEntry;
using format::XattrHead;

namespace {

/// Calls `visit(name, value)` for each attribute of the string, until it says false.
template <class Visit>
Result<> scan(std::string_view bytes, InodeNo inode, Visit visit) {
  while (!bytes.empty()) {
    XattrEntry entry;
    if (bytes.size() < sizeof entry) {
      return corrupt("the extended attributes end in the middle of one", Subject::inode(inode));
    }
    std::memcpy(&entry, bytes.data(), sizeof entry);
    bytes.remove_prefix(sizeof entry);
    if (entry.name_length == 0 || entry.name_length > kMaxNameLength ||
        entry.value_length > kMaxXattrValue ||
        std::size_t{entry.name_length} + entry.value_length > bytes.size()) {
      return corrupt("an extended attribute has an impossible length", Subject::inode(inode));
    }
    const std::string_view name = bytes.substr(0, entry.name_length);
    if (name.find('\0') != std::string_view::npos) {
      return corrupt("the name of an extended attribute has a zero in it", Subject::inode(inode));
    }
    if (!visit(name, bytes.substr(name.size(), entry.value_length))) return {};
    bytes.remove_prefix(name.size() + entry.value_length);
  }
  return {};
}

std::string to_bytes(std::span<const Xattr> attributes) {
  std::string bytes;
  for (const Xattr& attribute : attributes) {
    XattrEntry entry{};
    entry.name_length = static_cast<std::uint16_t>(attribute.name.size());
    entry.value_length = static_cast<std::uint32_t>(attribute.value.size());
    bytes.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    bytes.append(attribute.name).append(attribute.value);
  }
  return bytes;
}

Result<std::vector<Xattr>> to_attributes(std::string_view bytes, InodeNo inode) {
  std::vector<Xattr> attributes;
  TRY(scan(bytes, inode, [&](std::string_view name, std::string_view value) {
    attributes.push_back({std::string(name), std::string(value)});
    return true;
  }));
  return attributes;
}

auto find_attribute(std::vector<Xattr>& attributes, std::string_view name) {
  return std::find_if(attributes.begin(), attributes.end(),
                      [name](const Xattr& attribute) { return attribute.name == name; });
}

}  // namespace

Result<> XattrChain::check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) {
    return Error{ERANGE, "the name of an extended attribute is too long or empty"};
  }
  if (name == kAccessAclName || name == kDefaultAclName) return {};
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (!name.starts_with(prefix)) continue;
    if (name == prefix) return Error{EINVAL, "the name of an extended attribute is only a prefix"};
    return {};
  }
  return Error{EOPNOTSUPP, "no such namespace of extended attributes"};
}

std::size_t XattrChain::log_bytes(std::uint32_t block_size, std::size_t value_size) {
  const std::size_t blocks = 2 + value_size / format::xattr_bytes_per_block(block_size);
  return blocks * (log_cost::block(block_size) + log_cost::kAllocate) + log_cost::kFree;
}

Result<XattrChain::Chain> XattrChain::load(BlockReader& reader) const {
  Chain chain;
  TRY(walk(reader, [&](BlockNo block, std::string_view bytes) -> Result<> {
    chain.blocks.push_back(block);
    chain.parts.emplace_back(bytes);
    chain.bytes.append(bytes);
    return {};
  }));
  return chain;
}

Result<> XattrChain::walk(BlockReader& reader, const Visit& visit) const {
  const format::Layout& layout = file_.space.layout();
  std::size_t total = 0;
  for (BlockNo block = file_.first_block; block;) {
    const Subject subject = Subject::block(block);
    if (!layout.is_data(block)) {
      return corrupt("extended attributes are in a block that cannot belong to a file",
                     Subject::inode(file_.inode));
    }
    const BlockView view = TRY(reader.read(block, BlockKind::kXattr));
    if (view.at<format::BlockHeader>(0).owner != file_.inode.value) {
      return corrupt("the attribute block belongs to another inode", subject);
    }
    const auto& head = view.at<XattrHead>(format::kHeaderSize);
    if (head.used == 0 || head.used > format::xattr_bytes_per_block(layout.block_size)) {
      return corrupt("an attribute block has an impossible length", subject);
    }
    total += head.used;
    if (total > kMaxXattrTotal) {
      return corrupt("the extended attributes are too many, or their blocks form a loop", subject);
    }
    const auto* bytes = reinterpret_cast<const char*>(view.bytes.data() + kXattrStringStart);
    TRY(visit(block, std::string_view(bytes, head.used)));
    block = BlockNo{head.next};
  }
  return {};
}

Result<std::string> XattrChain::get(BlockReader& reader, std::string_view name) const {
  TRY(check_name(name));
  std::optional<std::string> found;
  if (file_.first_block) {
    const Chain chain = TRY(load(reader));
    TRY(scan(chain.bytes, file_.inode, [&](std::string_view its_name, std::string_view value) {
      if (its_name == name) found = value;
      return !found;
    }));
  }
  if (!found) return Error{ENODATA, "no such extended attribute"};
  return std::move(*found);
}

Result<std::string> XattrChain::list(BlockReader& reader) const {
  std::string names;
  const Chain chain = TRY(load(reader));
  TRY(scan(chain.bytes, file_.inode, [&](std::string_view name, std::string_view) {
    names.append(name).push_back('\0');
    return true;
  }));
  return names;
}

Result<std::vector<Xattr>> XattrChain::all(BlockReader& reader) const {
  return to_attributes(TRY(load(reader)).bytes, file_.inode);
}

Result<> XattrChain::set(Transaction& tx, std::string_view name, std::string_view value,
                         int flags) {
  TRY(check_name(name));
  if (value.size() > kMaxXattrValue) return Error{E2BIG, "the extended attribute is too large"};
  const Chain old = TRY(load(tx));
  std::vector<Xattr> attributes = TRY(to_attributes(old.bytes, file_.inode));
  const auto found = find_attribute(attributes, name);
  if (found == attributes.end()) {
    if ((flags & XATTR_REPLACE) != 0) return Error{ENODATA, "no such extended attribute"};
    attributes.push_back({std::string(name), std::string(value)});
  } else {
    if ((flags & XATTR_CREATE) != 0) return Error{EEXIST, "the extended attribute exists"};
    found->value = value;
  }
  return store(tx, old, to_bytes(attributes));
}

Result<> XattrChain::remove(Transaction& tx, std::string_view name) {
  TRY(check_name(name));
  const Chain old = TRY(load(tx));
  std::vector<Xattr> attributes = TRY(to_attributes(old.bytes, file_.inode));
  const auto found = find_attribute(attributes, name);
  if (found == attributes.end()) return Error{ENODATA, "no such extended attribute"};
  attributes.erase(found);
  return store(tx, old, to_bytes(attributes));
}

Result<> XattrChain::replace_all(Transaction& tx, std::span<const Xattr> attributes) {
  for (const Xattr& attribute : attributes) {
    TRY(check_name(attribute.name));
    if (attribute.value.size() > kMaxXattrValue) {
      return Error{E2BIG, "the extended attribute is too large"};
    }
  }
  return store(tx, TRY(load(tx)), to_bytes(attributes));
}

Result<bool> XattrChain::remove_all(Transaction& tx) {
  const Chain old = TRY(load(tx));
  const std::vector<Xattr> attributes = TRY(to_attributes(old.bytes, file_.inode));
  if (attributes.empty()) return true;
  const auto front = [&](std::size_t count) {
    return to_bytes(std::span(attributes).first(count));
  };
  // Keeping more costs less: finds the fewest to keep that the budget allows, at most one less than
  // all.
  std::size_t fewest = 0;
  std::size_t most = attributes.size() - 1;
  while (fewest < most) {
    const std::size_t middle = fewest + (most - fewest) / 2;
    if (cost(old, front(middle)) <= file_.log_budget) {
      most = middle;
    } else {
      fewest = middle + 1;
    }
  }
  TRY(store(tx, old, front(fewest)));
  return fewest == 0;
}

}  // namespace spindle
