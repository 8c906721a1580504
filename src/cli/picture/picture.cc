// `spindle picture`: the blocks of a volume, and what its disk, its cache and its journal did, as
// pictures.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "cli/commands.h"
#include "cli/picture/block_census.h"
#include "cli/picture/disk_pictures.h"
#include "cli/picture/journal_picture.h"
#include "spindle/base/json_text.h"
#include "spindle/base/size_text.h"
#include "spindle/chart/png.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/disk/disk_model.h"

namespace spindle::cli {
namespace {

struct PictureRequest {
  std::string where;
  std::string kind;
  std::string by;
  std::string blocks;
  std::string svg;
  std::string png;
  std::string folder;
  PlayChoice play;
  bool json = false;
};

const std::map<std::string, PictureKind> kKinds = {
    {"blocks", PictureKind::kBlocks},    {"arm", PictureKind::kArm},
    {"seeks", PictureKind::kSeeks},      {"responses", PictureKind::kResponses},
    {"hits", PictureKind::kHits},        {"journal", PictureKind::kJournal},
    {"policies", PictureKind::kPolicies}};
const std::map<std::string, BlocksBy> kBy = {{"kind", BlocksBy::kKind},
                                             {"strategy", BlocksBy::kStrategy},
                                             {"file", BlocksBy::kFile},
                                             {"pieces", BlocksBy::kPieces}};

template <class Value>
std::vector<std::string> names_of(const std::map<std::string, Value>& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.push_back(name);
  return names;
}

/// The blocks of a volume that "FIRST-LAST" names; empty if the text is not of this form.
Run blocks_of(const std::string& text, std::uint64_t block_count) {
  if (text.empty()) return {BlockNo{0}, block_count};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const char* const end = text.data() + text.size();
  const auto begin = std::from_chars(text.data(), end, first);
  if (begin.ec != std::errc() || begin.ptr == end || *begin.ptr != '-') return {};
  const auto rest = std::from_chars(begin.ptr + 1, end, last);
  if (rest.ec != std::errc() || rest.ptr != end || first > last || last >= block_count) return {};
  return {BlockNo{first}, last - first + 1};
}

std::string last_name(const std::string& path) {
  return printable(std::filesystem::path(path).filename().string());
}

Json json_of(const chart::BlockMap& map, const Answer& answer) {
  Json kinds = Json::array();
  for (std::size_t i = 0; i < map.kinds.size(); ++i) {
    kinds.push_back({{"name", map.kinds[i].name}, {"blocks", map.blocks_of(i)}});
  }
  Json cells = Json::array();
  for (std::size_t i = 0; i < map.cells.size(); ++i) {
    const auto& cell = map.cells[i];
    cells.push_back({{"block", map.first_block + i * map.blocks_per_cell},
                     {"kind", map.kinds[chart::BlockMap::kind_of(cell)].name},
                     {"blocks_in_use", chart::BlockMap::blocks_in_use(cell)}});
  }
  return {{"title", map.title},
          {"caption", map.caption},
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

/// What pictures are made of: a mount, an image, a recording or a block trace.
class Subject {
 public:
  Subject(const PictureRequest& request, Complaint& complaint)
      : request_(request), complaint_(complaint), image_(request.where) {
    std::error_code ignored;
    if (std::filesystem::is_directory(request.where, ignored)) {
      mount_ = std::make_unique<MountControl>(request.where, complaint);
      Complaint may_not;  // who cannot have it committed sees what the last commit left
      if (!complaint.made()) MountControl(request.where, may_not).commit();
      image_ = complaint.made() ? "" : mount_->value("volume/image");
    } else {
      is_trace_ = is_block_trace(request.where);
      is_played_ = is_trace_ || is_recording(request.where);
    }
    if (!is_played_ && !(request.play.arm.empty() && request.play.disk.empty()))
      complaint.make(request.where +
                     ": --arm and --disk are only for a recording or a block trace");
    if (!is_trace_ && request.play.depth)
      complaint.make(request.where + ": --depth is only for a block trace");
  }

  /// The kinds of pictures that can be drawn; the first is drawn unless another is asked for.
  [[nodiscard]] std::span<const PictureKind> kinds() const {
    using enum PictureKind;
    static constexpr PictureKind kAll[] = {kBlocks,    kJournal, kArm,     kSeeks,
                                           kResponses, kHits,    kPolicies};
    if (mount_ != nullptr) return kAll;
    return is_played_ ? std::span(kAll).subspan(2) : std::span(kAll).first(2);
  }

  /// A complaint concerns this picture alone.
  DrawnPicture draw(PictureKind kind, BlocksBy by, Complaint& complaint) {
    const bool of_volume = kind == PictureKind::kBlocks || kind == PictureKind::kJournal;
    if (of_volume && is_played_)
      complaint.make(request_.where + ": a recording has no blocks; name an image or a mount");
    if (!of_volume && !is_played_ && mount_ == nullptr)
      complaint.make(request_.where +
                     ": only the disk of a mount, of a recording or of a block trace has moved");
    if (complaint.made()) return {};
    if (of_volume) return draw_volume(kind, by, complaint);
    const DiskFigures& shown = figures();
    return complaint_.made() ? DrawnPicture() : picture_of(kind, shown, complaint);
  }

 private:
  DrawnPicture draw_volume(PictureKind kind, BlocksBy by, Complaint& complaint) {
    Answer answer;
    const auto volume = InspectedVolume::open(image_, answer);
    if (!volume.ok()) {
      complaint.make(image_ + ": " + volume.error().describe());
      return {};
    }
    // The image may have been moved away since it was mounted.
    if (mount_ != nullptr && (*volume)->uuid() != mount_->value("volume/uuid")) {
      complaint.make(image_ + ": this is not the volume that is mounted, but another of its name");
      return {};
    }
    if (kind == PictureKind::kBlocks) return draw_blocks(**volume, by, answer, complaint);
    const Json statistics = mount_ == nullptr ? Json() : mount_->json("journal/statistics");
    auto picture =
        journal_picture(**volume, last_name(image_),
                        fmt::format("The volume is {}.", (*volume)->state()), statistics);
    if (picture.ok()) return std::move(picture).take();
    complaint.make(image_ + ": " + picture.error().describe());
    return {};
  }

  DrawnPicture draw_blocks(InspectedVolume& volume, BlocksBy by, const Answer& answer,
                           Complaint& complaint) const {
    const format::Layout& layout = volume.layout();
    const Run shown = blocks_of(request_.blocks, layout.block_count);
    if (shown.length == 0) {
      complaint.make(fmt::format("--blocks: '{}' is not FIRST-LAST within 0-{}",
                                 printable(request_.blocks), layout.block_count - 1));
      return {};
    }
    chart::BlockMap map = count_blocks(volume, by, shown);
    map.title = fmt::format("{}: {}{} in {} blocks of {}, {}", last_name(image_),
                            request_.blocks.empty() ? "" : "blocks " + request_.blocks + " of ",
                            size_text(layout.block_count * layout.block_size), layout.block_count,
                            size_text(layout.block_size), volume.state());
    DrawnPicture picture{
        .svg = to_svg(map),
        .text = to_text(map, chart::terminal_style(STDOUT_FILENO), colours_of_terminal()),
        .json = json_of(map, answer)};
    for (const std::string& note : answer.all_notes()) picture.text += note + "\n";
    return picture;
  }

  /// Taken once for all pictures, so that they show the same moment.
  const DiskFigures& figures() {
    if (!figures_)
      figures_ = mount_ != nullptr ? take_disk_figures(*mount_)
                                   : play_figures(request_.where, request_.play, complaint_);
    return *figures_;
  }

  const PictureRequest& request_;
  Complaint& complaint_;
  std::string image_;
  std::unique_ptr<MountControl> mount_;
  bool is_played_ = false;
  bool is_trace_ = false;
  std::optional<DiskFigures> figures_;
};

void write_png(const std::string& path, const DrawnPicture& picture, Complaint& complaint) {
  const auto png = chart::to_png(picture.svg);
  if (!png.ok()) return complaint.make(png.error().describe());
  write_file(path, *png, complaint);
}

void show_one(const PictureRequest& request, Subject& subject, Complaint& complaint) {
  const bool means_blocks = !request.by.empty() || !request.blocks.empty();
  PictureKind kind = means_blocks ? PictureKind::kBlocks : subject.kinds().front();
  if (!request.kind.empty()) kind = kKinds.at(request.kind);
  const DrawnPicture picture =
      subject.draw(kind, request.by.empty() ? BlocksBy::kKind : kBy.at(request.by), complaint);
  if (complaint.made()) return;
  if (!request.svg.empty()) write_file(request.svg, picture.svg, complaint);
  if (!request.png.empty()) write_png(request.png, picture, complaint);
  if (request.json)
    fmt::print("{}\n", json_text(picture.json, 2));
  else if (request.svg.empty() && request.png.empty())
    fmt::print("{}", picture.text);
}

/// Writes the picture to PATH.svg, PATH.png and PATH.json.
void write_forms(const std::string& path, const DrawnPicture& picture, Complaint& complaint) {
  write_file(path + ".svg", picture.svg, complaint);
  write_file(path + ".json", json_text(picture.json, 2) + "\n", complaint);
  write_png(path + ".png", picture, complaint);
  if (!complaint.made()) fmt::print("{}.svg, .png, .json\n", printable(path));
}

struct NamedPicture {
  std::string name;
  PictureKind kind;
  BlocksBy by = BlocksBy::kKind;
};

std::vector<NamedPicture> all_of(const Subject& subject) {
  std::vector<NamedPicture> all;
  for (const auto& [name, kind] : kKinds) {
    if (std::ranges::find(subject.kinds(), kind) == subject.kinds().end()) continue;
    if (kind != PictureKind::kBlocks) {
      all.push_back({name, kind});
      continue;
    }
    for (const auto& [by_name, by] : kBy) all.push_back({name + "-by-" + by_name, kind, by});
  }
  return all;
}

/// A picture that has nothing to draw is reported, which is not an error.
void show_all(const PictureRequest& request, Subject& subject, Complaint& complaint) {
  std::error_code failed;
  std::filesystem::create_directories(request.folder, failed);
  if (failed) complaint.make(request.folder + " cannot be made (" + failed.message() + ")");
  for (const NamedPicture& one : all_of(subject)) {
    if (complaint.made()) return;
    Complaint nothing;
    const DrawnPicture picture = subject.draw(one.kind, one.by, nothing);
    if (nothing.made())
      tell_error(one.name, nothing.what());
    else
      write_forms(request.folder + "/" + one.name, picture, complaint);
  }
}

int run(const PictureRequest& request) {
  Complaint complaint;
  const bool means_others = !request.kind.empty() && request.kind != "blocks";
  if (means_others && !request.by.empty()) complaint.make("--by is only for --kind blocks");
  if (means_others && !request.blocks.empty()) complaint.make("--blocks is only for --kind blocks");
  if (!complaint.made()) {
    Subject subject(request, complaint);
    if (!complaint.made())
      request.folder.empty() ? show_one(request, subject, complaint)
                             : show_all(request, subject, complaint);
  }
  if (!complaint.made()) return 0;
  return fail("picture", complaint.what());
}

void add_options(const Command& command, PictureRequest& request) {
  command
      .option("TARGET", request.where,
              "an image, a mount, a recording made by `spindle record`, or a block trace")
      .required();
  command
      .option("--kind", request.kind,
              "blocks, arm, seeks, responses, hits, journal or policies [arm for a recording or a "
              "trace, otherwise blocks]")
      .one_of(names_of(kKinds))
      .type_name("KIND");
  command
      .option("--by", request.by,
              "what the colours of the blocks show: kind, strategy, file or pieces")
      .one_of(names_of(kBy))
      .type_name("WHAT");
  command
      .option("--blocks", request.blocks,
              "only these blocks, such as 0-65535, with fewer blocks in each cell")
      .type_name("FIRST-LAST");
  command.option("--svg", request.svg, "write the picture to this file as SVG").type_name("FILE");
  command.option("--png", request.png, "write the picture to this file as PNG").type_name("FILE");
  command.flag("--json", request.json, "print the data of the picture as JSON");
  command.option("--all", request.folder, "write all pictures, in all formats, to this folder")
      .type_name("FOLDER");
  const auto names = [](std::span<const std::string_view> all) {
    return std::vector<std::string>(all.begin(), all.end());
  };
  command
      .option("--arm", request.play.arm,
              "for a recording or a trace: the arm policy, or a library with one (./mine.so)")
      .type_name("POLICY");
  command.option("--disk", request.play.disk, "for a recording or a trace: the model of the disk")
      .one_of(names(disk_preset_names()))
      .type_name("DISK");
  command
      .option("--depth", request.play.depth,
              "for a block trace: how many requests wait at a time [32]")
      .range(1, 4096)
      .type_name("N");
}

}  // namespace

void add_picture_command(const Command& program, int& status) {
  auto request = std::make_shared<PictureRequest>();
  const Command command = program.subcommand(
      "picture",
      "Draw the blocks of a volume: what each part of the disk is used for, by which strategy it\n"
      "was allocated, to which file it belongs, in how many pieces; its journal; and, for a\n"
      "mount, a recording or a block trace, the work of the arm and the cache.");
  add_options(command, *request);
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
