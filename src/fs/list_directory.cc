// Lists a directory's names, from some position on.
#include <sys/stat.h>

#include <algorithm>
#include <shared_mutex>

#include "file_content.h"
#include "names.h"

namespace spindle {
namespace {

/// With more, names are copied in vain that do not fit into the kernel's buffer; with fewer, the
/// leaf is looked up more often.
constexpr std::size_t kNamesAtOnce = 256;

/// Names of a directory, copied out, so that the visitor is called with no lock held.
class ListedNames {
 public:
  ListedNames() { names_.reserve(kNamesAtOnce); }

  bool is_full() const { return names_.size() == kNamesAtOnce; }
  void add(const DirectoryName& name) {
    names_.push_back(name);
    text_.append(name.name);
  }
  /// Calls `visit` for each, in order, until it says false; returns false then.
  bool each(const Tree::Visit& visit) const {
    std::string_view left = text_;
    for (const DirectoryName& name : names_) {
      const std::string_view text = left.substr(0, name.name.size());
      left.remove_prefix(text.size());
      if (!visit({text, name.inode.value, name.type, name.position})) return false;
    }
    return true;
  }
  std::int64_t end() const { return names_.back().position; }

 private:
  std::vector<DirectoryName> names_;  ///< of each name only the length is valid
  std::string text_;                  ///< the names, one after the other
};

constexpr std::uint64_t kReadAheadBytes = 8u << 20;

/// Names come in the order of their hashes, and so from all over the directory's blocks: a listing
/// that begins at the front will need all of them.
Result<> read_directory_ahead(Volume& volume, Node& directory) {
  if (directory.inode.size <= volume.layout.block_size) return {};
  return TRY(Content::of(volume, directory)).read_ahead(0, kReadAheadBytes);
}

Result<ListedNames> list_some(Volume& volume, Node& directory, std::int64_t position) {
  ListedNames names;
  const std::shared_lock guard(directory.lock);
  if (position == Directory::kAfterDotDot) TRY(read_directory_ahead(volume, directory));
  TRY(DirectoryReader(volume, directory)
          ->visit(*volume.reader, position, [&](const DirectoryName& item) {
            if (names.is_full()) return false;
            names.add(item);
            return true;
          }));
  touch_accessed(volume, directory);
  return names;
}

Result<> list_directory(Volume& volume, const NodeRef& directory, std::int64_t position,
                        const Tree::Visit& visit) {
  if (position < 0) return Error{EINVAL, "it is not a valid position in a directory"};
  if (position < Directory::kAfterDot &&
      !visit({".", directory->number.value, S_IFDIR, Directory::kAfterDot})) {
    return {};
  }
  if (position < Directory::kAfterDotDot &&
      !visit({"..", directory->inode.parent, S_IFDIR, Directory::kAfterDotDot})) {
    return {};
  }
  position = std::max(position, Directory::kAfterDotDot);
  for (;;) {
    const ListedNames names = TRY(list_some(volume, *directory, position));
    if (!names.each(visit) || !names.is_full()) return {};
    position = names.end();
  }
}

}  // namespace

Result<> FileSystem::read_directory(NodeId id, std::int64_t position, const Visit& visit) {
  const auto list = [&]() -> Result<> {
    return list_directory(*volume_, TRY(volume_->directory(id)), position, visit);
  };
  return volume_->told("read_directory", list());
}

}  // namespace spindle
