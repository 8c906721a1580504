// `spindle experiment`: resets a mount's counters and shadows, runs a command, and reports what it
// would have cost under each policy.
#include "cli/experiment/experiment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/picture/disk_pictures.h"
#include "cli/picture/journal_picture.h"
#include "spindle/base/json_text.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

struct ExperimentRequest {
  std::string mount;
  std::vector<std::string> command;
  bool cold = false;
  bool json = false;
  std::string svg;
  std::string html;
};

/// Empties the kernel's cache and the volume's, so that the command's reads reach the disk.
void empty_caches(const MountControl& control) {
  control.sync();
  control.write("cache/drop", "1");
  const int fd = ::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  const bool dropped = fd >= 0 && ::write(fd, "3", 1) == 1;
  if (fd >= 0) ::close(fd);
  if (!dropped)
    fmt::print(stderr,
               "The kernel's cache cannot be emptied (that needs root): reads of what it "
               "holds do not reach the volume.\n");
}

/// The pictures of `spindle picture`, as far as they have anything to show.
std::vector<std::string> pictures_of(const MountControl& control) {
  std::vector<std::string> pictures;
  const DiskFigures figures = take_disk_figures(control);
  for (const PictureKind kind : {PictureKind::kArm, PictureKind::kSeeks, PictureKind::kResponses,
                                 PictureKind::kPolicies, PictureKind::kHits}) {
    Complaint nothing;
    const DrawnPicture picture = picture_of(kind, figures, nothing);
    if (!nothing.made()) pictures.push_back(picture.svg);
  }
  Answer answer;
  const auto volume = InspectedVolume::open(control.value("volume/image"), answer);
  if (!volume.ok() || (*volume)->uuid() != control.value("volume/uuid")) return pictures;
  const auto journal = journal_picture(**volume, figures.subject, (*volume)->state(),
                                       control.json("journal/statistics"));
  if (journal.ok()) pictures.push_back(journal->svg);
  return pictures;
}

int run(const ExperimentRequest& request) {
  Complaint complaint;
  const MountControl control(request.mount, complaint);
  Experiment experiment;
  CommandRun ran;
  if (!complaint.made()) {
    if (request.cold) empty_caches(control);
    control.write("reset", "1");
    const Json journal = control.json("journal/statistics");
    if (!complaint.made())
      ran =
          run_command(request.command, request.json ? Output::kToError : Output::kAsIs, complaint);
    control.sync();
    if (!complaint.made()) experiment = take_figures(control, request.command, ran, journal);
  }
  if (!complaint.made()) {
    if (!request.svg.empty()) write_file(request.svg, report_svg(experiment), complaint);
    if (!request.html.empty())
      write_file(request.html, report_html(experiment, pictures_of(control)), complaint);
    if (request.json)
      fmt::print("{}\n", json_text(experiment, 2));
    else
      fmt::print("{}", report_text(experiment, chart::terminal_style(STDOUT_FILENO)));
  }
  if (!complaint.made()) return ran.status;
  fail("experiment", complaint.what());
  return ran.status != 0 ? ran.status : 1;
}

}  // namespace

void add_experiment_command(const Command& program, int& status) {
  auto request = std::make_shared<ExperimentRequest>();
  const Command command = program.subcommand(
      "experiment",
      "Reset a mount's counters, run COMMAND, and compare the policies on its requests: what\n"
      "each arm policy would have cost, and how often each cache policy would have hit.");
  command.option("MOUNT", request->mount, "where the volume is mounted").required();
  command.option("COMMAND", request->command, "after --: the command to run").required();
  command.flag("--cold", request->cold, "empty the caches first");
  command.flag("--json", request->json, "print the figures as JSON");
  command.option("--svg", request->svg, "write the pictures to this file").type_name("FILE");
  command.option("--html", request->html, "write the whole report to this file").type_name("FILE");
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
