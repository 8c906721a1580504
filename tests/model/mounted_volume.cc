#include "mounted_volume.h"

#include <cstdio>
#include <cstdlib>

#include "spindle/base/random.h"

namespace spindle::test {

void must(const Result<>& result) {
  if (result.ok()) return;
  std::fprintf(stderr, "unexpected failure: %s\n", result.error().describe().c_str());
  std::abort();
}

MemoryDevice formatted(const VolumeOptions& options) {
  MemoryDevice device(options.block_size, options.size / options.block_size);
  FormatOptions format;
  format.inodes = options.inodes;
  format.journal_size = options.journal_size;
  format.group_size = options.group_size;
  format.default_map_kind = options.map_kind;
  format.uuid.fill(std::byte{7});
  format.hash_seed = 11;
  format.now = {.seconds = 1'000'000, .nanoseconds = 0};
  must(format_volume(device, format));
  return device;
}

std::unique_ptr<FileSystem> mounted(BlockDevice& device, FileSystem::Options options) {
  return must(FileSystem::mount(device, {.capacity_bytes = 4u << 20}, std::move(options)));
}

std::vector<std::byte> read_from(Tree& tree, NodeId node, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes;
  must(tree.read(node, 0, offset, size, [&](auto pieces) {
    for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  }));
  return bytes;
}

std::vector<std::byte> content_of(Tree& tree, NodeId node) {
  const std::uint64_t size = must(tree.attributes(node)).size;
  std::vector<std::byte> bytes = read_from(tree, node, 0, size + 10);
  CHECK(bytes.size() == size);
  return bytes;
}

std::vector<std::byte> bytes_of(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

}  // namespace spindle::test
