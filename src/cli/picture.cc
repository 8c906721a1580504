// `spindle picture`: the blocks of a volume as a map, mounted, unmounted or damaged.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include "cli/block_census.h"
#include "cli/commands.h"
#include "cli/mount_control.h"
#include "spindle/base/size_text.h"

namespace spindle::cli {
namespace {

struct PictureRequest {
  std::string where;
  std::string by = "kind";
  std::string svg;
  bool json = false;
};

const std::map<std::string, BlocksBy> kBy = {
    {"kind", BlocksBy::kKind}, {"strategy", BlocksBy::kStrategy}, {"file", BlocksBy::kFile}};

/// `where` itself, or the image that is mounted there, with all that was written to it.
std::string image_of(const std::string& where, Complaint& complaint) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(where, ignored)) return where;
  const MountControl control(where, complaint);
  Complaint may_not;  // who cannot have it synced sees what the last commit left
  if (!complaint.made()) MountControl(where, may_not).sync();
  return complaint.made() ? "" : control.value("volume/image");
}

std::string title_of(const InspectedVolume& volume, const std::string& image) {
  const format::Layout& layout = volume.layout();
  return fmt::format("{}: {} in {} blocks of {}, {}",
                     printable(std::filesystem::path(image).filename().string()),
                     size_text(layout.block_count * layout.block_size), layout.block_count,
                     size_text(layout.block_size), volume.state());
}

Json json_of(const chart::BlockMap& map, const Answer& answer) {
  Json kinds = Json::array();
  for (std::size_t i = 0; i < map.kinds.size(); ++i) {
    kinds.push_back({{"name", map.kinds[i].name}, {"blocks", map.blocks_of(i)}});
  }
  Json cells = Json::array();
  for (std::size_t i = 0; i < map.cells.size(); ++i) {
    const auto& cell = map.cells[i];
    cells.push_back({{"block", i * map.blocks_per_cell},
                     {"kind", map.kinds[chart::BlockMap::kind_of(cell)].name},
                     {"blocks_in_use", chart::BlockMap::blocks_in_use(cell)}});
  }
  return {{"title", map.title},
          {"block_size_bytes", map.block_size_bytes},
          {"blocks_per_cell", map.blocks_per_cell},
          {"kinds", kinds},
          {"cells", cells},
          {"notes", answer.all_notes()}};
}

chart::Colours colours_of_terminal() {
  const bool wants = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return wants ? chart::Colours::kTerminal : chart::Colours::kNone;
}

void show(const PictureRequest& request, Complaint& complaint) {
  const std::string image = image_of(request.where, complaint);
  if (complaint.made()) return;
  Answer answer;
  const auto volume = InspectedVolume::open(image, answer);
  if (!volume.ok()) return complaint.make(image + ": " + volume.error().describe());
  chart::BlockMap map = count_blocks(**volume, kBy.at(request.by));
  map.title = title_of(**volume, image);
  if (!request.svg.empty()) write_file(request.svg, to_svg(map), complaint);
  if (request.json) {
    fmt::print("{}\n", json_of(map, answer).dump(2));
  } else if (request.svg.empty()) {
    fmt::print("{}", to_text(map, chart::terminal_style(STDOUT_FILENO), colours_of_terminal()));
    for (const std::string& note : answer.all_notes()) fmt::print("{}\n", note);
  }
}

int run(const PictureRequest& request) {
  Complaint complaint;
  show(request, complaint);
  if (!complaint.made()) return 0;
  fmt::print(stderr, "spindle picture: {}\n", complaint.what());
  return 1;
}

}  // namespace

void add_picture_command(CLI::App& app, int& status) {
  auto request = std::make_shared<PictureRequest>();
  CLI::App* command = app.add_subcommand(
      "picture",
      "Draw the blocks of a volume, mounted, unmounted or damaged: what each part of the disk is\n"
      "used for, by which strategy it was allocated, or whose it is.");
  command->add_option("IMAGE|MOUNT", request->where, "image file, or where it is mounted")
      ->required();
  command->add_option("--by", request->by, "kind, strategy or file: what tells blocks apart")
      ->check(CLI::IsMember(kBy).description(""))
      ->type_name("WHAT");
  command->add_option("--svg", request->svg, "the picture, to this file")->type_name("FILE");
  command->add_flag("--json", request->json, "the cells as JSON");
  command->callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
