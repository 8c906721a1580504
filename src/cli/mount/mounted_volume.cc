#include "cli/mount/mounted_volume.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "spindle/base/log.h"
#include "spindle/control/machine_control.h"
#include "spindle/control/volume_control.h"
#include "spindle/control/volume_host.h"
#include "spindle/device/host_mounts.h"
#include "spindle/device/memory_limit.h"
#include "spindle/device/recording_device.h"
#include "spindle/device/write_log_file.h"
#include "spindle/disk/simulated_disk.h"
#include "spindle/format/mount_mark.h"
#include "spindle/fs/file_system.h"
#include "spindle/fuse/session.h"
#include "spindle/journal/replay.h"
#include "spindle/machine/live_machine.h"
#include "spindle/record/operation_notes.h"
#include "spindle/thread/linger.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle::cli {
namespace {

/// Unmounts on SIGTERM, SIGINT and SIGHUP, so that stopping the daemon is as safe as `spindle
/// umount`.
class SignalWatcher final : public thread::FdWatcher {
 public:
  explicit SignalWatcher(Session& session) : session_(session) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    fd_ = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    watched_ = fd_ >= 0 && thread::Runtime::current()->watch(fd_, *this).ok();
  }
  ~SignalWatcher() override {
    if (watched_) thread::Runtime::current()->unwatch(fd_);
    if (fd_ >= 0) ::close(fd_);
  }

  bool readable() override {
    bool any = false;
    signalfd_siginfo info{};
    for (; ::read(fd_, &info, sizeof info) == sizeof info; any = true) session_.unmount();
    return any;
  }

 private:
  Session& session_;
  int fd_ = -1;
  bool watched_ = false;
};

FileSystem::Options volume_options(const std::string& image, const FileDevice& device,
                                   const MountOptions& options) {
  FileSystem::Options out;
  out.image = image;
  out.others_see_unflushed = !device.is_block_device();
  out.read_only = options.read_only;
  out.access_times = options.atime == "noatime"       ? FileSystem::AccessTimes::kNone
                     : options.atime == "strictatime" ? FileSystem::AccessTimes::kStrict
                                                      : FileSystem::AccessTimes::kRelative;
  out.directory_access_times = options.directory_access_times;
  out.sync = options.sync;
  out.sync_directories = options.sync_directories;
  out.data_in_log = options.data_in_log;
  out.commit_interval_ns = static_cast<std::int64_t>(options.commit_seconds) * 1'000'000'000;
  out.fit_policy = options.fit_policy;
  return out;
}

/// Whether the volume has changes in its log alone, which have to be written to be seen.
bool has_log(const std::string& image) {
  const auto look = [&]() -> Result<bool> {
    const auto device = TRY(FileDevice::open(image, FileDevice::Access::kReadOnly, kMinBlockSize,
                                             FileDevice::Lock::kNone));
    const format::Superblock superblock = TRY(read_superblock(*device));
    device->set_block_size(superblock.block_size);
    const format::Layout layout = TRY(format::Layout::of(superblock));
    return !TRY(read_log(*device, layout)).empty();
  };
  const auto found = look();
  return found.ok() && *found;
}

/// What can be done about an image that this user, or nobody, may write.
std::string way_to_read(const MountRequest& request) {
  if (!has_log(request.image))
    return request.options.read_only ? "" : "; `-o ro` mounts it for reading";
  const char* const why = request.options.read_only ? "" : " its log has to be replayed, so";
  return fmt::format(";{} copy the image to where it can be written", why);
}

/// In words, for the person who mounts.
std::string sentence(const MountRequest& request, const Error& error) {
  if (error.code == EUCLEAN) {
    return fmt::format("{}: {}; try `fsck.spindle {}`", request.image, error.describe(),
                       request.image);
  }
  if (error.code == EBUSY) {
    return fmt::format("{} is in use: {}", request.image,
                       who_uses(request.image, format::who_has_mounted(request.image)));
  }
  const bool may_read = ::access(request.image.c_str(), R_OK) == 0;
  const bool may_not_write = error.code == EROFS || error.code == EACCES;
  return fmt::format("{}: {}{}", request.image, error.describe(),
                     may_not_write && may_read ? way_to_read(request) : "");
}

// Requests under way, and what else the daemon has, take as much again at least.
std::uint64_t usual_cache_bytes() {
  constexpr std::uint64_t kUsual = 64u << 20;
  constexpr std::uint64_t kLeast = 1u << 20;
  return std::clamp(memory_limit_bytes() / 4, kLeast, kUsual);
}

/// What is kept while nobody has said how much: some 3 MiB.
constexpr std::size_t kTracedEvents = 16384;

/// One mounted volume from end to end. Runs inside the runtime.
class Mount {
 public:
  Mount(const MountRequest& request, const MountEvents& events)
      : request_(request), events_(events) {}

  /// Nothing, or the sentence to say.
  std::string run() {
    std::string problem = run_to_end();
    if (problem.empty()) events_.ended();
    return problem;
  }

 private:
  std::string run_to_end() {
    if (const auto opened = open(); !opened.ok()) return complaint(opened.error());
    auto session = Session::mount(session_options(), *recorded_, control_);
    if (!session.ok()) {
      (void)volume_->unmount();
      return fmt::format("{}: {}", request_.directory, session.error().describe());
    }
    session_ = std::move(session).take();
    Result<> served;
    {
      const SignalWatcher signals(*session_);
      served = session_->serve(events_.ready);
    }
    // It may be in the middle of a file, which this thread must not keep it from. One that nobody
    // has used is in the middle of nothing, and to begin a kernel thread takes longer than to end
    // it.
    if (machine_->uses() != 0) thread::offload([this] { machine_.reset(); });
    machine_.reset();
    const auto unmounted = volume_->unmount();
    finish_write_log();
    if (!served.ok()) return sentence(request_, served.error());
    if (!unmounted.ok()) return sentence(request_, unmounted.error());
    return {};
  }

  Result<> open() {
    if (!request_.options.read_only) return open_as(FileDevice::Access::kReadWrite);
    Result<> opened = open_as(FileDevice::Access::kReadOnly);
    // After a crash the log has to be replayed, even for a read-only mount.
    if (opened.code() == EROFS && open_as(FileDevice::Access::kReadWrite).ok()) return {};
    return opened;
  }

  Result<> open_as(FileDevice::Access access) {
    close_layers();
    TRY(open_disk(access));
    TRY(open_volume());
    make_machine();
    add_volume_control(control_, {.volume = *volume_,
                                  .disk = *disk_,
                                  .what_if = *what_if_,
                                  .trace = trace_,
                                  .recorded = *recorded_,
                                  .session = [this] { return session_.get(); },
                                  .image = request_.image,
                                  .version = SPINDLE_VERSION});
    return {};
  }

  /// From the top to the bottom: each stands on those after it.
  void close_layers() {
    machine_.reset();
    what_if_.reset();
    notes_.reset();
    recorded_.reset();
    volume_.reset();
    disk_.reset();
    recorder_.reset();
    write_log_.reset();
    image_.reset();
  }

  Result<> open_disk(FileDevice::Access access) {
    const MountOptions& options = request_.options;
    image_ = TRY(open_when_free(request_.image, access, kDefaultBlockSize));
    read_front_ahead();
    const format::Superblock superblock = TRY(read_superblock(*image_));
    image_->set_block_size(superblock.block_size);
    if (!options.write_log.empty()) TRY(open_write_log());
    BlockDevice& below = recorder_ ? static_cast<BlockDevice&>(*recorder_) : *image_;
    disk_ = TRY(SimulatedDisk::create(
        below,
        {.arm_policy = options.arm_policy, .disk = options.disk_preset, .pace = options.pace}));
    return {};
  }

  Result<> open_volume() {
    const MountOptions& options = request_.options;
    BufferCache::Options cache;
    cache.capacity_bytes = options.cache_bytes.value_or(usual_cache_bytes());
    cache.policy = options.cache_policy;
    volume_ =
        TRY(FileSystem::mount(*disk_, cache, volume_options(request_.image, *image_, options)));
    recorded_ = std::make_unique<RecordingTree>(*volume_);
    if (write_log_) {
      notes_ = std::make_unique<OperationNotes>(*volume_, *write_log_);
      recorded_->add(*notes_);
    }
    what_if_ = std::make_unique<WhatIf>(*disk_, volume_->cache());
    return {};
  }

  void make_machine() {
    machine_ = std::make_unique<LiveMachine>(
        MachineConfiguration{.cpu_policy = request_.options.cpu_policy},
        [runtime = thread::Runtime::current(), this]() -> std::unique_ptr<MachineHost> {
          return std::make_unique<VolumeHost>(
              *runtime, *volume_, request_.directory,
              VolumeListener{.content = [this](NodeId file) { session_->content_changed(file); },
                             .name =
                                 [this](NodeId directory, const std::string& name) {
                                   session_->name_changed(directory, name);
                                 }});
        },
        [this] { return session_->requests_begun(); });
    machine_control_ = std::make_unique<MachineControl>(control_, *machine_, request_.directory);
  }

  /// The superblock, the state, the groups and the tail of the log stand next to one another: the
  /// host waits for its disk once, not for each of them.
  void read_front_ahead() {
    constexpr std::size_t kFrontBytes = 32 * 1024;
    std::vector<std::byte> front(kFrontBytes);
    (void)image_->read(BlockNo{0}, front, IoPurpose::kMetadata);
  }

  Result<> open_write_log() {
    auto opened = WriteLogWriter::create(request_.options.write_log, *image_, request_.image);
    has_no_write_log_ = !opened.ok();
    write_log_ = TRY(std::move(opened));
    recorder_ = std::make_unique<RecordingDevice>(*image_, *write_log_);
    return {};
  }

  void finish_write_log() {
    if (!write_log_) return;
    write_log_->finish();
    const auto& failure = write_log_->failure();
    if (!failure) return;
    log(LogLevel::kWarning, request_.options.write_log + ": " + failure->describe());
  }

  [[nodiscard]] std::string complaint(const Error& error) const {
    if (!has_no_write_log_) return sentence(request_, error);
    return request_.options.write_log + ": " + error.describe();
  }

  [[nodiscard]] Session::Options session_options() const {
    const MountOptions& options = request_.options;
    Session::Options out;
    out.source = request_.image;
    out.mount_point = request_.directory;
    out.read_only = options.read_only;
    out.allow_other = options.allow_other;
    out.default_permissions = options.default_permissions;
    out.atime = options.atime;
    out.kernel_options = options.kernel_options;
    out.free_bytes = [this] {
      return volume_->space_manager().statistics().free_blocks * volume_->layout().block_size;
    };
    out.debug = request_.debug;
    return out;
  }

  const MountRequest& request_;
  const MountEvents& events_;
  std::unique_ptr<FileDevice> image_;
  std::unique_ptr<WriteLogWriter> write_log_;
  std::unique_ptr<RecordingDevice> recorder_;
  bool has_no_write_log_ = false;  ///< a log of writes was asked for, and could not be made
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<FileSystem> volume_;
  std::unique_ptr<RecordingTree> recorded_;
  std::unique_ptr<OperationNotes> notes_;
  std::unique_ptr<WhatIf> what_if_;
  std::unique_ptr<LiveMachine> machine_;
  EventTrace trace_{kTracedEvents, &thread::current_thread::tag};
  std::unique_ptr<MachineControl> machine_control_;
  ControlTree control_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::string serve_volume(const MountRequest& request, const MountEvents& events) {
  // Converting a large file nests deepest; pages of a stack that are not reached cost nothing.
  auto runtime = thread::Runtime::create({.stack_size = 256 * 1024, .count_cpu_time = true});
  if (!runtime.ok()) return runtime.error().describe();
  constexpr std::int64_t kLingerNs = 50'000;
  thread::set_linger_ns(kLingerNs);
  std::string problem;
  const auto ran = (*runtime)->run([&] { problem = Mount(request, events).run(); });
  if (problem.empty() && !ran.ok()) problem = ran.error().describe();
  return problem;
}

}  // namespace spindle::cli
