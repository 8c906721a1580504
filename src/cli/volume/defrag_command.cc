// `spindle defrag`: on a mount, through its control file; or in an unmounted image.

#include <fcntl.h>
#include <fmt/format.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/inspect/answer.h"
#include "cli/volume/defrag.h"
#include "cli/volume/offline_volume.h"
#include "cli/words.h"
#include "spindle/command_line/command_line.h"
#include "spindle/control/defrag_verbs.h"

namespace spindle::cli {
namespace {

using Rearrangement = FileSystem::Rearrangement;

struct DefragRequest {
  std::vector<std::string> paths;
  bool dry_run = false;
  bool packs = false;
  bool packs_not = false;
  bool shows_files = false;
  bool json = false;
};

/// Volume/defrag of a mount, and what stands beside it.
class MountedDefrag final : public DefragVolume {
 public:
  explicit MountedDefrag(std::string mount)
      : folder_(std::move(mount) + "/.spindle/volume/"),
        control_(::open((folder_ + "defrag").c_str(), O_RDWR | O_CLOEXEC)),
        open_error_(errno) {}
  ~MountedDefrag() override {
    if (control_ >= 0) ::close(control_);
  }
  MountedDefrag(const MountedDefrag&) = delete;
  MountedDefrag& operator=(const MountedDefrag&) = delete;

  [[nodiscard]] Result<> is_open() const {
    if (control_ >= 0) return {};
    return Error{open_error_, "its control file volume/defrag cannot be opened"};
  }

  Result<Rearrangement> ask(std::string_view verb, NodeId node) override {
    TRY(command(fmt::format("{} {}\n", verb, node)));
    char text[4096];
    const ssize_t size = ::pread(control_, text, sizeof text, 0);
    if (size < 0) return Error{errno, ::strerrordesc_np(errno)};
    return parsed(std::string(text, static_cast<std::size_t>(size)));
  }

  Result<std::uint64_t> longest_free_run() override {
    // Where it may not be written it is as it will be.
    if (const auto settled = command("settle\n"); settled.code() != EROFS) TRY(settled);
    const int file = ::open((folder_ + "longest_free_run_blocks").c_str(), O_RDONLY | O_CLOEXEC);
    char text[64] = {};
    const ssize_t size = file < 0 ? -1 : ::read(file, text, sizeof text - 1);
    const int error = errno;
    if (file >= 0) ::close(file);
    if (size <= 0) return Error{error, "its control files cannot be read"};
    return std::strtoull(text, nullptr, 10);
  }

 private:
  Result<> command(const std::string& line) {
    if (::pwrite(control_, line.data(), line.size(), 0) >= 0) return {};
    if (errno == EPERM) return Error{errno, "it belongs to another user"};
    if (errno == ENOTCONN) return Error{errno, "the volume is no longer mounted there"};
    return Error{errno, ::strerrordesc_np(errno)};
  }

  static Result<Rearrangement> parsed(const std::string& text) {
    std::istringstream words(text.substr(std::min(text.find('\n'), text.size())));
    Rearrangement told;
    Placement& before = told.before;
    Placement& after = told.after;
    std::string inode;
    std::string moves;
    words >> inode >> moves >> told.first_block.value >> before.blocks >> before.runs >>
        before.gap_blocks >> before.seeks >> after.runs >> after.gap_blocks >> after.seeks;
    if (!words) return Error{EIO, "its control file volume/defrag says something unknown"};
    told.moves = moves == "yes";
    after.blocks = before.blocks;
    for (Placement* placement : {&before, &after}) {
      placement->files = placement->blocks == 0 ? 0 : 1;
      placement->fragmented_files = placement->runs > 1 ? 1 : 0;
    }
    return told;
  }

  std::string folder_;
  int control_;
  int open_error_;
};

class OfflineDefrag final : public DefragVolume {
 public:
  explicit OfflineDefrag(FileSystem& volume) : volume_(volume) {}

  Result<Rearrangement> ask(std::string_view verb, NodeId node) override {
    return rearrange(volume_, *defrag_verb(verb), node);
  }
  Result<std::uint64_t> longest_free_run() override {
    TRY(volume_.settle_space());
    return volume_.space_manager().longest_free_run();
  }

 private:
  FileSystem& volume_;
};

/// The directory at which the volume is mounted on which the path is; empty: none is.
Result<std::string> mount_of(const std::string& path) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::canonical(path, error);
  if (error) return Error{error.value(), "its whole path cannot be found"};
  for (;; at = at.parent_path()) {
    if (::access((at / ".spindle/version").c_str(), F_OK) == 0) return at.string();
    if (at == at.root_path()) return std::string();
  }
}

/// What has been removed meanwhile is not missed.
bool is_unreadable(const FTSENT& entry) {
  if (entry.fts_info != FTS_NS) return entry.fts_info == FTS_DNR || entry.fts_info == FTS_ERR;
  return entry.fts_level == FTS_ROOTLEVEL || entry.fts_errno != ENOENT;
}

/// The regular files that the paths name, and those in the directories among them.
std::vector<DefragFile> files_of(std::vector<std::string>& paths, int& status) {
  std::vector<char*> words;
  for (std::string& path : paths) words.push_back(path.data());
  words.push_back(nullptr);
  const std::unique_ptr<FTS, decltype(&::fts_close)> walk(
      ::fts_open(words.data(), FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, nullptr),
      &::fts_close);
  std::vector<DefragFile> found;
  std::set<NodeId> known;
  while (const FTSENT* entry = walk ? ::fts_read(walk.get()) : nullptr) {
    if (is_unreadable(*entry))
      status = fail("defrag", printable(entry->fts_path), std::strerror(entry->fts_errno));
    if (entry->fts_info != FTS_F || !known.insert(entry->fts_statp->st_ino).second) continue;
    found.push_back({entry->fts_path, entry->fts_statp->st_ino});
  }
  return found;
}

void add_row(FactTable& table, const std::string& when, const DefragReport& report,
             const Placement& sum, std::uint64_t longest) {
  table.add_row({when, std::uint64_t{report.files.size()}, sum.fragmented_files, sum.blocks,
                 sum.runs, sum.mean_run_blocks(), sum.layout_score(), sum.seeks, sum.gap_blocks,
                 longest});
}

FactTable table_of_files(const DefragReport& report) {
  FactTable table(
      {"path", "blocks", "runs_before", "runs_after", "seeks_before", "seeks_after", "moved"});
  for (const DefragFile& file : report.files) {
    if (file.before.runs == file.after.runs && file.moved_blocks == 0) continue;
    table.add_row({printable(file.path), file.after.blocks, file.before.runs, file.after.runs,
                   file.before.seeks, file.after.seeks, file.moved_blocks != 0});
  }
  return table;
}

void show(const DefragRequest& request, const DefragReport& report) {
  Answer answer;
  answer.fact("files", std::uint64_t{report.files.size()});
  answer.fact("moved_files", report.moved_files);
  answer.fact("moved_blocks", report.moved_blocks);
  FactTable sums({"when", "files", "fragmented_files", "blocks", "runs", "mean_run_blocks",
                  "layout_score", "seeks", "gap_blocks", "longest_free_run_blocks"});
  add_row(sums, "before", report, report.before, report.longest_free_run_before);
  add_row(sums, request.dry_run ? "would be" : "after", report, report.after,
          report.longest_free_run_after);
  answer.table("layout", std::move(sums));
  if (request.shows_files) answer.table("moved", table_of_files(report));
  if (request.dry_run)
    answer.note("Nothing was moved; each file is planned as if it alone were moved.");
  if (report.was_stopped)
    answer.note("It was stopped; the files that were not moved are unchanged.");
  fmt::print("{}", request.json ? answer.json() : answer.text());
}

/// 0 if every file could be looked at.
int tell(const DefragRequest& request, const Result<DefragReport>& report) {
  if (!report.ok())
    return fail("defrag", printable(request.paths.front()), report.error().describe());
  for (const auto& [path, why] : report->left_out) fail("defrag", printable(path), why);
  show(request, *report);
  return report->left_out.empty() && !report->was_stopped ? 0 : 1;
}

int run_on_image(const DefragRequest& request) {
  Result<DefragReport> report = Error{EIO, "it was not served"};
  const auto done =
      with_offline_volume(request.paths.front(), nullptr, [&](FileSystem& volume) -> Result<> {
        OfflineDefrag offline(volume);
        Defragmenter defragmenter(offline,
                                  {.dry_run = request.dry_run, .packs = !request.packs_not});
        std::vector<DefragFile> files;
        for (const VolumeFile& file : TRY(regular_files(volume)))
          files.push_back({.path = file.path, .node = file.node});
        report = defragmenter.run(std::move(files));
        return report.ok() ? Result<>() : report.error();
      });
  if (!done.ok())
    return fail("defrag", printable(request.paths.front()), offline_reason(done.error()));
  return tell(request, report);
}

int run_on_mount(DefragRequest& request, const std::string& mount) {
  int status = 0;
  bool is_whole = false;
  std::error_code ignored;
  for (const std::string& path : request.paths) {
    const auto its_mount = mount_of(path);
    if (!its_mount.ok()) return fail("defrag", printable(path), its_mount.error().describe());
    if (*its_mount != mount)
      return fail("defrag", printable(path), "it is not on the volume mounted at " + mount);
    is_whole |= std::filesystem::canonical(path, ignored) == mount;
  }
  const bool packs = request.packs || (is_whole && !request.packs_not);
  MountedDefrag mounted(mount);
  if (const auto open = mounted.is_open(); !open.ok())
    return fail("defrag", printable(mount), open.error().describe());
  Defragmenter defragmenter(mounted, {.dry_run = request.dry_run, .packs = packs});
  const int told = tell(request, defragmenter.run(files_of(request.paths, status)));
  return told != 0 ? told : status;
}

int run(DefragRequest& request) {
  const StopRequest stop;
  const std::string& first = request.paths.front();
  struct stat info {};
  if (::stat(first.c_str(), &info) != 0)
    return fail("defrag", printable(first), std::strerror(errno));
  const auto mount = mount_of(first);
  if (!mount.ok()) return fail("defrag", printable(first), mount.error().describe());
  if (!mount->empty()) return run_on_mount(request, *mount);
  if (S_ISDIR(info.st_mode) || !is_volume_image(first)) {
    return fail("defrag", printable(first),
                "it is neither on a mounted Spindle volume nor the image of one");
  }
  if (request.paths.size() > 1)
    return fail("defrag", printable(request.paths[1]), "an image must be the only PATH");
  return run_on_image(request);
}

}  // namespace

void add_defrag_command(const Command& program, int& status) {
  auto request = std::make_shared<DefragRequest>();
  const Command command = program.subcommand(
      "defrag",
      "Bring the blocks of files together, on a mount that is in use or in an unmounted image,\n"
      "and compare the layout before and after. For a whole volume, also bring the free blocks\n"
      "together.");
  command
      .option("PATH", request->paths,
              "a mount, or directories and files on it; or the image of a volume")
      .required();
  command.flag("-n,--dry-run", request->dry_run,
               "move nothing; show how each file would be laid out");
  const Option pack =
      command.flag("--pack", request->packs,
                   "bring the free blocks together even if PATH is not a whole volume");
  command.flag("--no-pack", request->packs_not, "leave the free blocks where they are")
      .excludes(pack);
  command.flag("--files", request->shows_files, "also show the result for each file that changed");
  command.flag("--json", request->json, "print the answer as JSON");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
