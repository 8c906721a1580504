// `spindle map`: how the files of a mount lie on its disk, and what that costs a sequential read.

#include <fmt/format.h>
#include <fts.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "cli/inspect/answer.h"
#include "cli/words.h"
#include "spindle/alloc/placement.h"
#include "spindle/base/limits.h"
#include "spindle/base/printable.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

struct MapRequest {
  std::vector<std::string> paths;
  bool recursive = false;
  bool runs = false;
  bool json = false;
};

struct FileLayout {
  std::string strategy;
  std::vector<Extent> extents;
  bool is_whole = true;  ///< whether the attribute had room for all lines
};

Result<std::string> attribute(const char* path, const char* name) {
  std::string value(kMaxXattrValue, '\0');
  const ssize_t size = ::getxattr(path, name, value.data(), value.size());
  if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) {
    return Error{errno, "it is not on a mounted Spindle volume"};
  }
  if (size < 0) return Error{errno, ::strerrordesc_np(errno)};
  value.resize(static_cast<std::size_t>(size));
  return value;
}

Result<FileLayout> layout_of(const char* path) {
  FileLayout layout;
  layout.strategy = TRY(attribute(path, "user.spindle.alloc"));
  std::istringstream text(TRY(attribute(path, "user.spindle.map")));
  std::string row;
  std::getline(text, row);  // the titles
  while (std::getline(text, row) && layout.is_whole) {
    layout.is_whole = row != "...";
    std::istringstream words(row);
    Extent extent;
    std::string kind;
    if (words >> extent.at.value >> extent.block.value >> extent.length >> kind) {
      extent.unwritten = kind != "data";
      layout.extents.push_back(extent);
    }
  }
  return layout;
}

/// What was found of all the paths, row by row.
class MapReport {
 public:
  explicit MapReport(bool with_runs) : with_runs_(with_runs) {}

  void add(const std::string& path, const FileLayout& layout) {
    const Placement found = placement_of(layout.extents);
    files_.add_row({path, layout.strategy, found.blocks, found.runs, found.gaps(), found.gap_blocks,
                    found.mean_run_blocks(), found.seeks});
    if (!layout.is_whole) {
      answer_.note(
          fmt::format("{} has more runs than its map can tell: these are the first.", path));
    }
    for (const Extent& extent : layout.extents) {
      runs_.add_row({path, extent.at.value, extent.block.value, extent.length,
                     std::string(extent.unwritten ? "unwritten" : "data")});
    }
    ++count_;
    total_ += found;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }

  Answer take() {
    answer_.fact("files", count_);
    answer_.fact("blocks", total_.blocks);
    answer_.fact("runs", total_.runs);
    answer_.fact("mean_run_blocks", total_.mean_run_blocks());
    answer_.fact("seeks", total_.seeks);
    answer_.table("layout", std::move(files_));
    if (with_runs_) answer_.table("extents", std::move(runs_));
    return std::move(answer_);
  }

 private:
  bool with_runs_;
  Answer answer_;
  FactTable files_{
      {"path", "strategy", "blocks", "runs", "gaps", "gap_blocks", "mean_run_blocks", "seeks"}};
  FactTable runs_{{"path", "file_block", "block", "length", "kind"}};
  Placement total_;
  std::uint64_t count_ = 0;
};

int by_name(const FTSENT** left, const FTSENT** right) {
  return std::strcmp((*left)->fts_name, (*right)->fts_name);
}

/// Takes the entry into the report; false if that cannot be, and then it has said why.
bool take(const FTSENT& entry, MapReport& report) {
  const auto cannot = [&](const std::string& why) {
    fail("map", printable(entry.fts_path), why);
    return false;
  };
  switch (entry.fts_info) {
    case FTS_D:
    case FTS_F: {
      const auto layout = layout_of(entry.fts_accpath);
      if (!layout.ok()) return cannot(layout.error().what);
      report.add(printable(entry.fts_path), *layout);
      return true;
    }
    case FTS_NS:
    case FTS_DNR:
    case FTS_ERR:
      return cannot(std::strerror(entry.fts_errno));
    case FTS_DEFAULT:
    case FTS_SL:
    case FTS_SLNONE:
      return entry.fts_level != FTS_ROOTLEVEL || cannot("only files and directories have a map");
    default:
      return true;
  }
}

int run(MapRequest& request) {
  std::vector<char*> paths;
  for (std::string& path : request.paths) paths.push_back(path.data());
  paths.push_back(nullptr);
  const std::unique_ptr<FTS, decltype(&::fts_close)> walk(
      ::fts_open(paths.data(), FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, by_name),
      &::fts_close);
  if (walk == nullptr) {
    return fail("map", std::strerror(errno));
  }
  MapReport report(request.runs);
  int status = 0;
  while (FTSENT* entry = ::fts_read(walk.get())) {
    const bool taken = take(*entry, report);
    if (!taken) status = 1;
    if (entry->fts_info == FTS_D && !(taken && request.recursive)) {
      ::fts_set(walk.get(), entry, FTS_SKIP);
    }
  }
  if (report.empty()) return status;
  const Answer answer = report.take();
  fmt::print("{}", request.json ? answer.json() : answer.text());
  return status;
}

}  // namespace

void add_map_command(const Command& program, int& status) {
  auto request = std::make_shared<MapRequest>();
  const Command command = program.subcommand(
      "map",
      "Show in how many pieces the files of a mount are stored, and how many seeks a sequential\n"
      "read of each would cost.");
  command.option("PATH", request->paths, "files and directories on a mount").required();
  command.flag("-r,--recursive", request->recursive,
               "also show the files in the directories and below");
  command.flag("--runs", request->runs, "also show where each run is");
  command.flag("--json", request->json, "print the answer as JSON");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
