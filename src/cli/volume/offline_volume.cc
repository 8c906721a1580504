#include "cli/volume/offline_volume.h"

#include <sys/stat.h>

#include <csignal>
#include <set>

#include "spindle/device/file_device.h"
#include "spindle/format/mount_mark.h"
#include "spindle/thread/runtime.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kCacheBytes = 128u << 20;
constexpr std::int64_t kNever = 315'360'000'000'000'000;  // ten years

volatile std::sig_atomic_t stop_requested = 0;

Result<> serve(BlockDevice& device, const std::string& image, const std::int64_t* clock_seconds,
               const std::function<Result<>(FileSystem& volume)>& body) {
  FileSystem::Options options;
  options.image = image;
  if (clock_seconds != nullptr) {
    options.clock = [clock_seconds] { return Timestamp{*clock_seconds, 0}; };
  }
  options.commit_interval_ns = kNever;
  const auto volume = TRY(FileSystem::mount(
      device, {.capacity_bytes = kCacheBytes, .dirty_age_ns = kNever}, std::move(options)));
  const Result<> done = body(*volume);
  const Result<> unmounted = volume->unmount();
  return done.ok() ? unmounted : done;
}

}  // namespace

Result<> with_offline_volume(const std::string& image, std::int64_t* clock_seconds,
                             const std::function<Result<>(FileSystem& volume)>& body) {
  const auto device =
      TRY(FileDevice::open(image, FileDevice::Access::kReadWrite, kMinBlockSize,
                           FileDevice::Lock::kExclusive, FileDevice::Engine::kBlocking));
  const format::Superblock superblock = TRY(read_superblock(*device));
  TRY(format::check_not_mounted(superblock, image));
  device->set_block_size(superblock.block_size);
  if (clock_seconds != nullptr) {
    *clock_seconds = static_cast<std::int64_t>(std::uint64_t{superblock.last_write_seconds});
  }
  const auto runtime = TRY(thread::Runtime::create());
  Result<> done;
  TRY(runtime->run([&] { done = serve(*device, image, clock_seconds, body); }));
  return done;
}

Result<std::vector<VolumeFile>> regular_files(FileSystem& volume) {
  std::vector<VolumeFile> found;
  std::set<NodeId> known;
  std::vector<VolumeFile> folders{{"", kRootNode}};
  while (!folders.empty()) {
    const VolumeFile folder = folders.back();
    folders.pop_back();
    TRY(volume.read_directory(folder.node, 0, [&](const DirectoryItem& item) {
      const std::string path = folder.path + "/" + std::string(item.name);
      const bool is_above = item.name == "." || item.name == "..";
      if (S_ISDIR(item.type) && !is_above) folders.push_back({path, item.node});
      if (S_ISREG(item.type) && known.insert(item.node).second) found.push_back({path, item.node});
      return true;
    }));
  }
  return found;
}

bool is_volume_image(const std::string& path) {
  const auto device =
      FileDevice::open(path, FileDevice::Access::kReadOnly, kMinBlockSize, FileDevice::Lock::kNone);
  return device.ok() && read_superblock(**device).ok();
}

std::string offline_reason(const Error& error) {
  return error.code == EBUSY ? "it is mounted: unmount it first" : error.describe();
}

StopRequest::StopRequest() {
  stop_requested = 0;
  before_ = std::signal(SIGINT, [](int) { stop_requested = 1; });
}
StopRequest::~StopRequest() {
  std::signal(SIGINT, before_);
}
bool StopRequest::made() {
  return stop_requested != 0;
}

}  // namespace spindle::cli
