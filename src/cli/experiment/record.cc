// `spindle record`: stores the files that are on a mount, and the operations that a command makes
// on it.

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/mount/mount_control.h"
#include "cli/older_file.h"
#include "cli/picture/disk_pictures.h"
#include "spindle/base/file_descriptor.h"
#include "spindle/base/printable.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/record/recording.h"

namespace spindle::cli {
namespace {

struct RecordRequest {
  std::string mount;
  std::string file;
  std::vector<std::string> command;
  bool contents = false;
};

/// Walks the mount in the order of names, each folder before its files. A folder that this user may
/// not read is left out, with a message: the command cannot look into it either.
class Inventory {
 public:
  Inventory(const std::string& root, Recording& recording, Complaint& complaint)
      : root_(root), recording_(recording), complaint_(complaint) {}

  void walk(const std::string& folder) {
    for (const std::string& name : names_in(root_ + "/" + folder)) {
      const std::string path = folder.empty() ? name : folder + "/" + name;
      const std::string full = root_ + "/" + path;
      struct stat info {};
      if (::lstat(full.c_str(), &info) != 0) continue;  // it has gone meanwhile
      recording_.files.push_back({.node = info.st_ino,
                                  .mode = info.st_mode,
                                  .size = static_cast<std::uint64_t>(info.st_size),
                                  .sectors = static_cast<std::uint64_t>(info.st_blocks),
                                  .path = path});
      if (S_ISLNK(info.st_mode)) add_target(full);
      if (S_ISDIR(info.st_mode)) walk(path);
    }
  }

 private:
  std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> names;
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr && errno == EACCES) {
      tell_error("spindle record", "no permission to read " + printable(path) + "; it is left out");
      return names;
    }
    if (directory == nullptr) {
      complaint_.make(fmt::format("{} cannot be read ({})", path, std::strerror(errno)));
      return names;
    }
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(directory);
    std::ranges::sort(names);
    return names;
  }

  void add_target(const std::string& full) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(full.c_str(), target, sizeof target);
    if (length <= 0) return;
    recording_.files.back().path += '\0';
    recording_.files.back().path.append(target, static_cast<std::size_t>(length));
  }

  const std::string& root_;
  Recording& recording_;
  Complaint& complaint_;
};

Recording describe(const MountControl& control, const RecordRequest& request,
                   Complaint& complaint) {
  Recording recording;
  const Json volume = control.json("volume/statistics");
  if (complaint.made()) return recording;
  recording.block_size = volume["block_size_bytes"].get<std::uint32_t>();
  recording.blocks = volume["blocks"].get<std::uint64_t>();
  recording.inodes = volume["inodes"].get<std::uint64_t>();
  recording.settings = {{"disk", control.chosen("disk/model")},
                        {"arm", control.chosen("disk/scheduler")},
                        {"cache-policy", control.chosen("cache/policy")},
                        {"cache-bytes", control.value("cache/size_bytes")},
                        {"fit", control.chosen("volume/fit")},
                        {"strategy", volume["default_strategy"].get<std::string>()}};
  for (const std::string& word : request.command)
    recording.command += (recording.command.empty() ? "" : " ") + word;
  Inventory(request.mount, recording, complaint).walk("");
  return recording;
}

/// Moves what the pipe holds into the file, and counts the operations.
class Copier {
 public:
  Copier(int pipe, std::ofstream& file) : pipe_(pipe), file_(file), buffer_(1 << 20) {}

  void copy() {
    for (ssize_t got = 0; (got = ::read(pipe_, buffer_.data(), buffer_.size())) > 0;) {
      const std::string_view part(buffer_.data(), static_cast<std::size_t>(got));
      lines_ += static_cast<std::uint64_t>(std::ranges::count(part, '\n'));
      tail_ = part.substr(part.size() - std::min<std::size_t>(part.size(), 6));
      file_ << part;
    }
  }
  [[nodiscard]] std::uint64_t operations() const { return lines_; }
  [[nodiscard]] bool has_lost() const { return tail_.ends_with("\nlost\n"); }

 private:
  int pipe_;
  std::ofstream& file_;
  std::vector<char> buffer_;
  std::uint64_t lines_ = 0;
  std::string tail_;
};

/// Whether writing the file would be recorded in it.
bool is_on_mount(const RecordRequest& request) {
  std::filesystem::path folder = std::filesystem::path(request.file).parent_path();
  if (folder.empty()) folder = ".";
  struct stat of_file {};
  struct stat of_mount {};
  const bool is_there =
      ::stat(request.file.c_str(), &of_file) == 0 || ::stat(folder.c_str(), &of_file) == 0;
  return is_there && ::stat(request.mount.c_str(), &of_mount) == 0 &&
         of_file.st_dev == of_mount.st_dev;
}

/// The file of a recording. An older one is kept beside it, and comes back unless this one is kept.
class RecordingFile {
 public:
  RecordingFile(const RecordRequest& request, Complaint& complaint) : name_(request.file) {
    if (is_on_mount(request)) complaint.make(name_ + " is on the volume that is recorded");
    if (!complaint.made()) make_way(complaint);
    if (complaint.made()) return;
    stream_.open(name_, std::ios::binary | std::ios::trunc);
    if (!stream_) complaint.make(unwritable());
  }
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;
  ~RecordingFile() {
    std::error_code ignored;
    if (stream_.is_open() && std::filesystem::is_regular_file(name_, ignored))
      std::filesystem::remove(name_, ignored);
  }

  [[nodiscard]] std::ofstream& stream() { return stream_; }
  void keep(Complaint& complaint) {
    if (older_) older_->leave();
    stream_.close();
    if (!stream_) complaint.make(unwritable());
  }

 private:
  [[nodiscard]] std::string unwritable() const {
    return fmt::format("{} cannot be written ({})", name_, std::strerror(errno));
  }
  /// Complains if a file that is no recording has the name, and leaves it.
  void make_way(Complaint& complaint) {
    struct stat info {};
    if (::stat(name_.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return;
    if (!is_recording(name_))
      return complaint.make(name_ + " exists and is not a recording; it was not replaced");
    older_.emplace(name_, ".old", complaint);
  }

  const std::string& name_;
  std::optional<OlderFile> older_;
  std::ofstream stream_;  ///< open until the file is kept
};

FileDescriptor open_pipe(const RecordRequest& request, Complaint& complaint) {
  const std::string path =
      request.mount + "/.spindle/record_pipe" + (request.contents ? "_contents" : "");
  FileDescriptor pipe(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!pipe.is_open())
    complaint.make(fmt::format("{} cannot be opened ({})", path, std::strerror(errno)));
  return pipe;
}

/// Runs the command, and copies what comes through the pipe meanwhile.
CommandRun run_recorded(const RecordRequest& request, const MountControl& control, Copier& copier,
                        Complaint& complaint) {
  copier.copy();  // the recording begins
  std::atomic<bool> runs = true;
  std::thread reader([&] {
    while (runs) {
      copier.copy();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const CommandRun run = run_command(request.command, Output::kAsIs, complaint);
  control.sync();
  runs = false;
  reader.join();
  copier.copy();
  return run;
}

int record(const RecordRequest& request, const MountControl& control, Complaint& complaint) {
  const Recording head = describe(control, request, complaint);
  if (complaint.made()) return 1;
  const FileDescriptor pipe = open_pipe(request, complaint);
  if (complaint.made()) return 1;
  RecordingFile file(request, complaint);
  if (complaint.made()) return 1;
  file.stream() << recording_head(head);
  Copier copier(pipe.get(), file.stream());
  const CommandRun run = run_recorded(request, control, copier, complaint);
  if (complaint.made()) return run.status;
  file.stream() << "end " << copier.operations() << "\n";
  file.keep(complaint);
  if (copier.has_lost()) complaint.make("operations came faster than they could be stored");
  if (!complaint.made())
    fmt::print(stderr, "{}: {} operations; files at the start: {}.\n", printable(request.file),
               copier.operations(), head.files.size());
  return run.status;
}

int run(const RecordRequest& request) {
  Complaint complaint;
  int status = 0;
  const MountControl control(request.mount, complaint);
  if (!complaint.made()) status = record(request, control, complaint);
  if (!complaint.made()) return status;
  fail("record", complaint.what());
  return status != 0 ? status : 1;
}

}  // namespace

void add_record_command(const Command& program, int& status) {
  auto request = std::make_shared<RecordRequest>();
  const Command command = program.subcommand(
      "record", "Record the operations that COMMAND performs on a mount, to replay them later.");
  command.option("MOUNT", request->mount, "where the volume is mounted").required();
  command.option("FILE", request->file, "the recording").required();
  command.option("COMMAND", request->command, "after --: the command to run").required();
  command.flag("--contents", request->contents, "also store the bytes that are written");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
