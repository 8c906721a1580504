// A volume with something of everything, what it holds as a mounted file system shows it, and the
// means to damage it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fsck/check_volume.h"
#include "spindle/device/memory_device.h"
#include "spindle/format/map.h"
#include "spindle/fs/file_system.h"

namespace spindle::test {

inline constexpr Caller kCaller{};

/// What a path leads to: its inode, and all of it that a repair must not change.
struct Item {
  NodeId node = 0;
  std::uint32_t mode = 0;
  std::string content;     ///< bytes, target, or device number
  std::string attributes;  ///< names and values
};
using Items = std::map<std::string, Item>;

/// All items below the root, "/..." by path. An Error names what could not be read.
Result<Items> read_items(FileSystem& volume);

struct Sample {
  MemoryDevice device;
  Items items;
};
/// How much of everything the sample has.
struct SampleScale {
  std::uint64_t volume_size = 12u << 20;
  std::uint64_t inodes = 640;
  std::size_t large_file = 200'000;  ///< bytes
  int extents = 150;                 ///< of the sparse file
  int depth = 20;                    ///< directories in one another
  int names = 300;                   ///< of the large directory
};
/// Files of all five strategies, deep and large directories, hard links, symbolic links and
/// attributes, unmounted in order.
Sample make_sample(const SampleScale& scale);
/// The one of the default scale, made once.
const Sample& sample();

/// Counts requests, apart those that begin in a run, and fails once there were more than a check
/// can need.
class CountingDevice final : public BlockDevice {
 public:
  static constexpr std::uint64_t kMostRequests = 400'000;

  explicit CountingDevice(BlockDevice& below, Run run = {}) : below_(below), run_(run) {}
  [[nodiscard]] std::uint32_t block_size() const override { return below_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return below_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override {
    requests_ += batch.size();
    for (const IoRequest& request : batch) requests_in_run_ += run_.contains(request.start) ? 1 : 0;
    if (requests_ > kMostRequests) return Error{EIO, "the check does not come to an end"};
    return below_.submit(batch);
  }
  Result<> flush() override { return below_.flush(); }
  [[nodiscard]] std::uint64_t requests_in_run() const { return requests_in_run_; }

 private:
  BlockDevice& below_;
  Run run_;
  std::uint64_t requests_ = 0;
  std::uint64_t requests_in_run_ = 0;
};

/// Checks the whole volume, whatever its mark says.
Result<fsck::CheckResult> check(BlockDevice& device, fsck::Mode mode);

/// Changes single fields of a volume, and seals what it changed as if it were right.
class Damager {
 public:
  explicit Damager(MemoryDevice& device);

  [[nodiscard]] const format::Layout& layout() const { return layout_; }
  std::vector<std::byte> block(BlockNo number) const;
  void put(BlockNo number, const std::vector<std::byte>& bytes);
  void put_sealed(BlockNo number, std::vector<std::byte> bytes);

  /// The T at byte `offset` of the block.
  template <class T>
  void edit(BlockNo number, std::size_t offset, const std::function<void(T&)>& change) {
    auto bytes = block(number);
    change(format::at<T>(bytes, offset));
    put_sealed(number, std::move(bytes));
  }
  /// Flips one bit of the block, so that its checksum is wrong.
  void flip(BlockNo number, std::size_t byte = 100);

  [[nodiscard]] format::Inode inode(NodeId node) const;
  void edit_inode(NodeId node, const std::function<void(format::Inode&)>& change);
  template <class Root>
  void edit_root(NodeId node, const std::function<void(Root&)>& change) {
    edit_inode(node, [&](format::Inode& inode) {
      change(format::at<Root>(std::span<std::byte>(inode.map_root), 0));
    });
  }
  template <class Root>
  [[nodiscard]] Root root(NodeId node) const {
    auto copy = inode(node);
    return format::at<Root>(std::span<std::byte>(copy.map_root), 0);
  }
  /// The link header of a block of a linked file.
  void edit_link(BlockNo number, const std::function<void(format::LinkHeader&)>& change);
  [[nodiscard]] std::uint64_t fat_entry(BlockNo number) const;
  void set_fat_entry(BlockNo number, std::uint64_t entry);
  void flip_bit(BlockNo bitmap, std::uint64_t bit);
  void edit_descriptor(GroupNo group, const std::function<void(format::GroupDescriptor&)>& change);
  /// All blocks of that kind with a good checksum, of this owner if it is not 0.
  [[nodiscard]] std::vector<BlockNo> blocks_of(format::BlockKind kind, NodeId owner = 0) const;
  /// A data block that belongs to nobody.
  [[nodiscard]] BlockNo free_block() const;

 private:
  MemoryDevice& device_;
  format::Layout layout_;
};

}  // namespace spindle::test
