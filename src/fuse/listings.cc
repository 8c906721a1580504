#include "listings.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "replies.h"

namespace spindle {
namespace {

/// Puts an entry at `at` if it fits into the room that is left; returns the bytes that it needs.
using AddEntry =
    std::function<std::size_t(char* at, std::size_t room, const char* name, const DirectoryItem&)>;

/// Answers with as many names after `position` as fit.
void reply_listing(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t position,
                   const AddEntry& add) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  std::size_t used = 0;
  std::string name;
  const auto result =
      tree_of(request, node).read_directory(node, position, [&](const DirectoryItem& item) {
        if (is_control_name(node, item.name)) return true;
        name.assign(item.name);
        const std::size_t needs = add(buffer.get() + used, size - used, name.c_str(), item);
        if (needs > size - used) return false;
        used += needs;
        return true;
      });
  if (!result.ok() && used == 0) return reply(request, result);
  fuse_reply_buf(request, buffer.get(), used);
}

/// One name of a directory, kept until its attributes have been looked up: the visit holds the
/// directory's lock.
struct ListedItem {
  std::string name;
  NodeId node;
  std::uint32_t type;
  std::int64_t position;
};

fuse_entry_param entry_without_attributes(NodeId node, std::uint32_t type) {
  fuse_entry_param entry{};
  entry.attr.st_ino = node;
  entry.attr.st_mode = type;
  return entry;
}

fuse_entry_param listed_entry(fuse_req_t request, NodeId directory, const ListedItem& item) {
  if (item.name != "." && item.name != "..") {
    // The kernel takes a reference with each entry that carries attributes. A name that is gone
    // meanwhile carries none.
    const auto found = tree_of(request, directory).lookup(directory, item.name);
    if (found.ok()) return to_entry(request, *found);
  }
  return entry_without_attributes(item.node, item.type);
}

void reply_listing_with_attributes(fuse_req_t request, fuse_ino_t node, std::size_t size,
                                   off_t position) {
  std::vector<ListedItem> items;
  std::size_t planned = 0;
  const auto result =
      tree_of(request, node).read_directory(node, position, [&](const DirectoryItem& item) {
        if (is_control_name(node, item.name)) return true;
        items.push_back({std::string(item.name), item.node, item.type, item.position});
        planned += fuse_add_direntry_plus(request, nullptr, 0, items.back().name.c_str(), nullptr,
                                          item.position);
        if (planned <= size) return true;
        items.pop_back();
        return false;
      });
  if (!result.ok() && items.empty()) return reply(request, result);
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  std::size_t used = 0;
  for (const ListedItem& item : items) {
    const fuse_entry_param entry = listed_entry(request, node, item);
    used += fuse_add_direntry_plus(request, buffer.get() + used, size - used, item.name.c_str(),
                                   &entry, item.position);
  }
  fuse_reply_buf(request, buffer.get(), used);
}

}  // namespace

void do_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t position,
                fuse_file_info*) {
  const auto add = [&](char* at, std::size_t room, const char* name, const DirectoryItem& item) {
    struct stat attributes {};
    attributes.st_ino = item.node;
    attributes.st_mode = item.type;
    return fuse_add_direntry(request, at, room, name, &attributes, item.position);
  };
  reply_listing(request, node, size, position, add);
}

void do_readdirplus(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t position,
                    fuse_file_info*) {
  // Attributes of control files are never cached, so the kernel would ask for them again.
  if ((node & kControlBit) == 0 &&
      session_of(request).listing_hints.wants_attributes(node, position)) {
    return reply_listing_with_attributes(request, node, size, position);
  }
  const auto add = [&](char* at, std::size_t room, const char* name, const DirectoryItem& item) {
    const fuse_entry_param entry = entry_without_attributes(item.node, item.type);
    return fuse_add_direntry_plus(request, at, room, name, &entry, item.position);
  };
  reply_listing(request, node, size, position, add);
}

}  // namespace spindle
