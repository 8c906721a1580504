#include "exercise.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <set>

#include "cli/inspect/subjects.h"
#include "model/mounted_volume.h"

namespace spindle::test {
namespace {

constexpr std::size_t kMostNames = 3000;
constexpr std::size_t kMostBytesExercised = 300'000;

FileSystem::Options silent(bool read_only) {
  FileSystem::Options options;
  options.read_only = read_only;
  options.report = [](std::string_view) {};
  return options;
}

struct Found {
  NodeId directory = 0;
  std::string name;
  NodeId node = 0;
};

// All names reachable from the root, except those behind a ring or behind something unreadable.
std::vector<Found> find_names(FileSystem& volume) {
  std::vector<Found> found;
  std::vector<NodeId> pending = {kRootNode};
  std::set<NodeId> seen = {kRootNode};
  while (!pending.empty()) {
    const NodeId directory = pending.back();
    pending.pop_back();
    std::size_t begin = found.size();
    static_cast<void>(volume.read_directory(directory, 0, [&](const DirectoryItem& item) {
      found.push_back({directory, std::string(item.name), item.node});
      return found.size() < kMostNames;
    }));
    for (; begin < found.size(); ++begin) {
      if (seen.insert(found[begin].node).second) pending.push_back(found[begin].node);
    }
  }
  return found;
}

void read_node(FileSystem& volume, NodeId node) {
  const auto attributes = volume.attributes(node);
  const std::uint64_t size = attributes.ok() ? attributes->size : 0;
  std::size_t bytes = 0;
  const auto take = [&](auto pieces) {
    for (const auto& piece : pieces) bytes += piece.size();
  };
  static_cast<void>(volume.read(node, 0, 0, kMostBytesExercised, take));
  static_cast<void>(volume.read(node, 0, size - std::min<std::uint64_t>(size, 5000), 6000, take));
  static_cast<void>(volume.read_link(node));
  static_cast<void>(volume.seek(node, 0, SEEK_HOLE));
  static_cast<void>(volume.get_xattr(node, "user.spindle.map"));
  const auto names = volume.list_xattr(node);
  for (std::size_t at = 0; names.ok() && at < names->size();) {
    const std::string name = names->c_str() + at;
    static_cast<void>(volume.get_xattr(node, name));
    at += name.size() + 1;
  }
}

void change_node(FileSystem& volume, const Found& found, std::size_t turn) {
  const auto bytes = bytes_of(turn, 3000);
  const std::string new_name = "new " + std::to_string(turn);
  const auto attributes = volume.attributes(found.node);
  const std::uint64_t size = attributes.ok() ? attributes->size : 0;
  AttributeChange shorter{.size = true, .to = {}};
  shorter.to.size = size / 2;
  switch (turn % 7) {
    case 0:
      static_cast<void>(volume.unlink(found.directory, found.name));
      break;
    case 1:
      static_cast<void>(volume.write(found.node, 0, 700, bytes, Setuid::kKeep));
      break;
    case 2:
      static_cast<void>(volume.write(found.node, 0, size, bytes, Setuid::kKeep));
      break;
    case 3:
      static_cast<void>(volume.set_attributes(kCaller, found.node, shorter));
      break;
    case 4:
      static_cast<void>(
          volume.rename(kCaller, found.directory, found.name, kRootNode, new_name, 0));
      break;
    case 5:
      static_cast<void>(
          volume.set_xattr(kCaller, found.node, "user.more", std::span(bytes).first(900), 0));
      break;
    default:
      static_cast<void>(volume.create(kCaller, found.node, new_name, 0644));
      static_cast<void>(volume.remove_directory(found.directory, found.name));
  }
}

// A file without a name that a path leads to.
class HiddenFile {
 public:
  explicit HiddenFile(const MemoryDevice& device) : descriptor_(::memfd_create("image", 0)) {
    CHECK(descriptor_ >= 0);
    CHECK(::ftruncate(descriptor_, static_cast<off_t>(device.size_bytes())) == 0);
    std::vector<std::byte> bytes(1u << 20);
    for (std::uint64_t at = 0; at < device.size_bytes(); at += bytes.size()) {
      bytes.resize(std::min<std::uint64_t>(bytes.size(), device.size_bytes() - at));
      device.peek(at, bytes);
      const auto written =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      CHECK(written == static_cast<ssize_t>(bytes.size()));
    }
  }
  HiddenFile(const HiddenFile&) = delete;
  HiddenFile& operator=(const HiddenFile&) = delete;
  ~HiddenFile() { ::close(descriptor_); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// One answer in words and as JSON.
void describe(const std::string& image,
              const std::function<Result<>(cli::InspectedVolume&)>& subject) {
  cli::Answer answer;
  auto volume = cli::InspectedVolume::open(image, answer);
  if (!volume.ok() || !subject(**volume).ok()) return;
  CHECK(!answer.text().empty());
  CHECK(!answer.json().empty());
}

}  // namespace

void mount_and_read(const MemoryDevice& device) {
  MemoryDevice copy = device;
  CountingDevice counting(copy);
  in_runtime([&] {
    auto volume = FileSystem::mount(counting, {.capacity_bytes = 4u << 20}, silent(true));
    if (!volume.ok()) return;
    for (const Found& found : find_names(**volume)) {
      const auto looked_up = (*volume)->lookup(found.directory, found.name);
      if (looked_up.ok()) read_node(**volume, looked_up->node);
    }
    static_cast<void>((*volume)->unmount());
  });
}

MemoryDevice mount_and_change(const MemoryDevice& device) {
  MemoryDevice copy = device;
  CountingDevice counting(copy);
  in_runtime([&] {
    auto volume = FileSystem::mount(counting, {.capacity_bytes = 4u << 20}, silent(false));
    if (!volume.ok()) return;
    std::size_t turn = 0;
    for (const Found& found : find_names(**volume)) {
      if ((*volume)->is_read_only()) break;
      if (found.name != "." && found.name != "..") change_node(**volume, found, turn++);
    }
    static_cast<void>((*volume)->unmount());
  });
  return copy;
}

void inspect_all(const MemoryDevice& device, const std::vector<BlockNo>& blocks) {
  const HiddenFile file(device);
  const std::string image = file.path();
  for (const auto whole : {cli::describe_summary, cli::describe_superblock, cli::describe_journal,
                           cli::describe_free_space, cli::describe_groups}) {
    describe(image, whole);
  }
  for (const std::uint64_t number : {0, 1, 2, 3, 9, 20, 40, 100, 640}) {
    const InodeNo inode{number};
    for (const auto of_inode : {cli::describe_inode, cli::describe_map, cli::describe_directory}) {
      describe(image, [&](auto& volume) { return of_inode(volume, inode); });
    }
  }
  for (const BlockNo block : blocks) {
    describe(image, [&](auto& volume) { return cli::describe_block(volume, block); });
  }
}

}  // namespace spindle::test
