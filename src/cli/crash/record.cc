// spindle crash record: a command on a mount that keeps every write, for the power to be cut later.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "cli/crash/crash.h"
#include "cli/mount/mount_control.h"
#include "cli/older_file.h"
#include "cli/volume/image_copy.h"
#include "spindle/base/temporary_folder.h"

namespace spindle::cli {
namespace {

/// A directory of our own, and the volume mounted at it; unmounted and removed with its scope.
class MountedForRun {
 public:
  MountedForRun(const CrashRecordRequest& request, const std::string& program, Complaint& complaint)
      : program_(program), complaint_(complaint) {
    auto made = make_temporary_folder("spindle-crash");
    if (!made.ok()) {
      complaint.make(made.error().describe());
      return;
    }
    directory_ = std::move(made).take();
    std::vector<std::string> words = {program,    "mount", request.image,
                                      directory_, "-o",    "write-log=" + request.file};
    for (const std::string& option : request.options) words.insert(words.end(), {"-o", option});
    is_mounted_ = run_command(words, Output::kAsIs, complaint).status == 0;
  }
  MountedForRun(const MountedForRun&) = delete;
  MountedForRun& operator=(const MountedForRun&) = delete;
  ~MountedForRun() {
    unmount();
    if (!directory_.empty()) ::rmdir(directory_.c_str());
  }

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// Also after the daemon was killed.
  void unmount() {
    if (!is_mounted_) return;
    is_mounted_ = false;
    if (run_command({program_, "umount", directory_}, Output::kToError, complaint_).status != 0)
      complaint_.make(fmt::format("{} could not be unmounted", directory_));
  }

 private:
  std::string program_;
  Complaint& complaint_;
  std::string directory_;
  bool is_mounted_ = false;
};

/// The command's, with the mount as its working directory.
int run_in(const std::string& directory, const std::vector<std::string>& command,
           Complaint& complaint) {
  const int here = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (here < 0 || ::chdir(directory.c_str()) != 0) {
    complaint.make(fmt::format("{} cannot be entered ({})", directory, std::strerror(errno)));
    if (here >= 0) ::close(here);
    return 1;
  }
  const CommandRun run = run_command(command, Output::kAsIs, complaint);
  if (::fchdir(here) != 0) complaint.make("the working directory no longer exists");
  ::close(here);
  return run.status;
}

bool is_free(const CrashRecordRequest& request, Complaint& complaint) {
  if (request.file.find(',') != std::string::npos) {
    complaint.make(fmt::format("{}: the name of a recording must not have a comma", request.file));
    return false;
  }
  struct stat status {};
  if (::stat(request.file.c_str(), &status) != 0) return true;
  if (!S_ISREG(status.st_mode)) {
    complaint.make(fmt::format("{}: it is there, and is not a file", request.file));
    return false;
  }
  if (is_same_file(request.image, request.file)) {
    complaint.make(fmt::format("{}: it is the image itself", request.file));
    return false;
  }
  if (!request.force) {
    complaint.make(fmt::format("{}: it already exists; --force replaces it", request.file));
    return false;
  }
  return true;
}

void tell(const CrashRecordRequest& request, Complaint& complaint) {
  const auto run = RecordedRun::open(request.file, {}, complaint);
  if (!run) return;
  std::size_t flushes = 0;
  for (const WriteEvent& event : run->events())
    flushes += event.kind == WriteEvent::Kind::kFlush ? 1 : 0;
  fmt::print(
      stderr, "{}: {} writes and {} flushes in {:.3f} s.{} `spindle crash {}` lists them.\n",
      request.file, run->events().size() - flushes, flushes,
      static_cast<double>(run->length_ns()) / 1e9,
      run->log().is_complete() ? "" : " It was cut off: the daemon died, or had no room left.",
      request.file);
}

}  // namespace

int record_crash_run(const CrashRecordRequest& request, Complaint& complaint) {
  if (!is_free(request, complaint)) return 1;
  char program[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program);
  if (length <= 0) {
    complaint.make("/proc is not mounted");
    return 1;
  }
  OlderFile older(request.file, ".replaced", complaint);
  if (complaint.made()) return 1;
  MountedForRun mount(request, std::string(program, static_cast<std::size_t>(length)), complaint);
  if (!mount.is_mounted()) return 1;
  const int status = run_in(mount.directory(), request.command, complaint);
  const bool has_run = !complaint.made();
  mount.unmount();
  has_run ? older.drop() : static_cast<void>(::unlink(request.file.c_str()));
  if (!complaint.made()) tell(request, complaint);
  return status;
}

}  // namespace spindle::cli
