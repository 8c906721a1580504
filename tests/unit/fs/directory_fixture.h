// A directory on a BareVolume, and the model that it is compared with.
#pragma once

#include <sys/stat.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "bare_volume.h"
#include "fs/directory.h"

namespace spindle {

/// Only eight hashes: every look-up goes through collisions, which cross leaves and branches.
inline std::uint64_t few_keys(std::string_view name, std::uint64_t hash_seed) {
  return (checksum(name, hash_seed) % 8) << 59;
}

/// One hash for all names.
inline std::uint64_t one_key(std::string_view, std::uint64_t) {
  return 0x1234'5600;
}

struct ModelEntry {
  std::uint64_t inode = 0;
  std::uint32_t type = 0;
  bool operator==(const ModelEntry&) const = default;
};
using Model = std::map<std::string, ModelEntry>;

/// What the inode of a directory would say.
struct DirectoryContent {
  std::array<std::byte, format::kMapRootSize> root{};
  std::uint64_t blocks = 0;
  std::uint64_t size = 0;
};

class TestDirectory {
 public:
  using KeyOf = std::uint64_t (*)(std::string_view, std::uint64_t);
  explicit TestDirectory(BareVolume& volume, KeyOf key_of = format::directory_key)
      : volume_(volume), key_of_(key_of) {}

  /// Runs `change` in a transaction of its own, and keeps what it did unless it failed or it is to
  /// be dropped.
  Result<> change(const std::function<Result<>(Transaction&, Directory&)>& change,
                  bool drop = false) {
    auto tx = volume_.journal->begin(
        std::min(Directory::log_bytes(volume_.layout), volume_.journal->largest_transaction()));
    if (!tx.ok()) return tx.error();
    DirectoryContent copy = content;
    MapFile map = map_file(copy);
    DirectoryFile file = directory_file(copy, map);
    Directory directory(file);
    const Result<> done = change(*tx, directory);
    if (!done.ok() || drop) return done;
    tx->commit();
    copy.size = file.size;
    copy.blocks = map.blocks;
    content = copy;
    return done;
  }

  Result<> insert(std::string_view name, ModelEntry entry, bool drop = false) {
    for (int attempt = 0; attempt < 16; ++attempt) {
      const Result<> inserted = change(
          [&](Transaction& tx, Directory& directory) {
            return directory.insert(tx, name, InodeNo{entry.inode}, entry.type);
          },
          drop);
      if (inserted.code() != kNeedsRoom) return inserted;
      ++rooms_made;
      TRY(change(
          [&](Transaction& tx, Directory& directory) { return directory.make_room(tx, name); }));
    }
    return Error{EIO, "make_room makes no room"};
  }
  Result<> remove(std::string_view name, bool drop = false) {
    return change([&](Transaction& tx, Directory& directory) { return directory.remove(tx, name); },
                  drop);
  }
  Result<> replace(std::string_view name, ModelEntry entry, bool drop = false) {
    return change(
        [&](Transaction& tx, Directory& directory) {
          return directory.replace(tx, name, InodeNo{entry.inode}, entry.type);
        },
        drop);
  }

  /// Calls `use` with the directory as it was last committed.
  template <class Use>
  auto look(Use use) {
    DirectoryContent copy = content;
    MapFile map = map_file(copy);
    DirectoryFile file = directory_file(copy, map);
    const Directory directory(file);
    return use(directory, *volume_.reader);
  }
  Result<std::optional<DirectoryEntry>> lookup(std::string_view name) {
    return look([&](const Directory& d, BlockReader& reader) { return d.lookup(reader, name); });
  }
  Result<> walk(const Directory::Walker& walker = {}) {
    return look([&](const Directory& d, BlockReader& reader) { return d.walk(reader, walker); });
  }

  /// Goes on from `position` for at most `most` names; returns the position after the last one.
  std::int64_t list(std::int64_t position, std::size_t most, std::vector<std::string>& names) {
    const Result<> visited = look([&](const Directory& d, BlockReader& reader) {
      return d.visit(reader, position, [&](const DirectoryName& item) {
        if (most-- == 0) return false;
        names.emplace_back(item.name);
        EXPECT_GT(item.position, position);
        position = item.position;
        return true;
      });
    });
    EXPECT_TRUE(visited.ok()) << visited.error().describe();
    return position;
  }

  /// Compares everything, and checks the tree.
  void expect(const Model& model) {
    Model found;
    const Result<> visited = look([&](const Directory& d, BlockReader& reader) {
      EXPECT_EQ(d.is_empty(), model.empty());
      return d.visit(reader, 0, [&](const DirectoryName& item) {
        const ModelEntry entry{item.inode.value, item.type};
        EXPECT_TRUE(found.emplace(item.name, entry).second) << "met twice";
        return true;
      });
    });
    ASSERT_TRUE(visited.ok()) << visited.error().describe();
    ASSERT_EQ(found, model);
    const Result<> walked = walk();
    ASSERT_TRUE(walked.ok()) << walked.error().describe();
  }

  unsigned levels() {
    unsigned most = 0;
    EXPECT_TRUE(walk({.node =
                          [&](const Directory::NodeInfo& node) {
                            most = std::max(most, node.level + 1);
                            return Result<>{};
                          },
                      .name = {}})
                    .ok());
    return most;
  }

  DirectoryContent content;
  unsigned rooms_made = 0;

  static constexpr InodeNo kInode{7};

 private:
  MapFile map_file(DirectoryContent& of) {
    return {.inode = kInode, .root = of.root, .blocks = of.blocks};
  }
  DirectoryFile directory_file(const DirectoryContent& of, MapFile& map) {
    return {.inode = kInode,
            .map = map,
            .space = *volume_.space,
            .hash_seed = 99,
            .size = of.size,
            .key_of = key_of_};
  }

  BareVolume& volume_;
  KeyOf key_of_;
};

/// 1 .. 255 bytes, any but a slash and a zero; mostly short.
inline std::string random_name(Random& random) {
  const std::size_t length = 1 + random.below(random.one_in(4) ? 255 : 20);
  std::string name;
  while (name.size() < length) {
    const char c = static_cast<char>(random.below(256));
    if (c != '/' && c != '\0') name.push_back(c);
  }
  return name;
}

inline ModelEntry random_entry(Random& random) {
  static constexpr std::array<std::uint32_t, 4> kTypes{S_IFREG, S_IFDIR, S_IFLNK, S_IFSOCK};
  return {1 + random.below(1u << 30), kTypes[random.below(kTypes.size())]};
}

inline const std::string& any_of(const Model& model, Random& random) {
  auto found = model.lower_bound(random_name(random));
  return found == model.end() ? model.begin()->first : found->first;
}

}  // namespace spindle
