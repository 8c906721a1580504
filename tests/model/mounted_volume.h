// A volume in memory, formatted and mounted for a test.
#pragma once

#include <memory>

#include "mkfs/format_volume.h"
#include "spindle/device/memory_device.h"
#include "spindle/fs/file_system.h"
#include "support/in_runtime.h"

namespace spindle::test {

struct VolumeOptions {
  std::uint64_t size = 8u << 20;
  std::uint32_t block_size = 1024;
  format::MapKind map_kind = format::MapKind::kExtent;
  std::uint64_t inodes = 0;
  std::uint64_t journal_size = 0;
  std::uint64_t group_size = 0;
};

/// An empty volume.
MemoryDevice formatted(const VolumeOptions& options);
/// Mounts, and aborts with the reason if that fails.
std::unique_ptr<FileSystem> mounted(BlockDevice& device, FileSystem::Options options = {});
/// Aborts, with the reason, unless the result is a success.
void must(const Result<>& result);
template <class T>
T must(Result<T> result) {
  if (!result.ok()) must(Result<>(result.error()));
  return std::move(result).take();
}

/// All of a file's bytes.
std::vector<std::byte> content_of(Tree& tree, NodeId node);
std::vector<std::byte> read_from(Tree& tree, NodeId node, std::uint64_t offset, std::size_t size);
/// Pseudo-random bytes that depend on the seed only.
std::vector<std::byte> bytes_of(std::uint64_t seed, std::size_t size);

}  // namespace spindle::test
