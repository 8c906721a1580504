// How fast arrays of disks are, and how long they keep data: formulas of `spindle raid`.

#include <fmt/format.h>

#include "cli/face/formula.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

std::vector<std::string> rate_reasons(const Solved& solved) {
  const Json& q = solved.parameters();
  const Json& a = solved.answer;
  const std::string level = plain(q["level"]);
  const std::string n = value_text(q, "disks");
  const std::string s = value_text(q, "sequential_mb_per_s");
  const std::string r = value_text(q, "random_mb_per_s");
  const std::string data = value_text(a, "data_disks");
  const auto line = [](std::string_view what, const std::string& factors, const std::string& rate,
                       const Json& result, std::string_view why) {
    return fmt::format("{}: {} x {} = {} MB/s; {}.", what, factors, rate, value_text(result), why);
  };
  const bool is_parity = level == "4" || level == "5";
  std::vector<std::string> out = {
      fmt::format("{} disks hold the capacity of {} of data.", n, data)};
  const bool reads_half = level == "1" && plain(q.value("mirror_reads", Json("half"))) == "half";
  out.push_back(line("Sequential reads", level == "1" && !reads_half ? n : data, s,
                     a["sequential_read"],
                     reads_half  ? "a disk passes over the blocks that its copy reads"
                     : is_parity ? "a disk passes over parity"
                                 : "all disks read at once"));
  out.push_back(line("Sequential writes", data, s, a["sequential_write"],
                     level == "1" ? "each block is written twice"
                     : is_parity  ? "whole rows are written, with their parity"
                                  : "all disks write at once"));
  out.push_back(
      line("Random reads", level == "4" ? data : n, r, a["random_read"],
           level == "4" ? "the parity disk has nothing to read" : "all disks read at once"));
  const std::string writers = level == "0"   ? n
                              : level == "1" ? n + " / 2"
                              : level == "4" ? "1 / 2"
                                             : n + " / 4";
  out.push_back(line("Random writes", writers, r, a["random_write"],
                     level == "0"   ? "all disks write at once"
                     : level == "1" ? "each block is written twice"
                     : level == "4"
                         ? "each write reads the parity disk and writes it"
                         : "each write makes four accesses: the old block and parity are "
                           "read, the new ones written"));
  return out;
}

Formula rates() {
  return {
      .domain = "raid-cost",
      .policy = {"raid-rate", "RATES", "Rates of an array"},
      .quantities = {{{"level",
                       Kind::kChoice,
                       "raid-rate: RAID level",
                       "5",
                       {"0", "1", "4", "5"},
                       false,
                       false}},
                     {number_parameter("disks", "", "4"), {4, 6, 8, 10}},
                     {number_parameter("sequential_mb_per_s",
                                       "raid-rate: rate of a disk for sequential requests (MB/s)",
                                       "50"),
                      {50, 100, 150}},
                     {number_parameter("random_mb_per_s",
                                       "raid-rate: rate of a disk for small random requests (MB/s)",
                                       "1"),
                      {1, 2, 5}},
                     {{"mirror_reads",
                       Kind::kChoice,
                       "raid-rate, level 1: which disks a sequential read keeps busy",
                       "half",
                       {"half", "all"}}}},
      .results = {{"sequential_read", "sequential reads", "MB/s"},
                  {"sequential_write", "sequential writes", "MB/s"},
                  {"random_read", "random reads", "MB/s"},
                  {"random_write", "random writes", "MB/s"},
                  {"data_disks", "capacity", "disks"}},
      .curve = {"disks", 2, 16, "disks"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A disk transfers {} MB/s sequentially, and {} MB/s in small requests at random "
                "places. At which rates does a RAID {} of {} of them read and write?",
                value_text(q, "sequential_mb_per_s"), value_text(q, "random_mb_per_s"),
                value_text(q, "level"), value_text(q, "disks"));
          },
      .reasons = rate_reasons};
}

Formula life() {
  return {
      .domain = "raid-cost",
      .policy = {"raid-life", "LIFE", "Failures of an array"},
      .quantities =
          {{number_parameter("disks", "", "2"), {2, 4, 8, 100}},
           {number_parameter("mttf_hours", "raid-life: mean time to a failure of a disk (hours)",
                             "100000"),
            {50000, 100000, 1000000}},
           {number_parameter("mttr_hours", "raid-life: mean time to repair (hours)", "10"),
            {5, 10, 24}}},
      .results = {{"first_failure_hours", "until some disk fails", "hours"},
                  {"data_loss_hours", "until data is lost", "hours"},
                  {"data_loss_years", "that is", "years"}},
      .curve = {"disks", 2, 20, "disks"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "{} disks fail independently, each after {} hours on average, and a failed one is "
                "replaced within {} hours. How long is it until some disk fails, and until one "
                "fails while another is being replaced, with which a mirrored pair or an array "
                "with one parity loses data?",
                value_text(q, "disks"), value_text(q, "mttf_hours"), value_text(q, "mttr_hours"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            const std::string n = value_text(q, "disks");
            const std::string mttf = value_text(q, "mttf_hours");
            const std::string mttr = value_text(q, "mttr_hours");
            return std::vector<std::string>{
                fmt::format("Some disk of {} fails after {} / {} = {} hours.", n, mttf, n,
                            value_text(a, "first_failure_hours")),
                fmt::format("In the {} hours of its repair one of the {} others fails with a "
                            "probability of {} x {} / {}.",
                            mttr, plain(as_number(q["disks"]) - 1),
                            plain(as_number(q["disks"]) - 1), mttr, mttf),
                fmt::format("{}^2 / ({} x {} x {}) = {} hours, {} years.", mttf, n,
                            plain(as_number(q["disks"]) - 1), mttr,
                            value_text(a, "data_loss_hours"), value_text(a, "data_loss_years"))};
          }};
}

}  // namespace

const std::vector<const Form*>& raid_rate_forms() {
  static const FormulaForm kForms[] = {FormulaForm(rates()), FormulaForm(life())};
  static const std::vector<const Form*> kList = forms_of(kForms);
  return kList;
}

}  // namespace spindle::cli
