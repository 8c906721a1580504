// spindle crash FILE --explore: the report.

#include <fmt/format.h>
#include <unistd.h>

#include "cli/crash/crash.h"
#include "cli/crash/explore.h"
#include "spindle/base/json_text.h"
#include "spindle/base/printable.h"
#include "spindle/base/wrapped_text.h"

namespace spindle::cli {
namespace {

/// "3", "2 or 3", "2 to 9".
std::string transactions_text(const std::set<std::uint64_t>& durable) {
  if (durable.empty()) return "none";
  if (durable.size() == 1) return std::to_string(*durable.begin());
  return fmt::format("{} {} {}", *durable.begin(), durable.size() == 2 ? "or" : "to",
                     *durable.rbegin());
}

std::string event_text(const RecordedRun& run, std::size_t cut) {
  if (cut == 0) return "the start";
  if (run.events()[cut - 1].kind == WriteEvent::Kind::kFlush) return "flush";
  const std::string what = run.content_of(cut - 1);
  return what.substr(0, what.starts_with("log: ") ? what.find(',') : what.find(':'));
}

/// "72", or "72, of 2^20 those drawn".
std::string states_text(const ExploredCut& cut) {
  if (cut.has_all) return std::to_string(cut.states);
  return fmt::format("{}, drawn of 2^{}", cut.states, cut.undecided);
}

chart::Table table_of_cuts(const RecordedRun& run, const Exploration& exploration) {
  chart::Table table({"cut after", "event", "in flight", "states", "as of transaction", "damaged",
                      "broken promises"});
  for (const ExploredCut& cut : exploration.cuts) {
    table.add_row({std::to_string(cut.cut), event_text(run, cut.cut), std::to_string(cut.in_flight),
                   states_text(cut), transactions_text(cut.durable), std::to_string(cut.damaged),
                   std::to_string(cut.broken)});
  }
  return table;
}

chart::Table table_of_files(const Exploration& exploration) {
  chart::Table table({"file", "not there", "as at the end", "another content", "promised", "kept"});
  for (const ExploredFile& file : exploration.files) {
    table.add_row({printable(file.path), std::to_string(file.absent),
                   file.in_the_end ? std::to_string(file.as_in_the_end) : "-",
                   std::to_string(file.other), std::to_string(file.promised),
                   file.promised == 0 ? "-" : std::to_string(file.kept)});
  }
  return table;
}

void print(const RecordedRun& run, const ExplorePlan& plan, const Exploration& exploration) {
  std::uint64_t torn = 0;
  std::size_t drawn_cuts = 0;
  for (const ExploredCut& cut : exploration.cuts) {
    torn += cut.torn;
    drawn_cuts += cut.has_all ? 0 : 1;
  }
  fmt::print("{}: cuts after events {} to {} of {}{}\n", run.path(), plan.first_cut, plan.last_cut,
             run.events().size(),
             run.has_lying_disk() ? ", on a disk whose flushes do nothing" : "");
  fmt::print("{}\n", whole_table(table_of_cuts(run, exploration)));
  if (!exploration.files.empty()) {
    fmt::print("Number of states in which a file is\n{}\n",
               whole_table(table_of_files(exploration)));
    if (exploration.more_files != 0)
      fmt::print("{} more files were touched; the promises about them are not checked.\n\n",
                 exploration.more_files);
  }
  for (const std::string& trouble : exploration.troubles)
    fmt::print("{}", wrapped_text(trouble, "", "  "));
  const std::uint64_t bad = exploration.damaged + exploration.broken;
  if (bad > exploration.troubles.size()) fmt::print("... and more like these\n");
  fmt::print("{} states mounted and checked: {} damaged, {} with a broken promise\n",
             exploration.states, exploration.damaged, exploration.broken);
  fmt::print(
      "({} of whole writes, {}; {} with torn or reordered ones, of which only some are\n"
      " drawn, with seed {}: --samples draws more, --exhaustive tries more subsets)\n",
      exploration.states - torn,
      drawn_cuts == 0 ? "all there are"
                      : fmt::format("drawn at {} of {} cuts, where there are more than {}",
                                    drawn_cuts, exploration.cuts.size(), plan.most_whole),
      torn, plan.seed);
}

Json json_of(const RecordedRun& run, const ExplorePlan& plan, const Exploration& exploration) {
  Json cuts = Json::array();
  for (const ExploredCut& cut : exploration.cuts) {
    cuts.push_back({{"after_event", cut.cut},
                    {"event", event_text(run, cut.cut)},
                    {"in_flight", cut.in_flight},
                    {"states", cut.states},
                    {"torn_states", cut.torn},
                    {"all_subsets", cut.has_all},
                    {"undecided_writes", cut.undecided},
                    {"last_transactions", cut.durable},
                    {"damaged", cut.damaged},
                    {"promises_broken", cut.broken}});
  }
  Json files = Json::array();
  for (const ExploredFile& file : exploration.files) {
    files.push_back({{"path", file.path},
                     {"is_there_in_the_end", file.in_the_end.has_value()},
                     {"absent", file.absent},
                     {"as_in_the_end", file.as_in_the_end},
                     {"other", file.other},
                     {"promised", file.promised},
                     {"kept", file.kept}});
  }
  return {{"recording", run.path()},
          {"first_cut", plan.first_cut},
          {"last_cut", plan.last_cut},
          {"events", run.events().size()},
          {"seed", plan.seed},
          {"lying_disk", run.has_lying_disk()},
          {"states", exploration.states},
          {"damaged", exploration.damaged},
          {"promises_broken", exploration.broken},
          {"cuts", std::move(cuts)},
          {"files", std::move(files)},
          {"files_not_compared", exploration.more_files},
          {"troubles", exploration.troubles}};
}

/// The cuts that are asked for; all of them where nothing is said.
ExplorePlan plan_of(const RecordedRun& run, const CrashRequest& request, Complaint& complaint) {
  // One cut, or those of one transaction, are worth more time than each cut of a whole run.
  const bool is_narrow = request.at || request.transaction;
  ExplorePlan plan{.last_cut = run.events().size(),
                   .samples = request.samples,
                   .most_whole = request.exhaustive.value_or(is_narrow ? 16384 : 256),
                   .seed = request.seed,
                   .jobs = request.jobs};
  if (request.at) plan.first_cut = plan.last_cut = *request.at;
  if (request.last_seconds > 0) {
    const std::int64_t from_ns =
        run.length_ns() - static_cast<std::int64_t>(request.last_seconds * 1e9);
    while (plan.first_cut < plan.last_cut && run.log().time_ns(plan.first_cut) < from_ns)
      ++plan.first_cut;
  }
  if (!request.transaction) return plan;
  const auto span = run.span_of_transaction(*request.transaction);
  if (span) {
    plan.first_cut = span->first_cut;
    plan.last_cut = span->last_cut;
    return plan;
  }
  const auto known = run.transactions();
  complaint.make(
      known.empty()
          ? "no transaction was written in the recording"
          : fmt::format("transaction {} was not written in the recording; those are {} to {}",
                        *request.transaction, known.front(), known.back()));
  return plan;
}

}  // namespace

std::string whole_table(const chart::Table& table) {
  constexpr std::size_t kRowsTogether = 200;
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  std::string text;
  for (std::size_t at = 0; at < table.rows().size();) {
    chart::Table part(table.titles());
    for (; at < table.rows().size() && part.rows().size() < kRowsTogether; ++at)
      part.add_row(table.rows()[at]);
    text += part.text(style);
  }
  return text;
}

bool explore_run(const RecordedRun& run, const CrashRequest& request, Complaint& complaint) {
  const ExplorePlan plan = plan_of(run, request, complaint);
  if (complaint.made()) return false;
  const Exploration exploration = explore(run, plan, complaint);
  if (complaint.made()) return false;
  if (request.json)
    fmt::print("{}\n", json_text(json_of(run, plan, exploration), 2));
  else
    print(run, plan, exploration);
  return exploration.damaged == 0 && exploration.broken == 0;
}

}  // namespace spindle::cli
