// fsck.spindle: checks a volume, and repairs it.

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

#include "fsck/check_volume.h"
#include "fsck/explain.h"
#include "fsck/undo_file.h"
#include "spindle/base/json_text.h"
#include "spindle/base/printable.h"
#include "spindle/base/wrapped_text.h"
#include "spindle/command_line/checked_output.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/device/host_mounts.h"
#include "spindle/device/overlay_device.h"
#include "spindle/format/mount_mark.h"
#include "spindle/json/json.h"

namespace spindle::fsck {
namespace {

/// The exit statuses of fsck(8).
enum Status : int {
  kNoErrors = 0,
  kCorrected = 1,
  kUncorrected = 4,
  kOperational = 8,
  kUsage = 16
};

struct Request {
  std::string image;
  bool no = false;
  bool preen = false;
  bool yes = false;
  bool force = false;
  bool verbose = false;
  bool json = false;
  bool explain = false;
  std::string undo;  ///< where to keep what is overwritten; empty if nowhere
};

int fail(const std::string& image, const Error& error) {
  if (error.code == EBUSY) {
    tell_error("fsck.spindle", fmt::format("{} is in use: {} (-n checks it anyway)", image,
                                           who_uses(image, format::who_has_mounted(image))));
  } else {
    tell_error("fsck.spindle", fmt::format("{}: {}", image, error.describe()));
  }
  return kOperational;
}

/// The bar on a terminal, drawn again only when it has changed.
class ProgressBar {
 public:
  void show(unsigned pass, double share) {
    constexpr int kWidth = 40;
    const int percent = static_cast<int>(share * 100);
    if (is_shown_ && pass == pass_ && percent == percent_) return;
    is_shown_ = true;
    pass_ = pass;
    percent_ = percent;
    const int full = percent * kWidth / 100;
    fmt::print(stderr, "\rPass {} [{:=<{}}{:{}}] {:3} %", pass, "", full, "", kWidth - full,
               percent);
    std::fflush(stderr);
  }
  void clear() {
    if (!is_shown_) return;
    std::fflush(stdout);
    fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
    is_shown_ = false;
  }

 private:
  bool is_shown_ = false;
  unsigned pass_ = 0;
  int percent_ = 0;
};

std::string_view pass_name(unsigned pass) {
  switch (pass) {
    case 1:
      return "Pass 1: inodes, their maps and attributes";
    case 2:
      return "Pass 2: directories and names";
    case 3:
      return "Pass 3: connections to the root";
    case 4:
      return "Pass 4: link counts";
    default:
      return "Pass 5: bitmaps, counts and FAT of the groups";
  }
}

std::string text_of(const Finding& finding) {
  const ProblemRow& row = row_of(finding.problem);
  std::string text = fmt::format("{}: {}", finding.place.text, row.what);
  if (!finding.detail.empty()) text += fmt::format(" ({})", printable(finding.detail));
  return text;
}

/// Asks before each repair, until the answer is "all". Any answer other than yes changes nothing.
class Questions {
 public:
  bool operator()(const std::string& question) {
    fmt::print("  {} [y/n, a: yes to all] ", question);
    if (all_) {
      fmt::print("y\n");
      return true;
    }
    std::fflush(stdout);
    std::string answer;
    if (!std::getline(std::cin, answer) || answer.empty()) return false;
    const char letter = answer[0];
    all_ = letter == 'a' || letter == 'A';
    return all_ || letter == 'y' || letter == 'Y';
  }

 private:
  bool all_ = false;
};

CheckOptions make_options(const Request& request, ProgressBar* bar) {
  CheckOptions options;
  const bool can_ask = !request.json && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  options.mode = request.yes || request.preen ? Mode::kYes
                 : request.no || !can_ask     ? Mode::kNo
                                              : Mode::kAsk;
  options.force = request.force;
  if (bar != nullptr || request.verbose) {
    // Nothing else may go to the standard output with JSON.
    std::FILE* out = request.json ? stderr : stdout;
    options.progress = [bar, out, verbose = request.verbose, last = 0u](unsigned pass,
                                                                        double share) mutable {
      if (verbose && pass != last) {
        if (bar != nullptr) bar->clear();
        if (pass < last) fmt::print(out, "Second check, after the repairs\n");
        fmt::print(out, "{}\n", pass_name(pass));
        last = pass;
      }
      if (bar != nullptr) bar->show(pass, share);
    };
  }
  options.ask = Questions();
  if (!request.json) {
    options.show = [bar, mode = options.mode](const Finding& finding) {
      if (bar != nullptr) bar->clear();
      fmt::print("{}", text_of(finding));
      if (mode == Mode::kYes && finding.can_be_repaired)
        fmt::print(". {}: done", row_of(finding.problem).repair);
      fmt::print("\n");
    };
  }
  return options;
}

/// With --explain each finding is followed by what it means.
void add_explanations(CheckOptions& options, Explainer& explainer) {
  options.show = [show = std::move(options.show), &explainer](const Finding& finding) {
    show(finding);
    for (const std::string& line : explainer.explain(finding))
      fmt::print("{}", wrapped_text(line, "    ", "      "));
  };
}

int status_of(const CheckResult& result) {
  if (result.left != 0) return kUncorrected;
  return result.found != 0 ? kCorrected : kNoErrors;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void show_result(const Request& request, const CheckResult& result, Mode mode) {
  const std::string image = printable(request.image);
  if (result.skipped) {
    fmt::print("{}: clean\n", image);
    return;
  }
  if (result.replayed_epochs != 0) {
    fmt::print("{}: {} in the journal: {}\n", image,
               counted(result.replayed_epochs, "group commit"),
               mode != Mode::kNo             ? "replayed"
               : result.replayed_epochs == 1 ? "the next mount replays it"
                                             : "the next mount replays them");
  }
  if (result.orphans != 0) {
    fmt::print("{}: the next mount ends the removal or truncation of {}\n", image,
               counted(result.orphans, "file"));
  }
  fmt::print("{}: {}: {}/{} inodes, {}/{} blocks in use", image,
             result.found == 0  ? "clean"
             : result.left == 0 ? "repaired"
                                : "has errors",
             result.inodes_used, result.inodes, result.blocks_used, result.blocks);
  if (result.found != 0) {
    fmt::print("; {} found, {} left", counted(result.found, "problem"), result.left);
  }
  fmt::print("\n");
  if (result.left != 0 && !request.yes && !request.preen) {
    fmt::print("Run `fsck.spindle -y {}{}` to repair it.\n", request.force ? "-f " : "", image);
  }
}

using Explanations = std::vector<std::vector<std::string>>;  // of the findings, in their order

void show_json(const Request& request, const CheckResult& result,
               const Explanations& explanations) {
  auto findings = nlohmann::ordered_json::array();
  for (const Finding& finding : result.findings) {
    const ProblemRow& row = row_of(finding.problem);
    findings.push_back({{"code", row.code},
                        {"where", finding.place.text},
                        {"what", row.what},
                        {"detail", printable(finding.detail)},
                        {"repair", row.repair},
                        {"meaning", row.meaning},
                        {"effect", row.effect},
                        {"repaired", finding.repaired}});
    if (findings.size() <= explanations.size())
      findings.back()["explanation"] = explanations[findings.size() - 1];
  }
  const nlohmann::ordered_json out = {{"image", request.image},
                                      {"skipped", result.skipped},
                                      {"replayed_epochs", result.replayed_epochs},
                                      {"orphans", result.orphans},
                                      {"found", result.found},
                                      {"left", result.left},
                                      {"inodes_used", result.inodes_used},
                                      {"inodes", result.inodes},
                                      {"blocks_used", result.blocks_used},
                                      {"blocks", result.blocks},
                                      {"exit_status", status_of(result)},
                                      {"findings", findings}};
  fmt::print("{}\n", json_text(out, 2));
}

/// An empty undo file is of no use to anybody, and is removed.
Result<> keep_undo(const Request& request, UndoRecorder& recorder) {
  TRY(recorder.finish());
  if (recorder.blocks() == 0) {
    ::unlink(request.undo.c_str());
  } else if (!request.json) {
    const std::string undo = printable(request.undo);
    fmt::print("What the repair overwrote is in {}: `spindle undo {} {}` puts it back.\n", undo,
               undo, printable(request.image));
  }
  return {};
}

/// A check that only looks sees what others are writing half done.
void tell_of_use(const std::string& image) {
  tell_error("fsck.spindle",
             fmt::format("{} is in use: {}; blocks that are being written may look damaged", image,
                         who_uses(image)));
}

Result<std::unique_ptr<FileDevice>> open_image(const Request& request, FileDevice::Access access) {
  auto opened = open_when_free(request.image, access, kMinBlockSize);
  if (!request.no || opened.code() != EBUSY) return opened;
  tell_of_use(request.image);
  return FileDevice::open(request.image, access, kMinBlockSize, FileDevice::Lock::kNone);
}

/// With --explain each finding is explained as it comes, while its inode and blocks can still be
/// read: to the terminal, or for the JSON into `explanations`.
Result<CheckResult> check_and_explain(const Request& request, BlockDevice& device,
                                      const FoundSuperblock& found, CheckOptions& options,
                                      Explanations& explanations) {
  const auto layout = format::Layout::of(found.superblock);
  if (!request.explain || !layout.ok()) return check_volume(device, found, options);
  Explainer explainer(device, found.superblock, *layout);
  if (request.json)
    options.show = [&](const Finding& finding) {
      explanations.push_back(explainer.explain(finding));
    };
  else
    add_explanations(options, explainer);
  return check_volume(device, found, options);
}

struct Volume {
  std::unique_ptr<FileDevice> image;  ///< with blocks of the volume's size
  FoundSuperblock found;
};

Result<Volume> open_volume(const Request& request, Mode mode) {
  const bool only_looks = mode == Mode::kNo;
  auto image = TRY(open_image(
      request, only_looks ? FileDevice::Access::kReadOnly : FileDevice::Access::kReadWrite));
  const FoundSuperblock found = TRY(find_superblock(*image, image->size_bytes()));
  if (!only_looks) TRY(format::check_not_mounted(found.superblock, request.image));
  image->set_block_size(found.superblock.block_size);
  return Volume{std::move(image), found};
}

/// Null if nothing is to be saved.
Result<std::unique_ptr<UndoRecorder>> start_undo(const Request& request, Mode mode,
                                                 BlockDevice& image) {
  if (mode == Mode::kNo || request.undo.empty()) return std::unique_ptr<UndoRecorder>();
  return UndoRecorder::create(request.undo, image);
}

int run(const Request& request) {
  ProgressBar bar;
  const bool shows_bar = !request.json && ::isatty(STDERR_FILENO) != 0;
  CheckOptions options = make_options(request, shows_bar ? &bar : nullptr);
  const auto volume = open_volume(request, options.mode);
  if (!volume.ok()) return fail(request.image, volume.error());
  FileDevice& image = *volume->image;
  const auto recorder = start_undo(request, options.mode, image);
  if (!recorder.ok()) return fail(request.undo, recorder.error());

  OverlayDevice unchanged(image);
  BlockDevice& device = options.mode == Mode::kNo ? static_cast<BlockDevice&>(unchanged)
                        : *recorder               ? static_cast<BlockDevice&>(**recorder)
                                                  : image;
  Explanations explanations;
  const auto result = check_and_explain(request, device, volume->found, options, explanations);
  bar.clear();
  if (*recorder) {
    const auto kept = keep_undo(request, **recorder);
    if (!kept.ok()) return fail(request.undo, kept.error());
  }
  if (!result.ok()) return fail(request.image, result.error());
  if (request.json) {
    show_json(request, *result, explanations);
  } else {
    show_result(request, *result, options.mode);
  }
  return status_of(*result);
}

}  // namespace
}  // namespace spindle::fsck

int main(int argc, char** argv) {
  spindle::fsck::Request request;
  spindle::CommandLine line(
      "fsck.spindle", "fsck.spindle " SPINDLE_VERSION,
      "Checks the Spindle volume in IMAGE, and repairs it.\n"
      "Without -n, -p or -y it asks before each repair; without a terminal it only checks.\n"
      "Exit status: 0 no errors, 1 errors corrected, 4 errors left, 8 could not check, 16 usage.");
  const spindle::Option no =
      line.flag("-n", request.no, "change nothing; also checks a mounted volume");
  const spindle::Option preen = line.flag("-p,-a", request.preen, "repair without asking");
  const spindle::Option yes = line.flag("-y", request.yes, "answer every question with yes");
  no.excludes(preen).excludes(yes);
  line.flag("-f", request.force, "check even if the volume is marked clean");
  line.flag("--explain", request.explain,
            "explain what each problem means, which names and blocks it concerns, and what "
            "the repair will do; implies -f");
  line.option("--undo", request.undo, "save the overwritten blocks in this new file")
      .type_name("FILE")
      .check([](const std::string& name) { return name.empty() ? "'' is not a file name" : ""; });
  line.flag("-v", request.verbose, "print the name of each pass");
  line.flag("--json", request.json, "print the result as JSON");
  line.option("IMAGE", request.image, "image file or block device").required();
  if (const auto ended = line.parse(argc, argv, spindle::fsck::kUsage)) return *ended;
  // With --explain the volume is checked even if it was unmounted properly.
  request.force = request.force || request.explain;
  // Under `ulimit -f` a write fails, and is told of, instead of killing the program.
  std::signal(SIGXFSZ, SIG_IGN);
  return spindle::with_checked_output("fsck.spindle", spindle::fsck::kOperational,
                                      [&] { return spindle::fsck::run(request); });
}
