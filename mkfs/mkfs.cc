// mkfs.spindle: makes a volume in an image file or on a block device.

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>

#include "mkfs/format_volume.h"
#include "mkfs/populate.h"
#include "mkfs/present_content.h"
#include "spindle/base/json_text.h"
#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"
#include "spindle/base/uuid.h"
#include "spindle/command_line/checked_output.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/device/host_mounts.h"
#include "spindle/format/map_names.h"
#include "spindle/format/mount_mark.h"
#include "spindle/json/json.h"

namespace spindle {
namespace {

struct Request {
  std::string image;
  std::optional<std::string> size;
  std::string block_size = "4K";
  std::string strategy = "extent";
  std::string label;
  std::optional<std::string> uuid;
  std::optional<std::uint64_t> inodes;
  std::optional<std::string> journal_size;
  std::optional<std::string> group_size;
  std::string directory;
  bool only_show = false;
  bool quiet = false;
  bool json = false;
  bool force = false;
};

constexpr int kFailed = 1;

int fail(const std::string& what) {
  tell_error("mkfs.spindle", what);
  return kFailed;
}

nlohmann::ordered_json plan_json(const Request& request, const format::Superblock& superblock,
                                 const format::Layout& layout) {
  Uuid uuid;
  std::memcpy(uuid.data(), superblock.uuid, uuid.size());
  std::uint64_t free_blocks = 0;
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    free_blocks += layout.data(GroupNo{g}).length;
  }
  return {{"image", request.image},
          {"uuid", uuid_text(uuid)},
          {"label", request.label},
          {"block_size", layout.block_size},
          {"blocks", layout.block_count},
          {"data_blocks", free_blocks},
          {"inodes", layout.inode_count()},
          {"groups", layout.group_count},
          {"group_bytes", layout.blocks_per_group() * layout.block_size},
          {"journal_bytes", layout.journal.length * layout.block_size},
          {"strategy", request.strategy},
          {"copy_of", request.directory},
          {"written", !request.only_show}};
}

void show_plan(const Request& request, const nlohmann::ordered_json& plan) {
  const std::uint64_t block_size = plan["block_size"];
  const std::uint64_t blocks = plan["blocks"];
  fmt::print("{} {}: {}, {} blocks of {} bytes\n",
             request.only_show ? "Would format" : "Formatting", printable(request.image),
             size_text(blocks * block_size), blocks, block_size);
  fmt::print("  uuid       {}\n", plan["uuid"].get<std::string>());
  if (!request.label.empty()) fmt::print("  label      {}\n", printable(request.label));
  fmt::print("  strategy   {}\n", request.strategy);
  fmt::print("  inodes     {}\n", plan["inodes"].get<std::uint64_t>());
  fmt::print("  groups     {} of up to {}\n", plan["groups"].get<std::uint64_t>(),
             size_text(plan["group_bytes"].get<std::uint64_t>()));
  fmt::print("  journal    {}\n", size_text(plan["journal_bytes"].get<std::uint64_t>()));
  fmt::print("  for files  {}\n", size_text(plan["data_blocks"].get<std::uint64_t>() * block_size));
  if (!request.directory.empty()) fmt::print("  copy of    {}\n", printable(request.directory));
}

// Each of the following reads what one option gives; if it is impossible, `reason` says why.

bool read_size(const std::optional<std::string>& text, std::string_view option, std::uint64_t& into,
               std::string& reason) {
  if (!text) return true;
  const auto size = parse_size(*text);
  if (size.ok() && *size != 0) {
    into = *size;
    return true;
  }
  const char* const why = size.ok() ? "the size must be above 0" : size.error().what;
  reason = fmt::format("{}: '{}': {}", option, *text, why);
  return false;
}

bool read_block_size(const std::string& text, std::uint64_t& into, std::string& reason) {
  if (!read_size(text, "-b", into, reason)) return false;
  if (std::has_single_bit(into) && kMinBlockSize <= into && into <= kMaxBlockSize) return true;
  reason = fmt::format("-b: the block size must be a power of two from 1K to 64K, not {}", text);
  return false;
}

bool read_strategy(const std::string& name, format::MapKind& into, std::string& reason) {
  const auto kind = format::map_kind_named(name);
  if (!kind)
    reason =
        fmt::format("-a: '{}' is not one of {}", name, fmt::join(format::strategy_names(), ", "));
  into = kind.value_or(into);
  return kind.has_value();
}

bool read_uuid(const std::optional<std::string>& text, Uuid& into, std::string& reason) {
  if (!text) return true;
  const auto uuid = parse_uuid(*text);
  if (!uuid.ok()) reason = fmt::format("-U: '{}': {}", *text, uuid.error().what);
  if (uuid.ok()) into = *uuid;
  return uuid.ok();
}

bool read_inodes(const std::optional<std::uint64_t>& count, std::uint64_t& into,
                 std::string& reason) {
  if (count == 0u) reason = "-N: a volume has at least one inode";
  into = count.value_or(0);
  return count != 0u;
}

/// Reads the requested formatting into numbers; if part of it is impossible, `reason` says why.
bool read_request(const Request& request, FormatOptions& options, std::uint64_t& block_size,
                  std::uint64_t& size, std::string& reason) {
  options.label = request.label;
  return read_block_size(request.block_size, block_size, reason) &&
         read_size(request.size, "SIZE", size, reason) &&
         read_size(request.journal_size, "-J", options.journal_size, reason) &&
         read_size(request.group_size, "-g", options.group_size, reason) &&
         read_strategy(request.strategy, options.default_map_kind, reason) &&
         read_uuid(request.uuid, options.uuid, reason) &&
         read_inodes(request.inodes, options.inodes, reason);
}

std::string sentence(const std::string& image, const Error& error) {
  if (error.code == EBUSY) {
    return fmt::format("{} is in use: {}", image, who_uses(image, format::who_has_mounted(image)));
  }
  if (error.code == EINVAL && *error.what != '\0') return fmt::format("{}: {}", image, error.what);
  return fmt::format("{}: {}", image, error.describe());
}

/// EBUSY if a program has the image open, or a volume in it is mounted in any way.
Result<> check_unused(const std::string& path) {
  TRY(open_when_free(path, FileDevice::Access::kReadWrite, kMinBlockSize));
  const auto present = format::superblock_in(path);
  return present ? format::check_not_mounted(*present, path) : Result<>{};
}

/// 0 if the image's folder is there and takes a new file, or the error; a link that leads to no
/// file counts as a new file, wherever that would be.
int folder_error(const std::string& image) {
  struct stat info {};
  if (::lstat(image.c_str(), &info) == 0) return 0;
  if (errno != ENOENT) return errno;
  const std::size_t slash = image.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : image.substr(0, slash + 1) + ".";
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

std::string refusal(const Request& request, std::string_view content) {
  return fmt::format("{} already holds {}; --force overwrites it", request.image, content);
}

/// Whether a volume may be made in the image as it is, if it exists; gives the size of an image
/// file. If not, `reason` says why.
bool check_image(const Request& request, std::uint64_t& size, std::string& reason) {
  if (request.image.empty()) {
    reason = "IMAGE: '': the name of the image is empty";
    return false;
  }
  struct stat info {};
  const bool exists = ::stat(request.image.c_str(), &info) == 0;
  if (const int error = exists ? 0 : folder_error(request.image); error != 0) {
    reason = sentence(request.image, Error{error, "the image cannot be created"});
    return false;
  }
  if (!exists && size == 0) {
    reason = fmt::format("{} does not exist: give its size, e.g. `{} 64M`", request.image,
                         request.image);
    return false;
  }
  if (exists && !S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) {
    reason = fmt::format("{} is neither a file nor a block device", request.image);
    return false;
  }
  const std::string content = exists && !request.force ? present_content(request.image) : "";
  if (!content.empty()) {
    reason = refusal(request, content);
    return false;
  }
  if (exists && !request.only_show) {
    const auto unused = check_unused(request.image);
    if (!unused.ok()) reason = sentence(request.image, unused.error());
    if (!unused.ok()) return false;
  }
  if (size == 0 && S_ISREG(info.st_mode)) size = static_cast<std::uint64_t>(info.st_size);
  return true;
}

/// The image file, made or made longer. A new file is removed again unless a volume was made in it.
class ImageFile {
 public:
  explicit ImageFile(const std::string& path) : path_(path) {}
  ~ImageFile() {
    if (is_new_) ::unlink(path_.c_str());
  }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  Result<> make(std::uint64_t size) {
    struct stat info {};
    const bool exists = ::stat(path_.c_str(), &info) == 0;
    if (exists && (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) >= size)) {
      return {};
    }
    const int fd = exists ? ::open(path_.c_str(), O_WRONLY | O_CLOEXEC) : create();
    const bool done = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(size)) == 0;
    const int code = errno;
    if (fd >= 0) ::close(fd);
    if (is_new_) follow_links();
    if (done) return {};
    return Error{code, fd < 0 ? "the image cannot be created"
                              : "the image cannot be made this large on its file system"};
  }
  /// It has a volume, of this program's or of another one's that was quicker.
  void keep() { is_new_ = false; }

 private:
  /// Opens a new file. What another program has just made under this name is not ours to remove.
  int create() {
    struct stat info {};
    const bool is_link = ::lstat(path_.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
    const int exclusively = is_link ? 0 : O_EXCL;
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | exclusively, 0666);
    is_new_ = fd >= 0;
    return fd;
  }

  /// What may have to be removed is the file, not a link to it.
  void follow_links() {
    std::error_code ignored;
    const auto file = std::filesystem::canonical(path_, ignored);
    if (!ignored) path_ = file.string();
  }

  std::string path_;
  bool is_new_ = false;
};

int copy_directory(const Request& request, FileDevice& device) {
  const bool show = !request.quiet && !request.json && ::isatty(STDERR_FILENO) != 0;
  std::string reason;
  const auto copied =
      populate(device, {request.directory, request.image}, reason,
               [&](const std::string&, const PopulateReport& so_far) {
                 const std::uint64_t done = so_far.files + so_far.directories + so_far.others;
                 if (show && done % 64 == 0) {
                   fmt::print(stderr, "\rCopying {}: {} files, {}   ", printable(request.directory),
                              so_far.files, size_text(so_far.bytes));
                 }
               });
  if (show) fmt::print(stderr, "\r\033[K");
  if (!copied.ok()) {
    return fail(reason.empty() ? fmt::format("{}: {}", request.directory, copied.error().describe())
                               : reason);
  }
  if (!request.quiet) {
    for (const std::string& path : copied->left_out)
      tell_error("mkfs.spindle", printable(path) + ": left out, it is the image itself");
  }
  if (!request.quiet && !request.json) {
    fmt::print("Copied {}: {} files, {} directories, {} others, {}\n", printable(request.directory),
               copied->files, copied->directories, copied->others, size_text(copied->bytes));
  }
  return 0;
}

Result<std::unique_ptr<FileDevice>> open_image(const Request& request, std::uint64_t block_size) {
  const auto access =
      request.only_show ? FileDevice::Access::kReadOnly : FileDevice::Access::kReadWrite;
  return FileDevice::open(request.image, access, static_cast<std::uint32_t>(block_size));
}

/// A block device cannot be made longer: gives its size if none was requested.
bool fit_device(const Request& request, std::uint64_t& size, std::string& reason) {
  struct stat info {};
  if (::stat(request.image.c_str(), &info) != 0 || !S_ISBLK(info.st_mode)) return true;
  const auto device = open_image(request, kMinBlockSize);
  if (!device.ok()) {
    reason = sentence(request.image, device.error());
    return false;
  }
  const std::uint64_t most = (*device)->size_bytes();
  if (size > most) {
    reason = fmt::format("SIZE: {} has {} bytes, not {}", request.image, most, size);
    return false;
  }
  if (size == 0) size = most;
  return true;
}

int make_volume(const Request& request, const FormatOptions& options,
                const format::Superblock& planned, ImageFile& file) {
  const auto device = open_image(request, planned.block_size);
  if (device.code() == EBUSY) file.keep();
  if (!device.ok()) return fail(sentence(request.image, device.error()));
  // It is locked only now: another mkfs.spindle may have been quicker.
  if (!request.force && format::superblock_in(request.image)) {
    file.keep();
    return fail(refusal(request, kOwnVolume));
  }
  const auto erased = request.force ? erase_foreign_marks(request.image) : Result<>{};
  if (!erased.ok()) return fail(sentence(request.image, erased.error()));
  const auto formatted = format_volume(
      **device, planned, options.uuid == Uuid{} ? OldLog::kOfOthers : OldLog::kOfSameUuid,
      {.uid = ::geteuid(), .gid = ::getegid()});
  if (!formatted.ok()) return fail(sentence(request.image, formatted.error()));
  const int status = request.directory.empty() ? 0 : copy_directory(request, **device);
  if (status == 0) file.keep();
  return status;
}

/// Whether the requested journal is large enough for the volume; if not, `reason` says so.
bool check_journal(std::uint64_t block_size, std::uint64_t size, const FormatOptions& options,
                   std::string& reason) {
  if (options.journal_size == 0) return true;
  const auto least =
      min_journal_size(static_cast<std::uint32_t>(block_size), size / block_size, options);
  if (!least.ok() || options.journal_size >= *least) return true;
  reason = fmt::format("-J: the journal of this volume has at least {}K", *least / 1024);
  return false;
}

int run(const Request& request) {
  FormatOptions options;
  std::uint64_t block_size = kDefaultBlockSize;
  std::uint64_t size = 0;
  std::string reason;
  if (!read_request(request, options, block_size, size, reason)) return fail(reason);
  if (size != 0 && size < kMinImageSize) return fail("SIZE: an image has at least 1 MiB");
  if (size > kMaxImageSize) return fail("SIZE: an image has at most 16 TiB");
  if (!request.directory.empty()) {
    const auto source = check_source(request.directory);
    if (!source.ok()) return fail(printable(request.directory) + ": " + source.error().what);
  }
  if (!check_image(request, size, reason)) return fail(reason);
  if (!fit_device(request, size, reason)) return fail(reason);
  if (!check_journal(block_size, size, options, reason)) return fail(reason);
  const auto planned =
      plan_volume(static_cast<std::uint32_t>(block_size), size / block_size, options);
  if (!planned.ok()) return fail(sentence(request.image, planned.error()));
  const auto layout = format::Layout::of(*planned);
  if (!layout.ok()) return fail(sentence(request.image, layout.error()));
  const auto plan = plan_json(request, *planned, *layout);
  ImageFile file(request.image);
  const auto made = request.only_show ? Result<>{} : file.make(size);
  if (!made.ok()) return fail(sentence(request.image, made.error()));
  if (!request.quiet && !request.json) show_plan(request, plan);
  const int status = request.only_show ? 0 : make_volume(request, options, *planned, file);
  if (status == 0 && request.json) {
    fmt::print("{}\n", json_text(plan, 2));
  }
  return status;
}

}  // namespace
}  // namespace spindle

int main(int argc, char** argv) {
  spindle::Request request;
  // An empty text counts as given, and is refused.
  const auto set = [](std::optional<std::string>& into) {
    return [&into](const std::string& text) { into = text; };
  };
  spindle::CommandLine line("mkfs.spindle", "mkfs.spindle " SPINDLE_VERSION,
                            "Makes a Spindle volume in IMAGE, a file or a block device.");
  line.option("-b,--block-size", request.block_size, "block size, 1K to 64K (default 4K)")
      .type_name("BLOCK");
  line.option("-a,--strategy", request.strategy,
              fmt::format("how new files are mapped: {} (default extent)",
                          fmt::join(spindle::format::strategy_names(), ", ")))
      .type_name("STRATEGY");
  line.option("-L,--label", request.label, "name of the volume, at most 64 bytes")
      .type_name("LABEL");
  line.option("-U,--uuid", set(request.uuid), "UUID of the volume (default: random)")
      .type_name("UUID");
  line.option("-N,--inodes", request.inodes, "number of inodes (default: one for each 16 KiB)")
      .type_name("INODES");
  line.option("-J,--journal-size", set(request.journal_size),
              "size of the journal (default: a 32nd of the image, at most 64M)")
      .type_name("SIZE");
  line.option("-g,--group-size", set(request.group_size),
              "minimum size of a group, which limits the length of a contiguous file (default: a "
              "4th of the image or 64 bitmap blocks; with -a contiguous the image)")
      .type_name("SIZE");
  line.option("-d,--directory", request.directory,
              "copy the contents of this directory into the volume")
      .type_name("DIR")
      .existing_directory();
  line.flag("-n,--dry-run", request.only_show, "print what would be done, and do nothing");
  line.flag("-q,--quiet", request.quiet, "print only errors");
  line.flag("--json", request.json, "print what was done as JSON");
  line.flag("--force", request.force, "overwrite an existing file system");
  line.option("IMAGE", request.image, "file or block device").required();
  line.option("SIZE", set(request.size),
              "size of the volume, with K, M, G or T; required if the file does not exist");
  if (const auto ended = line.parse(argc, argv, spindle::kFailed)) return *ended;
  // Under `ulimit -f` a write fails, and is told of, instead of killing the program.
  std::signal(SIGXFSZ, SIG_IGN);
  return spindle::with_checked_output("mkfs.spindle", spindle::kFailed,
                                      [&] { return spindle::run(request); });
}
