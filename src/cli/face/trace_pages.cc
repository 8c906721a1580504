// `spindle memory --trace` and `--curve`.

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/face/memory_forms.h"
#include "cli/face/plan.h"
#include "cli/face/traces.h"
#include "spindle/base/json_text.h"
#include "spindle/trace/page_replay.h"
#include "spindle/trace/page_trace.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 12;
constexpr std::size_t kCurvePoints = 120;

struct Outcome {
  std::string source;
  std::vector<PageReplay::Row> rows;
  std::vector<PageReplay::CurvePoint> curve;
  std::uint64_t references = 0;
  std::uint64_t pages = 0;
  double cpu_seconds = 0;
};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Replays the whole file.
std::string feed_file(const FaceRequest& request, PageReplay& replay, Complaint& complaint) {
  std::optional<PageFormat> format;
  if (!request.format.empty()) {
    const auto named = page_format_of(request.format);
    if (!named.ok()) {
      complaint.make_unknown("--format", request.format,
                             fmt::format("{}", fmt::join(page_format_names(), ", ")));
      return {};
    }
    format = *named;
  }
  const auto page_size = trace_numbers(request, "page_size", "4096", 1, 1 << 30, complaint).front();
  if (complaint.made()) return {};
  auto trace = PageTrace::open(request.trace, format, page_size);
  if (!trace.ok()) return complain_of(request.trace, trace.error(), complaint), std::string();
  Progress progress(trace->bytes());
  std::vector<PageKey> pages(kBuffer);
  while (true) {
    const auto count = trace->read(pages);
    if (!count.ok()) return complain_of(request.trace, count.error(), complaint), std::string();
    if (*count == 0) break;
    replay.refer(std::span(pages).first(*count));
    progress.at(trace->bytes_done());
  }
  return fmt::format("{} ({})", request.trace,
                     page_format_names()[static_cast<std::size_t>(trace->format())]);
}

std::string feed_recipe(const FaceRequest& request, PageReplay& replay, Complaint& complaint) {
  Recipe recipe(request.recipe, complaint);
  const PageRecipe made = read_page_recipe(recipe, 1'000'000'000'000);
  if (complaint.made()) return {};
  PageGenerator generator(made);
  Progress progress(made.count);
  std::vector<PageKey> pages;
  for (std::uint64_t done = 0; done < made.count; done += pages.size()) {
    pages.resize(std::min<std::uint64_t>(kBuffer, made.count - done));
    for (PageKey& page : pages) page = generator.next();
    replay.refer(pages);
    progress.at(done);
  }
  return request.recipe;
}

std::string feed_words(const FaceRequest& request, PageReplay& replay, Complaint& complaint) {
  std::vector<PageKey> pages;
  for (const std::string& word : request.words)
    for (const std::string& page : split(word, ", :"))
      pages.push_back(read_number(page, "references", complaint, 0, 1e15).get<std::uint64_t>());
  if (pages.empty()) complaint.make("references: there are none; references as PAGE,PAGE ...");
  if (!complaint.made()) replay.refer(pages);
  return "the references";
}

/// Which of two words the parameter says; the first if it is not given.
std::string chosen(const FaceRequest& request, const char* parameter,
                   const std::array<const char*, 2>& words, Complaint& complaint) {
  const auto value = request.values.find(parameter);
  if (value == request.values.end()) return words[0];
  if (value->second != words[0] && value->second != words[1])
    complaint.make_unknown(option_name(parameter), value->second,
                           fmt::format("{} and {}", words[0], words[1]));
  return value->second;
}

PageReplay::Plan page_plan_of(const FaceRequest& request, Complaint& complaint) {
  PageReplay::Plan plan;
  plan.policies = chosen_policies(request, PolicyKind::kReplacement, {"opt"},
                                  request.curve ? "" : "lru", complaint);
  for (std::uint64_t frames : trace_numbers(request, "frames", "1000", 1, 2'000'000'000, complaint))
    plan.frames.push_back(frames);
  plan.conventions.clock_bit_on_load = chosen(request, "load_bit", {"1", "0"}, complaint) == "1";
  if (chosen(request, "tie", {"lru", "fifo"}, complaint) == "fifo")
    plan.conventions.frequency_tie = ReplacementConventions::Tie::kFirstLoaded;
  plan.curve = request.curve;
  refuse_others(request, {"frames", "load_bit", "page_size", "tie"}, complaint);
  return plan;
}

chart::Table table_of(const Outcome& outcome) {
  chart::Table table({"policy", "frames", "misses", "miss ratio (%)",
                      "speed (million references a second of CPU)"});
  for (const PageReplay::Row& row : outcome.rows)
    table.add_row({row.policy, std::to_string(row.frames), std::to_string(row.misses),
                   fmt::format("{:.4f}", 100 * row.miss_ratio()),
                   rate_text(row.references, row.cpu_ns)});
  return table;
}

/// LRU's curve, and beside it a point for each policy and size.
chart::Plot plot_of(const Outcome& outcome) {
  chart::Plot plot;
  plot.title = "Misses of " + outcome.source;
  plot.x_label = "memory (frames)";
  plot.y_label = "miss ratio (%)";
  plot.logarithmic = true;
  const auto percent = [&](std::uint64_t misses) {
    return 100 * static_cast<double>(misses) / static_cast<double>(outcome.references);
  };
  if (!outcome.curve.empty()) {
    // If points were left out of the curve, lines join the others.
    plot.lines.push_back({"lru", {}, outcome.curve.size() < kCurvePoints / 2, false});
    for (const PageReplay::CurvePoint& point : outcome.curve)
      plot.lines.back().points.push_back(
          {static_cast<double>(point.frames), percent(point.misses)});
  }
  std::vector<PageReplay::Row> rows = outcome.rows;
  std::ranges::stable_sort(rows, {}, &PageReplay::Row::policy);
  for (const PageReplay::Row& row : rows) {
    const std::string label =
        row.policy + (outcome.curve.empty() || row.policy != "lru" ? "" : " (replayed)");
    if (plot.lines.empty() || plot.lines.back().label != label)
      plot.lines.push_back({label, {}, false, true});
    plot.lines.back().points.push_back({static_cast<double>(row.frames), percent(row.misses)});
  }
  for (chart::Plot::Line& line : plot.lines) std::ranges::sort(line.points, {}, &chart::Point::x);
  return plot;
}

Json json_of(const Outcome& outcome) {
  Json json = {{"source", outcome.source},
               {"references", outcome.references},
               {"pages", outcome.pages},
               {"policies", Json::array()}};
  for (const PageReplay::Row& row : outcome.rows)
    json["policies"].push_back({{"policy", row.policy},
                                {"frames", row.frames},
                                {"misses", row.misses},
                                {"miss_ratio", row.miss_ratio()},
                                {"cpu_ns", row.cpu_ns}});
  if (outcome.curve.empty()) return json;
  json["lru_curve"] = Json::array();
  for (const PageReplay::CurvePoint& point : outcome.curve)
    json["lru_curve"].push_back({{"frames", point.frames}, {"misses", point.misses}});
  return json;
}

std::string csv_of(const Outcome& outcome) {
  if (outcome.curve.empty()) return table_of(outcome).csv();
  chart::Table table({"frames", "misses of LRU"});
  for (const PageReplay::CurvePoint& point : outcome.curve)
    table.add_row({std::to_string(point.frames), std::to_string(point.misses)});
  return table.csv();
}

void show(const FaceRequest& request, const Outcome& outcome, Complaint& complaint) {
  if (!request.svg.empty()) write_svg(request, to_svg(plot_of(outcome)), complaint);
  if (complaint.made()) return;
  if (request.json) return fmt::print("{}\n", json_text(json_of(outcome), 2));
  if (request.csv) return fmt::print("{}", csv_of(outcome));
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  fmt::print("{}: {} references to {} pages, {:.1f} million a second of CPU in all\n\n",
             outcome.source, grouped(outcome.references), grouped(outcome.pages),
             static_cast<double>(outcome.references) / 1e6 / std::max(outcome.cpu_seconds, 1e-6));
  if (!outcome.curve.empty()) fmt::print("{}\n", to_text(plot_of(outcome), style));
  if (!outcome.rows.empty()) fmt::print("{}", table_of(outcome).text(style));
}

}  // namespace

void replay_pages(const FaceRequest& request, Complaint& complaint) {
  const double before = cpu_seconds();
  const PageReplay::Plan plan = page_plan_of(request, complaint);
  const int sources =
      int{!request.trace.empty()} + int{!request.recipe.empty()} + int{!request.words.empty()};
  if (sources > 1)
    complaint.make(
        "the references are typed, or come from --trace or --generate, not more than "
        "one of them");
  if (complaint.made()) return;
  auto replay = PageReplay::make(plan);
  if (!replay.ok()) return complaint.make(std::string("--frames: ") + replay.error().what);
  Outcome outcome;
  outcome.source = !request.trace.empty()    ? feed_file(request, *replay, complaint)
                   : !request.recipe.empty() ? feed_recipe(request, *replay, complaint)
                                             : feed_words(request, *replay, complaint);
  if (!complaint.made() && replay->references() == 0)
    complaint.make("--trace: there is no reference in " + request.trace);
  if (complaint.made()) return;
  outcome.rows = replay->finish();
  std::ranges::stable_sort(outcome.rows, [](const auto& a, const auto& b) {
    return std::pair(a.frames, a.misses) < std::pair(b.frames, b.misses);
  });
  if (plan.curve) outcome.curve = replay->curve(kCurvePoints);
  outcome.references = replay->references();
  outcome.pages = replay->different_pages();
  outcome.cpu_seconds = cpu_seconds() - before;
  show(request, outcome, complaint);
}

}  // namespace spindle::cli
