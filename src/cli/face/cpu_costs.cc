// How much faster several CPUs are, and how busy one is: formulas of `spindle cpu`.

#include <fmt/format.h>

#include "cli/face/formula.h"

namespace spindle::cli {
namespace {

Formula amdahl() {
  return {
      .domain = "cpu-cost",
      .policy = {"amdahl", "AMDAHL", "Speedup by Amdahl's law"},
      .quantities = {{number_parameter(
                          "serial", "amdahl: share of the work that only one core can do", "0.25"),
                      {0.05, 0.1, 0.25, 0.4, 0.5}},
                     {number_parameter("cores", "amdahl: number of cores", "4"), {2, 4, 8, 16}}},
      .results = {{"speedup", "speedup", ""}, {"limit", "with any number of cores, below", ""}},
      .curve = {"cores", 1, 41, "cores"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A share of {} of a program's work can only be done by one core at a time. How "
                "many times as fast is it on {} cores as on one?",
                value_text(q, "serial"), value_text(q, "cores"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            std::vector<std::string> out = {
                fmt::format("1 / ({0} + (1 - {0}) / {1}) = {2}.", value_text(q, "serial"),
                            value_text(q, "cores"), value_text(a, "speedup"))};
            if (!a["limit"].is_null())
              out.push_back(
                  fmt::format("However many cores there are, the serial share takes its time: "
                              "below 1 / {} = {}.",
                              value_text(q, "serial"), value_text(a, "limit")));
            return out;
          }};
}

Formula io_wait() {
  return {
      .domain = "cpu-cost",
      .policy = {"io-wait", "IO-WAIT", "Use of the CPU by the degree of multiprogramming"},
      .quantities =
          {{number_parameter("io_share", "io-wait: share of its time that a process waits for I/O",
                             "0.8"),
            {0.2, 0.5, 0.8, 0.9}},
           {number_parameter("memory", "io-wait: size of the memory (GiB)", "8"), {4, 8, 16}},
           {number_parameter("system", "io-wait: of it the operating system's (GiB)", "2"), {1, 2}},
           {number_parameter("process", "io-wait: size of a process (GiB)", "2"), {0.5, 1, 2}}},
      .results = {{"utilization", "CPU in use, as a share", ""},
                  {"degree", "processes in memory", ""},
                  {"idle", "all of them wait, as a share", ""}},
      .curve = {"memory", 2, 42, "memory (GiB)"},
      .question =
          [](const Json& q) {
            return fmt::format(
                "A memory has {} GiB, of which the operating system takes {}, and each process {}. "
                "A "
                "process waits for I/O for a share of {} of its time, independently of the others. "
                "Which share of the time is the CPU in use?",
                value_text(q, "memory"), value_text(q, "system"), value_text(q, "process"),
                value_text(q, "io_share"));
          },
      .reasons =
          [](const Solved& solved) {
            const Json& q = solved.parameters();
            const Json& a = solved.answer;
            return std::vector<std::string>{
                fmt::format("({} - {}) / {}, rounded down: {} processes in memory.",
                            value_text(q, "memory"), value_text(q, "system"),
                            value_text(q, "process"), value_text(a, "degree")),
                fmt::format(
                    "All wait at once for a share of {}^{} = {}; in the rest, {}, the CPU is "
                    "in use.",
                    value_text(q, "io_share"), value_text(a, "degree"), value_text(a, "idle"),
                    value_text(a, "utilization"))};
          }};
}

}  // namespace

const std::vector<const Form*>& cpu_cost_forms() {
  static const FormulaForm kForms[] = {FormulaForm(amdahl()), FormulaForm(io_wait())};
  static const std::vector<const Form*> kList = forms_of(kForms);
  return kList;
}

}  // namespace spindle::cli
