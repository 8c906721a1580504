// Pass 3: everything in use can be reached from the root, or is connected to lost+found; and each
// directory's parent is the directory that names it.
//
// The names are written at the end, all at once for each directory.

#include <sys/stat.h>

#include <algorithm>

#include "fsck/directory_tree.h"
#include "fsck/map_repair.h"
#include "fsck/volume_facts.h"
#include "spindle/base/clock.h"

namespace spindle::fsck {
namespace {

using format::Inode;
using format::kRootInode;

Inode empty_directory(std::uint16_t permissions, InodeNo parent) {
  Inode inode{};
  inode.mode = static_cast<std::uint16_t>(S_IFDIR | permissions);
  inode.map_kind = static_cast<std::uint8_t>(format::MapKind::kExtent);
  inode.links = 2;
  inode.parent = parent.value;
  const Timestamp now = wall_time();
  for (auto* time : {&inode.accessed, &inode.modified, &inode.changed, &inode.born}) {
    time->seconds = now.seconds;
    time->nanoseconds = now.nanoseconds;
  }
  return inode;
}

/// A name that is not written yet, and the directory in which it shall stand.
struct Connection {
  InodeNo into;
  Name name;
};

class Connector {
 public:
  explicit Connector(VolumeFacts& volume) : volume_(volume) {}

  Result<> run() {
    TRY(check_root());
    TRY(find_lost_found());
    for (const InodeNo directory : volume_.directories) {
      if (!volume_.is_deleted(directory)) TRY(check_reachable(directory));
    }
    TRY(volume_.each_inode([&](InodeNo number, InodeFacts& facts) -> Result<> {
      if (S_ISDIR(facts.mode) || facts.names != 0 || volume_.is_deleted(number)) return {};
      if (volume_.report.problem(Problem::kInodeUnreachable, Place::of(number))) {
        connect_to(format::kLostFoundInode, "#" + std::to_string(number.value), number);
      }
      return {};
    }));
    TRY(write_names());
    for (const InodeNo directory : volume_.directories) TRY(check_parent(directory));
    return {};
  }

 private:
  Result<> check_root() {
    InodeFacts& root = volume_.facts(kRootInode);
    if (S_ISDIR(root.mode)) {
      root.named_by = kRootInode.value;
      return {};
    }
    if (!volume_.report.problem(Problem::kRootMissing, Place::of(kRootInode))) return {};
    const Inode inode = empty_directory(0755, kRootInode);
    TRY(make_inode(kRootInode, inode));
    root = InodeFacts{inode.mode, 2, 0, 0, kRootInode.value, kRootInode.value};
    volume_.directories.push_back(kRootInode);
    return {};
  }

  /// The inode's place in the table may have been lost with all around it.
  Result<> make_inode(InodeNo number, const Inode& inode) {
    TRY(volume_.disk.make_inode(number, inode));
    const GroupNo group = volume_.layout.group_of(number);
    volume_.written_inode_blocks[group.value] =
        TRY(volume_.disk.read_descriptor(group)).inode_blocks_written;
    return {};
  }

  /// lost+found is inode 2, under that name in the root if nothing else has it. If it is missing it
  /// is made when it is needed.
  Result<> find_lost_found() {
    const InodeFacts& facts = volume_.facts(format::kLostFoundInode);
    if (S_ISDIR(facts.mode)) return {};
    if (facts.mode != 0) return {};  // inode 2 is something else: nothing can be connected
    if (!volume_.report.problem(Problem::kLostFoundMissing, "root directory")) return {};
    return make_lost_found();
  }

  Result<> make_lost_found() {
    const Inode inode = empty_directory(0700, kRootInode);
    TRY(make_inode(format::kLostFoundInode, inode));
    volume_.facts(format::kLostFoundInode) = InodeFacts{inode.mode, 2, 0, 0, kRootInode.value, 0};
    volume_.directories.push_back(format::kLostFoundInode);
    connect_to(kRootInode, "lost+found", format::kLostFoundInode);
    return {};
  }

  /// Climbs to the root; for every directory on the way it is then known whether it can be reached.
  Result<> check_reachable(InodeNo start) {
    std::vector<std::uint64_t> path;
    std::uint64_t at = start.value;
    while (at != kRootInode.value && !reachable_.contains(at)) {
      if (std::find(path.begin(), path.end(), at) != path.end() || !volume_.in_use(InodeNo{at}) ||
          volume_.facts(InodeNo{at}).named_by == 0) {
        TRY(connect_directory(InodeNo{at}));
        break;
      }
      path.push_back(at);
      at = volume_.facts(InodeNo{at}).named_by;
    }
    reachable_.insert(path.begin(), path.end());
    reachable_.insert(at);
    return {};
  }

  Result<> connect_directory(InodeNo directory) {
    if (!volume_.report.problem(Problem::kDirectoryUnreachable, Place::of(directory))) return {};
    const InodeNo closes_ring{volume_.facts(directory).named_by};
    if (directory == format::kLostFoundInode) {
      connect_to(kRootInode, "lost+found", directory);
    } else {
      connect_to(format::kLostFoundInode, "#" + std::to_string(directory.value), directory);
    }
    // The directory stands in a ring of directories: the name that closes the ring is removed.
    return closes_ring ? remove_name(closes_ring, directory) : Result<>{};
  }

  void connect_to(InodeNo into, std::string name, InodeNo number) {
    InodeFacts& facts = volume_.facts(number);
    facts.names = 1;
    if (S_ISDIR(facts.mode)) facts.named_by = into.value;
    const auto type = static_cast<std::uint8_t>(facts.mode >> 12);
    connections_.push_back({into, {std::move(name), number, type, 0}});
  }

  Result<> remove_name(InodeNo directory, InodeNo named) {
    const Inode inode = TRY(volume_.disk.read_inode(directory));
    DirectoryTree tree = TRY(read_directory_tree(volume_, directory, inode));
    std::erase_if(tree.names, [&](const Name& name) { return name.inode == named; });
    auto names = tree.names;
    return write_directory_tree(volume_, directory, tree, std::move(names));
  }

  Result<> add_names(InodeNo directory, const std::vector<Name>& more) {
    const Inode inode = TRY(volume_.disk.read_inode(directory));
    DirectoryTree tree = TRY(read_directory_tree(volume_, directory, inode));
    auto names = tree.names;
    for (Name name : more) {
      name.name = free_name(names, name);
      std::erase_if(names, [&](const Name& there) { return there.name == name.name; });
      names.push_back(std::move(name));
    }
    return write_directory_tree(volume_, directory, tree, std::move(names));
  }

  /// If another inode stands under the name that is wanted, it keeps it, and a number is added.
  static std::string free_name(const std::vector<Name>& names, const Name& wanted) {
    std::string name = wanted.name;
    const auto is_anothers = [&](const Name& there) {
      return there.name == name && there.inode != wanted.inode;
    };
    for (unsigned i = 1; std::ranges::any_of(names, is_anothers); ++i) {
      name = wanted.name + "." + std::to_string(i);
    }
    return name;
  }

  /// The root comes first: one of its new names may be lost+found.
  Result<> write_names() {
    TRY(write_names_into(kRootInode));
    if (!S_ISDIR(volume_.facts(format::kLostFoundInode).mode)) return {};
    return write_names_into(format::kLostFoundInode);
  }

  /// On a full volume a directory cannot grow. The root may have room left where lost+found has
  /// none; if not, one of the files that are to be connected makes room for the others.
  Result<> write_names_into(InodeNo directory) {
    for (;;) {
      const std::vector<Name> names = names_for(directory);
      if (names.empty()) return {};
      const auto added = add_names(directory, names);
      if (added.code() != ENOSPC) return added;
      if (directory != kRootInode) {
        move_connections(directory, kRootInode);
        return write_names_into(kRootInode);
      }
      if (!TRY(make_room())) {
        leave_unconnected();
        return {};
      }
    }
  }

  [[nodiscard]] std::vector<Name> names_for(InodeNo directory) const {
    std::vector<Name> names;
    for (const Connection& one : connections_) {
      if (one.into == directory) names.push_back(one.name);
    }
    return names;
  }

  void move_connections(InodeNo from, InodeNo to) {
    std::erase_if(connections_, [&](const Connection& one) { return one.into == to; });
    for (Connection& one : connections_) {
      one.into = to;
      InodeFacts& facts = volume_.facts(one.name.inode);
      if (facts.named_by == from.value) facts.named_by = to.value;
    }
  }

  Result<bool> make_room() {
    const Place where = Place::of_directory(kRootInode);
    const auto smallest = TRY(smallest_file());
    if (smallest == connections_.end()) {
      volume_.report.problem_left(Problem::kNoRoomToConnect, where, "no room can be made either");
      return false;
    }
    const InodeNo number = smallest->name.inode;
    if (!volume_.report.problem(Problem::kNoRoomToConnect, where, Place::of(number).text)) {
      return false;
    }
    connections_.erase(smallest);
    TRY(free_file(volume_, number));
    volume_.facts(number) = InodeFacts{};
    return true;
  }

  /// The smallest of the files to be connected that have blocks: its loss matters least.
  Result<std::vector<Connection>::iterator> smallest_file() {
    auto smallest = connections_.end();
    std::uint64_t fewest = 0;
    for (auto one = connections_.begin(); one != connections_.end(); ++one) {
      if (S_ISDIR(volume_.facts(one->name.inode).mode)) continue;
      const std::uint64_t blocks = TRY(volume_.disk.read_inode(one->name.inode)).blocks;
      if (blocks == 0 || (smallest != connections_.end() && blocks >= fewest)) continue;
      smallest = one;
      fewest = blocks;
    }
    return smallest;
  }

  void leave_unconnected() {
    for (const Connection& one : connections_) {
      InodeFacts& facts = volume_.facts(one.name.inode);
      facts.names = 0;
      facts.named_by = 0;
    }
  }

  Result<> check_parent(InodeNo directory) {
    InodeFacts& facts = volume_.facts(directory);
    if (facts.named_by == 0) return {};
    if (directory != kRootInode) ++volume_.facts(InodeNo{facts.named_by}).subdirectories;
    if (facts.parent == facts.named_by) return {};
    if (!volume_.report.problem(
            Problem::kParent, Place::of(directory),
            std::to_string(facts.parent) + ", should be " + std::to_string(facts.named_by))) {
      return {};
    }
    Inode inode = TRY(volume_.disk.read_inode(directory));
    inode.parent = facts.named_by;
    return volume_.disk.write_inode(directory, inode);
  }

  VolumeFacts& volume_;
  std::set<std::uint64_t> reachable_;
  std::vector<Connection> connections_;
};

}  // namespace

Result<> connect(VolumeFacts& volume) {
  volume.tell(3, 0, 1);
  return Connector(volume).run();
}

// Pass 4.
Result<> count_links(VolumeFacts& volume) {
  volume.tell(4, 0, 1);
  return volume.each_inode([&](InodeNo number, InodeFacts& facts) -> Result<> {
    const bool is_directory = S_ISDIR(facts.mode);
    const bool is_nameless = is_directory ? facts.named_by == 0 : facts.names == 0;
    if (is_nameless) return {};  // that has been reported; or it was deleted, and has no links
    const std::uint32_t links = is_directory ? 2 + facts.subdirectories : facts.names;
    if (facts.links == links) return {};
    if (!volume.report.problem(
            Problem::kLinkCount, Place::of(number),
            std::to_string(facts.links) + ", should be " + std::to_string(links))) {
      return {};
    }
    Inode inode = TRY(volume.disk.read_inode(number));
    inode.links = links;
    return volume.disk.write_inode(number, inode);
  });
}

}  // namespace spindle::fsck
