#include "mkfs/present_content.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <memory>

#include "spindle/base/file_descriptor.h"
#include "spindle/format/mount_mark.h"

namespace spindle {
namespace {

using Probe = std::unique_ptr<blkid_struct_probe, decltype(&blkid_free_probe)>;

/// What libblkid answers if it finds marks that contradict each other.
constexpr int kSeveralMarks = -2;

std::string value_of(const Probe& probe, const char* name) {
  const char* value = nullptr;
  if (blkid_probe_lookup_value(probe.get(), name, &value, nullptr) != 0) return "";
  return value;
}

}  // namespace

std::string present_content(const std::string& path) {
  const Probe probe(blkid_new_probe_from_filename(path.c_str()), blkid_free_probe);
  if (probe != nullptr) {
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_enable_partitions(probe.get(), 1);
    const int outcome = blkid_do_safeprobe(probe.get());
    if (outcome == kSeveralMarks) return "marks of several file systems";
    if (outcome == 0) {
      if (const auto type = value_of(probe, "TYPE"); !type.empty())
        return fmt::format("a file system of type {}", type);
      if (const auto type = value_of(probe, "PTTYPE"); !type.empty())
        return fmt::format("a partition table of type {}", type);
    }
  }
  return format::superblock_in(path) ? kOwnVolume : "";
}

Result<> erase_foreign_marks(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.is_open()) return Error{errno, "the image cannot be opened"};
  const Probe probe(blkid_new_probe(), blkid_free_probe);
  if (probe == nullptr || blkid_probe_set_device(probe.get(), fd.get(), 0, 0) != 0) return {};
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_MAGIC);
  blkid_probe_enable_partitions(probe.get(), 1);
  blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
  while (blkid_do_probe(probe.get()) == 0) {
    if (blkid_do_wipe(probe.get(), 0) != 0)
      return Error{EIO, "what it holds already cannot be erased"};
  }
  return {};
}

}  // namespace spindle
