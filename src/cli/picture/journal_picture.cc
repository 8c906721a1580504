#include "cli/picture/journal_picture.h"

#include <fmt/format.h>
#include <unistd.h>

#include "spindle/base/size_text.h"
#include "spindle/chart/palette.h"
#include "spindle/chart/ring.h"
#include "spindle/journal/replay.h"

namespace spindle::cli {
namespace {

enum Kind : std::size_t { kFree, kNeeded, kHome };

std::string_view state_of(const LogRing::Entry& entry) {
  return entry.is_needed ? "needed" : "checkpointed";
}

Json entries_json(const LogRing& log) {
  Json entries = Json::array();
  for (const LogRing::Entry& entry : log.entries)
    entries.push_back({{"epoch", entry.epoch},
                       {"start_block", entry.start_block},
                       {"blocks", entry.blocks},
                       {"records", entry.records},
                       {"state", state_of(entry)}});
  return entries;
}

std::string statistic_text(const Json& statistics, const char* key, const char* what) {
  return counted(statistics.value(key, std::uint64_t{0}), what);
}

std::vector<std::string> centre_of(const LogRing& log, const Json& statistics) {
  std::size_t needed = 0;
  std::uint64_t records = 0;
  for (const LogRing::Entry& entry : log.entries) {
    if (!entry.is_needed) continue;
    ++needed;
    records += entry.records;
  }
  std::vector<std::string> lines = {counted(needed, "group commit"),
                                    fmt::format("of {} records", records), "not yet written home"};
  if (statistics.is_object()) {
    lines.emplace_back("");
    lines.push_back(statistic_text(statistics, "transactions", "transaction") + " so far,");
    lines.push_back("in " + statistic_text(statistics, "epochs", "group commit") + ",");
    lines.push_back(statistic_text(statistics, "checkpoints", "checkpoint"));
  }
  return lines;
}

chart::Ring ring_of(const LogRing& log, std::uint32_t block_size) {
  chart::Ring ring;
  ring.unit = "block";
  ring.length = log.blocks;
  const std::string_view colour = chart::journal_colour();
  ring.kinds = {{"free", '.', chart::colour_of(chart::Meaning::kFree)},
                {"group commits to be replayed after a crash", 'C', colour},
                {"checkpointed: its room is free again", 'h', chart::old_journal_colour()}};
  for (const LogRing::Entry& entry : log.entries)
    ring.parts.push_back(
        {entry.start_block, entry.blocks, entry.is_needed ? kNeeded : kHome,
         fmt::format("epoch {}: {}, {} records, {}", entry.epoch,
                     size_text(entry.blocks * block_size), entry.records, state_of(entry))});
  ring.marks = {{log.tail_block, "tail"}, {log.head_block, "head"}};
  if (log.tail_block == log.head_block) ring.marks = {{log.head_block, "head and tail"}};
  return ring;
}

}  // namespace

Result<DrawnPicture> journal_picture(InspectedVolume& volume, const std::string& subject,
                                     const std::string& caption, const Json& statistics) {
  const LogRing log = TRY(read_log_ring(volume.image(), volume.layout()));
  const std::uint32_t block_size = volume.layout().block_size;
  chart::Ring ring = ring_of(log, block_size);
  ring.title = "The journal: " + subject;
  ring.caption = fmt::format("A ring of {} in blocks of {}, clockwise from the top. {}",
                             size_text(log.blocks * block_size), size_text(block_size), caption);
  ring.centre = centre_of(log, statistics);
  return DrawnPicture{.svg = to_svg(ring),
                      .text = to_text(ring, chart::terminal_style(STDOUT_FILENO)),
                      .json = {{"subject", subject},
                               {"caption", ring.caption},
                               {"block_size_bytes", block_size},
                               {"blocks", log.blocks},
                               {"tail_block", log.tail_block},
                               {"head_block", log.head_block},
                               {"entries", entries_json(log)},
                               {"statistics", statistics}}};
}

}  // namespace spindle::cli
