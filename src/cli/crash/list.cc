// spindle crash FILE: the writes and flushes of a recording, and the image that a cut leaves.

#include <fmt/format.h>

#include <algorithm>

#include "cli/crash/crash.h"
#include "cli/volume/image_copy.h"
#include "spindle/base/json_text.h"
#include "spindle/base/size_text.h"

namespace spindle::cli {
namespace {

/// How many lines are shown: the last ones.
constexpr std::size_t kMostRows = 20'000;

std::string_view kind_name(WriteEvent::Kind kind) {
  switch (kind) {
    case WriteEvent::Kind::kWrite:
      return "write";
    case WriteEvent::Kind::kFlush:
      return "flush";
    case WriteEvent::Kind::kDiscard:
      return "discard";
  }
  return "";
}

/// One line of the list: an event, or what a program asked for.
struct ListedRow {
  std::int64_t time_ns = 0;
  std::optional<std::size_t> event;
  std::string what;
  std::string content;
  bool is_in_flight = false;
};

std::string promise_text(const OperationNote& note) {
  if (note.operation.error != 0)
    return fmt::format(" (failed: {})", Error{note.operation.error}.describe());
  if (!note.promised) return "";
  const bool is_directory = note.operation.kind == Operation::Kind::kSyncDirectory;
  return fmt::format(": promised, {} {}{}", note.promised->size, is_directory ? "name" : "byte",
                     note.promised->size == 1 ? "" : "s");
}

ListedRow row_of_event(const RecordedRun& run, std::size_t event,
                       const std::vector<std::size_t>& in_flight) {
  return {run.log().time_ns(event), event, std::string(kind_name(run.events()[event].kind)),
          run.content_of(event), std::ranges::binary_search(in_flight, event)};
}

struct Listing {
  std::vector<ListedRow> rows;
  std::size_t left_out = 0;  ///< how many earlier ones are left out, where there are too many
};

/// Calls `visit(event, nothing)` or `visit(nothing, note)` for each from `from_ns` on, in order.
template <class Visit>
void visit_lines(const WriteLogFile& log, std::int64_t from_ns, const Visit& visit) {
  using Index = std::optional<std::size_t>;
  std::size_t note = 0;
  for (std::size_t event = 0; event <= log.events().size(); ++event) {
    for (; note < log.notes().size() && log.notes()[note].position <= event; ++note) {
      if (log.notes()[note].time_ns >= from_ns) visit(Index(), Index(note));
    }
    if (event < log.events().size() && log.time_ns(event) >= from_ns) visit(Index(event), Index());
  }
}

/// The last events and notes from `from_ns` on, in order.
Listing list_from(const RecordedRun& run, std::int64_t from_ns) {
  const auto in_flight = run.order().uncovered(run.events().size());
  std::size_t lines = 0;
  visit_lines(run.log(), from_ns, [&](auto, auto) { ++lines; });
  Listing listing;
  listing.left_out = lines > kMostRows ? lines - kMostRows : 0;
  std::size_t line = 0;
  visit_lines(run.log(), from_ns, [&](auto event, auto note) {
    if (line++ < listing.left_out) return;
    if (event) return listing.rows.push_back(row_of_event(run, *event, in_flight));
    if (const auto own = run.note(*note))
      listing.rows.push_back({run.log().notes()[*note].time_ns, std::nullopt, "program",
                              operation_text(*own) + promise_text(*own), false});
  });
  return listing;
}

Listing list_in_flight(const RecordedRun& run, std::size_t cut) {
  const auto in_flight = run.order().uncovered(cut);
  Listing listing;
  for (const std::size_t event : in_flight) listing.rows.push_back(row_of_event(run, event, {}));
  return listing;
}

std::string text_of(const RecordedRun& run, const std::vector<ListedRow>& rows) {
  chart::Table table({"event", "at (s)", "what", "block", "blocks", "contents"});
  for (const ListedRow& row : rows) {
    const Run blocks = row.event ? run.events()[*row.event].run : Run{};
    const bool has_blocks = blocks.length != 0;
    table.add_row({row.event ? std::to_string(*row.event + 1) : "",
                   fmt::format("{:.6f}", static_cast<double>(row.time_ns) / 1e9), row.what,
                   has_blocks ? std::to_string(blocks.start.value) : "",
                   has_blocks ? std::to_string(blocks.length) : "",
                   row.content + (row.is_in_flight ? " (not flushed)" : "")});
  }
  return whole_table(table);
}

Json json_of(const RecordedRun& run, const Listing& listing) {
  Json list = Json::array();
  for (const ListedRow& row : listing.rows) {
    Json one = {{"time_ns", row.time_ns}, {"what", row.what}, {"contents", row.content}};
    if (row.event) {
      const WriteEvent& event = run.events()[*row.event];
      one["event"] = *row.event + 1;
      one["in_flight"] = row.is_in_flight;
      if (event.kind != WriteEvent::Kind::kFlush) {
        one["block"] = event.run.start.value;
        one["blocks"] = event.run.length;
        one["purpose"] = io_purpose_name(event.purpose);
      }
      if (const auto transaction = run.transaction_of(*row.event))
        one["transaction"] = *transaction;
    }
    list.push_back(std::move(one));
  }
  return {{"recording", run.path()},
          {"image", run.image()},
          {"events", run.events().size()},
          {"length_ns", run.length_ns()},
          {"complete", run.log().is_complete()},
          {"rows_left_out", listing.left_out},
          {"rows", std::move(list)}};
}

void print_head(const RecordedRun& run, const CrashRequest& request, std::size_t shown) {
  if (request.at) {
    fmt::print(
        "After event {} of {}: {} in flight; what a flush covers is safe.\n", *request.at,
        run.events().size(),
        shown == 0 ? "nothing is" : fmt::format("{} write{}", shown, shown == 1 ? " is" : "s are"));
    return;
  }
  fmt::print("{}: {} events in {:.3f} s, of {}{}\n", run.path(), run.events().size(),
             static_cast<double>(run.length_ns()) / 1e9, run.image(),
             run.log().is_complete() ? "" : "; it was cut off");
}

}  // namespace

void list_run(const RecordedRun& run, const CrashRequest& request, Complaint&) {
  const auto window_ns = static_cast<std::int64_t>(request.last_seconds * 1e9);
  const std::int64_t from_ns = window_ns == 0 ? 0 : run.length_ns() - window_ns;
  const Listing listing = request.at ? list_in_flight(run, *request.at) : list_from(run, from_ns);
  if (request.json) {
    fmt::print("{}\n", json_text(json_of(run, listing), 2));
    return;
  }
  print_head(run, request, listing.rows.size());
  if (listing.left_out != 0) fmt::print("{} earlier lines are left out.\n", listing.left_out);
  if (!listing.rows.empty()) fmt::print("{}", text_of(run, listing.rows));
}

namespace {

/// Only what was ever overwritten can differ from the image as it is.
Result<> write_state(const RecordedRun& run, BlockDevice& state, const std::string& output) {
  auto image =
      TRY(FileDevice::open(output, FileDevice::Access::kReadWrite, run.log().block_size()));
  std::vector<std::byte> bytes(run.log().block_size());
  for (const auto& [block, place] : run.log().before()) {
    TRY(state.read(block, bytes));
    TRY(image->write(block, bytes));
  }
  return image->flush();
}

/// Makes the image of what is durable with these parts of writes.
void make_image(const RecordedRun& run, const CrashRequest& request, CrashDevice& durable,
                const std::vector<WritePart>& parts, Complaint& complaint) {
  OverlayDevice state(durable);
  Result<> made = durable.apply(state, parts);
  if (made.ok()) made = copy_image(run.image(), request.output, request.force);
  if (!made.ok()) {
    const bool is_there = made.code() == EEXIST;
    return complaint.make(fmt::format("{}: {}{}", request.output, made.error().describe(),
                                      is_there ? "; --force replaces it" : ""));
  }
  const auto written = write_state(run, state, request.output);
  if (written.ok()) return;
  remove_copy(request.output);
  complaint.make(fmt::format("{}: {}", request.output, written.error().describe()));
}

/// The events of which something survives.
std::vector<std::size_t> events_of(const std::vector<WritePart>& parts) {
  std::vector<std::size_t> events;
  for (const WritePart& part : parts)
    if (events.empty() || events.back() != part.event) events.push_back(part.event);
  return events;
}

Json cut_json(const CrashRequest& request, std::size_t in_flight,
              const std::vector<std::size_t>& survivors) {
  Json kept = Json::array();
  for (const std::size_t event : survivors) kept.push_back(event + 1);
  return {{"image", request.output},
          {"at", *request.at},
          {"in_flight", in_flight},
          {"survivors", kept}};
}

std::string cut_text(const CrashRequest& request, std::size_t in_flight,
                     const std::vector<std::size_t>& survivors) {
  const std::string count = in_flight == 0   ? "nothing was"
                            : in_flight == 1 ? "1 write was"
                                             : fmt::format("{} writes were", in_flight);
  const std::string arrived = in_flight == 0 ? "."
                              : survivors.empty()
                                  ? ", and nothing of it arrived."
                                  : fmt::format(", of which arrived: {}.", events_text(survivors));
  return fmt::format("{}: as a power cut after event {} leaves it; {} in flight{}\n",
                     request.output, *request.at, count, arrived);
}

}  // namespace

void write_cut(const RecordedRun& run, const CrashRequest& request, Complaint& complaint) {
  if (is_same_file(run.image(), request.output))
    return complaint.make(request.output + ": it is the image of the run itself");
  if (is_same_file(run.path(), request.output))
    return complaint.make(request.output + ": it is the recording itself");
  const auto parts = run.surviving(*request.at, request.survivors, complaint);
  const auto durable = complaint.made() ? nullptr : run.durable_at(*request.at, complaint);
  if (!complaint.made()) make_image(run, request, *durable, parts, complaint);
  if (complaint.made()) return;
  const std::vector<std::size_t> survivors = events_of(parts);
  const std::size_t in_flight = run.order().uncovered(*request.at).size();
  if (request.json)
    fmt::print("{}\n", json_text(cut_json(request, in_flight, survivors), 2));
  else
    fmt::print("{}", cut_text(request, in_flight, survivors));
}

}  // namespace spindle::cli
